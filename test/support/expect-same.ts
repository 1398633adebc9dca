import { expect } from '@jest/globals';

/**
 * As `expect(actual).toEqual(expected)` for values and typed arrays, which costs some 50 µs, and more the longer they are,
 * where they are the same: for what property tests check hundreds of thousands of times.
 */
export function expectSame(actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected) || haveSameBytes(actual, expected)) return;
  expect(actual).toEqual(expected);
}

function haveSameBytes(a: unknown, b: unknown): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return false;
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
