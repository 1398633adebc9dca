import type { WalkStep } from '../coverage/criterion.ts';
import type { NoveltyFilter } from '../coverage/feedback/feedback-kind.ts';
import { isFiniteVector } from '../coverage/observation.ts';
import { unpackTestcase } from './packed-testcases.ts';
import { MAX_STACK_DEPTH } from './scheduling/mutator-arms.ts';
import { NO_ARM } from './scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import type { SeedResult } from './seed-runner.ts';
import { TaskRunner, type TaskRunnerOptions } from './task-runner.ts';

/** Steps of the calibrating walks. */
const WALK_STEPS = 16;

/** Mutants of a calibration, and of those after it where the model ended the process: fewer are likelier to pass. */
export const CALIBRATION_MUTANTS = [2048, 512, 128] as const;

/** Mutants of one of the calibrations. */
export type CalibrationMutants = (typeof CALIBRATION_MUTANTS)[number];

/**
 * Calibrates the novelty threshold on random walks from the seeds; undefined if no step changes the observation.
 *
 * @param heartbeat called between runs of the model
 */
export async function calibrate(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  mutants: CalibrationMutants,
  heartbeat: () => void,
): Promise<{ readonly threshold: number | undefined; readonly mutants: number }> {
  const steps = await walkRandomly(options, seeds, mutants, heartbeat);
  return { threshold: options.criterion.calibrate(steps), mutants: steps.length };
}

/** Accepts every mutant that is finite: a walk goes on from it, however near it is. */
const FINITE_MUTANTS: NoveltyFilter = {
  isNew: (observations, row, { length }) => isFiniteVector(observations, row * length, length),
  accept() {},
};

/** Walks from the seeds at random: each step's mutants are the parents of the next. */
async function walkRandomly(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  mutants: CalibrationMutants,
  heartbeat: () => void,
): Promise<WalkStep[]> {
  const runner = new TaskRunner(options);
  const entries: CorpusEntryData[] = seeds.map(({ data, activations }, i) => ({
    entryIndex: i,
    ancestorIndex: i,
    referenceIndex: i,
    data,
    activations,
  }));
  const view = {
    history: { filter: () => FINITE_MUTANTS },
    entryData: (entry: number) => entries[entry],
  };
  // Negative numbers: the random numbers of no task of the campaign are the same.
  const firstNumber = -1 - WALK_STEPS * CALIBRATION_MUTANTS.indexOf(mutants);
  let parents = entries.map((_, i) => i);
  const steps: WalkStep[] = [];
  for (let step = 0; step < WALK_STEPS && parents.length > 0; step++) {
    const task = walkTask(options, firstNumber - step, parents, mutants / WALK_STEPS);
    const { candidates } = await runner.run(task, view, undefined, heartbeat);
    heartbeat();
    parents = candidates.picks.map((pick, i) => {
      const { data, activations } = unpackTestcase(candidates, i);
      const parent = entries[task.parents[pick]];
      steps.push({ vector: activations, from: parent.activations });
      return entries.push({ ...parent, entryIndex: entries.length, data, activations }) - 1;
    });
    // One child of each parent walks on, so that the walks stay apart.
    parents = parents.filter((_, i) => i % MUTANTS_PER_PICK === 0);
  }
  return steps;
}

function walkTask(
  { arms }: TaskRunnerOptions,
  number: number,
  parents: readonly number[],
  mutants: number,
): Task {
  const picked = Array.from(
    { length: mutants / MUTANTS_PER_PICK },
    (_, pick) => parents[pick % parents.length],
  );
  return {
    number,
    firstExec: 0,
    mutants,
    parents: picked,
    partners: picked.map(() => -1),
    stacks: picked.flatMap(() => arms.flatMap(simplestStack)),
    saturatedSignatures: [],
    indexSize: 0,
    threshold: 0,
  };
}

/** A stack of an input's first mutator, the simplest one. */
function simplestStack(arms: readonly unknown[]): number[] {
  return Array.from({ length: MAX_STACK_DEPTH }, (_, depth) => (depth === 0 && arms.length > 0 ? 0 : NO_ARM));
}
