import { type LayerDivergences, measureLayerDivergences } from '../analysis/layer-divergence.ts';
import type { Origin, OriginDetails } from '../analysis/nonfinite-localizer.ts';
import { findNumericalSites } from '../analysis/numerical-sites/find-sites.ts';
import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import { marginsOf, tensorsToWatch as sensorsOf } from '../analysis/numerical-sites/site-margins.ts';
import { errorMessage } from '../core/errors.ts';
import { PluginError } from '../extensions/plugin-loader.ts';
import type { BatchedModel, BatchResult, BatchTensor, TestcaseBatch } from '../model/batched-model.ts';
import type { Model, NamedTensor } from '../model/model.ts';
import { dependsOnMachine, failedRunViolation } from '../objectives/crash-signature.ts';
import {
  isSignatureOf,
  type JudgedBatch,
  MAX_MARGINS,
  type Objective,
  slug,
  type Violation,
} from '../objectives/objective.ts';
import { bytesOf, cloneData, rowsOf } from '../tensor/tensor.ts';
import { type AttributedViolation, Attributor } from './attributor.ts';
import { median, objectiveTensors, prepareSlices, sliceBatch, sliceTestcases } from './prepare-slices.ts';

/** How often a finding is run again. */
const CONFIRMATION_RUNS = 10;

/** How often one that takes the whole time limit, or all of the memory, is. */
const COSTLY_CONFIRMATION_RUNS = 2;

/** How often a finding of an objective is run again. */
export function confirmationRuns(objective: string): number {
  return dependsOnMachine(objective) ? COSTLY_CONFIRMATION_RUNS : CONFIRMATION_RUNS;
}

/** How running a testcase again went. */
export interface RerunResult {
  /** Runs that gave the signature, of so many. */
  readonly matchingRuns: number;
  readonly totalRuns: number;
  /** Other signatures that came up instead. */
  readonly otherSignatures: readonly string[];
  /** Where it begins, if that was asked for and can be said. */
  readonly origin?: OriginDetails | undefined;
  /** The summary with what is known of where it begins. */
  readonly summary?: string | undefined;
  /** What was seen, in the first run that gave the signature. */
  readonly violation?: Violation | undefined;
  /** What both models of a pair gave for the testcase in the first run, or the model for it as it is and changed. */
  readonly outputs?: PairOutputs | undefined;
  /** Of a pair, where it was asked to explain: where the copy departs. */
  readonly layerDivergences?: LayerDivergences | undefined;
  /** Of a pair: whether the reference gave the same, bit for bit, in all runs. */
  readonly isDeterministic?: boolean | undefined;
}

/** What two runs gave for one testcase: two models, or one on it as it is and changed; under the reference's names. */
export interface PairOutputs {
  readonly reference: readonly NamedTensor[];
  readonly second: readonly NamedTensor[];
}

/** Whether a variant of a testcase breaks in the same way, in another one, or not. */
export type VariantOutcome = 'same' | 'other' | 'none';

/** What is expected to come up. */
export interface ExpectedViolation {
  readonly signature: string;
  /** Tensors that the violation was seen in. */
  readonly tensors: readonly string[];
}

/** What is run again. */
export interface RerunRequest {
  readonly batch: TestcaseBatch;
  readonly rows: number;
  /** Which row of the block is the testcase. */
  readonly row: number;
  /** The class that the testcase's seed shows. */
  readonly label?: number | undefined;
  /** The testcase as its objective has it changed. */
  readonly transformed?: TestcaseBatch | undefined;
  /** Another one of its shape, which says how long a run usually takes. */
  readonly reference?: TestcaseBatch | undefined;
  /** Whether there is memory for tracing; violations bear the names of what was seen else. */
  readonly canTrace: boolean;
  /** Whether to say, of a pair, where the copy departs. */
  readonly comparesLayers?: boolean;
  /** Whether to say where the violation begins. */
  readonly explainsOrigin?: boolean;
}

