import type { Seeds } from '../seeds.ts';
import type { TestcaseData } from '../testcase.ts';
import type { OpenDimension } from './open-dimensions.ts';
import { resizeTestcase, type SizeChange } from './size-change.ts';

/** A run that failed. */
export interface FailedTry {
  /** The runtime's message, or how the process ended. */
  readonly message: string;
  /** Whether it was not run: too many earlier ones ended the process. */
  readonly wasNotRun: boolean;
}

/** Runs a testcase whose sizes are a guess; undefined where it runs. */
export type TryTestcase = (testcase: TestcaseData) => Promise<FailedTry | undefined>;

/** What became of a dimension's sizes beyond those of the seeds. */
export interface TriedSizes {
  readonly dimension: OpenDimension;
  /** Sizes that the model runs on, beyond those of the seeds; the least that it runs on first, where it is less than theirs. */
  readonly running: readonly SizeChange[];
  /**
   * Sizes on which it fails with every seed that was tried, although it runs on smaller ones; none where only a larger one than
   * those of the seeds fails: a sound model may have a longest input.
   */
  readonly failing: readonly SizeChange[];
  /** Whether it runs on the sizes of the seeds alone, as far as was tried: something that the graph does not say ties it to them. */
  readonly isTied: boolean;
}

/** Most runs that finding out sizes may take, for all dimensions together. */
export const MAX_SIZE_RUNS = 96;

/** Seeds that a size is tried with before it counts as failing. */
const TRIED_SEEDS = 3;

/**
 * Tries sizes that no seed has: the least that runs, one less than the smallest and one more than the largest of the seeds. One
 * of neighbours is odd. Which are tried is a function of what ran.
 *
 * @param seeds the first of them runs
 * @param maxRuns for all dimensions together
 */
export async function trySizes(
  dimensions: readonly OpenDimension[],
  seeds: Seeds,
  run: TryTestcase,
  specialOf: (input: number) => readonly number[],
  maxRuns = MAX_SIZE_RUNS,
): Promise<TriedSizes[]> {
  let runs = 0;
  const tried: TriedSizes[] = [];
  for (const dimension of dimensions) {
    const { sizes } = dimension;
    const known = new Map(sizes.map((size) => [size, true]));
    const runsAt = async (size: number, seedCount: number): Promise<boolean> => {
      if (known.get(size)) return true;
      for (const seed of seeds.slice(0, seedCount)) {
        // Nothing is known of a size that could not be tried.
        if (runs >= maxRuns) return false;
        runs++;
        const failed = await run(resizeTestcase(seed, { ...dimension, size }, specialOf));
        if (failed?.wasNotRun) return false;
        if (failed !== undefined) continue;
        known.set(size, true);
        return true;
      }
      known.set(size, false);
      return false;
    };
    const [smallest] = sizes;
    // Before the least size is looked for, which may take all runs that a slow model has.
    for (const size of candidateSizes(dimension, smallest)) await runsAt(size, TRIED_SEEDS);
    const least = changesBelow(dimension) ? await findLeast(smallest, (size) => runsAt(size, 1)) : smallest;
    const candidates = candidateSizes(dimension, least);
    for (const size of candidates) await runsAt(size, TRIED_SEEDS);
    const changeTo = (size: number): SizeChange => {
      const { dimension: name, places, lengthInputs } = dimension;
      return { dimension: name, places, lengthInputs, size };
    };
    const others = candidates.filter((size) => !sizes.includes(size));
    const running = others.filter((size) => known.get(size) === true);
    // One is no proof that a dimension is free: it is broadcast.
    const wasTried = others.some((size) => size > 1 && known.has(size));
    const isTied = wasTried && sizes.length === 1 && !running.some((size) => size > 1);
    const failing = others.filter((size) => known.get(size) === false && size > least);
    const isLimit = failing.every((size) => size > sizes[sizes.length - 1]);
    tried.push({
      dimension,
      running: running.map(changeTo),
      failing: isTied || isLimit ? [] : failing.map(changeTo),
      isTied,
    });
  }
  return tried;
}

/** Whether smaller sizes are tried: mutators make texts shorter by themselves. */
function changesBelow({ hasLengthMutators }: OpenDimension): boolean {
  return !hasLengthMutators;
}

/** The least size that runs: the first power of two that does, and down from it as far as each half of the way does. */
async function findLeast(smallest: number, runsAt: (size: number) => Promise<boolean>): Promise<number> {
  let running = 1;
  while (running < smallest && !(await runsAt(running))) running = Math.min(smallest, 2 * running);
  let failing = running === 1 ? 0 : running === smallest ? lastPowerBelow(smallest) : running / 2;
  while (running - failing > 1) {
    const middle = (failing + running) >> 1;
    if (await runsAt(middle)) running = middle;
    else failing = middle;
  }
  return running;
}

function lastPowerBelow(size: number): number {
  let power = 1;
  while (2 * power < size) power *= 2;
  return size === 1 ? 0 : power;
}

function candidateSizes(dimension: OpenDimension, least: number): number[] {
  const { sizes } = dimension;
  const [smallest, largest] = [sizes[0], sizes[sizes.length - 1]];
  const below = changesBelow(dimension) ? [least, smallest - 1] : [];
  // Not far beyond: a sound model may have a longest input, such as that of its table of positions.
  return [...new Set([...below, largest + 1])].filter((size) => size > 0);
}
