import { nthLargest } from '../../constraints/nth-largest.ts';
import { formatNumber } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { elementName } from '../element-name.ts';
import { RowReader } from '../output-difference.ts';
import { type ComparatorKind, chosenPairs, type Measurement, OUTPUT, refuseNone } from './comparator.ts';

const RELATIVE = {
  name: 'relative',
  default: 0.01,
  help: 'maximum relative error |reference − second| / |reference|',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const FLOOR = {
  name: 'floor',
  default: 1e-6,
  help: 'minimum |reference| in the denominator',
  min: Number.MIN_VALUE,
  max: Number.POSITIVE_INFINITY,
} as const;

const EXCEPT = {
  name: 'except',
  default: 0,
  help: 'share of the values that may exceed it',
  min: 0,
  max: 1,
} as const;

/** Values that are estimates, judged by their relative error. */
export const regression: ComparatorKind = {
  name: 'regression',
  help: 'values, by their relative error',
  parameters: [RELATIVE, FLOOR, EXCEPT],
  words: { output: OUTPUT },
  make(values, { words }) {
    const [allowed, floor, except] = [values(RELATIVE), values(FLOOR), values(EXCEPT)];
    const [referenceReader, copyReader] = [new RowReader(), new RowReader()];
    const fits = ({ type }: BatchTensor): boolean => DTYPES[type].kind === 'float';
    const choose = (pairs: Parameters<typeof chosenPairs>[0]) => chosenPairs(pairs, words.output, fits);
    return {
      name: 'regression',
      refuses: (pairs) =>
        refuseNone(choose(pairs), pairs, words.output, 'an output of floating-point numbers'),
      measure: (pairs, row) =>
        choose(pairs).map(({ reference, second }): Measurement => {
          const [a, b] = [referenceReader.read(reference, row), copyReader.read(second, row)];
          const errors = relativeErrors(a, b, floor);
          const worst = errors.reduce((most, error, i) => (error > errors[most] ? i : most), 0);
          const [before, after, error] = [a[worst], b[worst], errors[worst]];
          const excepted = Math.min(errors.length - 1, Math.floor(except * errors.length));
          const distance = excepted === 0 ? (errors[worst] ?? 0) : nthLargest(errors, excepted + 1);
          return {
            distance,
            allowed,
            output: reference.name,
            describe: (labels) => ({
              summary: `${elementName(reference.name, reference.size, worst, reference.classes)} is ${formatNumber(before)} ${labels.reference} and ${formatNumber(after)} ${labels.second}: a relative error of ${formatNumber(error, 3)}`,
              details: { index: worst, reference: before, copy: after, error, quantile: distance, allowed },
            }),
          };
        }),
    };
  },
};

/** |a − b| / max(|a|, floor) of each value; 0 where both are the same infinity or NaN, infinite where one alone is NaN. */
export function relativeErrors(a: Float64Array, b: Float64Array, floor: number): Float64Array {
  return Float64Array.from(a, (value, i) => {
    if (Object.is(value, b[i]) || value === b[i]) return 0;
    const error = Math.abs(value - b[i]) / Math.max(Math.abs(value), floor);
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
}