/**
 * Runs a testcase again and counts how often it breaks the same objective in the same way. A run that the
 * runtime fails is a violation too. Inner tensors are exposed only where the violation lies in one: exposing
 * them may change the result.
 *
 * @param beat called between runs
 */
export async function rerunTestcase(
  model: BatchedModel,
  objectives: readonly Objective[],
  suspect: ExpectedViolation,
  retrial: RerunRequest,
  runs: number,
  beat: () => void = () => {},
): Promise<RerunResult> {
  const { batch, row, explainsOrigin = false } = retrial;
  const placer = new Attributor(model, retrial.canTrace);
  // The testcase is the same in all runs, and so is where what is seen begins.
  const traced = new Map<string, AttributedViolation>();
  const isSame = ({ violation: { signature, symptom } }: AttributedViolation): boolean =>
    signature === suspect.signature || symptom === suspect.signature;
  const others = new Set<string>();
  const results: BatchResult[] = [];
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
    explainsOrigin && origin !== undefined
      ? await placer.describeOrigin(origin, sliceTestcases(batch, row, row + 1))
      : undefined;
  const departures =
    retrial.comparesLayers === true
      ? await layerDivergencesAt(model, sliceTestcases(batch, row, row + 1), beat)
      : undefined;
  return {
    matchingRuns: times,
    totalRuns: runs,
    otherSignatures: [...others],
    ...(details === undefined ? {} : { origin: details }),
    ...(broken === undefined
      ? {}
      : { summary: explainViolation(objectives, broken, details).summary, violation: broken }),
    ...(departures === undefined ? {} : { layerDivergences: departures }),
    ...pairOutputsOf(results, row),
  };
}

/** A violation that says what the operation where it begins was given, where that is known. */
function explainViolation(
  objectives: readonly Objective[],
  violation: Violation,
  origin: OriginDetails | undefined,
): Violation {
  const objective = objectives.find(({ name }) => name === violation.objective);
  return origin === undefined ? violation : (objective?.explain?.(violation, origin) ?? violation);
}

/** Layer by layer, where the copy departs on one testcase; undefined where that can't be seen. */
async function layerDivergencesAt(
  model: BatchedModel,
  testcase: TestcaseBatch,
  beat: () => void,
): Promise<LayerDivergences | undefined> {
  const { secondModel } = model.model;
  if (secondModel === undefined) return undefined;
  const feeds = model.feeds(testcase, 1);
  try {
    return await measureLayerDivergences(
      model.model,
      secondModel,
      [[feeds, secondModel.feeds(feeds)]],
      undefined,
      beat,
    );
  } catch {
    // Both models run; what fails is looking into one of them.
    return undefined;
  }
}

/** What a pair gave for a row, and whether the reference always gave that; nothing where there is no pair. */
function pairOutputsOf(
  results: readonly BatchResult[],
  at: number,
): Pick<RerunResult, 'outputs' | 'isDeterministic'> {
  const [first, ...further] = results;
  if (first?.secondOutputs === undefined) return {};
  // Of a testcase that is run changed as well, the row is alone already.
  const row = first.rows === 1 ? 0 : at;
  const reference = rowTensors(first.outputs, row);
  const steady = further.every(({ outputs }) =>
    rowTensors(outputs, row).every(
      ({ data }, i) => Buffer.compare(bytesOf(data), bytesOf(reference[i].data)) === 0,
    ),
  );
  return { outputs: { reference, second: rowTensors(first.secondOutputs, row) }, isDeterministic: steady };
}

function rowTensors(tensors: readonly BatchTensor[], row: number): NamedTensor[] {
  return tensors.map(({ name, type, shape, size, data }) => ({
    name,
    type,
    shape,
    data: cloneData(rowsOf(data, size, row, row + 1)),
  }));
}

