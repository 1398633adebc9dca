import { expect, test } from '@jest/globals';
import { makeReferenceCollector, resolveCriterion } from '../../../src/coverage/registry.ts';
import type { BatchResult } from '../../../src/model/batched-model.ts';

/** One head a row: 2 queries, 2 keys. */
function runOf(rows: number, ...weights: number[]): BatchResult {
  const data = Float32Array.from(weights);
  const activations = [{ name: 'weights', type: 'float32' as const, shape: [1, 2, 2], size: 4, data }];
  return { rows, inputs: [], outputs: [], activations };
}

const settings = { seed: 'any', varying: false };

test('heads are described by entropy, distance and column sums in units of the reference', async () => {
  const collector = await makeReferenceCollector('attention', settings, false);
  // All weight on the own place: no entropy, no distance. Equal weights: all entropy, half of them a key away.
  collector?.add(runOf(2, 1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5));
  const reference = collector?.finish() ?? {};
  expect([...reference.means].map((mean) => Number(mean.toFixed(6)))).toEqual([0.5, 0.25, 0.5, 0.5, 0, 0, 0]);
  const { observe, feedback } = await resolveCriterion('attention', { ...settings, reference });
  const features = [...observe(runOf(1, 0, 1, 0, 1))].map((value) => Number(value.toFixed(5)));
  // All weight on the second key: entropy 0, mean distance 0.5, column sums 1 and 0; sums never moved and keep their unit.
  expect({ features, feedback }).toEqual({ features: [-1, 1, 0.5, -0.5, 0, 0, 0], feedback: 'distance' });
});

test('tensors that hold no attention weights are refused', async () => {
  const collector = await makeReferenceCollector('attention', settings, false);
  expect(() => collector?.add(runOf(1, 1, 2, 3, 4))).toThrow(
    /^--measure attention: weights holds no attention weights/,
  );
});

test('reference inputs whose weights are not numbers, such as one with all positions masked, are left out', async () => {
  const referenceOf = async (run: BatchResult) => {
    const collector = await makeReferenceCollector('attention', settings, false);
    collector?.add(run);
    return collector?.finish();
  };
  const none = Number.NaN;
  const sound = await referenceOf(runOf(1, 0.5, 0.5, 0, 1));
  expect(await referenceOf(runOf(2, none, none, none, none, 0.5, 0.5, 0, 1))).toEqual(sound);
  await expect(referenceOf(runOf(1, none, none, none, none))).rejects.toThrow(
    '--measure attention: the attention weights of no reference input are numbers',
  );
});
