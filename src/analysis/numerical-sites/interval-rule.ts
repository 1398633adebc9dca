import type { GraphNode } from '../../model/graph/graph.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Interval } from './interval.ts';

/** An operation and its operands, as rules see them. */
export interface RuleInput {
  readonly node: GraphNode;
  /** Intervals of the inputs that are not omitted. */
  readonly inputIntervals: readonly Interval[];
  readonly intervalOf: (name: string) => Interval;
  readonly constant: (name: string) => Tensor | undefined;
  readonly isConstant: (name: string) => boolean;
}

/** Computes the interval of an operation's result; undefined if it is unknown. */
export type IntervalRule = (input: RuleInput) => Interval | undefined;

/** Bound on the absolute error of runtimes' function approximations, for results near zero or their limits. */
export const APPROXIMATION_ERROR = 2e-6;

/**
 * An increasing function with values between `min` and `max`.
 *
 * @param slack bound on the absolute error of approximations
 */
export const increasing =
  (
    f: (x: number) => number,
    min = Number.NEGATIVE_INFINITY,
    max = Number.POSITIVE_INFINITY,
    slack = 0,
  ): IntervalRule =>
  ({ inputIntervals: [x] }) => {
    const low = f(x.low) - slack;
    const high = f(x.high) + slack;
    return {
      low: Number.isNaN(low) ? min : Math.max(min, low),
      high: Number.isNaN(high) ? max : Math.min(max, high),
    };
  };

/** One rule for several operations, whose names are separated by blanks. */
export function forOps(rule: IntervalRule, names: string): Record<string, IntervalRule> {
  return Object.fromEntries(names.split(' ').map((name) => [name, rule]));
}
