import { type Departures, departuresOf } from '../analysis/layer-divergence.ts';
import type { Origin, OriginDetails } from '../analysis/nonfinite-localizer.ts';
import { sitesOf } from '../analysis/numerical-sites/find-sites.ts';
import type { Site } from '../analysis/numerical-sites/site.ts';
import { marginsOf, tensorsOf as sensorsOf } from '../analysis/numerical-sites/site-margins.ts';
import { reason } from '../core/errors.ts';
import { PluginFailure } from '../extensions/plugin-loader.ts';
import type { RowModel, RowResult, Rows, RowTensor } from '../model/batched-model.ts';
import type { Model, NamedTensor } from '../model/model.ts';
import { dependsOnMachine, failedRun } from '../objectives/crash-signature.ts';
import {
  isOf,
  MOST_MARGINS,
  type Objective,
  type Run,
  slug,
  type Violation,
} from '../objectives/objective.ts';
import { bytesOf, copyOf, rowsOf } from '../tensor/tensor.ts';
import { type Placed, Placer } from './attribution.ts';
import { median, partsFor, runRows, someRows, tensorsFor } from './judged-batch.ts';

/** How often a finding is run again. */
const RUNS = 10;

/** How often one that takes the whole time limit, or all of the memory, is. */
const COSTLY_RUNS = 2;

/** How often a finding of an objective is run again. */
export function runsOf(objective: string): number {
  return dependsOnMachine(objective) ? COSTLY_RUNS : RUNS;
}

/** How running a testcase again went. */
export interface Reproduction {
  /** Runs that gave the signature, of so many. */
  readonly times: number;
  readonly of: number;
  /** Other signatures that came up instead. */
  readonly others: readonly string[];
  /** Where it begins, if that was asked for and can be said. */
  readonly origin?: OriginDetails | undefined;
  /** The summary with what is known of where it begins. */
  readonly summary?: string | undefined;
  /** What was seen, in the first run that gave the signature. */
  readonly violation?: Violation | undefined;
  /** What both models of a pair gave for the testcase in the first run, or the model for it as it is and changed. */
  readonly outputs?: PairOutputs | undefined;
  /** Of a pair, where it was asked to explain: where the copy departs. */
  readonly departures?: Departures | undefined;
  /** Of a pair: whether the reference gave the same, bit for bit, in all runs. */
  readonly steady?: boolean | undefined;
}

/** What two runs gave for one testcase: two models, or one on it as it is and changed; under the reference's names. */
export interface PairOutputs {
  readonly reference: readonly NamedTensor[];
  readonly copy: readonly NamedTensor[];
}

/** Whether a variant of a testcase breaks in the same way, in another one, or not. */
export type VariantOutcome = 'same' | 'other' | 'none';

/** What is expected to come up. */
export interface Suspect {
  readonly signature: string;
  /** Tensors that the violation was seen in. */
  readonly tensors: readonly string[];
}

/** What is run again. */
export interface Retrial {
  readonly block: Rows;
  readonly rows: number;
  /** Which row of the block is the testcase. */
  readonly row: number;
  /** The class that the testcase's seed shows. */
  readonly label?: number | undefined;
  /** The testcase as its objective has it changed. */
  readonly changed?: Rows | undefined;
  /** Another one of its shape, which says how long a run usually takes. */
  readonly reference?: Rows | undefined;
  /** Whether there is memory for tracing; violations bear the names of what was seen else. */
  readonly traces: boolean;
  /** Whether to say, of a pair, where the copy departs. */
  readonly compares?: boolean;
  /** Whether to say where the violation begins. */
  readonly explains?: boolean;
}

/**
 * Runs a testcase again and counts how often it breaks the same objective in the same way. A run that the
 * runtime fails is a violation too. Inner tensors are exposed only where the violation lies in one: exposing
 * them may change the result.
 *
 * @param beat called between runs
 */
