import { errorMessage, UserError } from '../core/errors.ts';
import type { WalkStep } from '../coverage/criterion.ts';
import { isFiniteVector } from '../coverage/index/neighbour-index.ts';
import { Attributor } from '../evaluation/attribution.ts';
import { prepareSlices, watchedTensors } from '../evaluation/judged-batch.ts';
import { PluginError } from '../extensions/plugin-loader.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import type { JudgedBatch, Objective, Violation } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';
import { NO_CLASS, predictedClassOf } from './corpus/predicted-class.ts';
import { unpackTestcase } from './packed-testcases.ts';
import { MAX_STACK_DEPTH } from './scheduling/mutator-arms.ts';
import { NO_ARM } from './scheduling/mutator-stack.ts';
import type { CorpusEntryData } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import { TaskRunner, type TaskRunnerOptions } from './task-runner.ts';

/** A seed after its first run. */
export interface SeedResult {
  readonly data: TestcaseData;
  /** What coverage compares; empty where the run failed. */
  readonly activations: Float32Array;
  /** How it breaks an objective already, if it does. */
  readonly violation: Violation | undefined;
  /** Why it says nothing against the model and is left out, a clause for people; undefined where it is taken. */
  readonly exemption?: string | undefined;
  /** It, as the objective that it breaks has it changed. */
  readonly transformed?: TestcaseData | undefined;
  /** The class that the model puts it in. */
  readonly predictedClass: number;
}

/** Whether a seed can be fuzzed: it breaks nothing yet, and coverage can compare it. */
export function isFuzzable({ violation, exemption, activations }: SeedResult): boolean {
  return (
    violation === undefined && exemption === undefined && isFiniteVector(activations, 0, activations.length)
  );
}

/** Runs every seed once; one that the runtime fails is a violation. */
export async function runSeeds(
  options: TaskRunnerOptions,
  testcases: readonly TestcaseData[],
  labels?: readonly number[],
): Promise<SeedResult[]> {
  const seeds: SeedResult[] = [];
  for (const some of groupIntoBatches(testcases, ({ form }) => form, options.batch)) {
    const { length } = seeds;
    seeds.push(...(await runSeedBatch(options, some, labels?.slice(length, length + some.length))));
  }
  return seeds;
}

async function runSeedBatch(
  options: TaskRunnerOptions,
  some: readonly TestcaseData[],
  labels: readonly number[] | undefined,
): Promise<SeedResult[]> {
  const { model, objectives, watched, transforms } = options;
  const tensors = watchedTensors(watched, objectives, model.model);
  const block = packBatch(some);
  let whole: BatchResult;
  try {
    whole = await model.run(block, some.length, tensors);
  } catch (error) {
    if (some.length === 1) {
      const violation = failedRunViolation(errorMessage(error));
      return [{ data: some[0], activations: new Float32Array(0), violation, predictedClass: NO_CLASS }];
    }
    const middle = some.length >> 1;
    return [
      ...(await runSeedBatch(options, some.slice(0, middle), labels?.slice(0, middle))),
      ...(await runSeedBatch(options, some.slice(middle), labels?.slice(middle))),
    ];
  }
  const all = options.criterion.observe({
    ...whole,
    activations: whole.activations.slice(0, watched.length),
  });
  const width = all.length / some.length;
  const violations = new Map<number, { readonly objective: Objective; readonly violation: Violation }>();
  const exempted = new Map<number, string>();
  const transformedSeeds = new Map<number, TestcaseData>();
  for (const objective of objectives) {
    const changer = transforms.get(objective.name);
    const changed = changer && (() => changer.apply(block, some.length));
    for (const { batch, firstRow } of await prepareSlices(objective, model, whole, { labels }, changed)) {
      judgeSeeds(objective, batch, (at, violation) => {
        const row = firstRow + at;
        if (objective.seedExemption !== undefined) exempted.set(row, objective.seedExemption);
        else if (!violations.has(row)) {
          violations.set(row, { objective, violation });
          if (changer !== undefined) transformedSeeds.set(row, packBatch([changer.apply(some[row], 1)]));
        }
      });
    }
  }
  const placed = new Map<number, Violation>();
  const placer = new Attributor(options.model, options.traces);
  for (const [row, { objective, violation }] of violations)
    placed.set(
      row,
      (await placer.attribute(objective, violation, { testcase: some[row], exhaustive: placed.size === 0 }))
        .violation,
    );
  return some.map((data, row) => ({
    data,
    activations: rowsOf(all, width, row, row + 1).slice(),
    violation: placed.get(row),
    exemption: exempted.get(row),
    transformed: transformedSeeds.get(row),
    predictedClass: predictedClassOf(whole, row),
  }));
}

