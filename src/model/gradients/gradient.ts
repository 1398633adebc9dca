import type { Tensor } from '../../tensor/tensor.ts';

/** Which gradient is asked for. */
export interface GradientRequest {
  /** The tensor that is differentiated: an output or an inner one, of floating point. */
  readonly of: string;
  /** Further tensors that are differentiated with it: the results are the gradients of the sum over all of them. */
  readonly alsoOf?: readonly string[];
  /** Names of inputs or inner tensors that it is differentiated with respect to. */
  readonly wrt: readonly string[];
  /**
   * Whether rounding and quantizing pass gradients on as the identity does. That points a search the right way; as a gradient it
   * is wrong, since that of a step is 0. False by default.
   */
  readonly straightThrough?: boolean;
  /**
   * Whether each Relu passes on only what is positive in the backward run too (guided backpropagation: Springenberg, Dosovitskiy, Brox &
   * Riedmiller 2014). That is not a gradient. False by default.
   */
  readonly guided?: boolean;
  /**
   * Inner tensors to which each run adds values of its own: the gradient is that at the shifted tensors. ONNX alone has them. None by
   * default.
   */
  readonly shifts?: readonly string[];
  /**
   * Whether the gradient is computed by nodes in the model's own graph where that is possible, or by a graph of its own, which
   * tensors of the forward run are fed to. `auto` by default: nothing is copied then.
   */
  readonly layout?: 'auto' | 'separate';
}

/** The gradient of a tensor, for runs of one shape. */
export interface Gradient {
  /**
   * The gradients of Σ upstream·of.
   *
   * @param feeds as `Model.run` takes them, with the shapes that the gradient was prepared for
   * @param upstream of type float32, in the shape of the differentiated tensor
   * @param further upstream gradients of the tensors in `alsoOf`, likewise
   * @param shifts of type float32, one for each of `GradientRequest.shifts` in its shape
   * @returns of type float32, one for each of `wrt` in its shape; zeros where no way leads to it
   * @throws Error if the runtime fails the run
   */
  run(
    feeds: readonly Tensor[],
    upstream: Tensor,
    further?: readonly Tensor[],
    shifts?: readonly Tensor[],
  ): Promise<readonly Tensor[]>;
  /**
   * Runs the model alone, so that upstream gradients may follow from its outputs. Absent where forward and backward pass are one
   * graph: see `GradientRequest.layout`.
   *
   * @throws Error if the runtime fails the run
   */
  record?(feeds: readonly Tensor[]): Promise<RecordedRun>;
  /** Shape of the differentiated tensor. */
  readonly shape: readonly number[];
  /** Operations on the way that pass no gradient on, as `Op (node)`; what flows through others is given. */
  readonly stops: readonly string[];
  /** Operations that have a rule, and all that lie on the way. */
  readonly differentiated: number;
  readonly onPath: number;
}

/** A run of the model whose inner tensors are kept for the gradient. */
export interface RecordedRun {
  /** Of the tensors that are differentiated, by name. */
  readonly results: ReadonlyMap<string, Tensor>;
  /** The gradients, as `Gradient.run` gives them. */
  back(upstream: Tensor, further?: readonly Tensor[]): Promise<readonly Tensor[]>;
}

/** Capability to differentiate the model. */
export interface Differentiable {
  /**
   * Prepares a gradient; those prepared last are kept.
   *
   * @param feeds of the shapes that it is for
   * @throws NoGradientError if no way leads from the tensor to any of `wrt`
   * @throws Error if the runtime fails a run
   */
  gradient(request: GradientRequest, feeds: readonly Tensor[]): Promise<Gradient>;
  /**
   * Finds where an input's tokens are looked up. Absent where the runtime differentiates inputs of numbers alone.
   *
   * @param input of token ids, or of one-hot tokens along its last axis
   * @param feeds any that the model can run
   * @throws NoGradientError if its tokens are looked up in no embedding
   * @throws Error if the runtime fails a run
   */
  tokenProjection?(input: string, feeds: readonly Tensor[]): Promise<TokenProjection>;
}

/** Takes gradients at the places where tokens are looked up to the tokens themselves. */
export interface TokenProjection {
  /** Tensors that the gradient is wanted of, each with a vector for each token, in the order of the tokens. */
  readonly lookups: readonly string[];
  /** Number of tokens that can be looked up. */
  readonly vocabularySize: number;
  /**
   * The tokens that each token is best replaced by, to the first order: those with the largest (e − e′)·∇, where e is a token's
   * embedding (HotFlip, Ebrahimi et al. 2018; GCG, Zou et al. 2023).
   *
   * @param gradients of each of `lookups`, `[tokens, width]`
   * @param ids the tokens
   * @param barred of each token of the vocabulary, −∞ where it may not be chosen, else 0
   * @param count of tokens that are wanted for each
   */
  project(
    gradients: readonly Float32Array[],
    ids: ArrayLike<number>,
    barred: Float32Array,
    count: number,
  ): Promise<TokenReplacements>;
}

/** Of each token, those to replace it by: the best first. */
export interface TokenReplacements {
  /** `[tokens, count]`. */
  readonly tokens: Int32Array;
  /** By how much each is forecast to lower what was differentiated, `[tokens, count]`. */
  readonly gains: Float32Array;
  /** Fewer than asked for where the vocabulary has no more. */
  readonly count: number;
}

/** There is no gradient; the message says at which operation it ends. */
export class NoGradientError extends Error {
  override name = 'NoGradientError';

  /** @param stops operations that pass no gradient on */
  constructor(of: string, stops: readonly string[]) {
    super(
      stops.length === 0
        ? `${of} does not depend on the input by operations that have a gradient`
        : `no gradient through ${stops.join(', ')}`,
    );
  }
}
