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
