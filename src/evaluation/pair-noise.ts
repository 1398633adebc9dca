import { BatchedModel, type BatchResult, type BatchTensor } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import type { OutputNoise, PairNoise } from '../model/pair-noise.ts';
import { roundToBfloat16, roundToFloat16 } from '../model/quantize/rounding.ts';
import { packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { isDistribution, RowReader, toLogit } from '../objectives/output-difference.ts';
import { hasClasses, lastAxisLength, matchOutputs } from '../objectives/output-pair.ts';
import { DTYPES, type DType } from '../tensor/tensor.ts';

/** Rows of the runs in which a testcase is repeated: those of a run that confirms a finding, and those of a usual one. */
const COPIES = [3, 32] as const;

/** Rows of all runs that one testcase takes. */
export const NOISE_ROWS = 2 * (1 + COPIES.reduce((sum, rows) => sum + rows, 0)) + 1;

/**
 * Shares of one below this say nothing of the noise: a type of few levels gives them as 0 or as one level, whose logarithms lie
 * far apart, and classes that tie have larger ones.
 */
const MIN_SHARE = 2 ** -7;

/** Unit in the last place of 1. Values of a type can't be told apart by less. */
const PRECISION: Readonly<Partial<Record<DType, number>>> = {
  float16: 2 ** -10,
  float32: 2 ** -23,
  float64: 2 ** -52,
};

/** The same of formats of half precision, in which a model may compute whatever the type of its outputs; the coarsest first. */
const HALF_GRIDS = [
  { round: roundToBfloat16, precision: 2 ** -7 },
  { round: roundToFloat16, precision: 2 ** -10 },
] as const;

/** Fractions that must all be numbers of a format before a model is taken to compute in it: whole numbers are in any. */
const MIN_FRACTIONS = 8;

/** Testcases to measure the noise of a pair on, and what is known of its models. Plain data. */
export interface NoiseRequest {
  readonly testcases: readonly TestcaseBatch[];
  /** Whether there is memory for a further session of each model. */
  readonly hasMemory: boolean;
}

/** Threads of the session whose answers are compared with those of one. */
const THREADS = 2;

/**
 * Measures how far the gap between two classes moves in each model of a pair where the input stays: alone, among copies of
 * itself, on two threads, and in the graph as its file has it. The largest movement over the testcases, rounded up to a power
 * of two; at least what two values of the type differ by at the least.
 *
 * @param load opens the pair anew, with so many threads
 * @param beat called between runs
 * @returns empty where the runtime fails every testcase
 */
export async function measurePairNoise(
  model: BatchedModel,
  load: (threads: number) => Promise<Model>,
  { testcases, hasMemory }: NoiseRequest,
  beat: () => void = () => {},
): Promise<PairNoise> {
  // A pair that does not open again has fewer runs to compare.
  const opened =
    hasMemory && hasThreads(model.model) ? await load(THREADS).catch(() => undefined) : undefined;
  try {
    return await compareRuns(model, opened && new BatchedModel(opened), testcases, beat);
  } finally {
    await opened?.dispose();
  }
}

/** Whether one of the models runs on a runtime that takes a number of threads. */
function hasThreads({ runtime, secondModel }: Model): boolean {
  return runtime.kind === 'onnx' || secondModel?.model.runtime.kind === 'onnx';
}

async function compareRuns(
  model: BatchedModel,
  threaded: BatchedModel | undefined,
  testcases: readonly TestcaseBatch[],
  beat: () => void,
): Promise<PairNoise> {
  const largest = new Map<string, { reference: number; copy: number }>();
  const firstRuns: BatchResult[] = [];
  for (const testcase of testcases) {
    const runs: BatchResult[] = [];
    const run = async (start: () => Promise<BatchResult | undefined>): Promise<void> => {
      // A run that fails is found when the seeds run, and moves nothing here.
      const result = await start().catch(() => undefined);
      if (result !== undefined) runs.push(result);
      beat();
    };
    const among = (copies: number) => packBatch(Array.from({ length: copies }, () => testcase));
    await run(() => model.run(testcase, 1, []));
    if (runs.length === 0) continue;
    for (const source of threaded === undefined ? [model] : [model, threaded]) {
      if (source === threaded) {
        await run(() => source.run(testcase, 1, []));
        await run(() => source.runUnoptimized(testcase, 1));
      }
      for (const copies of COPIES)
        if (copies <= model.maxBatchSize) await run(() => source.run(among(copies), copies, []));
    }
    firstRuns.push(runs[0]);
    recordMovements(runs, largest);
  }
  recordHalfPrecision(firstRuns, largest);
  return Object.fromEntries(
    [...largest].map(([output, { reference, copy }]) => [
      output,
      { reference: roundUp(reference), copy: roundUp(copy) },
    ]),
  );
}

/** @param runs of one testcase, the first of which the others are compared with; the last row of each is its */
function recordMovements(
  [alone, ...others]: readonly BatchResult[],
  largest: Map<string, { reference: number; copy: number }>,
): void {
  for (const { reference, second } of matchOutputs(alone)) {
    if (DTYPES[reference.type].kind !== 'float' || !hasClasses(reference)) continue;
    const noise = largest.get(reference.name) ?? { reference: 0, copy: 0 };
    largest.set(reference.name, noise);
    for (const [side, tensor] of [
      ['reference', reference],
      ['copy', second],
    ] as const) {
      noise[side] = Math.max(noise[side], leastMovement(tensor));
      for (const other of others) {
        const moved = sideOf(other, side).find(({ name }) => name === tensor.name);
        if (moved !== undefined) noise[side] = Math.max(noise[side], movement(tensor, moved, other.rows - 1));
      }
    }
  }
}

/** Records what numbers of half precision differ by at the least, of outputs that hold nothing else. */
function recordHalfPrecision(
  runs: readonly BatchResult[],
  largest: ReadonlyMap<string, { reference: number; copy: number }>,
): void {
  for (const [output, noise] of largest)
    for (const side of ['reference', 'copy'] as const) {
      const tensors = runs.flatMap((run) => sideOf(run, side).find(({ name }) => name === output) ?? []);
      const precision = halfPrecisionOf(tensors.flatMap((tensor) => [...new RowReader().read(tensor, 0)]));
      if (precision === undefined) continue;
      for (const tensor of tensors) noise[side] = Math.max(noise[side], leastMovement(tensor, precision));
    }
}

/** Unit in the last place of 1 of the coarsest format that all values are in; undefined where that is none of half precision. */
function halfPrecisionOf(values: readonly number[]): number | undefined {
  const fractions = values.filter((value) => Number.isFinite(value) && !Number.isInteger(value));
  if (fractions.length < MIN_FRACTIONS) return undefined;
  return HALF_GRIDS.find(({ round }) => fractions.every((value) => round(value) === value))?.precision;
}

function sideOf({ outputs, secondOutputs = [] }: BatchResult, side: keyof OutputNoise) {
  return side === 'reference' ? outputs : secondOutputs;
}

/** What two values of a tensor's row differ by at the least: that of its largest, or of the logarithm of a share. */
function leastMovement(tensor: BatchTensor, precision = PRECISION[tensor.type] ?? 0): number {
  const values = new RowReader().read(tensor, 0);
  if (isDistribution(values, 0, lastAxisLength(tensor))) return precision;
  return values.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, precision * Math.abs(value)) : most),
    0,
  );
}

/** The largest movement of any gap: the span of the differences of the logits, at the position where it is widest. */
function movement(alone: BatchTensor, other: BatchTensor, row: number): number {
  if (other.size !== alone.size || other.type !== alone.type) return 0;
  const count = lastAxisLength(alone);
  const a = new RowReader().read(alone, 0);
  const b = new RowReader().read(other, row);
  let widest = 0;
  for (let from = 0; from < a.length; from += count) {
    const areShares = isDistribution(a, from, count) && isDistribution(b, from, count);
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let k = from; k < from + count; k++) {
      if (areShares && Math.min(a[k], b[k]) < MIN_SHARE) continue;
      const difference = toLogit(b[k], areShares) - toLogit(a[k], areShares);
      if (!Number.isFinite(difference)) continue;
      least = Math.min(least, difference);
      most = Math.max(most, difference);
    }
    if (most > least) widest = Math.max(widest, most - least);
  }
  return widest;
}

function roundUp(noise: number): number {
  return noise === 0 ? 0 : 2 ** Math.ceil(Math.log2(noise));
}
