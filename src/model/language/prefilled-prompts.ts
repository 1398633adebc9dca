/** A continuation whose likelihood is asked for. */
export interface CandidateContinuation {
  readonly ids: readonly number[];
  /** Index of the first token whose likelihood counts. */
  readonly scoredFrom: number;
  /** Tokens of which one has to follow the last; undefined where any may. */
  readonly followedBy?: ((id: number) => boolean) | undefined;
  /** Log-probability cutoff: scoring stops early once the continuation falls below it. */
  readonly minLogProb?: number | undefined;
}

/** Prompts of a batch that the model has read, with the state or cache that decoding starts from. */
export interface PrefilledPrompts {
  /**
   * Log-probabilities of continuations right after their prompts.
   *
   * @param candidates one for each row of the batch, in its order; undefined where none is asked for
   * @returns `[rows]`, natural logarithms; NaN where none was asked for, and where one fell below its cutoff
   */
  scoreContinuations(candidates: readonly (CandidateContinuation | undefined)[]): Promise<Float64Array>;
}
