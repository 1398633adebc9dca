import { errorMessage } from '../core/errors.ts';
import { makeData, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { batchLayout } from './batch-axis.ts';
import type { Model } from './model.ts';

/** Shapes of tensors in a run; a free batch dimension is null. */
export interface InferredShapes {
  readonly shapes: ReadonlyMap<string, readonly (number | null)[]>;
  /** The runtime's message if the model could not be run on zeros. */
  readonly failure?: string;
}

/** Batch size of the run: a number that hardly any other dimension has, so that it shows which one is the batch. */
const PROBE_ROWS = 7;

/** Size used for free dimensions other than the batch: large enough for pooling and convolutions. */
const FREE_DIMENSION_SIZE = 32;

/**
 * Runs a model on zeros to infer the shapes of its tensors. If it cannot be run with all tensors watched, as some
 * runtimes do not allow, only the outputs' shapes are inferred.
 *
 * @param sizes whole shapes, batch included, of inputs with open sizes that the model is known to run on, by name
 */
export async function inferShapes(
  model: Model,
  tensors: readonly string[],
  sizes: Readonly<Record<string, readonly number[]>> = {},
): Promise<InferredShapes> {
  const { axis, positions } = batchLayout(model.inputs);
  let failure = '';
  for (const rows of axis === 'free' ? [PROBE_ROWS, 1] : [1]) {
    const feeds = model.inputs.map(({ name, type, shape }, input): Tensor => {
      const dims = shape.map(
        (dimension, i) =>
          dimension ??
          (i === positions[input] && axis === 'free' ? rows : (sizes[name]?.[i] ?? FREE_DIMENSION_SIZE)),
      );
      return { type, shape: dims, data: makeData(type, sizeOf(dims)) };
    });
    for (const watched of [tensors, []]) {
      try {
        const { outputs, activations } = await model.run(feeds, watched);
        const batched = (shape: readonly number[]) =>
          axis === 'free' && shape[0] === rows && rows > 1 ? [null, ...shape.slice(1)] : shape;
        return {
          shapes: new Map([...outputs, ...activations].map(({ name, shape }) => [name, batched(shape)])),
        };
      } catch (error) {
        failure ||= errorMessage(error);
      }
    }
  }
  return { shapes: new Map(), failure };
}
