import { UserError } from '../core/errors.ts';
import { isFiniteVector } from '../coverage/observation.ts';
import { type AttributedViolation, Attributor, isMeant } from '../evaluation/attributor.ts';
import { traceFailedRun } from '../evaluation/failed-run.ts';
import { prepareSlices } from '../evaluation/prepare-slices.ts';
import { runInHalves } from '../evaluation/run-in-halves.ts';
import { watchedTensors } from '../evaluation/watched-tensors.ts';
import { PluginError } from '../extensions/plugin-loader.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import { predictedClassOf } from '../inputs/predicted-class.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import { isNoFault, type JudgedBatch, type Objective, type Violation } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';
import type { TaskRunnerOptions } from './task-runner.ts';

/** A seed after its first run. */
export interface SeedResult {
  readonly data: TestcaseData;
  /** The observation of its run; empty where the run failed. */
  readonly activations: Float32Array;
  /** The first violation of an objective, if there is one. */
  readonly violation: Violation | undefined;
  /** Why a violation is the seed's fault and not the model's, so that the seed is left out: a clause for people. */
  readonly exemption?: string | undefined;
  /** The seed as the objective that it violates transforms it. */
  readonly transformed?: TestcaseData | undefined;
  /** The class that the model predicts. */
  readonly predictedClass: number;
  /** The run that it was judged in: its rows are consecutive seeds, and this is the seed's own. */
  readonly run: { readonly rows: number; readonly row: number };
}

type SeedRunnerOptions = Pick<
  TaskRunnerOptions,
  'batch' | 'model' | 'objectives' | 'watched' | 'transforms' | 'criterion' | 'traces'
>;

/** Whether a seed is a fault already: it violates an objective, and not as a tie. */
export function isFaulty({ violation }: Pick<SeedResult, 'violation'>): boolean {
  return violation !== undefined && !isNoFault(violation.signature);
}

/** Whether a seed can be fuzzed: it is no fault yet, and its observation can be compared. */
export function isFuzzable(seed: SeedResult): boolean {
  const { exemption, activations } = seed;
  return !isFaulty(seed) && exemption === undefined && isFiniteVector(activations, 0, activations.length);
}

/**
 * Runs every seed once; a seed that the runtime fails on is a violation.
 *
 * @param labels the class that each seed shows, below 0 where that is not known
 * @throws UserError where a plug-in fails
 */
export async function runSeeds(
  options: SeedRunnerOptions,
  seeds: readonly TestcaseData[],
  labels?: readonly number[],
): Promise<SeedResult[]> {
  const { model, objectives, watched, batch } = options;
  const tensors = watchedTensors(watched, objectives, model.model);
  const results: SeedResult[] = [];
  for (const group of groupIntoBatches(seeds, ({ form }) => form, batch)) {
    const firstSeed = results.length;
    const run = async (from: number, to: number): Promise<BatchResult> =>
      model.run(packBatch(group.slice(from, to)), to - from, tensors);
    for await (const outcome of runInHalves(0, group.length, run)) {
      const { from, to } = outcome;
      const members = group.slice(from, to);
      if ('error' in outcome) results.push(await failedSeed(options, members[0], outcome.error));
      else {
        const memberLabels = labels?.slice(firstSeed + from, firstSeed + to);
        results.push(...(await judgeSeeds(options, members, outcome.result, memberLabels)));
      }
    }
  }
  return results;
}

/** The run of a seed that ran alone. */
export const SINGLE_RUN: SeedResult['run'] = { rows: 1, row: 0 };

async function failedSeed(
  { model, traces }: SeedRunnerOptions,
  data: TestcaseData,
  error: unknown,
): Promise<SeedResult> {
  const violation = await traceFailedRun(model, data, error, traces);
  return { data, activations: new Float32Array(0), violation, predictedClass: NO_CLASS, run: SINGLE_RUN };
}

/** The violation that counts for a seed: that of the first objective to report one. */
interface SeedVerdict {
  readonly objective: Objective;
  readonly violation: Violation;
  readonly transformed: TestcaseData | undefined;
}

async function judgeSeeds(
  options: SeedRunnerOptions,
  seeds: readonly TestcaseData[],
  result: BatchResult,
  labels: readonly number[] | undefined,
): Promise<SeedResult[]> {
  const { model, objectives, watched, transforms, criterion, traces } = options;
  const observations = criterion.observe({
    ...result,
    activations: result.activations.slice(0, watched.length),
  });
  const width = observations.length / seeds.length;
  const verdicts = new Map<number, SeedVerdict>();
  const exemptions = new Map<number, string>();
  for (const objective of objectives) {
    const transform = transforms.get(objective.name);
    const transformed = transform && (() => transform.apply(packBatch(seeds), seeds.length));
    for (const { batch, firstRow } of await prepareSlices(
      objective,
      model,
      result,
      { labels, testcases: packBatch(seeds) },
      transformed,
    )) {
      judgeOrRefuse(objective, batch, (batchRow, violation) => {
        const row = firstRow + batchRow;
        if (objective.seedExemption !== undefined) exemptions.set(row, objective.seedExemption);
        else if (!verdicts.has(row)) {
          const transformedSeed = transform && packBatch([transform.apply(seeds[row], 1)]);
          verdicts.set(row, { objective, violation, transformed: transformedSeed });
        }
      });
    }
  }
  const violations = await attributeAll(new Attributor(model, traces), seeds, verdicts);
  return seeds.map((data, row) => ({
    data,
    activations: rowsOf(observations, width, row, row + 1).slice(),
    violation: violations.get(row),
    exemption: exemptions.get(row),
    transformed: violations.has(row) ? verdicts.get(row)?.transformed : undefined,
    predictedClass: predictedClassOf(result, row),
    run: { rows: seeds.length, row },
  }));
}

/**
 * Traces each row's violation to the operation that causes it; exhaustively for the first one of a signature only, which
 * takes long: those after it that are not traced otherwise are taken to be like it. What the graph means is none.
 */
async function attributeAll(
  attributor: Attributor,
  seeds: readonly TestcaseData[],
  verdicts: ReadonlyMap<number, SeedVerdict>,
): Promise<ReadonlyMap<number, Violation>> {
  const violations = new Map<number, Violation>();
  const firstOf = new Map<string, AttributedViolation>();
  for (const [row, { objective, violation }] of verdicts) {
    const first = firstOf.get(violation.signature);
    const request = { testcase: seeds[row], exhaustive: first === undefined };
    const traced = await attributor.attribute(objective, violation, request);
    const attributed = traced.origin === undefined ? (first ?? traced) : traced;
    if (first === undefined) firstOf.set(violation.signature, attributed);
    if (!isMeant(attributed)) violations.set(row, attributed.violation);
  }
  return violations;
}

/** @throws UserError where a plug-in fails on a seed: it would fail on its mutants as well */
function judgeOrRefuse(
  objective: Objective,
  batch: JudgedBatch,
  report: Parameters<Objective['judge']>[1],
): void {
  try {
    objective.judge(batch, report);
  } catch (error) {
    if (error instanceof PluginError)
      throw new UserError(`--objective: ${error.message}, on the seeds already`);
    throw error;
  }
}
