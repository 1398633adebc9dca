import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeVarints, encodeVarints } from '../../src/core/varints.ts';

test('numbers of 32 bits come back', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 32 - 1)), (numbers) => {
      expect([...decodeVarints(encodeVarints(Uint32Array.from(numbers)))]).toEqual(numbers);
    }),
  );
});

test('a small number is one byte of base64', () => {
  expect(encodeVarints(new Uint32Array(3000).fill(127))).toHaveLength(4000);
  expect(encodeVarints(Uint32Array.of(128))).toBe('gAE=');
});
