import { drawNormal, randomStream } from '../../core/random.ts';
import type { BatchedModel, BatchTensor } from '../../model/batched-model.ts';
import { packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { DTYPES, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';

/** Pairs of inputs to compare. */
export interface PairsRequest {
  /** Testcases of one form. */
  readonly testcases: readonly TestcaseBatch[];
  /** Of each input of the model: length of the range of its values; undefined for one that stays. */
  readonly spans: readonly (number | undefined)[];
  /** Number of pairs. */
  readonly pairs: number;
}

/** The largest |Δ of a tensor| / ‖Δ of the inputs‖ over pairs, a lower bound on the gain. */
export interface SeenGain {
  readonly ratio: number;
  readonly pairs: number;
  /** Number of the testcase, and the deviation of the noise as a share of the range; null where the pair is two testcases. */
  readonly testcase: number;
  readonly noise: number | null;
}

/** Deviations of noise, as shares of an input's range; null stands for the next testcase in place of noise. */
const NOISES: readonly (number | null)[] = [1e-3, 1e-2, 1e-1, null];

/**
 * Runs pairs: each testcase in turn with itself plus Gaussian noise, and with the next testcase.
 *
 * @param tensor whose change is measured, of floats
 * @param onStep called after each run
 * @returns undefined where no pair differs in finite numbers
 */
export async function seenGain(
  model: BatchedModel,
  tensor: string,
  { testcases, spans, pairs }: PairsRequest,
  maxRows: number,
  onStep: () => void,
): Promise<SeenGain | undefined> {
  const perRun = Math.max(1, Math.floor(Math.min(maxRows, model.maxBatchSize) / 2));
  const watched = model.model.outputs.includes(tensor) ? [] : [tensor];
  let most: SeenGain | undefined;
  for (let from = 0; from < pairs; from += perRun) {
    const numbers = Array.from({ length: Math.min(perRun, pairs - from) }, (_, i) => from + i);
    const rows = numbers.flatMap((pair) => pairOf(pair, testcases, spans));
    const run = await runRows(model, rows, watched, tensor);
    numbers.forEach((pair, i) => {
      const change = differenceOf(run[2 * i], run[2 * i + 1]);
      const moved = inputDifference(rows[2 * i], rows[2 * i + 1]);
      const ratio = change / moved;
      if (!(moved > 0) || !Number.isFinite(ratio) || ratio <= (most?.ratio ?? -1)) return;
      most = { ratio, pairs, testcase: pair % testcases.length, noise: noiseOf(pair, testcases.length) };
    });
    onStep();
  }
  return most;
}

function noiseOf(pair: number, testcases: number): number | null {
  return NOISES[Math.floor(pair / testcases) % NOISES.length];
}

/** The testcases of a pair, rounded to the types of the inputs. */
function pairOf(
  pair: number,
  testcases: readonly TestcaseBatch[],
  spans: PairsRequest['spans'],
): readonly [TestcaseBatch, TestcaseBatch] {
  const testcase = testcases[pair % testcases.length];
  const noise = noiseOf(pair, testcases.length);
  const other = testcases[(pair + 1) % testcases.length];
  const random = randomStream('spectral', 'pairs', pair);
  const inputs = testcase.inputs.map((values, i): TensorData => {
    const span = spans[i];
    const { type, size } = testcase.form.inputs[i];
    if (span === undefined || DTYPES[type].kind !== 'float') return values;
    if (noise === null) return other.inputs[i];
    const moved = makeData(type, size);
    for (let k = 0; k < size; k++)
      writeNumber(type, moved, k, readNumber(type, values, k) + noise * span * drawNormal(random));
    return moved;
  });
  return [testcase, { form: testcase.form, inputs }];
}

/** Values of a tensor, one array a row. */
async function runRows(
  model: BatchedModel,
  rows: readonly TestcaseBatch[],
  watched: readonly string[],
  tensor: string,
): Promise<readonly Float64Array[]> {
  const limit = Math.min(rows.length, model.maxBatchSize);
  const values: Float64Array[] = [];
  for (let from = 0; from < rows.length; from += limit) {
    const part = rows.slice(from, from + limit);
    const { outputs, activations } = await model.run(packBatch(part), part.length, watched);
    const found = [...outputs, ...activations].find(({ name }) => name === tensor);
    if (found === undefined) throw new Error(`the model has no tensor ${tensor}`);
    part.forEach((_, row) => void values.push(rowOf(found, row)));
  }
  return values;
}

function rowOf({ type, data, size }: BatchTensor, row: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => readNumber(type, data, row * size + i));
}

function differenceOf(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

function inputDifference(a: TestcaseBatch, b: TestcaseBatch): number {
  let sum = 0;
  a.form.inputs.forEach(({ type, size }, i) => {
    for (let k = 0; k < size; k++)
      sum += (readNumber(type, a.inputs[i], k) - readNumber(type, b.inputs[i], k)) ** 2;
  });
  return Math.sqrt(sum);
}
