import { moveAxisFirst, moveFirstToAxis } from '../tensor/axis.ts';
import { DTYPES, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { BatchedModel } from './batched-model.ts';
import type { Model } from './model.ts';
import type { TestcaseBatch } from './testcase-batch.ts';

/** Gradients with respect to the inputs. */
export interface InputGradients {
  /** Row by row, `[rows, size]` each; undefined for inputs of integers that are no numbers. */
  readonly values: readonly (Float32Array | undefined)[];
  /** Seconds of the run. */
  readonly seconds: number;
}

/** Whether an input has a gradient: numbers, also whole ones such as pixels, and no token ids or strings. */
export function hasGradient({ type, strings }: Model['inputs'][number]): boolean {
  return strings === undefined && (DTYPES[type].kind === 'float' || type === 'uint8');
}

/**
 * The gradient of Σ upstream·of for each row of a batch, of the model or of the second one of a pair.
 *
 * @param of a tensor of that model
 * @param upstream `[rows, size]`
 * @throws NoGradientError if no way leads from the tensor to an input
 * @throws Error if the runtime fails
 */
export async function inputGradients(
  batched: BatchedModel,
  { batch, rows }: { readonly batch: TestcaseBatch; readonly rows: number },
  side: 'reference' | 'second',
  of: string,
  upstream: Float32Array,
): Promise<InputGradients> {
  const { secondModel } = batched.model;
  const feeds = batched.feeds(batch, rows);
  const [model, modelFeeds] =
    side === 'reference' || secondModel === undefined
      ? [batched.model, feeds]
      : [secondModel.model, secondModel.feeds(feeds)];
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error(`${model.path} has no gradients on ${model.runtime.kind}`);
  const wrt = model.inputs.filter(hasGradient).map(({ name }) => name);
  const gradient = await gradients.gradient({ of, wrt, straightThrough: true }, modelFeeds);
  const axis = batched.axisOf(of);
  const seed: Tensor = { type: 'float32', shape: gradient.shape, data: upstream };
  const start = performance.now();
  const results = await gradient.run(modelFeeds, {
    ...seed,
    data: sizeOf(gradient.shape) === upstream.length ? moveFirstToAxis(seed, axis) : upstream,
  });
  const seconds = (performance.now() - start) / 1000;
  const values = batched.model.inputs.map((input, i) => {
    if (!hasGradient(input)) return undefined;
    // Inputs of a second model are matched by their names, or else by their order.
    const index = model.inputs.findIndex(({ name }) => name === input.name);
    const result = results[wrt.indexOf(model.inputs[index < 0 ? i : index].name)];
    return result === undefined
      ? undefined
      : (moveAxisFirst(result, batched.batchPositionOf(i)) as Float32Array);
  });
  return { values, seconds };
}
