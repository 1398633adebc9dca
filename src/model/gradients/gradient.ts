import type { Tensor } from '../../tensor/tensor.ts';

/** Which gradient is asked for. */
export interface GradientRequest {
  /** The tensor that is differentiated: an output or an inner one, of floating point. */
  readonly of: string;
  /** Names of inputs or inner tensors that it is differentiated with respect to. */
  readonly wrt: readonly string[];
  /**
   * Whether rounding and quantizing pass gradients on as the identity does. That points a search the right way; as a gradient it
   * is wrong, since that of a step is 0. False by default.
   */
  readonly straightThrough?: boolean;
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
   * @returns of type float32, one for each of `wrt` in its shape; zeros where no way leads to it
   * @throws Error if the runtime fails the run
   */
  run(feeds: readonly Tensor[], upstream: Tensor): Promise<readonly Tensor[]>;
  /** Shape of the differentiated tensor. */
  readonly shape: readonly number[];
  /** Operations on the way that pass no gradient on, as `Op (node)`; what flows through others is given. */
  readonly stops: readonly string[];
  /** Operations that have a rule, and all that lie on the way. */
  readonly differentiated: number;
  readonly onPath: number;
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
