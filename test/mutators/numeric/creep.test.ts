import { expect, test } from '@jest/globals';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

const SIZE = 64;
const INPUT = traitsOf({ type: 'float64', size: SIZE, range: { low: -10, high: 10 } });
const PARENT = Float64Array.from({ length: SIZE }, (_, i) => i / SIZE);

/** The changes of many mutants. */
const changes = (strength?: number): number[][] =>
  Array.from({ length: 200 }, (_, key) => {
    const mutant = mutantOf('creep', PARENT, INPUT, [SIZE], key, {}, { strength });
    return Array.from(mutant, (value, i) => value - PARENT[i]);
  });

const isMoved = (change: number): boolean => change !== 0;

test.each([1e-7, 1e-3])('steps of strength %d are that share of the range long', (strength) => {
  const moved = changes(strength).flat().filter(isMoved);
  const rms = Math.sqrt(moved.reduce((sum, change) => sum + change ** 2, 0) / moved.length);
  expect(rms / (20 * strength)).toBeGreaterThan(0.9);
  expect(rms / (20 * strength)).toBeLessThan(1.1);
});

test('half of the mutants move in all values, a quarter in a run of them, a quarter in one', () => {
  const counts = changes(1e-3).map((change) => change.filter(isMoved).length);
  const share = (isMeant: (count: number) => boolean): number => counts.filter(isMeant).length / 200;
  expect(share((count) => count === SIZE)).toBeGreaterThan(0.4);
  expect(share((count) => count <= SIZE / 2)).toBeGreaterThan(0.4);
  expect(share((count) => count === 1)).toBeGreaterThan(0.15);
  for (const change of changes(1e-3)) {
    const places = change.flatMap((value, i) => (isMoved(value) ? [i] : []));
    expect(places[places.length - 1] - places[0]).toBe(places.length - 1);
  }
});

test('a strength that is not given is drawn anew for each mutant', () => {
  const lengths = changes().map((change) => Math.max(...change.map(Math.abs)));
  expect(Math.min(...lengths)).toBeLessThan(1e-5);
  expect(Math.max(...lengths)).toBeGreaterThan(1);
});
