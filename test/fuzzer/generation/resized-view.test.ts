import { expect, test } from '@jest/globals';
import { resizedView } from '../../../src/fuzzer/generation/resized-view.ts';
import { entryOf, testcaseOf } from '../../support/tasks.ts';

test('every entry has the other size, without its history', () => {
  const entry = entryOf(4, testcaseOf([1, 2, 3]), 2);
  const change = { dimension: 'x', places: [{ input: 0, axis: 0 }], lengthInputs: [], size: 5 };
  const view = resizedView(
    { history: { filter: () => undefined as never }, entryData: () => entry },
    change,
    () => [],
  );
  expect(view.history).toBeUndefined();
  const resized = view.entryData(4);
  expect([...resized.data.inputs[0]]).toEqual([1, 2, 3, 3, 3]);
  expect(resized).toMatchObject({ entryIndex: 4, ancestorIndex: 2 });
  expect(view.entryData(4)).toBe(resized);
});
