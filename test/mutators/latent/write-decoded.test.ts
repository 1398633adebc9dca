import { expect, test } from '@jest/globals';
import { writeDecoded } from '../../../src/mutators/latent/write-decoded.ts';

test('writes behind the offset alone, and the parent where nothing was decoded', () => {
  const out = Float32Array.of(9, 9, 9, 9);
  const parent = Float32Array.of(1, 2);
  writeDecoded(out, 1, parent, undefined, 1);
  expect([...out]).toEqual([9, 1, 2, 9]);
  writeDecoded(out, 1, parent, { before: [1, 1], after: [3, 0] }, 1);
  expect([...out]).toEqual([9, 3, 1, 9]);
  writeDecoded(out, 1, parent, { before: [1, 1], after: [3, 0] }, 0);
  expect([...out]).toEqual([9, 3, 0, 9]);
});
