import type { GraphNode } from '../../model/graph/graph.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { ANY, add, type Interval, multiply, ROUNDING_ERROR, roundToType, square, union } from './interval.ts';
import { APPROXIMATION_ERROR, forOps, type IntervalRule } from './interval-rule.ts';

/** Whether an operation is TensorFlow's reduction of the name, told by its attributes, and not ONNX's elementwise one. */
function isReduction({ attributes = {} }: GraphNode): boolean {
  return 'keep_dims' in attributes || 'Tidx' in attributes;
}

/** Combines operands from the left, each partial result rounded, since it may overflow where the last would not. */
function combine(intervals: readonly Interval[], by: (a: Interval, b: Interval) => Interval): Interval {
  return intervals.reduce((partial, next, i) =>
    by(i > 1 ? roundToType(partial, 'float32', false) : partial, next),
  );
}

/** A sum of several tensors; rounding errors are relative to the partial sums, which may cancel. */
const sum: IntervalRule = ({ inputIntervals }) => {
  const { low, high } = combine(inputIntervals, add);
  if (inputIntervals.length < 3) return { low, high };
  const magnitude = inputIntervals.reduce(
    (total, x) => total + Math.max(Math.abs(x.low), Math.abs(x.high)),
    0,
  );
  return { low: low - magnitude * ROUNDING_ERROR, high: high + magnitude * ROUNDING_ERROR };
};

/** Numbers of a sum of unknown length, at most. */
const MOST_SUMMANDS = 2 ** 27;

/** A sum of unknown length; half as much again is for the rounding of so many partial sums. */
const reduceSum: IntervalRule = ({ inputIntervals: [{ low, high }] }) => ({
  low: low >= 0 ? low : 1.5 * MOST_SUMMANDS * low,
  high: high <= 0 ? high : 1.5 * MOST_SUMMANDS * high,
});

/** The sum, of unknown length, of magnitudes or of squares, or its root. */
const norm =
  (isSquare: boolean, isRoot: boolean): IntervalRule =>
  ({ inputIntervals: [x] }) => {
    const most = Math.max(Math.abs(x.low), Math.abs(x.high));
    const sum = 1.5 * MOST_SUMMANDS * (isSquare ? most * most : most);
    const hasEnd = sum <= DTYPES.float32.max;
    return { low: 0, high: !hasEnd ? Number.POSITIVE_INFINITY : isRoot ? Math.sqrt(sum) : sum };
  };

const sumOrReduceSum: IntervalRule = (input) => (isReduction(input.node) ? reduceSum(input) : sum(input));

/** The logarithm of a sum of unknown length; a sum of positive terms is at least the smallest of them. */
const logOfSum: IntervalRule = ({ inputIntervals: [x] }) =>
  x.low > 0 ? { low: Math.log(x.low) - APPROXIMATION_ERROR, high: Number.POSITIVE_INFINITY } : undefined;

const product: IntervalRule = ({ node, inputIntervals }) =>
  node.inputs.length === 2 && node.inputs[0] === node.inputs[1]
    ? square(inputIntervals[0])
    : combine(inputIntervals, multiply);

/** Magnitude from which a sum of fewer than 2²⁷ numbers may overflow. */
const SAFE_SUMMAND = 2e30;

/** A mean lies within its operands, unless their sum overflows. */
const mean: IntervalRule = ({ node, inputIntervals }) => {
  const isElementwise = node.op === 'Mean' && !isReduction(node);
  const { low, high } = isElementwise ? union(...inputIntervals) : inputIntervals[0];
  return {
    low: low < -SAFE_SUMMAND ? Number.NEGATIVE_INFINITY : low,
    high: high > SAFE_SUMMAND ? Number.POSITIVE_INFINITY : high,
  };
};

/** A mean that may count padding as zeros. */
const paddedMean: IntervalRule = (input) => union(mean(input) ?? ANY, { low: 0, high: 0 });

const extreme =
  (choose: (...values: number[]) => number): IntervalRule =>
  ({ node, inputIntervals }) =>
    isReduction(node)
      ? inputIntervals[0]
      : {
          low: choose(...inputIntervals.map(({ low }) => low)),
          high: choose(...inputIntervals.map(({ high }) => high)),
        };

/** Interval rules of operations that combine numbers of several tensors, or of one along axes. */
export const COMBINING_RULES: Readonly<Record<string, IntervalRule>> = {
  ...forOps(sum, 'Add AddV2 AddN BiasAdd'),
  ...forOps(sumOrReduceSum, 'Sum'),
  ...forOps(reduceSum, 'ReduceSum'),
  ...forOps(norm(false, false), 'ReduceL1'),
  ...forOps(norm(true, true), 'ReduceL2'),
  ...forOps(norm(true, false), 'ReduceSumSquare'),
  ...forOps(logOfSum, 'ReduceLogSum'),
  ...forOps(product, 'Mul'),
  ...forOps(mean, 'Mean ReduceMean GlobalAveragePool'),
  ...forOps(paddedMean, 'AveragePool AvgPool AvgPool3D'),
  ...forOps(extreme(Math.max), 'Max Maximum'),
  ...forOps(extreme(Math.min), 'Min Minimum'),
};
