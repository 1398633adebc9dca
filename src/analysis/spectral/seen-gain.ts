import { drawNormal, randomStream } from '../../core/random.ts';
import type { BatchedModel, BatchTensor } from '../../model/batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { DTYPES, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';

/** Pairs of inputs to compare. */
export interface PairsRequest {
  /** Testcases of one form. */
  readonly testcases: readonly TestcaseBatch[];
  /** Of each input of the model: length of the range of its values; undefined for one that stays. */
  readonly spans: readonly (number | undefined)[];
  /** Number of pairs of a testcase with itself plus noise, or with the next one. */
  readonly pairs: number;
  /** Further pairs, of a seed and a finding; those of different forms are left out. */
  readonly findings?: readonly FindingPair[];
}

/** A finding and the seed that it descends from. */
export interface FindingPair {
  readonly id: string;
  readonly seed: TestcaseBatch;
  readonly finding: TestcaseBatch;
}

/** The largest |Δ of a tensor| / ‖Δ of the inputs‖ over pairs, a lower bound on the gain. */
export interface SeenGain {
  readonly ratio: number;
  /** Pairs that were run. */
  readonly pairs: number;
  /** The pair with that ratio. */
  readonly of: SeenPair;
}

/** A testcase by its number with noise of a deviation that is a share of the range, or with the next one; or a finding with its seed. */
export type SeenPair =
  | { readonly testcase: number; readonly noise: number | null }
  | { readonly finding: string };

/** Two testcases of one form, which are made when they are run. */
interface Pair {
  readonly of: SeenPair;
  readonly form: TestcaseBatch['form'];
  rows(): readonly [TestcaseBatch, TestcaseBatch];
}

/** Deviations of noise, as shares of an input's range; null stands for the next testcase in place of noise. */
const NOISES: readonly (number | null)[] = [1e-3, 1e-2, 1e-1, null];

/**
 * Runs pairs: findings with their seeds, and each testcase in turn with itself plus Gaussian noise, and with the next testcase.
 *
 * @param tensor whose change is measured, of floats
 * @param onStep called after each run
 * @returns undefined where no pair differs in finite numbers
 */
export async function seenGain(
  model: BatchedModel,
  tensor: string,
  request: PairsRequest,
  maxRows: number,
  onStep: () => void,
): Promise<SeenGain | undefined> {
  const all = [...alikePairs(request.findings ?? []), ...drawnPairs(request)];
  const perRun = Math.max(1, Math.floor(Math.min(maxRows, model.maxBatchSize) / 2));
  const watched = model.model.outputs.includes(tensor) ? [] : [tensor];
  let most: SeenGain | undefined;
  for (const group of groupIntoBatches(all, ({ form }) => form, perRun)) {
    const rows = group.flatMap((pair) => pair.rows());
    const run = await runRows(model, rows, watched, tensor);
    group.forEach(({ of }, i) => {
      const change = differenceOf(run[2 * i], run[2 * i + 1]);
      const moved = inputDifference(rows[2 * i], rows[2 * i + 1]);
      const ratio = change / moved;
      if (!(moved > 0) || !Number.isFinite(ratio) || ratio <= (most?.ratio ?? -1)) return;
      most = { ratio, pairs: all.length, of };
    });
    onStep();
  }
  return most;
}

function alikePairs(findings: readonly FindingPair[]): Pair[] {
  return findings
    .filter(({ seed, finding }) => seed.form.key === finding.form.key)
    .map(({ id, seed, finding }) => ({
      of: { finding: id },
      form: seed.form,
      rows: () => [seed, finding],
    }));
}

/** Each testcase in turn with itself plus noise, and with the next one. */
function drawnPairs({ testcases, spans, pairs }: PairsRequest): Pair[] {
  return Array.from({ length: pairs }, (_, pair) => {
    const number = pair % testcases.length;
    const noise = NOISES[Math.floor(pair / testcases.length) % NOISES.length];
    const testcase = testcases[number];
    const next = testcases[(pair + 1) % testcases.length];
    return {
      of: { testcase: number, noise },
      form: testcase.form,
      rows: () => [
        testcase,
        noise === null ? mixed(testcase, next, spans) : noisy(testcase, noise, pair, spans),
      ],
    };
  });
}

/** A testcase with the values of another one for the inputs that move. */
function mixed(testcase: TestcaseBatch, other: TestcaseBatch, spans: PairsRequest['spans']): TestcaseBatch {
  const inputs = testcase.inputs.map((values, i) => (moves(testcase, spans, i) ? other.inputs[i] : values));
  return { form: testcase.form, inputs };
}

/** A testcase plus Gaussian noise, rounded to the types of the inputs. */
function noisy(
  testcase: TestcaseBatch,
  noise: number,
  pair: number,
  spans: PairsRequest['spans'],
): TestcaseBatch {
  const random = randomStream('spectral', 'pairs', pair);
  const inputs = testcase.inputs.map((values, i): TensorData => {
    if (!moves(testcase, spans, i)) return values;
    const { type, size } = testcase.form.inputs[i];
    const deviation = noise * (spans[i] ?? 0);
    const moved = makeData(type, size);
    for (let k = 0; k < size; k++)
      writeNumber(type, moved, k, readNumber(type, values, k) + deviation * drawNormal(random));
    return moved;
  });
  return { form: testcase.form, inputs };
}

function moves({ form }: TestcaseBatch, spans: PairsRequest['spans'], input: number): boolean {
  return spans[input] !== undefined && DTYPES[form.inputs[input].type].kind === 'float';
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
