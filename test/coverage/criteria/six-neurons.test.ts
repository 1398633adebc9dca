import { describe, expect, test } from '@jest/globals';
import { LayerCovariances } from '../../../src/coverage/feedback/covariance-feedback.ts';
import { makeReferenceCollector, resolveCriterion } from '../../../src/coverage/registry.ts';
import type { BatchResult } from '../../../src/model/batched-model.ts';
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

  test('nlc: the mean magnitude of the covariances, and what an input adds', async () => {
    const collector = await makeReferenceCollector('nlc', { seed: 'any', varying: false }, true);
    collector?.add(REFERENCE);
    const covariances = LayerCovariances.restore(collector?.finish() ?? {});
    // Differences of the two inputs: (4, 2, 0) and (2, 2, 0). Covariances: [4, 2; 2, 1] and [1, 1; 1, 1], over 3² each.
    expect(covariances.coverage).toBeCloseTo(9 / 9 + 4 / 9, 6);
    // (8, 2, 2) differs by (6, 0, 0) from the mean: 2/3·[4, 2; 2, 1] + 2/9·[36, 0; 0, 0] has the sum 14. The mean adds nothing.
    const input = (...neurons: number[]) =>
      Float32Array.of(3, ...neurons.slice(0, 3), 3, ...neurons.slice(3));
    expect(covariances.gain(input(8, 2, 2, 0, 1, 5), 0)).toBeCloseTo((14 - 9) / 9, 6);
    expect(covariances.gain(input(2, 2, 2, 0, 1, 5), 0)).toBe(0);
  });

  test('nlc: the threshold is calibrated over the covariances of the reference', async () => {
    const settings = { seed: 'any', varying: false };
    const step = (value: number) => Float32Array.of(3, value, 0, 0, 3, 0, 0, 0);
    // The seeds are alike, and steps lead a little away.
    const walk = [1, 2, 3].map((value) => ({ vector: step(value / 10), from: step(0) }));
    const ofSeeds = await resolveCriterion('nlc', settings);
    const collector = await makeReferenceCollector('nlc', settings, true);
    for (let i = 0; i < 50; i++)
      collector?.add(runOf(tensorOf('first', [[i % 2, 0, 0]]), tensorOf('second', [[0, 0, 0]])));
    const ofReference = await resolveCriterion('nlc', { ...settings, reference: collector?.finish() ?? {} });
    const far = [{ vector: step(5), from: step(0) }];
    const [alone, among] = [ofSeeds, ofReference].map(({ calibrate }) => calibrate([...walk, ...far]) ?? 0);
    expect(among).toBeGreaterThan(0);
    expect(among).toBeLessThan(alone / 5);
  });

  /** A run whose rows have a class. */
  const classified = (rows: readonly (readonly [number, ...number[]])[]): BatchResult => ({
    ...runOf(
      tensorOf(
        'first',
        rows.map(([, ...neurons]) => neurons.slice(0, 3)),
      ),
      tensorOf(
        'second',
        rows.map(([, ...neurons]) => neurons.slice(3)),
      ),
    ),
    outputs: [
      tensorOf(
        'scores',
        rows.map(([predicted]) => [1 - predicted, predicted]),
      ),
    ],
  });

  async function buckets(spec: string, reference: BatchResult, inputs: BatchResult): Promise<number[]> {
    const settings = { seed: 'any', varying: false };
    const collector = await makeReferenceCollector(spec, settings, false);
    collector?.add(reference);
    const collected = collector?.finish() ?? {};
    return [...(await resolveCriterion(spec, { ...settings, reference: collected })).observe(inputs)];
  }

  test('surprise: the bucket of the ratio of two distances', async () => {
    const reference = classified([
      [0, 0, 0, 0, 0, 0, 0],
      [0, 4, 0, 0, 0, 0, 0],
      [1, 0, 3, 0, 0, 0, 0],
    ]);
    const inputs = classified([
      // 1 from the first, which is 3 from the other class: a third.
      [0, 1, 0, 0, 0, 0, 0],
      // 3.5 from the second, which is 5 from the other class: 0.7.
      [0, 4, 0, 0, 0, 0, 3.5],
      // 4 from the third, which is 3 from the first: 4/3.
      [1, 0, 3, 0, 0, 4, 0],
      // 9 from the first: 3, which is above the bound of 2.
      [0, 0, 0, 0, 9, 0, 0],
    ]);
    expect(await buckets('surprise:buckets=8', reference, inputs)).toEqual([2, 3, 6, 0]);
  });

  test('surprise-likelihood: the bucket of minus the logarithm of the density', async () => {
    // One neuron varies within both classes: 0 and 4, 1 and 3. The variances of the kernels are 8·2^(−2/5) and 2·2^(−2/5).
    const reference = classified([
      [0, 0, 7, 0, 0, 0, 1],
      [0, 4, 7, 0, 0, 0, 1],
      [1, 1, 0, 0, 0, 5, 1],
      [1, 3, 0, 0, 0, 5, 1],
    ]);
    const inputs = classified([
      // (e^(−1/12.126) + e^(−9/12.126)) / 2 / √(2π·6.063) = 0.1132: 2.18.
      [0, 1, 0, 0, 0, 0, 0],
      // 5.48 and, of the other class, 1.46.
      [0, 10, 0, 0, 0, 0, 0],
      [1, 2, 0, 0, 0, 0, 0],
    ]);
    expect(await buckets('surprise-likelihood:lower=0,upper=10,buckets=100', reference, inputs)).toEqual([
      22, 55, 15,
    ]);
    // The least surprise of the reference is 1.58, that of 1 and 3 in the second class; below it is the first bucket.
    expect(await buckets('surprise-likelihood:upper=11.583,buckets=100', reference, inputs)).toEqual([
      6, 39, 1,
    ]);
    await expect(buckets('surprise-likelihood:min-variance=100', reference, inputs)).rejects.toThrow(
      'no neuron has a variance of 100 or more in every class of the reference inputs',
    );
    await expect(buckets('surprise-likelihood:upper=1', reference, inputs)).rejects.toThrow(
      /the upper bound 1 must be above the lower bound 1\.58/,
    );
  });

  test('surprise-likelihood refuses more neurons than densities can be estimated over', async () => {
    const collector = await makeReferenceCollector(
      'surprise-likelihood',
      { seed: 'any', varying: false },
      false,
    );
    const wide = [0, 1, 2].map((i) => Array.from({ length: 1100 }, (_, j) => Math.sin(i * j + j)));
    collector?.add(runOf(tensorOf('wide', wide)));
    expect(() => collector?.finish()).toThrow(
      /1096 neurons vary, and densities are estimated over up to 1024; name fewer layers/,
    );
  });

  test('surprise-likelihood tells inputs apart with fewer reference inputs than neurons', async () => {
    const rows = (scale: number) =>
      [0, 1].flatMap((predicted) =>
        Array.from({ length: 3 }, (_, i): [number, ...number[]] => [
          predicted,
          ...Array.from({ length: 6 }, (__, j) => scale * Math.sin(1 + predicted + 7 * i + 3 * j)),
        ]),
      );
    const found = await buckets('surprise-likelihood', classified(rows(1)), classified(rows(1.5)));
    expect(found.every((bucket) => bucket > 0)).toBe(true);
    expect(new Set(found).size).toBeGreaterThan(2);
  });
});
