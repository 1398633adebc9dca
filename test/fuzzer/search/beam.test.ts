import { expect, test } from '@jest/globals';
import {
  advanceSlot,
  BEAM_WIDTH,
  type BeamSlot,
  closestSlot,
  farthestSlot,
  isStale,
  MIN_GAIN,
  makeBeam,
  restartStaleSlots,
} from '../../../src/fuzzer/search/beam.ts';
import { MAX_MARGIN } from '../../../src/fuzzer/search/search-goal.ts';

const slot = (margin: number, tries = 0, entry = 1): BeamSlot => ({ entry, margin, tries });

test('a beam begins with three slots at no entry', () => {
  expect(BEAM_WIDTH).toBe(3);
  expect(makeBeam()).toEqual(new Array(3).fill({ entry: -1, margin: MAX_MARGIN, tries: 0 }));
});

test('an advanced slot is at the new entry, and its tries start again', () => {
  const advanced = slot(20, 300, 4);
  advanceSlot(advanced, 9, 12);
  expect(advanced).toEqual({ entry: 9, margin: 12, tries: 0 });
});

test('an advanced slot keeps the strength of fine steps, and other mutators leave that as it is', () => {
  const advanced = slot(20, 300);
  advanceSlot(advanced, 9, 12, 1e-3);
  expect(advanced).toEqual({ entry: 9, margin: 12, tries: 0, strength: 1e-3 });
  advanceSlot(advanced, 10, 11);
  expect(advanced).toEqual({ entry: 10, margin: 11, tries: 0, strength: 1e-3 });
});

test('fine steps that gain next to nothing do not make the tries start again, until together they gained enough', () => {
  const advanced = slot(20, 300);
  advanceSlot(advanced, 2, 20 - 0.6 * MIN_GAIN, 1e-3);
  expect(advanced.tries).toBe(300);
  expect(advanced.entry).toBe(2);
  advanceSlot(advanced, 3, 20 - 1.2 * MIN_GAIN, 1e-4);
  expect(advanced.tries).toBe(0);
  advanced.tries = 5;
  advanceSlot(advanced, 4, 20 - 1.3 * MIN_GAIN, 1e-4);
  expect(advanced.tries).toBe(5);
});

test('of several slots with the same margin the first is the closest, and the farthest', () => {
  const slots = [slot(7), slot(3), slot(3), slot(7)];
  expect(closestSlot(slots)).toBe(1);
  expect(farthestSlot(slots)).toBe(slots[0]);
});

test('a slot is stale after more than 512 mutants without an improvement', () => {
  expect(isStale(slot(5, 512))).toBe(false);
  expect(isStale(slot(5, 513))).toBe(true);
});

test('stale slots restart, all but the closest', () => {
  const slots = [slot(4, 600), slot(9, 600), slot(9, 512)];
  restartStaleSlots(slots);
  expect(slots).toEqual([slot(4, 600), { entry: -1, margin: MAX_MARGIN, tries: 0 }, slot(9, 512)]);
});
