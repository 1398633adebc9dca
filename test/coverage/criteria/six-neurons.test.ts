import { describe, expect, test } from '@jest/globals';
import { makeReferenceCollector, resolveCriterion } from '../../../src/coverage/registry.ts';
import { runOf, tensorOf } from '../../support/observations.ts';

/** Two layers of three neurons each; worked out by hand. */
const REFERENCE = runOf(
  tensorOf('first', [
    [0, 1, 2],
    [4, 3, 2],
  ]),
  tensorOf('second', [
    [-1, 0, 5],
    [1, 2, 5],
  ]),
);

const INPUTS = runOf(
  tensorOf('first', [
    [0, 1, 4],
    [5, 2, 2],
    [-1, 3, 3],
  ]),
  tensorOf('second', [
    [0, 0, 5],
    [1, 3, 2],
    [-2, 1, 8],
  ]),
);

async function observe(spec: string): Promise<number[][]> {
  const settings = { seed: 'any', varying: false };
  const collector = await makeReferenceCollector(spec, settings, false);
  collector?.add(REFERENCE);
  const reference = collector?.finish();
  const criterion = await resolveCriterion(spec, { ...settings, ...(reference && { reference }) });
  const observations = criterion.observe(INPUTS);
  const width = observations.length / INPUTS.rows;
  return Array.from({ length: INPUTS.rows }, (_, row) => [
    ...observations.subarray(row * width, (row + 1) * width),
  ]);
}

describe('criteria on six neurons', () => {
  test('neuron: those that are above a share of their layer', async () => {
    // Scaled: 0, 0.25, 1 and 0, 0, 1; 1, 0, 0 and 0, 1, 0.5; 0, 1, 1 and 0, 0.3, 1.
    expect(await observe('neuron:threshold=0.5')).toEqual([
      [0, 0, 1, 0, 0, 1],
      [1, 0, 0, 0, 1, 0],
      [0, 1, 1, 0, 0, 1],
    ]);
    expect((await observe('neuron:threshold=0.2'))[2]).toEqual([0, 1, 1, 0, 1, 1]);
  });

  test('k-multisection: the section of the reference range, and none outside', async () => {
    // Ranges: 0 to 4, 1 to 3, 2 alone; −1 to 1, 0 to 2, 5 alone.
    expect(await observe('k-multisection:sections=4')).toEqual([
      [1, 1, 0, 3, 1, 1],
      [0, 3, 1, 4, 0, 0],
      [0, 4, 0, 0, 3, 0],
    ]);
  });

  test('boundary and strong-activation: neurons beyond the reference range', async () => {
    const strong = [
      [0, 0, 1, 0, 0, 0],
      [1, 0, 0, 0, 1, 0],
      [0, 0, 1, 0, 0, 1],
    ];
    expect(await observe('strong-activation')).toEqual(strong);
    expect(await observe('boundary')).toEqual([
      [0, 0, 1, 0, 0, 0],
      [1, 0, 0, 0, 1, 2],
      [2, 0, 1, 2, 0, 1],
    ]);
    // Standard deviations: 2, 1, 0; 1, 1, 0. A neuron that never moved has its corner regions where they were.
    expect(await observe('boundary:sigma=1')).toEqual([
      [0, 0, 1, 0, 0, 0],
      [0, 0, 0, 0, 0, 2],
      [0, 0, 1, 0, 0, 1],
    ]);
  });

  test('top-k: the most active neurons of each layer, of equal ones the first', async () => {
    expect(await observe('top-k:k=1')).toEqual([
      [0, 0, 1, 0, 0, 1],
      [1, 0, 0, 0, 1, 0],
      [0, 1, 0, 0, 0, 1],
    ]);
    expect((await observe('top-k:k=2'))[0]).toEqual([0, 1, 1, 1, 0, 1]);
    expect((await observe('top-k:k=9'))[0]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('top-k-pattern: one number for the combination, whatever the order', async () => {
    const patterns = (await observe('top-k-pattern:k=2')).flat();
    expect(new Set(patterns).size).toBe(3);
    const swapped = runOf(tensorOf('first', [[9, 8, 0], [8, 9, 0]])); // biome-ignore format: two rows of one pattern
    const { observe: see } = await resolveCriterion('top-k-pattern:k=2', { seed: 'any', varying: false });
    const [one, other] = see(swapped);
    expect(one).toBe(other);
  });

  test('nlc: values behind the number of neurons of their layer', async () => {
    expect((await observe('nlc'))[1]).toEqual([3, 5, 2, 2, 3, 1, 3, 2]);
  });
});
