import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { halfToNumber, makeData, numberToHalf, readNumber, writeNumber } from '../../src/tensor/tensor.ts';

// Values from IEEE 754-2008, table 3.5 and Wikipedia's half-precision examples.
test.each([
  [0x0000, 0],
  [0x0001, 2 ** -24],
  [0x03ff, 2 ** -14 * (1023 / 1024)],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0x3c00, 1],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
])('half %i is %d and back', (bits, value) => {
  expect(halfToNumber(bits)).toBe(value);
  expect(numberToHalf(value)).toBe(bits);
});

test.each([
  [65519.99, 0x7bff],
  [65520, 0x7c00],
  [2 ** -25, 0x0000],
  [2 ** -25 * 1.0001, 0x0001],
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
  [Number.NaN, 0x7e00],
])('%d rounds to even as half %i', (value, bits) => {
  expect(numberToHalf(value)).toBe(bits);
});

test('every half survives the way to a number and back', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfToNumber(bits);
    if (Number.isNaN(value)) continue;
    if (numberToHalf(value) !== bits) throw new Error(`half ${bits} came back as ${numberToHalf(value)}`);
  }
});

test('writing rounds and clips to what the type can hold', () => {
  const write = (type: Parameters<typeof makeData>[0], value: number): number => {
    const data = makeData(type, 1);
    writeNumber(type, data, 0, value);
    return readNumber(type, data, 0);
  };
  expect(write('uint8', 300)).toBe(255);
  expect(write('int8', -129.2)).toBe(-128);
  expect(write('bool', 0.7)).toBe(1);
  expect(write('int64', -5.5)).toBe(-5);
  expect(write('uint64', -1)).toBe(0);
  expect(write('int64', 1e30)).toBe(2 ** 63);
  fc.assert(fc.property(fc.integer(), (value) => expect(write('int32', value)).toBe(value)));
});