/** Every way in which a row breaks an objective in one run. */
async function runOnce(
  model: BatchedModel,
  objectives: readonly Objective[],
  placer: Attributor,
  traced: Map<string, AttributedViolation>,
  suspect: ExpectedViolation,
  { batch, rows, row, label, transformed, reference }: RerunRequest,
  results: BatchResult[],
): Promise<AttributedViolation[]> {
  const known = new Set([...model.model.outputs, ...model.model.inputs.map(({ name }) => name)]);
  // All that its objective reads, where it lies in an inner tensor at all: it judges nothing else.
  const needed = objectiveTensors(objectives, model.model);
  const inner = suspect.tensors.filter((name) => !known.has(name));
  const isNeeded = inner.some((name) => needed.includes(name));
  const usual = await measureUsualSeconds(model, objectives, reference);
  const start = performance.now();
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, isNeeded ? [...new Set([...inner, ...needed])] : inner);
  } catch (error) {
    return [{ violation: failedRunViolation(errorMessage(error)) }];
  }
  const time = usual === undefined ? undefined : { took: (performance.now() - start) / 1000, usual };
  const labels =
    label === undefined ? undefined : Int32Array.from({ length: rows }, (_, i) => (i === row ? label : -1));
  results.push(result);
  const found: { readonly objective: Objective; readonly violation: Violation }[] = [];
  for (const objective of objectives) {
    const isSuspect = isSignatureOf(suspect.signature, objective.name);
    const isChanged = objective.change !== undefined;
    // The changed testcase is as one objective has it, and says nothing about others.
    if (isChanged && (transformed === undefined || !isSuspect)) continue;
    const own: BatchResult = isChanged ? sliceBatch(result, row, row + 1) : result;
    const at = isChanged ? 0 : row;
    const parts = await prepareSlices(
      objective,
      model,
      own,
      { labels, time },
      transformed && (() => transformed),
    );
    for (const { batch: run } of parts) {
      judgeGuarded(objective, isSuspect, run, at, (judged, violation) => {
        if (judged === at) found.push({ objective, violation });
      });
      if (run.transformed !== undefined) results[results.length - 1] = asPairResult(run);
    }
  }
  const placed: AttributedViolation[] = [];
  for (const { objective, violation } of found) {
    let one = traced.get(violation.signature);
    if (one === undefined) {
      const where = {
        testcase: sliceTestcases(batch, row, row + 1),
        batch: { block: batch, rows },
        exhaustive: true,
      };
      one = await placer.attribute(objective, violation, where);
      traced.set(violation.signature, one);
    }
    placed.push(one);
  }
  return placed;
}

/** Variants of a testcase that are looked at together. */
export interface VariantBatch {
  readonly batch: TestcaseBatch;
  readonly rows: number;
  readonly label?: number | undefined;
  readonly canTrace: boolean;
}

/**
 * Says of each of some testcases whether it breaks the same objective in the same way, each run once and all in one batch.
 * What hangs on the rest of the batch is for `reproduce` to tell.
 */
export async function testVariants(
  model: BatchedModel,
  objectives: readonly Objective[],
  suspect: ExpectedViolation,
  { batch, rows, label, canTrace }: VariantBatch,
): Promise<boolean[]> {
  if (rows > model.maxBatchSize)
    return testHalves(model, objectives, suspect, { batch, rows, label, canTrace });
  const own = objectives.filter(
    ({ name, change }) => change === undefined && isSignatureOf(suspect.signature, name),
  );
  const known = new Set([...model.model.outputs, ...model.model.inputs.map(({ name }) => name)]);
  const inner = suspect.tensors.filter((name) => !known.has(name));
  const watched = [...new Set([...inner, ...objectiveTensors(own, model.model)])];
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, watched);
  } catch (error) {
    if (rows > 1) return testHalves(model, objectives, suspect, { batch, rows, label, canTrace });
    return [failedRunViolation(errorMessage(error)).signature === suspect.signature];
  }
  const placer = new Attributor(model, canTrace);
  const held = new Array<boolean>(rows).fill(false);
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  for (const objective of own) {
    const [{ batch: run }] = await prepareSlices(objective, model, result, { labels }, undefined);
    const seen: { readonly row: number; readonly violation: Violation }[] = [];
    judgeGuarded(objective, true, run, 0, (row, violation) => seen.push({ row, violation }));
    for (const { row, violation } of seen) {
      if (held[row]) continue;
      const testcase = sliceTestcases(batch, row, row + 1);
      const placed =
        violation.signature === suspect.signature
          ? violation
          : (await placer.attribute(objective, violation, { testcase, exhaustive: true })).violation;
      held[row] = placed.signature === suspect.signature;
    }
  }
  return held;
}

