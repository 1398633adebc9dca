import { expect, test } from '@jest/globals';
import type { OpenDimension } from '../../../src/inputs/sizes/open-dimensions.ts';
import { trySizes } from '../../../src/inputs/sizes/try-sizes.ts';
import { testcaseOf } from '../../support/tasks.ts';

/** Tries sizes of one dimension on a model that runs where `runs` says so. */
async function trial(
  sizes: readonly number[],
  runs: (size: number, seed: number) => boolean,
  own: Partial<OpenDimension> = {},
  maxRuns?: number,
  notRunAt?: number,
) {
  const dimension: OpenDimension = {
    dimension: 'T',
    places: [{ input: 0, axis: 0 }],
    lengthInputs: [],
    sizes,
    hasLengthMutators: false,
    ...own,
  };
  const tried: number[] = [];
  // The first value tells the seeds apart.
  const seeds = [0, 1].flatMap((seed) =>
    sizes.map((size) => testcaseOf(Array.from({ length: size }, () => seed))),
  );
  const [result] = await trySizes(
    [dimension],
    seeds,
    async ({ inputs: [data] }) => {
      tried.push(data.length);
      return runs(data.length, Number(data[0]))
        ? undefined
        : { message: 'fails', wasNotRun: data.length === notRunAt };
    },
    () => [],
    maxRuns,
  );
  const of = (changes: readonly { readonly size: number }[]) => changes.map(({ size }) => size);
  return { running: of(result.running), failing: of(result.failing), isTied: result.isTied, tried };
}

test('the least that runs, and one less and one more than the seeds have', async () => {
  expect(await trial([24, 120], (size) => size >= 13)).toMatchObject({
    running: [13, 23, 121],
    failing: [],
    isTied: false,
  });
  expect(await trial([1], () => true)).toMatchObject({ running: [2], failing: [] });
  expect((await trial([16_000], (size) => size >= 400)).tried.length).toBeLessThan(32);
});

test('lengths that mutators change are tried above alone', async () => {
  const grow = (most: number) => trial([5, 26], (size) => size <= most, { hasLengthMutators: true });
  expect(await grow(32)).toMatchObject({ running: [27], failing: [], tried: [27] });
  // A table of positions has a last row.
  expect(await grow(26)).toMatchObject({ running: [], failing: [] });
});

test('a size at which the model fails with every seed is told, where it runs on a smaller one', async () => {
  expect(await trial([64], (size) => size % 16 === 0)).toMatchObject({
    running: [16],
    failing: [63, 65],
    isTied: false,
  });
  // Too small is no fault, and one seed that runs shows that the size is none.
  expect((await trial([8], (size) => size >= 8)).failing).toEqual([]);
  expect((await trial([8], (size, seed) => size !== 9 || seed === 1)).running).toContain(9);
});

test('a size that could not be tried is neither', async () => {
  const { running, failing, tried } = await trial([16_000], () => true, {}, 2);
  expect(tried).toEqual([15_999, 16_001]);
  expect([running, failing]).toEqual([[15_999, 16_001], []]);
});

test('where nothing but the size of the seeds runs, or a size of one, something ties it to them', async () => {
  expect(await trial([12], (size) => size === 12)).toMatchObject({ running: [], failing: [], isTied: true });
  expect(await trial([12], (size) => size === 12 || size === 1)).toMatchObject({ failing: [], isTied: true });
});

test('a size that was not run is neither one that runs nor one that fails', async () => {
  const runs = (size: number): boolean => size % 16 === 0;
  expect(await trial([64], runs)).toMatchObject({ running: [16], failing: [63, 65] });
  expect(await trial([64], runs, {}, undefined, 63)).toMatchObject({ running: [16], failing: [] });
});
