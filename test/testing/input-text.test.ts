import { expect, test } from '@jest/globals';
import type { FuzzFinding } from '../../src/testing/api.ts';
import { inputLines } from '../../src/testing/input-text.ts';

function finding(values: number[], seed: number[] | undefined, shape = [values.length]): FuzzFinding {
  const tensor = (data: number[]) => ({ type: 'float32' as const, shape, data: Float32Array.from(data) });
  return {
    inputs: { x: tensor(values) },
    seed: seed && { x: tensor(seed) },
    text: undefined,
    distance: { linf: 1, l2: 1, l0: 1 },
    generation: 1,
    isMinimized: true,
  } as unknown as FuzzFinding;
}

test('changes are listed by their index in the array', () => {
  expect(inputLines(finding([0, 0, 0, 0.7, 0, Number.NaN], [0, 0, 0, 0, 0, 0], [2, 3]))).toEqual([
    'smallest input: 2 of 6 values differ from its seed, by at most 1',
    '  x[1,0]: 0 → 0.7',
    '  x[1,2]: 0 → NaN',
  ]);
});

test('of many changes the first are listed', () => {
  const lines = inputLines(finding(Array(20).fill(1), Array(20).fill(0)));
  expect(lines.length).toBe(8);
  expect(lines.at(-1)).toBe('  and 14 more');
});

test('without a seed the values are shown', () => {
  expect(inputLines(finding([1, 2], undefined))).toEqual(['smallest input:', '  x = [1, 2]']);
  expect(inputLines(finding(Array(18).fill(1), undefined))[1]).toMatch(/1, and 2 more values\]$/);
});

test('a text is shown on one line', () => {
  expect(inputLines({ ...finding([1], [0]), text: 'say\nthis\n', isMinimized: false })).toEqual([
    'input: "say\\nthis"',
  ]);
});
