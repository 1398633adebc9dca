import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import { PluginError } from '../../src/extensions/plugin-loader.ts';
import { isFaulty, isFuzzable, runSeeds } from '../../src/fuzzer/seed-runner.ts';
import { NO_CLASS } from '../../src/inputs/class-label.ts';
import type { JudgedBatch, Objective } from '../../src/objectives/objective.ts';
import { objectiveOf, rowFunctionModel, runnerOptions } from '../support/task-runner.ts';
import { testcaseOf } from '../support/tasks.ts';

const seeds = [1, 2, 3, 4, 5].map((x) => testcaseOf([x, 0, 0]));
const run = (
  options: Partial<Parameters<typeof runnerOptions>[0]>,
  answer: (x: readonly number[]) => readonly number[] = (x) => x,
  labels?: readonly number[],
) =>
  runSeeds(runnerOptions({ model: rowFunctionModel(answer).model, arms: [[]], ...options }), seeds, labels);

describe('seeds', () => {
  test('have their observation and the class that the model predicts', async () => {
    const results = await run({}, ([x]) => [x, 3, 0]);
    expect(results.map(({ activations }) => [...activations])).toEqual([1, 2, 3, 4, 5].map((x) => [x, 3, 0]));
    expect(results.map(({ predictedClass }) => predictedClass)).toEqual([1, 1, 0, 0, 0]);
    expect(results.map(({ run: { rows, row } }) => [rows, row])).toEqual([
      [4, 0],
      [4, 1],
      [4, 2],
      [4, 3],
      [1, 0],
    ]);
    expect(results.every(isFuzzable)).toBe(true);
  });

  test('that break an objective are no seeds to fuzz; the first objective counts', async () => {
    const objectives = [objectiveOf('three', ([y]) => y === 3), objectiveOf('large', ([y]) => y > 2)];
    const results = await run({ objectives });
    expect(results.map(({ violation }) => violation?.signature)).toEqual([
      undefined,
      undefined,
      'three',
      'large',
      'large',
    ]);
    expect(results.map(isFuzzable)).toEqual([true, true, false, false, false]);
  });

  test('that are ties are hits, and are fuzzed all the same', async () => {
    const tie: Objective = {
      name: 'quantization',
      judge: (_run, report) =>
        report(1, {
          objective: 'quantization',
          signature: 'quantization-tie-y',
          summary: '',
          tensors: [],
          details: {},
        }),
    };
    const results = await run({ objectives: [tie] });
    expect(results.filter(({ violation }) => violation !== undefined)).toHaveLength(1);
    expect([results.some(isFaulty), results.every(isFuzzable)]).toEqual([false, true]);
  });

  test('that an objective exempts are left out without a violation', async () => {
    const objectives = [
      objectiveOf('wrong', ([y]) => y === 2, { seedExemption: 'are misclassified already' }),
    ];
    const [, second] = await run({ objectives });
    expect(second).toMatchObject({ violation: undefined, exemption: 'are misclassified already' });
    expect(isFuzzable(second)).toBe(false);
  });

  test('that the runtime fails are found by halving, and hide no other one', async () => {
    const results = await run({ objectives: [objectiveOf('four', ([y]) => y === 4)] }, (x) => {
      if (x[0] === 3) throw new Error('out of range');
      return x;
    });
    expect(results.map(({ violation }) => violation?.signature)).toEqual([
      undefined,
      undefined,
      'crash-out_of_range',
      'four',
      undefined,
    ]);
    expect(results[2]).toMatchObject({ activations: new Float32Array(0), predictedClass: NO_CLASS });
    // Batches are of four: the first one was halved twice around the third seed.
    expect(results.map(({ run: { rows, row } }) => [rows, row])).toEqual([
      [2, 0],
      [2, 1],
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(isFuzzable(results[2])).toBe(false);
  });

  test('whose observation is not finite cannot be fuzzed', async () => {
    const results = await run({}, ([x]) => [x === 2 ? Number.POSITIVE_INFINITY : x, 0, 0]);
    expect(results.map(isFuzzable)).toEqual([true, false, true, true, true]);
  });

  test('are judged with their labels, also where a run is halved', async () => {
    const seen: (readonly [number, number])[] = [];
    const objective = objectiveOf('labelled', () => false, {
      labelled: true,
      judge({ labels, outputs: [{ data, size }] }: JudgedBatch) {
        for (const [row, label] of Array.from(labels ?? []).entries())
          seen.push([Number(data[row * size]), label]);
      },
    });
    const failing = (x: readonly number[]) => {
      if (x[0] === 2) throw new Error('fails');
      return x;
    };
    await run({ objectives: [objective] }, failing, [10, 20, 30, 40, 50]);
    expect(seen).toEqual([
      [1, 10],
      [3, 30],
      [4, 40],
      [5, 50],
    ]);
  });

  test('on which a plug-in fails end the campaign before it begins', async () => {
    const objective = objectiveOf('plugin', () => {
      throw new PluginError('the plug-in p.js fails: no');
    });
    const refused = run({ objectives: [objective] });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow('--objective: the plug-in p.js fails: no, on the seeds already');
  });
});