export async function reproduce(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  retrial: Retrial,
  runs: number,
  beat: () => void = () => {},
): Promise<Reproduction> {
  const { block, row, explains = false } = retrial;
  const placer = new Placer(model, retrial.traces);
  // The testcase is the same in all runs, and so is where what is seen begins.
  const traced = new Map<string, Placed>();
  const isSame = ({ violation: { signature, symptom } }: Placed): boolean =>
    signature === suspect.signature || symptom === suspect.signature;
  const others = new Set<string>();
  const results: RowResult[] = [];
  let origin: Origin | undefined;
  let broken: Violation | undefined;
  let times = 0;
  for (let n = 0; n < runs; n++) {
    const seen = await runOnce(model, objectives, placer, traced, suspect, retrial, results);
    const same = seen.find(isSame);
    origin ??= same?.origin;
    broken ??= same?.violation;
    if (same !== undefined) times++;
    else for (const { violation } of seen) others.add(violation.signature);
    beat();
  }
  const details =
    explains && origin !== undefined
      ? await placer.describe(origin, someRows(block, row, row + 1))
      : undefined;
  const departures =
    retrial.compares === true ? await departuresAt(model, someRows(block, row, row + 1), beat) : undefined;
  return {
    times,
    of: runs,
    others: [...others],
    ...(details === undefined ? {} : { origin: details }),
    ...(broken === undefined
      ? {}
      : { summary: explained(objectives, broken, details).summary, violation: broken }),
    ...(departures === undefined ? {} : { departures }),
    ...pairOf(results, row),
  };
}

/** A violation that says what the operation where it begins was given, where that is known. */
function explained(
  objectives: readonly Objective[],
  violation: Violation,
  origin: OriginDetails | undefined,
): Violation {
  const objective = objectives.find(({ name }) => name === violation.objective);
  return origin === undefined ? violation : (objective?.explain?.(violation, origin) ?? violation);
}

/** Layer by layer, where the copy departs on one testcase; undefined where that can't be seen. */
async function departuresAt(
  model: RowModel,
  testcase: Rows,
  beat: () => void,
): Promise<Departures | undefined> {
  const { copy } = model.model;
  if (copy === undefined) return undefined;
  const feeds = model.feeds(testcase, 1);
  try {
    return await departuresOf(model.model, copy, [[feeds, copy.feeds(feeds)]], undefined, beat);
  } catch {
    // Both models run; what fails is looking into one of them.
    return undefined;
  }
}

/** What a pair gave for a row, and whether the reference always gave that; nothing where there is no pair. */
function pairOf(results: readonly RowResult[], at: number): Pick<Reproduction, 'outputs' | 'steady'> {
  const [first, ...further] = results;
  if (first?.copy === undefined) return {};
  // Of a testcase that is run changed as well, the row is alone already.
  const row = first.rows === 1 ? 0 : at;
  const reference = rowOf(first.outputs, row);
  const steady = further.every(({ outputs }) =>
    rowOf(outputs, row).every(
      ({ data }, i) => Buffer.compare(bytesOf(data), bytesOf(reference[i].data)) === 0,
    ),
  );
  return { outputs: { reference, copy: rowOf(first.copy, row) }, steady };
}

function rowOf(tensors: readonly RowTensor[], row: number): NamedTensor[] {
  return tensors.map(({ name, type, shape, size, data }) => ({
    name,
    type,
    shape,
    data: copyOf(rowsOf(data, size, row, row + 1)),
  }));
}

