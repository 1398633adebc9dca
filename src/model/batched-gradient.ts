import { moveAxisFirst, moveFirstToAxis } from '../tensor/axis.ts';
import { DTYPES, readNumber, sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { BatchedModel, BatchTensor } from './batched-model.ts';
import { type Differentiable, NoGradientError, type TokenReplacements } from './gradients/gradient.ts';
import type { Model } from './model.ts';
import { packBatch, type TestcaseBatch } from './testcase-batch.ts';

/** Gradients with respect to the inputs. */
export interface InputGradients {
  /** Row by row, `[rows, size]` each; undefined for inputs of integers that are no numbers. */
  readonly values: readonly (Float32Array | undefined)[];
  /** Of inputs of tokens, with respect to what each of their look-ups gives, `[rows, tokens, width]`; undefined for others. */
  readonly lookups: readonly (readonly Float32Array[] | undefined)[];
  /** Seconds of the run. */
  readonly seconds: number;
}

/** A batch of testcases whose gradients are computed. */
export interface GradientBatch {
  readonly batch: TestcaseBatch;
  readonly rows: number;
}

/** A batch whose number of rows is a power of two, the last testcase repeated: a gradient is prepared for each number. */
export function padded(testcases: readonly TestcaseBatch[]): GradientBatch {
  const rows = 2 ** Math.ceil(Math.log2(testcases.length));
  const last = testcases[testcases.length - 1];
  const batch = packBatch(Array.from({ length: rows }, (_, row) => testcases[row] ?? last));
  return { batch, rows };
}

/** Whether an input has a gradient: numbers, also whole ones such as pixels, and no token ids or strings. */
function hasGradient({ type, strings }: Model['inputs'][number]): boolean {
  return strings === undefined && (DTYPES[type].kind === 'float' || type === 'uint8');
}

/**
 * The gradient of Σ upstream·of for each row of a batch; of a pair of models, that of the reference.
 *
 * @param upstream `[rows, size]`
 * @param tokenInputs indices of the inputs of tokens, which are differentiated where they are looked up
 * @param straightThrough whether rounding counts as the identity, which leads a search; otherwise its gradient is 0
 * @param guided whether each Relu passes on only what is positive
 * @throws NoGradientError if no way leads from the tensor to an input
 * @throws Error if the runtime fails, or has no gradients
 */
export async function inputGradients(
  batched: BatchedModel,
  { batch, rows }: GradientBatch,
  of: string,
  upstream: Float32Array,
  tokenInputs: readonly number[] = [],
  straightThrough = true,
  guided = false,
): Promise<InputGradients> {
  const { model } = batched;
  const gradients = gradientsOf(batched);
  const feeds = batched.feeds(batch, rows);
  const isNumeric = model.inputs.map((input, i) => hasGradient(input) && !tokenInputs.includes(i));
  const numbers = model.inputs.flatMap(({ name }, i) => (isNumeric[i] ? [name] : []));
  const lookups = new Map<number, readonly string[]>();
  let refusal: unknown;
  for (const i of tokenInputs)
    try {
      const projection = await gradients.tokenProjection?.(model.inputs[i].name, feeds);
      if (projection !== undefined) lookups.set(i, projection.lookups);
    } catch (error) {
      if (!(error instanceof NoGradientError)) throw error;
      refusal ??= error;
    }
  const wrt = [...numbers, ...[...lookups.values()].flat()];
  if (wrt.length === 0) throw refusal ?? new NoGradientError(of, []);
  const gradient = await gradients.gradient({ of, wrt, straightThrough, guided }, feeds);
  const seed: Tensor = { type: 'float32', shape: gradient.shape, data: upstream };
  const start = performance.now();
  const results = await gradient.run(feeds, {
    ...seed,
    data: sizeOf(gradient.shape) === upstream.length ? moveFirstToAxis(seed, batched.axisOf(of)) : upstream,
  });
  const seconds = (performance.now() - start) / 1000;
  const rowsFirst = (name: string, axis: number): Float32Array =>
    moveAxisFirst(results[wrt.indexOf(name)], axis) as Float32Array;
  return {
    values: model.inputs.map(({ name }, i) =>
      isNumeric[i] ? rowsFirst(name, batched.batchPositionOf(i)) : undefined,
    ),
    lookups: model.inputs.map((_, i) => lookups.get(i)?.map((name) => rowsFirst(name, batched.axisOf(name)))),
    seconds,
  };
}

/** What the tokens of an input are looked up as, row by row: a vector for each token, from each of its look-ups. */
export async function lookUpTokens(
  batched: BatchedModel,
  { batch, rows }: GradientBatch,
  input: number,
): Promise<readonly Float32Array[]> {
  const names = await lookupsOf(batched, batch, rows, input);
  const { activations } = await batched.run(batch, rows, names);
  return names.map((name) => {
    const found = activations.find((tensor) => tensor.name === name);
    if (found === undefined) throw new Error(`the model has no tensor ${name}`);
    return Float32Array.from({ length: found.data.length }, (_, i) => readNumber(found.type, found.data, i));
  });
}

/**
 * The gradient of Σ upstream·of at other vectors than those that the tokens of an input are looked up as.
 *
 * @param upstream `[rows, size]`
 * @param vectors for each look-up, `[rows, tokens, width]`
 * @returns for each look-up, in the same shape
 * @throws NoGradientError if no way leads from the tensor to them
 * @throws Error if the runtime fails, or has no gradients
 */
export async function gradientsAtLookups(
  batched: BatchedModel,
  { batch, rows }: GradientBatch,
  input: number,
  of: string,
  upstream: Float32Array,
  vectors: readonly Float32Array[],
): Promise<readonly Float32Array[]> {
  const feeds = batched.feeds(batch, rows);
  const names = await lookupsOf(batched, batch, rows, input);
  const gradient = await gradientsOf(batched).gradient({ of, wrt: names, shifts: names }, feeds);
  const { activations } = await batched.run(batch, rows, names);
  const shifts = names.map((name, i): Tensor => {
    const { type, shape, data } = activations.find((tensor) => tensor.name === name) as BatchTensor;
    const axis = batched.axisOf(name);
    const moved = Float32Array.from(vectors[i], (value, j) => value - readNumber(type, data, j));
    const whole: Tensor = { type: 'float32', shape: shape.toSpliced(axis, 0, rows), data: moved };
    return { ...whole, data: moveFirstToAxis(whole, axis) };
  });
  const seed: Tensor = { type: 'float32', shape: gradient.shape, data: upstream };
  const whole = { ...seed, data: moveFirstToAxis(seed, batched.axisOf(of)) };
  const results = await gradient.run(feeds, whole, [], shifts);
  return names.map((name, i) => moveAxisFirst(results[i], batched.axisOf(name)) as Float32Array);
}

async function lookupsOf(
  batched: BatchedModel,
  batch: TestcaseBatch,
  rows: number,
  input: number,
): Promise<readonly string[]> {
  const { name } = batched.model.inputs[input];
  const projection = await gradientsOf(batched).tokenProjection?.(name, batched.feeds(batch, rows));
  if (projection === undefined) throw new NoGradientError(name, []);
  return projection.lookups;
}

/**
 * The best replacements of each token of an input, for each row of a batch.
 *
 * @param gradients as `InputGradients.lookups` has them
 * @param barred of each token, −∞ where it may not be chosen, else 0
 */
export async function replaceTokens(
  batched: BatchedModel,
  { batch, rows }: GradientBatch,
  input: number,
  gradients: readonly Float32Array[],
  barred: Float32Array,
  count: number,
): Promise<TokenReplacements> {
  const feeds = batched.feeds(batch, rows);
  const projection = await gradientsOf(batched).tokenProjection?.(batched.model.inputs[input].name, feeds);
  if (projection === undefined) throw new NoGradientError(batched.model.inputs[input].name, []);
  return projection.project(gradients, Array.from(batch.inputs[input], Number), barred, count);
}

function gradientsOf({ model }: BatchedModel): Differentiable {
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error(`${model.path} has no gradients on ${model.runtime.kind}`);
  return gradients;
}
