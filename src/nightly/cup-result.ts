import type { RatedLine } from '../model-commands/tournament/ratings.ts';

/** A model of the cup with its rating. */
export interface CupRating
  extends Pick<RatedLine['bradleyTerry'], 'rating' | 'low' | 'high' | 'rank' | 'isByPrior'> {
  readonly name: string;
  readonly winRate: RatedLine['winRate'];
}

/** What a cup says of tonight's model. */
export interface CupResult {
  readonly folder: string;
  readonly model: CupRating;
  readonly release: CupRating;
  /**
   * Whether tonight's interval lies wholly below the release's. Where either wins every game or none, its rating is set by the prior,
   * and the intervals of win rates are compared: both met the same mutants.
   */
  readonly isWeaker: boolean;
  /** Whether the two met too few common opponents to be compared; `isWeaker` is false then. */
  readonly isUnknown: boolean;
}

/** Whether tonight's model is shown to be weaker than the release. */
export function isWeakerThan(model: Omit<CupRating, 'name'>, release: Omit<CupRating, 'name'>): boolean {
  return model.isByPrior || release.isByPrior
    ? model.winRate.high < release.winRate.low
    : model.high < release.low;
}

/** A line about a cup for summaries. */
export function cupText({ model, release, isWeaker, isUnknown }: CupResult): string {
  const isByPrior = model.isByPrior || release.isByPrior;
  const interval = ({ rating, low, high, winRate }: CupRating): string =>
    isByPrior
      ? `win rate ${winRate.mean.toFixed(3)} (${winRate.low.toFixed(3)}–${winRate.high.toFixed(3)})`
      : `${rating.toFixed(0)} (${low.toFixed(0)}–${high.toFixed(0)})`;
  const verdict = isUnknown
    ? 'they met too few common opponents to be compared'
    : isWeaker
      ? 'weaker than the release'
      : 'not shown to be weaker than the release';
  return `cup: ${model.name} ${interval(model)}, release ${release.name} ${interval(release)}: ${verdict}`;
}
