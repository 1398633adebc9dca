import { expect, test } from '@jest/globals';
import { attackedSeeds } from '../../../src/campaign/threat-model/attacked-seeds.ts';
import type { Seeds } from '../../../src/inputs/seeds.ts';
import { testcaseOf } from '../../support/tasks.ts';

const SEEDS: Seeds = [0, 1, 2, 3].map((value) => testcaseOf([value]));
/** Each seed is of the class of its value. */
const LABELS = new Map(SEEDS.map((seed, i) => [seed, i]));

/** Classes of the attacked seeds, and what was said. */
function attack(goal: Parameters<typeof attackedSeeds>[2], labels: typeof LABELS | undefined = LABELS) {
  const info: string[] = [];
  const notices = { info: (text: string) => void info.push(text), warn: () => {} };
  return { classes: attackedSeeds(SEEDS, labels, goal, notices).map((seed) => LABELS.get(seed)), info };
}

test('without a threat model and from any class all seeds are attacked', () => {
  expect(attack(undefined)).toEqual({ classes: [0, 1, 2, 3], info: [] });
  expect(attack({ from: 'any' }, undefined)).toEqual({ classes: [0, 1, 2, 3], info: [] });
});

test('seeds of other classes than from are left out, and so are those of the only class in to', () => {
  expect(attack({ from: [1, 3] })).toEqual({
    classes: [1, 3],
    info: ['threat model: 2 of 4 seeds are of classes that the attacker starts from'],
  });
  expect(attack({ from: 'any', to: [2] }).classes).toEqual([0, 1, 3]);
  expect(attack({ from: 'any', to: [2, 3] }).classes).toEqual([0, 1, 2, 3]);
});

test('classes without labels, and classes of which there is no seed, are refused', () => {
  expect(() => attackedSeeds(SEEDS, undefined, { from: [1] }, { info: () => {}, warn: () => {} })).toThrow(
    /threatModel\.goal\.from needs the class of each seed: set labels/,
  );
  expect(() => attack({ from: [9] })).toThrow(/no seed is of a class to start from \(9\)/);
  expect(() => attack({ from: [2], to: [2] })).toThrow(/no seed is of a class to start from \(2\)/);
});
