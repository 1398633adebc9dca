import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { Bandit } from '../../../src/fuzzer/scheduling/bandit.ts';

test('before any reward shares depend on costs alone', () => {
  expect(new Bandit([5, 5], 0.1).shares).toEqual([0.5, 0.5]);
  // Costs of 43 + 7 and 43 + 57: half the yield for double the cost, squared, beside a floor of 2 to 1.
  const [cheap, expensive] = new Bandit([7, 57], 0.1).shares;
  expect(cheap).toBeCloseTo(0.1 * (2 / 3) + 0.9 * (4 / 5), 10);
  expect(expensive).toBeCloseTo(0.1 * (1 / 3) + 0.9 * (1 / 5), 10);
});

test('shares go by the square of reward per mutant, smoothed by 512 mutants at the mean', () => {
  const bandit = new Bandit([5, 5], 0);
  bandit.addReward(0, 512, 30);
  bandit.addReward(1, 512, 10);
  bandit.decay(0);
  // The mean is 40 / 1024: (30 + 20) to (10 + 20), squared.
  expect(bandit.shares[0]).toBeCloseTo(2500 / 3400, 10);
  expect(bandit.shares[1]).toBeCloseTo(900 / 3400, 10);
});

test('an arm keeps its part of the floor however little it brings', () => {
  const bandit = new Bandit([5, 5], 0.1);
  bandit.addReward(0, 100_000, 1e9);
  bandit.addReward(1, 100_000, 0);
  bandit.decay(0);
  expect(bandit.shares[1]).toBeGreaterThan(0.05);
  expect(bandit.shares[1]).toBeLessThan(0.051);
});

test('rewards count half after 50,000 mutants', () => {
  const bandit = new Bandit([5, 5], 0);
  bandit.addReward(0, 1000, 80);
  bandit.decay(50_000);
  expect(bandit.save()).toEqual({ mutants: [500, 0], rewards: [40, 0] });
});

test('arms are drawn as often as their shares say', () => {
  const bandit = new Bandit([7, 57, 7], 0.1);
  const random = randomStream('bandit');
  const counts = [0, 0, 0];
  for (let n = 0; n < 20_000; n++) counts[bandit.select(random)]++;
  bandit.shares.forEach((share, arm) => {
    expect(counts[arm] / 20_000).toBeCloseTo(share, 1);
  });
});

test('a restored bandit has the same shares', () => {
  const bandit = new Bandit([5, 9, 40], 0.1);
  bandit.addReward(1, 300, 12);
  bandit.decay(300);
  const restored = new Bandit([5, 9, 40], 0.1);
  restored.restore(JSON.parse(JSON.stringify(bandit.save())));
  expect(restored.shares).toEqual(bandit.shares);
});
