import { expect, test } from '@jest/globals';
import { requiredEntries } from '../../src/fuzzer/required-entries.ts';

const TASK = { parents: [7, 4, 7], partners: [-1, 9, 4] };
const entryAt = (entryIndex: number) => ({ ancestorIndex: entryIndex % 3, referenceIndex: entryIndex - 1 });

test('a task reads its parents and partners, each once', () => {
  expect(requiredEntries(TASK, false, entryAt)).toEqual([7, 4, 9]);
});

test('constraints need the ancestors and references of parents, not those of partners', () => {
  expect(requiredEntries(TASK, true, entryAt)).toEqual([7, 4, 9, 1, 6, 3]);
});
