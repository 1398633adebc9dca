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
function hasGradient({ type, strings }: Model['inputs'][number]): boolean {
  return strings === undefined && (DTYPES[type].kind === 'float' || type === 'uint8');
}

/**
 * The gradient of Σ upstream·of for each row of a batch; of a pair of models, that of the reference.
 *
 * @param upstream `[rows, size]`
 * @throws NoGradientError if no way leads from the tensor to an input
 * @throws Error if the runtime fails, or has no gradients
 */
export async function inputGradients(
  batched: BatchedModel,
  { batch, rows }: { readonly batch: TestcaseBatch; readonly rows: number },
  of: string,
  upstream: Float32Array,
): Promise<InputGradients> {
  const { model } = batched;
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error(`${model.path} has no gradients on ${model.runtime.kind}`);
  const feeds = batched.feeds(batch, rows);
  const wrt = model.inputs.filter(hasGradient).map(({ name }) => name);
  const gradient = await gradients.gradient({ of, wrt, straightThrough: true }, feeds);
  const seed: Tensor = { type: 'float32', shape: gradient.shape, data: upstream };
  const start = performance.now();
  const results = await gradient.run(feeds, {
    ...seed,
    data: sizeOf(gradient.shape) === upstream.length ? moveFirstToAxis(seed, batched.axisOf(of)) : upstream,
  });
  const seconds = (performance.now() - start) / 1000;
  const values = model.inputs.map((input, i) =>
    hasGradient(input)
      ? (moveAxisFirst(results[wrt.indexOf(input.name)], batched.batchPositionOf(i)) as Float32Array)
      : undefined,
  );
  return { values, seconds };
}
