import { expect, test } from '@jest/globals';
import type { ResolvedInputs } from '../../../../src/campaign/resolve/inputs.ts';
import { withRunnableSeed } from '../../../../src/campaign/resolve/sizes/runnable-seeds.ts';
import type { ModelInfo } from '../../../../src/model/model.ts';
import { traitsOf } from '../../../support/mutators.ts';
import { testcaseOf } from '../../../support/tasks.ts';

const seedOf = (length: number, first = 0) => testcaseOf(Array.from({ length }, (_, i) => first + i));

/** Seeds as they are taken on by a model with one open length that runs where `runs` says so. */
async function takeOn(
  seeds: ResolvedInputs['seeds'],
  runs: (size: number, first: number) => boolean,
  labels?: ResolvedInputs['labels'],
) {
  const open = [{ name: 'x', type: 'float32', shape: [null, null], dimensions: ['batch', 'T'] }];
  const warnings: string[] = [];
  const inputs = {
    inputs: [{ ...open[0], shape: [null, 9] }],
    seeds,
    labels,
    descriptors: [traitsOf({ size: 9 })],
  };
  const taken = await withRunnableSeed(
    { inputs: open, outputs: ['y'] } as unknown as ModelInfo,
    inputs as unknown as ResolvedInputs,
    async ({ inputs: [data] }) =>
      runs(data.length, Number(data[0])) ? undefined : { message: 'fails', wasNotRun: false },
    { info() {}, warn: (line) => warnings.push(line) },
  );
  return { taken, warnings, given: inputs };
}

test('seeds whose first runs are taken as they are', async () => {
  const { taken, given, warnings } = await takeOn([seedOf(9), seedOf(8)], () => true);
  expect(taken).toBe(given);
  expect(warnings).toEqual([]);
});

test('a seed that runs comes first, of another shape or of the same', async () => {
  const seeds = [seedOf(9), seedOf(9, 5), seedOf(8)];
  expect((await takeOn(seeds, (size) => size === 8)).taken.seeds).toEqual([seeds[2], seeds[0], seeds[1]]);
  expect((await takeOn(seeds, (_, first) => first === 5)).taken.seeds[0]).toBe(seeds[1]);
});

test('where none runs and another size does, seeds of that size come first and those given after them', async () => {
  const seeds = [seedOf(9), seedOf(9, 5)];
  const labels = new Map([[seeds[1], 3]]);
  const { taken, warnings } = await takeOn(seeds, (size) => size % 4 === 0, labels);
  expect(taken.seeds.map(({ inputs: [data] }) => data.length)).toEqual([8, 8, 9, 9]);
  expect(taken.seeds.slice(2)).toEqual(seeds);
  expect(taken.labels?.get(taken.seeds[1])).toBe(3);
  expect(taken.inputs[0].shape).toEqual([null, null]);
  expect(warnings).toEqual([expect.stringContaining('it runs with size 8')]);
});

test('where no size runs, nothing changes', async () => {
  const { taken, given, warnings } = await takeOn([seedOf(9)], () => false);
  expect(taken).toBe(given);
  expect(warnings).toEqual([]);
});
