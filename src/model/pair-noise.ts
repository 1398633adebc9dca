/**
 * How far the gap between two classes moves in each model of a pair without a change of the input: with the rows of a run, its
 * threads, and the runtime's optimisation of the graph.
 */
export interface OutputNoise {
  /** Of the reference, and of the second model; 0 where nothing moves. In logits: of shares, in their logarithms. */
  readonly reference: number;
  readonly copy: number;
}

/** By the reference's name of an output whose last axis has classes. Plain data. */
export type PairNoise = Readonly<Record<string, OutputNoise>>;
