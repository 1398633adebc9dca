import type { RatedLine } from '../model-commands/tournament/ratings.ts';

/** A model of the cup with its rating. */
export interface CupRating extends Pick<RatedLine['bradleyTerry'], 'rating' | 'low' | 'high' | 'rank'> {
  readonly name: string;
}

/** What a cup says of tonight's model. */
export interface CupResult {
  readonly folder: string;
  readonly model: CupRating;
  readonly release: CupRating;
  /** Whether tonight's interval lies wholly below the release's. */
  readonly isWeaker: boolean;
  /** Whether the two met too few common opponents to be compared; `isWeaker` is false then. */
  readonly isUnknown: boolean;
}

/** A line about a cup for summaries. */
export function cupText({ model, release, isWeaker, isUnknown }: CupResult): string {
  const interval = ({ rating, low, high }: CupRating): string =>
    `${rating.toFixed(0)} (${low.toFixed(0)}–${high.toFixed(0)})`;
  const verdict = isUnknown
    ? 'they met too few common opponents to be compared'
    : isWeaker
      ? 'weaker than the release'
      : 'not shown to be weaker than the release';
  return `cup: ${model.name} ${interval(model)}, release ${release.name} ${interval(release)}: ${verdict}`;
}
