import { describe, expect, test } from '@jest/globals';
import { chanceText, newFaultChance } from '../../../src/campaign/findings/new-fault-chance.ts';
import { randomStream } from '../../../src/core/random.ts';

const fault = (fields: Partial<Parameters<typeof newFaultChance>[0][number]> = {}) => ({
  signature: 'nonfinite-nan-log',
  kept: 1,
  firstTask: 3,
  firstExecs: 100,
  firstSeconds: 2,
  tasks: 1,
  ...fields,
});

describe('the chance of a new fault', () => {
  test('is the faults that one task hit over the mutants', () => {
    const faults = [fault(), fault({ firstExecs: 600, firstSeconds: 7 }), fault({ tasks: 2 })];
    expect(newFaultChance(faults, 1000, 10)).toMatchObject({
      singletons: 2,
      chance: 0.002,
      isUpperBound: false,
      mutantsSinceLast: 400,
      secondsSinceLast: 3,
    });
  });

  test('does not count what is flaky, ties, nor what seeds show themselves', () => {
    const faults = [fault({ kept: 0, firstExecs: 900 }), fault({ firstTask: 0, firstExecs: 0 })];
    expect(newFaultChance(faults, 999, 10)).toMatchObject({ singletons: 0, mutantsSinceLast: 999 });
    const ties = [fault({ signature: 'quantization-tie-logits' })];
    expect(newFaultChance(ties, 999, 10)).toMatchObject({ singletons: 0, mutantsSinceLast: 999 });
  });

  test('without such a fault is at most that of one at the next mutant', () => {
    expect(newFaultChance([fault({ tasks: 9 })], 999, 10)).toMatchObject({
      chance: 0.001,
      isUpperBound: true,
    });
    expect(newFaultChance([], 0, 0)).toMatchObject({ chance: 1, upper95: 1, mutantsSinceLast: 0 });
  });

  test('is exceeded in one campaign of twenty by the upper bound, which is three over the mutants since the last one', () => {
    const { upper95 } = newFaultChance([fault()], 3100, 10);
    expect(upper95).toBeCloseTo(3 / 3000, 5);
    expect((1 - upper95) ** 3000).toBeCloseTo(0.05);
  });

  test('is right on average where faults are drawn alike: simulated', () => {
    const random = randomStream('faults');
    // Twenty faults from frequent to rare; the rest of the mutants show none.
    const shares = Array.from({ length: 20 }, (_, i) => 0.2 * 0.6 ** i);
    const sums = shares.map((_, i) => shares.slice(0, i + 1).reduce((sum, share) => sum + share));
    let estimated = 0;
    let actual = 0;
    for (let run = 0; run < 400; run++) {
      const counts = shares.map(() => 0);
      for (let n = 0; n < 300; n++) {
        const draw = random.uniform();
        const hit = sums.findIndex((sum) => draw < sum);
        if (hit >= 0) counts[hit]++;
      }
      const faults = counts.filter((count) => count > 0).map((tasks) => fault({ tasks }));
      estimated += newFaultChance(faults, 300, 1).singletons / 300;
      actual += shares.reduce((sum, share, i) => sum + (counts[i] === 0 ? share : 0), 0);
    }
    expect(estimated / actual).toBeGreaterThan(0.9);
    expect(estimated / actual).toBeLessThan(1.1);
  });
});

test('it is told in per cent', () => {
  expect(chanceText({ chance: 0.0012345, isUpperBound: false })).toBe('0.12 %');
  expect(chanceText({ chance: 0.001, isUpperBound: true })).toBe('at most 0.1 %');
});
