import { errorMessage } from '../core/errors.ts';
import { makeData, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { batchAxis } from './batch-axis.ts';
import type { Model } from './model.ts';

/** Shapes as a run showed them; a free batch dimension is null. */
export interface InferredShapes {
  readonly shapes: ReadonlyMap<string, readonly (number | null)[]>;
  /** Why the model could not be run on zeros. */
  readonly failure?: string;
}

/** Rows of the run that shapes are taken from: a number that hardly any other dimension has. */
const PROBE_ROWS = 7;

/** What stands in for free dimensions other than the batch: long enough for pooling and convolutions. */
const FREE_DIMENSION_SIZE = 32;

/**
 * Runs a model once on zeros and looks at what its tensors are like. Where it can't be run with all of them,
 * which runtimes may not let us watch, it is run with none, for the outputs.
 */
export async function inferShapes(model: Model, tensors: readonly string[]): Promise<InferredShapes> {
  const axis = batchAxis(model.inputs);
  let failed = '';
  for (const rows of axis === 'free' ? [PROBE_ROWS, 1] : [1]) {
    const feeds = model.inputs.map(({ type, shape }): Tensor => {
      const dims = shape.map(
        (dimension, i) => dimension ?? (i === 0 && axis === 'free' ? rows : FREE_DIMENSION_SIZE),
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
        failed ||= errorMessage(error);
      }
    }
  }
  return { shapes: new Map(), failure: failed };
}
