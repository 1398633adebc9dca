import { floorToPowerOfTwo } from '../core/floor-to-power-of-two.ts';
import type { WalkStep } from '../coverage/criterion.ts';
import type { NoveltyFilter } from '../coverage/feedback/feedback-kind.ts';
import { isFiniteVector } from '../coverage/observation.ts';
import { byteLengthOf } from '../inputs/testcase.ts';
import { latentAfter } from './generation/latent-moves.ts';
import { unpackTestcase } from './packed-testcases.ts';
import { MAX_STACK_DEPTH } from './scheduling/mutator-arms.ts';
import { NO_ARM } from './scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import type { SeedResult } from './seed-runner.ts';
import { TaskRunner, type TaskRunnerOptions } from './task-runner.ts';

/** Most steps of the calibrating walks. */
const MAX_WALK_STEPS = 16;

/** Most walks beside each other. */
const MAX_WALKS = 16;

/** Mutants of a pick, where a step has as many: one of them walks on, and copying it takes longer than running many models. */
const MIN_MUTANTS_PER_PICK = 4;

/** Most mutants of a calibration; a power of two, as all numbers of mutants are that a calibration may have. */
export const CALIBRATION_MUTANTS = 2048;

/** Bytes of mutants that a calibration holds at once, as they are collected and as they are packed. */
const MAX_BYTES = 32 << 20;

/** How often a calibration is tried where the model ends the process, each time with a quarter of the mutants. */
export const CALIBRATION_ATTEMPTS = 3;

/** One attempt at a calibration. */
export interface CalibrationPlan {
  /** A power of two. */
  readonly mutants: number;
  /** 0 for the first attempt; each draws other random numbers. */
  readonly attempt: number;
}

/** The sizes of the calibrating walks. */
export interface WalkSizes {
  readonly steps: number;
  /** Picks of each step. */
  readonly picks: number;
  readonly mutantsPerPick: number;
  /** Picks that one task makes: more would hold too many mutants in memory. */
  readonly picksPerTask: number;
  /** Walks beside each other; the picks of a step are shared out among them. */
  readonly walks: number;
}

/** Cuts a calibration into steps and tasks that hold few enough bytes; with fewer mutants there are as many walks. */
export function walkSizes(mutants: number, rowBytes: number): WalkSizes {
  const steps = Math.min(MAX_WALK_STEPS, mutants);
  const perStep = Math.max(1, Math.floor(mutants / steps));
  const rowsInMemory = Math.max(1, Math.floor(MAX_BYTES / Math.max(1, rowBytes)));
  const wanted = Math.max(perStep / MAX_WALKS, MIN_MUTANTS_PER_PICK);
  const mutantsPerPick = Math.min(MUTANTS_PER_PICK, perStep, wanted, floorToPowerOfTwo(rowsInMemory));
  const picks = perStep / mutantsPerPick;
  return {
    steps,
    picks,
    mutantsPerPick,
    // A pick with fewer mutants is a task of its own.
    picksPerTask:
      mutantsPerPick < MUTANTS_PER_PICK
        ? 1
        : Math.min(picks, Math.max(1, Math.floor(rowsInMemory / mutantsPerPick))),
    walks: Math.min(MAX_WALKS, picks, rowsInMemory),
  };
}

/**
 * Calibrates the novelty threshold on random walks from the seeds; undefined if no step changes the observation.
 *
 * @param seeds those that walks begin at; more are ignored
 * @param onProgress called between runs of the model with the number of mutants so far
 */
export async function calibrate(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  plan: CalibrationPlan,
  onProgress: (mutants: number) => void,
): Promise<{ readonly threshold: number | undefined; readonly mutants: number }> {
  const steps = await walkRandomly(options, seeds, plan, onProgress);
  return { threshold: options.criterion.calibrate(steps), mutants: steps.length };
}

/** Seeds that the walks of a calibration begin at. */
export function walkSeeds(seeds: readonly SeedResult[], mutants: number): readonly SeedResult[] {
  const [first] = seeds;
  return first === undefined ? [] : seeds.slice(0, walkSizes(mutants, byteLengthOf(first.data)).walks);
}