/** Every way in which a row breaks an objective in one run. */
async function runOnce(
  model: RowModel,
  objectives: readonly Objective[],
  placer: Placer,
  traced: Map<string, Placed>,
  suspect: Suspect,
  { block, rows, row, label, changed, reference }: Retrial,
  results: RowResult[],
): Promise<Placed[]> {
  const known = new Set([...model.model.outputs, ...model.model.inputs.map(({ name }) => name)]);
  // All that its objective reads, where it lies in an inner tensor at all: it judges nothing else.
  const needed = tensorsFor(objectives, model.model);
  const inner = suspect.tensors.filter((name) => !known.has(name));
  const isNeeded = inner.some((name) => needed.includes(name));
  const usual = await usualTime(model, objectives, reference);
  const start = performance.now();
  let result: RowResult;
  try {
    result = await model.run(block, rows, isNeeded ? [...new Set([...inner, ...needed])] : inner);
  } catch (error) {
    return [{ violation: failedRun(reason(error)) }];
  }
  const time = usual === undefined ? undefined : { took: (performance.now() - start) / 1000, usual };
  const labels =
    label === undefined ? undefined : Int32Array.from({ length: rows }, (_, i) => (i === row ? label : -1));
  results.push(result);
  const found: { readonly objective: Objective; readonly violation: Violation }[] = [];
  for (const objective of objectives) {
    const isSuspect = isOf(suspect.signature, objective.name);
    const isChanged = objective.change !== undefined;
    // The changed testcase is as one objective has it, and says nothing about others.
    if (isChanged && (changed === undefined || !isSuspect)) continue;
    const own: RowResult = isChanged ? runRows(result, row, row + 1) : result;
    const at = isChanged ? 0 : row;
    const parts = await partsFor(objective, model, own, { labels, time }, changed && (() => changed));
    for (const { run } of parts) {
      judgeOr(objective, isSuspect, run, at, (judged, violation) => {
        if (judged === at) found.push({ objective, violation });
      });
      if (run.changed !== undefined) results[results.length - 1] = secondOf(run);
    }
  }
  const placed: Placed[] = [];
  for (const { objective, violation } of found) {
    let one = traced.get(violation.signature);
    if (one === undefined) {
      const where = { testcase: someRows(block, row, row + 1), batch: { block, rows }, thoroughly: true };
      one = await placer.place(objective, violation, where);
      traced.set(violation.signature, one);
    }
    placed.push(one);
  }
  return placed;
}

/** Variants of a testcase that are looked at together. */
export interface Variants {
  readonly block: Rows;
  readonly rows: number;
  readonly label?: number | undefined;
  readonly traces: boolean;
}

/**
 * Says of each of some testcases whether it breaks the same objective in the same way, each run once and all in one batch.
 * What hangs on the rest of the batch is for `reproduce` to tell.
 */
export async function breaking(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  { block, rows, label, traces }: Variants,
): Promise<boolean[]> {
  if (rows > model.largestBatch) return halves(model, objectives, suspect, { block, rows, label, traces });
  const own = objectives.filter(({ name, change }) => change === undefined && isOf(suspect.signature, name));
  const known = new Set([...model.model.outputs, ...model.model.inputs.map(({ name }) => name)]);
  const inner = suspect.tensors.filter((name) => !known.has(name));
  const watched = [...new Set([...inner, ...tensorsFor(own, model.model)])];
  let result: RowResult;
  try {
    result = await model.run(block, rows, watched);
  } catch (error) {
    if (rows > 1) return halves(model, objectives, suspect, { block, rows, label, traces });
    return [failedRun(reason(error)).signature === suspect.signature];
  }
  const placer = new Placer(model, traces);
  const held = new Array<boolean>(rows).fill(false);
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  for (const objective of own) {
    const [{ run }] = await partsFor(objective, model, result, { labels }, undefined);
    const seen: { readonly row: number; readonly violation: Violation }[] = [];
    judgeOr(objective, true, run, 0, (row, violation) => seen.push({ row, violation }));
    for (const { row, violation } of seen) {
      if (held[row]) continue;
      const testcase = someRows(block, row, row + 1);
      const placed =
        violation.signature === suspect.signature
          ? violation
          : (await placer.place(objective, violation, { testcase, thoroughly: true })).violation;
      held[row] = placed.signature === suspect.signature;
    }
  }
  return held;
}

