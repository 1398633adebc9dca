import { describe, expect, test } from '@jest/globals';
import type { WalkStep } from '../../src/coverage/criterion.ts';
import { calibrate, walkSizes } from '../../src/fuzzer/calibration.ts';
import { SINGLE_RUN } from '../../src/fuzzer/seed-runner.ts';
import { armOf, objectiveOf, rowFunctionModel, runnerOptions } from '../support/task-runner.ts';
import { testcaseOf } from '../support/tasks.ts';

const seed = {
  data: testcaseOf([0, 0, 0]),
  activations: Float32Array.of(0, 0, 0),
  violation: undefined,
  predictedClass: 0,
  run: SINGLE_RUN,
};
const MUTANTS = 128;
const adding = armOf(([first, ...rest]) => [first + 2, ...rest]);

/** The steps that a criterion is calibrated on. */
async function walk(options: Partial<Parameters<typeof runnerOptions>[0]> = {}) {
  let steps: readonly WalkStep[] = [];
  const { model } = rowFunctionModel((x) => x);
  const parts = runnerOptions({ model, arms: [[adding]], batch: 64, ...options });
  const criterion = {
    ...parts.criterion,
    calibrate: (walked: readonly WalkStep[]) => {
      steps = walked;
      return 42;
    },
  };
  const result = await calibrate({ ...parts, criterion }, [seed], { mutants: MUTANTS, attempt: 0 }, () => {});
  return { steps, result };
}

describe('a calibration', () => {
  test('walks from the seeds, each step from the mutants of the one before', async () => {
    const { steps, result } = await walk();
    expect(result).toEqual({ threshold: 42, mutants: MUTANTS });
    // Every mutant moves by 2, near or far, and the last ones have gone 16 steps.
    expect(steps.every(({ vector, from }) => vector[0] - from[0] === 2)).toBe(true);
    expect(Math.max(...steps.map(({ vector }) => vector[0]))).toBe(32);
  });

  test('leaves out what is not finite and what breaks an objective', async () => {
    const { model } = rowFunctionModel((x) => [x[0] > 7 ? Number.NaN : x[0], 0, 0]);
    const nan = await walk({ model });
    expect(Math.max(...nan.steps.map(({ vector }) => vector[0]))).toBe(6);
    const judged = await walk({ objectives: [objectiveOf('ten', ([y]) => y === 10)] });
    expect(Math.max(...judged.steps.map(({ vector }) => vector[0]))).toBe(8);
  });
});

describe('the sizes of the walks', () => {
  test('of small testcases are sixteen walks, each step one task', () => {
    expect(walkSizes(2048, 3136)).toEqual({
      steps: 16,
      picks: 16,
      mutantsPerPick: 8,
      picksPerTask: 16,
      walks: 16,
    });
  });

  test.each([2048, 512, 256, 64, 16, 4, 1])('of %i mutants of 5 MB keep 32 MB in a task', (mutants) => {
    const rowBytes = 5_000_000;
    const { steps, picks, mutantsPerPick, picksPerTask, walks } = walkSizes(mutants, rowBytes);
    expect(steps * picks * mutantsPerPick).toBe(mutants);
    expect(picksPerTask * mutantsPerPick * rowBytes).toBeLessThanOrEqual(32 << 20);
    expect(walks * rowBytes).toBeLessThanOrEqual(32 << 20);
  });

  test('of a testcase larger than the memory are a mutant at a time', () => {
    expect(walkSizes(16, 1e9)).toMatchObject({ mutantsPerPick: 1, picksPerTask: 1, walks: 1 });
  });
});

test('few mutants walk as far as they are, and report how many have run', async () => {
  const { model } = rowFunctionModel((x) => x);
  const parts = runnerOptions({ model, arms: [[adding]], batch: 64 });
  const done: number[] = [];
  const criterion = { ...parts.criterion, calibrate: (steps: readonly WalkStep[]) => steps.length };
  const plan = { mutants: 8, attempt: 0 };
  const result = await calibrate({ ...parts, criterion }, [seed, seed], plan, (n) => done.push(n));
  expect(result).toEqual({ threshold: 8, mutants: 8 });
  expect(done.at(-1)).toBe(8);
});
