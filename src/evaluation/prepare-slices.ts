import { errorMessage } from '../core/errors.ts';
import type { BatchedModel, BatchResult, BatchTensor, TestcaseBatch } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import type { JudgedBatch, Objective } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';

/** What is known of a run's rows beside what the model gave. */
export interface BatchContext {
  readonly labels?: ArrayLike<number> | undefined;
  readonly time?: JudgedBatch['time'] | undefined;
}

/** Rows of a run as an objective judges them: all of them, unless some of their changed rows can't be run. */
export interface BatchSlice {
  readonly batch: JudgedBatch;
  /** Its first row's place in the whole. */
  readonly firstRow: number;
}

/**
 * A run as an objective judges it. Where it changes testcases, those are run here: all together, and where the runtime
 * fails that, halved until what fails it stands alone.
 *
 * @param changed makes the changed rows; absent where they can't be made
 */
export async function prepareSlices(
  objective: Objective,
  model: BatchedModel,
  result: BatchResult,
  { labels, time }: BatchContext,
  changed: (() => TestcaseBatch) | undefined,
): Promise<readonly BatchSlice[]> {
  const whole: JudgedBatch = {
    ...result,
    ...(objective.labelled === true && labels !== undefined ? { labels } : {}),
    ...(objective.timed === true && time !== undefined ? { time } : {}),
  };
  if (objective.change === undefined || changed === undefined) return [{ batch: whole, firstRow: 0 }];
  return runTransformed(model, whole, changed(), 0);
}

async function runTransformed(
  model: BatchedModel,
  run: JudgedBatch,
  rows: TestcaseBatch,
  from: number,
): Promise<readonly BatchSlice[]> {
  try {
    return [{ batch: { ...run, transformed: await model.run(rows, run.rows, []) }, firstRow: from }];
  } catch (error) {
    if (run.rows === 1) return [{ batch: { ...run, transformedError: errorMessage(error) }, firstRow: from }];
    const middle = run.rows >> 1;
    const part = (a: number, b: number): Promise<readonly BatchSlice[]> =>
      runTransformed(model, sliceBatch(run, a, b), sliceTestcases(rows, a, b), from + a);
    return [...(await part(0, middle)), ...(await part(middle, run.rows))];
  }
}

/** Some rows of a run: views. */
export function sliceBatch(run: JudgedBatch, from: number, to: number): JudgedBatch {
  const cut = (tensors: readonly BatchTensor[]): BatchTensor[] =>
    tensors.map((tensor) => ({ ...tensor, data: rowsOf(tensor.data, tensor.size, from, to) }));
  const cutResult = (result: BatchResult): BatchResult => ({
    rows: to - from,
    inputs: cut(result.inputs),
    outputs: cut(result.outputs),
    activations: cut(result.activations),
    ...(result.secondOutputs === undefined ? {} : { secondOutputs: cut(result.secondOutputs) }),
    ...(result.texts === undefined ? {} : { texts: result.texts.slice(from, to) }),
  });
  return {
    ...run,
    ...cutResult(run),
    ...(run.labels === undefined ? {} : { labels: Array.from(run.labels).slice(from, to) }),
    ...(run.transformed === undefined ? {} : { transformed: cutResult(run.transformed) }),
  };
}

/** Some rows of a block: views. */
export function sliceTestcases({ form, inputs }: TestcaseBatch, from: number, to: number): TestcaseBatch {
  return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(inputs[i], size, from, to)) };
}

/** Tensors that have to be watched for objectives: those that they read and that are neither input nor output. */
export function objectiveTensors(
  objectives: readonly Pick<Objective, 'tensors'>[],
  { inputs, outputs }: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  const given = new Set([...inputs.map(({ name }) => name), ...outputs]);
  return [...new Set(objectives.flatMap(({ tensors = [] }) => tensors))].filter((name) => !given.has(name));
}

/** What is watched in every run: for coverage, and behind that what objectives read. */
export function watchedTensors(
  watched: readonly string[],
  objectives: readonly Pick<Objective, 'tensors'>[],
  model: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  return [...new Set([...watched, ...objectiveTensors(objectives, model)])];
}

/** How long runs take, by what they are given: the median of the last ones of a form. */
export class RunTimeTracker {
  readonly #recentSeconds = new Map<string, number[]>();

  /** Seconds that a run of one row usually takes; infinite while too few were seen. */
  usualSeconds(form: string): number {
    const times = this.#recentSeconds.get(form) ?? [];
    return times.length >= MIN_RUNS ? median(times) : Number.POSITIVE_INFINITY;
  }

  /** Takes note of a run of one row. */
  record(form: string, seconds: number): void {
    const times = this.#recentSeconds.get(form) ?? [];
    times.push(seconds);
    if (times.length > MAX_REMEMBERED_RUNS) times.shift();
    this.#recentSeconds.set(form, times);
  }
}

/** Runs that a median is taken of, and those that have to be there first. */
const MAX_REMEMBERED_RUNS = 31;
const MIN_RUNS = 7;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.POSITIVE_INFINITY;
}