/**
 * Notes every mutant that is finite as a step, however near it is, and accepts those that walk on: one child of each parent,
 * so that the walks stay apart.
 */
function walkFilter(steps: WalkStep[], mutantsPerPick: number): NoveltyFilter {
  let finite = 0;
  return {
    isNew(observations, row, from) {
      const { length } = from;
      if (!isFiniteVector(observations, row * length, length)) return false;
      steps.push({ vector: observations.slice(row * length, (row + 1) * length), from });
      return finite++ % mutantsPerPick === 0;
    },
    accept() {},
  };
}

/** Walks from the seeds at random: each step's mutants are the parents of the next. */
async function walkRandomly(
  options: TaskRunnerOptions,
  seeds: readonly SeedResult[],
  { mutants, attempt }: CalibrationPlan,
  onProgress: (mutants: number) => void,
): Promise<WalkStep[]> {
  const runner = new TaskRunner(options);
  const starts = walkSeeds(seeds, mutants);
  if (starts.length === 0) return [];
  const sizes = walkSizes(mutants, byteLengthOf(starts[0].data));
  const entries = new Map<number, CorpusEntryData>();
  starts.forEach(({ data, activations }, i) => {
    entries.set(i, { entryIndex: i, ancestorIndex: i, referenceIndex: i, data, activations });
  });
  const entryData = (entry: number): CorpusEntryData => {
    const data = entries.get(entry);
    if (data === undefined) throw new Error(`entry ${entry} of the walk is gone`);
    return data;
  };
  let nextEntry = starts.length;
  let ran = 0;
  let parents = starts.map((_, i) => i);
  // Negative numbers: the random numbers of no task of the campaign are the same.
  const tasksPerStep = Math.ceil(sizes.picks / sizes.picksPerTask);
  let number = -1 - attempt * MAX_WALK_STEPS * tasksPerStep;
  const steps: WalkStep[] = [];
  const viewOf = () => ({ history: { filter: () => walkFilter(steps, sizes.mutantsPerPick) }, entryData });
  for (let step = 0; step < sizes.steps && parents.length > 0; step++) {
    const children: number[] = [];
    for (let from = 0; from < sizes.picks; from += sizes.picksPerTask, number--) {
      const count = Math.min(sizes.picksPerTask, sizes.picks - from);
      const picked = Array.from({ length: count }, (_, pick) => parents[(from + pick) % parents.length]);
      const task = walkTask(options, number, picked, count * sizes.mutantsPerPick);
      const before = ran;
      const { candidates } = await runner.run(task, viewOf(), undefined, () => onProgress(before));
      ran += task.mutants;
      onProgress(ran);
      for (let i = 0; i < candidates.count && children.length < sizes.walks; i++) {
        const { latent: _parents, ...parent } = entryData(picked[candidates.picks[i]]);
        const moved = candidates.latents?.[i];
        entries.set(nextEntry, {
          ...parent,
          ...unpackTestcase(candidates, i),
          ...(moved ? { latent: { vector: latentAfter(moved), step: moved.step } } : {}),
          entryIndex: nextEntry,
        });
        children.push(nextEntry++);
      }
    }
    // Ancestors stay: constraints are measured from them.
    for (const parent of parents) if (parent >= starts.length) entries.delete(parent);
    parents = children;
  }
  return steps;
}

function walkTask(
  { arms, descriptors }: TaskRunnerOptions,
  number: number,
  parents: readonly number[],
  mutants: number,
): Task {
  return {
    number,
    firstExec: 0,
    mutants,
    parents,
    partners: parents.map(() => -1),
    // Inputs that few picks mutate would raise the threshold for all others.
    stacks: parents.flatMap(() =>
      arms.flatMap((list, input) => simplestStack(descriptors[input].pickShare === undefined ? list : [])),
    ),
    saturatedSignatures: [],
    indexSize: 0,
    threshold: 0,
  };
}

/** A stack of an input's first mutator, the simplest one. */
function simplestStack(arms: readonly unknown[]): number[] {
  return Array.from({ length: MAX_STACK_DEPTH }, (_, depth) => (depth === 0 && arms.length > 0 ? 0 : NO_ARM));
}