/**
 * How far each of some testcases is from breaking in the same way, by the operation that the signature names or by the
 * objective's own margins: 0 where it does, infinite where nothing tells.
 */
export async function variantMargins(
  model: BatchedModel,
  objectives: readonly Objective[],
  suspect: ExpectedViolation,
  { batch, rows, label }: VariantBatch,
): Promise<Float64Array> {
  const out = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  if (rows > model.maxBatchSize) {
    for (let row = 0; row < rows; row++)
      out.set(
        await variantMargins(model, objectives, suspect, {
          ...singleRow(batch, row),
          label,
          canTrace: false,
        }),
        row,
      );
    return out;
  }
  const own = objectives.filter(
    ({ name, change, margins, predictMargins }) =>
      margins !== undefined &&
      predictMargins === undefined &&
      change === undefined &&
      isSignatureOf(suspect.signature, name),
  );
  const aims = cachedSites(model.model)
    .filter(({ name }) => suspect.signature.endsWith(`-${slug(name)}`))
    .flatMap((site) => site.targets);
  const watched = [...new Set([...aims.flatMap(sensorsOf), ...objectiveTensors(own, model.model)])];
  if (aims.length === 0 && own.length === 0) return out;
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, watched);
  } catch {
    return out;
  }
  const tensors = new Map([...result.outputs, ...result.activations].map((tensor) => [tensor.name, tensor]));
  const room = new Float64Array(MAX_MARGINS);
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  for (let row = 0; row < rows; row++) {
    for (const aim of aims) out[row] = Math.min(out[row], ...marginsOf(aim, tensors, row));
    for (const objective of own) {
      const run: JudgedBatch = { ...result, ...(labels === undefined ? {} : { labels }) };
      const count = objective.margins?.(run, row, room) ?? 0;
      for (let i = 0; i < count; i++) out[row] = Math.min(out[row], room[i]);
    }
  }
  return out;
}

/** Sites of models that were asked for: finding them looks at the whole graph. */
const SITES_BY_MODEL = new WeakMap<Model, readonly NumericalSite[]>();

function cachedSites(model: Model): readonly NumericalSite[] {
  const known = SITES_BY_MODEL.get(model) ?? findNumericalSites(model);
  SITES_BY_MODEL.set(model, known);
  return known;
}

function singleRow(block: TestcaseBatch, row: number) {
  return { batch: sliceTestcases(block, row, row + 1), rows: 1 };
}

/** The same for each half by itself. */
async function testHalves(
  model: BatchedModel,
  objectives: readonly Objective[],
  suspect: ExpectedViolation,
  { batch, rows, label, canTrace }: VariantBatch,
): Promise<boolean[]> {
  const middle = rows >> 1;
  const half = (from: number, to: number): Promise<boolean[]> =>
    testVariants(model, objectives, suspect, {
      batch: sliceTestcases(batch, from, to),
      rows: to - from,
      label,
      canTrace,
    });
  return [...(await half(0, middle)), ...(await half(middle, rows))];
}

/** Judges; a plug-in that fails says nothing about a violation of another objective. */
function judgeGuarded(
  objective: Objective,
  isSuspect: boolean,
  run: JudgedBatch,
  at: number,
  report: Parameters<Objective['judge']>[1],
): void {
  try {
    objective.judge(run, report);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
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
function asPairResult({ transformed, ...run }: JudgedBatch): BatchResult {
  return { ...run, secondOutputs: transformed?.outputs ?? [] };
}

/** Runs of the reference that say how long a run usually takes. */
const REFERENCE_RUNS = 7;

/** Seconds that a run of another testcase of the same shape takes, where an objective needs to know. */
async function measureUsualSeconds(
  model: BatchedModel,
  objectives: readonly Objective[],
  reference: TestcaseBatch | undefined,
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