/** @throws UserError where a plug-in fails on a seed already */
function judgeSeeds(objective: Objective, run: JudgedBatch, report: Parameters<Objective['judge']>[1]): void {
  try {
    objective.judge(run, report);
  } catch (error) {
    if (error instanceof PluginError)
      throw new UserError(`--objective: ${error.message}, on the seeds already`);
    throw error;
  }
}

/** Steps of the calibrating walks. */
const WALK_STEPS = 16;

/** Mutants of a calibration, and of those after it where the model ended the process: less is likelier to pass. */
export const CALIBRATION_MUTANTS = [2048, 512, 128] as const;

/**
 * A threshold that suits how far mutants of these seeds lie from one another; undefined where none moves.
 *
 * @param mutants one of `CALIBRATIONS`
 * @param beat called between runs of the model
 */
export async function calibrate(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  mutants: number,
  beat: () => void,
): Promise<{ readonly threshold: number | undefined; readonly mutants: number }> {
  const steps = await walkRandomly(options, seeds, mutants, beat);
  return { threshold: options.criterion.calibrate(steps), mutants: steps.length };
}

/** Walks from the seeds at random: each step's mutants are the parents of the next. */
async function walkRandomly(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  mutants: number,
  beat: () => void,
): Promise<WalkStep[]> {
  const worker = new TaskRunner(options);
  // Nothing in the index and a threshold below every distance: each sound mutant is sent back.
  const index = { size: 0, add: () => {}, nearest: () => Number.POSITIVE_INFINITY, loadPrefix: () => 0 };
  const parcels: CorpusEntryData[] = seeds.map(({ data, activations }, i) => ({
    entryIndex: i,
    ancestorIndex: i,
    referenceIndex: i,
    data,
    activations,
  }));
  let parents = parcels.map((_, i) => i);
  const steps: WalkStep[] = [];
  for (let step = 0; step < WALK_STEPS && parents.length > 0; step++) {
    const picks = mutants / WALK_STEPS / MUTANTS_PER_PICK;
    const picked = Array.from({ length: picks }, (_, i) => parents[i % parents.length]);
    const task = {
      // Negative numbers: no task of the campaign draws the same.
      number: -1 - step - WALK_STEPS * CALIBRATION_MUTANTS.indexOf(mutants as 2048),
      firstExec: 0,
      mutants: mutants / WALK_STEPS,
      parents: picked,
      partners: picked.map(() => -1),
      stacks: simplestStacks(options.arms, picks),
      saturatedSignatures: [],
      indexSize: 0,
      threshold: -1,
    };
    const view = { index, entryData: (entry: number) => parcels[entry] };
    const { candidates } = await worker.run(task, view, { from: 0, to: task.mutants }, beat);
    beat();
    parents = candidates.picks.map((pick, i) => {
      const { data, activations } = unpackTestcase(candidates, i);
      const from = parcels[picked[pick]];
      steps.push({ vector: activations, from: from.activations });
      const { ancestorIndex, referenceIndex } = from;
      parcels.push({ entryIndex: parcels.length, ancestorIndex, referenceIndex, data, activations });
      return parcels.length - 1;
    });
    // One child of each parent walks on, so that the walks stay apart.
    parents = parents.filter((_, i) => i % MUTANTS_PER_PICK === 0);
  }
  return steps;
}

/** Chains of the first mutator of each input: the plainest one. */
function simplestStacks(arms: readonly (readonly unknown[])[], picks: number): number[] {
  const chain = (list: readonly unknown[]): number[] =>
    Array.from({ length: MAX_STACK_DEPTH }, (_, i) => (i === 0 && list.length > 0 ? 0 : NO_ARM));
  return Array.from({ length: picks }, () => arms.flatMap(chain)).flat();
}
