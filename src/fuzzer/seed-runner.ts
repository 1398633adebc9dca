import { reason, UserError } from '../core/errors.ts';
import { isFiniteVector } from '../coverage/index/neighbour-index.ts';
import type { WalkStep } from '../coverage/registry.ts';
import { Placer } from '../evaluation/attribution.ts';
import { alwaysWatched, partsFor } from '../evaluation/judged-batch.ts';
import { PluginFailure } from '../extensions/plugin-loader.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { batches, packRows, type RowResult } from '../model/batched-model.ts';
import { failedRun } from '../objectives/crash-signature.ts';
import type { Objective, Run, Violation } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';
import { NO_OUTCOME, outcomeOf } from './corpus/predicted-class.ts';
import { unbundled } from './packed-testcases.ts';
import { LONGEST_CHAIN } from './scheduling/mutator-arms.ts';
import { NO_ARM } from './scheduling/mutator-stack.ts';
import type { Parcel } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import { Worker, type WorkerOptions } from './task-runner.ts';

/** A seed after its first run. */
export interface RunSeed {
  readonly data: TestcaseData;
  /** What coverage compares; empty where the run failed. */
  readonly activations: Float32Array;
  /** How it breaks an objective already, if it does. */
  readonly violation: Violation | undefined;
  /** Why it says nothing against the model and is left out, a clause for people; undefined where it is taken. */
  readonly excused?: string | undefined;
  /** It, as the objective that it breaks has it changed. */
  readonly changed?: TestcaseData | undefined;
  /** The class that the model puts it in. */
  readonly outcome: number;
}

/** Whether a seed can be fuzzed: it breaks nothing yet, and coverage can compare it. */
export function isSound({ violation, excused, activations }: RunSeed): boolean {
  return (
    violation === undefined && excused === undefined && isFiniteVector(activations, 0, activations.length)
  );
}

/** Runs every seed once; one that the runtime fails is a violation. */
export async function runSeeds(
  options: WorkerOptions,
  testcases: readonly TestcaseData[],
  labels?: readonly number[],
): Promise<RunSeed[]> {
  const seeds: RunSeed[] = [];
  for (const some of batches(testcases, ({ form }) => form, options.batch)) {
    const { length } = seeds;
    seeds.push(...(await runSome(options, some, labels?.slice(length, length + some.length))));
  }
  return seeds;
}

async function runSome(
  options: WorkerOptions,
  some: readonly TestcaseData[],
  labels: readonly number[] | undefined,
): Promise<RunSeed[]> {
  const { model, objectives, watched, changers } = options;
  const tensors = alwaysWatched(watched, objectives, model.model);
  const block = packRows(some);
  let whole: RowResult;
  try {
    whole = await model.run(block, some.length, tensors);
  } catch (error) {
    if (some.length === 1) {
      const violation = failedRun(reason(error));
      return [{ data: some[0], activations: new Float32Array(0), violation, outcome: NO_OUTCOME }];
    }
    const middle = some.length >> 1;
    return [
      ...(await runSome(options, some.slice(0, middle), labels?.slice(0, middle))),
      ...(await runSome(options, some.slice(middle), labels?.slice(middle))),
    ];
  }
  const all = options.measure.vectors({ ...whole, activations: whole.activations.slice(0, watched.length) });
  const width = all.length / some.length;
  const violations = new Map<number, { readonly objective: Objective; readonly violation: Violation }>();
  const excused = new Map<number, string>();
  const changes = new Map<number, TestcaseData>();
  for (const objective of objectives) {
    const changer = changers.get(objective.name);
    const changed = changer && (() => changer.change(block, some.length));
    for (const { run, from } of await partsFor(objective, model, whole, { labels }, changed)) {
      judgeSeeds(objective, run, (at, violation) => {
        const row = from + at;
        if (objective.excuses !== undefined) excused.set(row, objective.excuses);
        else if (!violations.has(row)) {
          violations.set(row, { objective, violation });
          if (changer !== undefined) changes.set(row, packRows([changer.change(some[row], 1)]));
        }
      });
    }
  }
  const placed = new Map<number, Violation>();
  const placer = new Placer(options.model, options.traces);
  for (const [row, { objective, violation }] of violations)
    placed.set(
      row,
      (await placer.place(objective, violation, { testcase: some[row], thoroughly: placed.size === 0 }))
        .violation,
    );
  return some.map((data, row) => ({
    data,
    activations: rowsOf(all, width, row, row + 1).slice(),
    violation: placed.get(row),
    excused: excused.get(row),
    changed: changes.get(row),
    outcome: outcomeOf(whole, row),
  }));
}

