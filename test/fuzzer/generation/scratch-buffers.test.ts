import { expect, test } from '@jest/globals';
import { makeScratchBuffers } from '../../../src/fuzzer/generation/scratch-buffers.ts';

const INTERMEDIATES = [new Float32Array(8), new Float32Array(8)];

test('float32 values are used as they are, other types are converted to float64', () => {
  const values = Float32Array.of(1, 2);
  expect(makeScratchBuffers('float32', 8, INTERMEDIATES).parent(values)).toBe(values);
  const integers = makeScratchBuffers('int64', 8, INTERMEDIATES);
  expect(integers.parent(BigInt64Array.of(3n, -4n))).toEqual(Float64Array.of(3, -4));
});

test('a parent and its partner have buffers of their own', () => {
  const scratch = makeScratchBuffers('int32', 8, INTERMEDIATES);
  const parent = scratch.parent(Int32Array.of(1, 2));
  const partner = scratch.partner(Int32Array.of(7, 8));
  expect([...parent, ...partner]).toEqual([1, 2, 7, 8]);
});

test('a parent is truncated, or padded with its last value', () => {
  const scratch = makeScratchBuffers('int32', 8, INTERMEDIATES);
  const parent = scratch.parent(Int32Array.of(1, 2, 3));
  expect([...scratch.resized(parent, 2)]).toEqual([1, 2]);
  expect([...scratch.resized(parent, 5)]).toEqual([1, 2, 3, 3, 3]);
});

test('the steps of a stack alternate between two buffers', () => {
  for (const type of ['float32', 'uint8'] as const) {
    const scratch = makeScratchBuffers(type, 8, INTERMEDIATES);
    const [first, second, third] = [0, 1, 2].map((step) => scratch.intermediate(step, 4));
    expect(first.length).toBe(4);
    expect(second.buffer === first.buffer && second.byteOffset === first.byteOffset).toBe(false);
    expect(third).toBe(first);
  }
  expect(makeScratchBuffers('float32', 8, INTERMEDIATES).intermediate(0, 4).buffer).toBe(
    INTERMEDIATES[0].buffer,
  );
});
