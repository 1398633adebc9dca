import { formatNumber } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { className } from '../class-name.ts';
import { RowReader } from '../output-difference.ts';
import { lastAxisLength, type OutputPair } from '../output-pair.ts';
import { type ComparatorKind, chosenPairs, type Measurement, OUTPUT, refuseNone } from './comparator.ts';
import { kendallTau } from './kendall.ts';

const K = {
  name: 'k',
  default: 10,
  help: 'number of top items that are compared',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const OVERLAP = {
  name: 'overlap',
  help: 'minimum share of the top k that both have; default: 0.8 without tau',
  min: 0,
  max: 1,
} as const;

const TAU = {
  name: 'tau',
  help: 'minimum Kendall rank correlation (tau-b) of all scores, from −1 to 1',
  min: -1,
  max: 1,
} as const;

const USUAL_OVERLAP = 0.8;

/** Scores along the last axis, by which items are ranked: the best k that both have, and the order of all. */
export const ranking: ComparatorKind = {
  name: 'ranking',
  help: 'scores, by their order',
  source: 'Kendall, The Treatment of Ties in Ranking Problems (Biometrika 33, 1945)',
  parameters: [K, OVERLAP, TAU],
  words: { output: OUTPUT },
  make(values, { words }) {
    const [k, tau] = [values(K), values(TAU)];
    const overlap = values(OVERLAP) ?? (tau === undefined ? USUAL_OVERLAP : undefined);
    const [referenceReader, copyReader] = [new RowReader(), new RowReader()];
    const fits = (tensor: BatchTensor): boolean =>
      DTYPES[tensor.type].kind === 'float' && lastAxisLength(tensor) > 1;
    const choose = (pairs: readonly OutputPair[]) => chosenPairs(pairs, words.output, fits);
    return {
      name: 'ranking',
      refuses: (pairs) =>
        refuseNone(choose(pairs), pairs, words.output, 'an output of several scores along its last axis'),
      measure: (pairs, row) =>
        choose(pairs).flatMap(({ reference, second }) => {
          const [a, b] = [referenceReader.read(reference, row), copyReader.read(second, row)];
          return [
            ...(overlap === undefined ? [] : [leastOverlap(reference, a, b, k, overlap)]),
            ...(tau === undefined ? [] : [leastCorrelation(reference, a, b, tau)]),
          ];
        }),
    };
  },
};

/** The overlap of the best k, at the position of the output where it is smallest. */
function leastOverlap(
  tensor: BatchTensor,
  a: Float64Array,
  b: Float64Array,
  k: number,
  bound: number,
): Measurement {
  const count = lastAxisLength(tensor);
  const most = Math.min(k, count);
  let least = 1;
  let [best, other]: readonly (readonly number[])[] = [[], []];
  for (let from = 0; from < a.length; from += count) {
    const [referenceTop, copyTop] = [a, b].map((side) => topIndices(side.subarray(from, from + count), most));
    const both = new Set(copyTop);
    const overlap = referenceTop.filter((index) => both.has(index)).length / most;
    if (overlap >= least && from > 0) continue;
    [least, best, other] = [overlap, referenceTop, copyTop];
  }
  return {
    distance: 1 - least,
    allowed: 1 - bound,
    output: tensor.name,
    describe: (labels) => ({
      summary: `the top ${most} of ${tensor.name} are ${namesOf(tensor, best)} ${labels.reference} and ${namesOf(tensor, other)} ${labels.second}: ${formatNumber(100 * least, 3)} % are in both`,
      details: { overlap: least, least: bound, k: most, reference: [...best], copy: [...other] },
    }),
  };
}

/** The rank correlation, at the position of the output where it is smallest. */
function leastCorrelation(tensor: BatchTensor, a: Float64Array, b: Float64Array, bound: number): Measurement {
  const count = lastAxisLength(tensor);
  let least = 1;
  for (let from = 0; from < a.length; from += count)
    least = Math.min(least, kendallTau(a.subarray(from, from + count), b.subarray(from, from + count)));
  return {
    distance: 1 - least,
    allowed: 1 - bound,
    output: tensor.name,
    describe: (labels) => ({
      summary: `${tensor.name} ranks differently ${labels.reference} and ${labels.second}: rank correlation ${formatNumber(least, 4)}`,
      details: { tau: least, least: bound },
    }),
  };
}

/** Most items that a message names. */
const MAX_NAMED = 5;

function namesOf(tensor: BatchTensor, indices: readonly number[]): string {
  const named = indices.slice(0, MAX_NAMED).map((index) => className(tensor, index));
  return `${named.join(', ')}${indices.length > MAX_NAMED ? ', …' : ''}`;
}

/** Indices of the `k` greatest, the greatest first; of equal ones the first. */
function topIndices(values: Float64Array, k: number): number[] {
  return Array.from({ length: values.length }, (_, i) => i)
    .sort((i, j) => (values[i] === values[j] ? i - j : values[j] - values[i]))
    .slice(0, k);
}
