import { expect, test } from '@jest/globals';
import { differenceSlope } from '../../../../src/fuzzer/search/ascent/difference-slope.ts';
import type { BatchTensor } from '../../../../src/model/batched-model.ts';

const tensor = (name: string, values: readonly number[]): BatchTensor => ({
  name,
  type: 'float32',
  size: values.length,
  shape: [values.length],
  data: Float32Array.from(values),
});

const at = (tensors: readonly BatchTensor[], name: string, i: number): number =>
  Number(tensors.find((candidate) => candidate.name === name)?.data[i]);

test('derivatives of a measurement of several tensors', () => {
  const slopes = differenceSlope(
    [tensor('a', [2, 3]), tensor('b', [5])],
    (tensors) => at(tensors, 'a', 0) ** 2 - 4 * at(tensors, 'b', 0),
  );
  const [first, second] = slopes?.get('a') ?? [];
  expect(first).toBeCloseTo(4, 2);
  expect(second).toBe(0);
  expect(slopes?.get('b')?.[0]).toBeCloseTo(-4, 2);
});

test.each([
  ['is not finite', () => Number.POSITIVE_INFINITY],
  ['is the same everywhere', () => 7],
])('none of a measurement that %s', (_, measure) => {
  expect(differenceSlope([tensor('a', [1])], measure)).toBeUndefined();
});

test('none where there are thousands of values: each takes two measurements', () => {
  let measured = 0;
  const slope = differenceSlope([tensor('a', new Array<number>(3000).fill(1))], () => measured++);
  expect(slope).toBeUndefined();
  expect(measured).toBe(0);
});
