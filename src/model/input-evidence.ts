/** Mean and deviation that a model's first operations assume of an input's values, one number or one a channel. */
export interface NormalizationEvidence {
  /** The operation, as `BatchNormalization bn1`. */
  readonly by: string;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Position of the channels in the input's shape, batch included; undefined for one number, or where it is not known. */
  readonly axis: number | undefined;
}

/** An interval that a model's first operation assumes. */
export interface IntervalEvidence {
  readonly by: string;
  readonly low: number;
  readonly high: number;
}

/** What a model's graph says of the values of one of its inputs, as far as it does. Plain data. */
export interface InputEvidence {
  /** Rows of the smallest table that the values index. */
  readonly lookupRows?: number;
  /** Whether that table holds a vector for each value: an embedding. */
  readonly isEmbedding?: boolean;
  readonly normalization?: NormalizationEvidence;
  readonly interval?: IntervalEvidence;
  /** Split values of decision trees, ascending, by column of the input; and the operation that holds the trees. */
  readonly splits?: { readonly by: string; readonly values: readonly (readonly number[])[] };
  /** Constants that the values are tested for equality with, in the order of the graph. */
  readonly comparedWith?: readonly number[];
  /** The recurrent operation whose initial state this is. */
  readonly stateOf?: string;
  /**
   * What reads the input first: a convolution over a signal of one channel or a Fourier transform (`signal`), or an
   * operation on a sequence of feature vectors (`steps`).
   */
  readonly readAs?: { readonly kind: 'signal' | 'steps'; readonly by: string };
  /** Names of the operations that fail where the values mask everything along an axis, in the order of the graph. */
  readonly maskedSites?: readonly string[];
}