/**
 * How far each of some testcases is from breaking in the same way, by the operation that the signature names or by the
 * objective's own margins: 0 where it does, infinite where nothing tells.
 */
export async function nearness(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  { block, rows, label }: Variants,
): Promise<Float64Array> {
  const out = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  if (rows > model.largestBatch) {
    for (let row = 0; row < rows; row++)
      out.set(
        await nearness(model, objectives, suspect, { ...oneOf(block, row), label, traces: false }),
        row,
      );
    return out;
  }
  const own = objectives.filter(
    ({ name, change, margins, foresee }) =>
      margins !== undefined && foresee === undefined && change === undefined && isOf(suspect.signature, name),
  );
  const aims = sitesIn(model.model)
    .filter(({ name }) => suspect.signature.endsWith(`-${slug(name)}`))
    .flatMap((site) => site.aims);
  const watched = [...new Set([...aims.flatMap(sensorsOf), ...tensorsFor(own, model.model)])];
  if (aims.length === 0 && own.length === 0) return out;
  let result: RowResult;
  try {
    result = await model.run(block, rows, watched);
  } catch {
    return out;
  }
  const tensors = new Map([...result.outputs, ...result.activations].map((tensor) => [tensor.name, tensor]));
  const room = new Float64Array(MOST_MARGINS);
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  for (let row = 0; row < rows; row++) {
    for (const aim of aims) out[row] = Math.min(out[row], ...marginsOf(aim, tensors, row));
    for (const objective of own) {
      const run: Run = { ...result, ...(labels === undefined ? {} : { labels }) };
      const count = objective.margins?.(run, row, room) ?? 0;
      for (let i = 0; i < count; i++) out[row] = Math.min(out[row], room[i]);
    }
  }
  return out;
}

/** Sites of models that were asked for: finding them looks at the whole graph. */
const SITES = new WeakMap<Model, readonly Site[]>();

function sitesIn(model: Model): readonly Site[] {
  const known = SITES.get(model) ?? sitesOf(model);
  SITES.set(model, known);
  return known;
}

function oneOf(block: Rows, row: number) {
  return { block: someRows(block, row, row + 1), rows: 1 };
}

/** The same for each half by itself. */
async function halves(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  { block, rows, label, traces }: Variants,
): Promise<boolean[]> {
  const middle = rows >> 1;
  const half = (from: number, to: number): Promise<boolean[]> =>
    breaking(model, objectives, suspect, {
      block: someRows(block, from, to),
      rows: to - from,
      label,
      traces,
    });
  return [...(await half(0, middle)), ...(await half(middle, rows))];
}

/** Judges; a plug-in that fails says nothing about a violation of another objective. */
function judgeOr(
  objective: Objective,
  isSuspect: boolean,
  run: Run,
  at: number,
  report: Parameters<Objective['judge']>[1],
): void {
  try {
    objective.judge(run, report);
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    if (!isSuspect) return;
    // What it fails on now is no finding of its own, and no testcase that is fixed.
    const { message } = error;
    report(at, {
      objective: 'plug-in',
      signature: 'plugin-failed',
      summary: message,
      tensors: [],
      details: {},
    });
  }
}

/** What the model gave for a testcase as it is, and beside it for the changed one. */
function secondOf({ changed, ...run }: Run): RowResult {
  return { ...run, copy: changed?.outputs ?? [] };
}

/** Runs of the reference that say how long a run usually takes. */
const REFERENCE_RUNS = 7;

/** Seconds that a run of another testcase of the same shape takes, where an objective needs to know. */
async function usualTime(
  model: RowModel,
  objectives: readonly Objective[],
  reference: Rows | undefined,
): Promise<number | undefined> {
  if (reference === undefined || objectives.every(({ timed }) => timed !== true)) return undefined;
  const times: number[] = [];
  for (let n = 0; n < REFERENCE_RUNS; n++) {
    const start = performance.now();
    await model.run(reference, 1, []);
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}
