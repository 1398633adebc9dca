import type { ExtensionKind } from '../../extensions/registry.ts';
import type { SettingsContext } from '../../extensions/settings.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import type { Disagreement, SideLabels } from '../class-disagreement.ts';
import type { OutputPair } from '../output-pair.ts';

/** How far the results of two runs lie apart in one respect. */
export interface Measurement {
  /** At least 0; a violation where it is above `allowed`. */
  readonly distance: number;
  readonly allowed: number;
  /** Name of the output. */
  readonly output: string;
  /** The violation; called where the distance is above what is allowed. */
  describe(labels: SideLabels): Pick<Disagreement, 'summary' | 'details'>;
}

/** Compares the outputs of two runs as results of a task, such as detected boxes or a ranking. */
export interface Comparator {
  /** Part of the signatures. */
  readonly name: string;
  /** Why outputs like these can't be compared, a clause for people; undefined if they can. */
  refuses(pairs: readonly OutputPair[]): string | undefined;
  /** Measures a row in each respect that it judges. The row alone decides. */
  measure(pairs: readonly OutputPair[], row: number): readonly Measurement[];
}

export interface ComparatorKind extends ExtensionKind<Comparator, SettingsContext> {}

/** The setting that names one output where several fit. */
export const OUTPUT = { help: 'output to compare; default: all that fit' } as const;

/** The outputs that a comparator compares: the one that is named, or all that fit. */
export function chosenPairs(
  pairs: readonly OutputPair[],
  name: string | undefined,
  fits: (tensor: BatchTensor) => boolean,
): readonly OutputPair[] {
  return pairs.filter(({ reference }) => fits(reference) && (name === undefined || reference.name === name));
}

/**
 * Why no output is left to compare; undefined where one is.
 *
 * @param needed what the comparator takes, as `an output of floating-point numbers`
 */
export function refuseNone(
  chosen: readonly OutputPair[],
  pairs: readonly OutputPair[],
  name: string | undefined,
  needed: string,
): string | undefined {
  if (chosen.length > 0) return undefined;
  const names = pairs.map(({ reference }) => reference.name).join(', ');
  return `needs ${needed}${name === undefined ? '' : ` called ${name}`}, and both models have ${names}`;
}
