import { expect, test } from '@jest/globals';
import {
  advanceSlot,
  BEAM_WIDTH,
  type BeamSlot,
  closestSlot,
  farthestSlot,
  isStale,
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