/** @throws UserError where a plug-in fails on a seed already */
function judgeSeeds(objective: Objective, run: Run, report: Parameters<Objective['judge']>[1]): void {
  try {
    objective.judge(run, report);
  } catch (error) {
    if (error instanceof PluginFailure)
      throw new UserError(`--objective: ${error.message}, on the seeds already`);
    throw error;
  }
}

/** Steps of the calibrating walks. */
const WALK_STEPS = 16;

/** Mutants of a calibration, and of those after it where the model ended the process: less is likelier to pass. */
export const CALIBRATIONS = [2048, 512, 128] as const;

/**
 * A threshold that suits how far mutants of these seeds lie from one another; undefined where none moves.
 *
 * @param mutants one of `CALIBRATIONS`
 * @param beat called between runs of the model
 */
export async function calibrate(
  options: WorkerOptions,
  seeds: readonly RunSeed[],
  mutants: number,
  beat: () => void,
): Promise<{ readonly threshold: number | undefined; readonly mutants: number }> {
  const steps = await walk(options, seeds, mutants, beat);
  return { threshold: options.measure.calibrate(steps), mutants: steps.length };
}

/** Walks from the seeds at random: each step's mutants are the parents of the next. */
async function walk(
  options: WorkerOptions,
  seeds: readonly RunSeed[],
  mutants: number,
  beat: () => void,
): Promise<WalkStep[]> {
  const worker = new Worker(options);
  // Nothing in the index and a threshold below every distance: each sound mutant is sent back.
  const index = { size: 0, add: () => {}, nearest: () => Number.POSITIVE_INFINITY, skip: () => 0 };
  const parcels: Parcel[] = seeds.map(({ data, activations }, i) => ({
    entry: i,
    ancestor: i,
    reference: i,
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
      number: -1 - step - WALK_STEPS * CALIBRATIONS.indexOf(mutants as 2048),
      execsBefore: 0,
      mutants: mutants / WALK_STEPS,
      parents: picked,
      mates: picked.map(() => -1),
      chains: plainestChains(options.arms, picks),
      saturated: [],
      indexed: 0,
      threshold: -1,
    };
    const view = { index, parcel: (entry: number) => parcels[entry] };
    const { candidates } = await worker.run(task, view, { from: 0, to: task.mutants }, beat);
    beat();
    parents = candidates.picks.map((pick, i) => {
      const { data, activations } = unbundled(candidates, i);
      const from = parcels[picked[pick]];
      steps.push({ vector: activations, from: from.activations });
      const { ancestor, reference } = from;
      parcels.push({ entry: parcels.length, ancestor, reference, data, activations });
      return parcels.length - 1;
    });
    // One child of each parent walks on, so that the walks stay apart.
    parents = parents.filter((_, i) => i % MUTANTS_PER_PICK === 0);
  }
  return steps;
}

/** Chains of the first mutator of each input: the plainest one. */
function plainestChains(arms: readonly (readonly unknown[])[], picks: number): number[] {
  const chain = (list: readonly unknown[]): number[] =>
    Array.from({ length: LONGEST_CHAIN }, (_, i) => (i === 0 && list.length > 0 ? 0 : NO_ARM));
  return Array.from({ length: picks }, () => arms.flatMap(chain)).flat();
}
