import { reason } from '../core/errors.ts';
import type { RowModel, RowResult, Rows, RowTensor } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import type { Objective, Run } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';

/** What is known of a run's rows beside what the model gave. */
export interface Circumstances {
  readonly labels?: ArrayLike<number> | undefined;
  readonly time?: Run['time'] | undefined;
}

/** Rows of a run as an objective judges them: all of them, unless some of their changed rows can't be run. */
export interface Part {
  readonly run: Run;
  /** Its first row's place in the whole. */
  readonly from: number;
}

/**
 * A run as an objective judges it. Where it changes testcases, those are run here: all together, and where the runtime
 * fails that, halved until what fails it stands alone.
 *
 * @param changed makes the changed rows; absent where they can't be made
 */
export async function partsFor(
  objective: Objective,
  model: RowModel,
  result: RowResult,
  { labels, time }: Circumstances,
  changed: (() => Rows) | undefined,
): Promise<readonly Part[]> {
  const whole: Run = {
    ...result,
    ...(objective.labelled === true && labels !== undefined ? { labels } : {}),
    ...(objective.timed === true && time !== undefined ? { time } : {}),
  };
  if (objective.change === undefined || changed === undefined) return [{ run: whole, from: 0 }];
  return runChanged(model, whole, changed(), 0);
}

async function runChanged(model: RowModel, run: Run, rows: Rows, from: number): Promise<readonly Part[]> {
  try {
    return [{ run: { ...run, changed: await model.run(rows, run.rows, []) }, from }];
  } catch (error) {
    if (run.rows === 1) return [{ run: { ...run, failed: reason(error) }, from }];
    const middle = run.rows >> 1;
    const part = (a: number, b: number): Promise<readonly Part[]> =>
      runChanged(model, runRows(run, a, b), someRows(rows, a, b), from + a);
    return [...(await part(0, middle)), ...(await part(middle, run.rows))];
  }
}

/** Some rows of a run: views. */
export function runRows(run: Run, from: number, to: number): Run {
  const cut = (tensors: readonly RowTensor[]): RowTensor[] =>
    tensors.map((tensor) => ({ ...tensor, data: rowsOf(tensor.data, tensor.size, from, to) }));
  const cutResult = (result: RowResult): RowResult => ({
    rows: to - from,
    inputs: cut(result.inputs),
    outputs: cut(result.outputs),
    activations: cut(result.activations),
    ...(result.copy === undefined ? {} : { copy: cut(result.copy) }),
    ...(result.texts === undefined ? {} : { texts: result.texts.slice(from, to) }),
  });
  return {
    ...run,
    ...cutResult(run),
    ...(run.labels === undefined ? {} : { labels: Array.from(run.labels).slice(from, to) }),
    ...(run.changed === undefined ? {} : { changed: cutResult(run.changed) }),
  };
}

/** Some rows of a block: views. */
export function someRows({ form, columns }: Rows, from: number, to: number): Rows {
  return { form, columns: form.inputs.map(({ size }, i) => rowsOf(columns[i], size, from, to)) };
}

/** Tensors that have to be watched for objectives: those that they read and that are neither input nor output. */
export function tensorsFor(
  objectives: readonly Pick<Objective, 'tensors'>[],
  { inputs, outputs }: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  const given = new Set([...inputs.map(({ name }) => name), ...outputs]);
  return [...new Set(objectives.flatMap(({ tensors = [] }) => tensors))].filter((name) => !given.has(name));
}

/** What is watched in every run: for coverage, and behind that what objectives read. */
export function alwaysWatched(
  watched: readonly string[],
  objectives: readonly Pick<Objective, 'tensors'>[],
  model: Pick<Model, 'inputs' | 'outputs'>,
): string[] {
  return [...new Set([...watched, ...tensorsFor(objectives, model)])];
}

/** How long runs take, by what they are given: the median of the last ones of a form. */
export class Stopwatch {
  readonly #last = new Map<string, number[]>();

  /** Seconds that a run of one row usually takes; infinite while too few were seen. */
  usual(form: string): number {
    const times = this.#last.get(form) ?? [];
    return times.length >= LEAST_RUNS ? median(times) : Number.POSITIVE_INFINITY;
  }

  /** Takes note of a run of one row. */
  note(form: string, seconds: number): void {
    const times = this.#last.get(form) ?? [];
    times.push(seconds);
    if (times.length > REMEMBERED) times.shift();
    this.#last.set(form, times);
  }
}

/** Runs that a median is taken of, and those that have to be there first. */
const REMEMBERED = 31;
const LEAST_RUNS = 7;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.POSITIVE_INFINITY;
}
