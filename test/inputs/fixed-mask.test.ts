import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readFixedMask } from '../../src/inputs/fixed-mask.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { testFolder } from '../support/folder.ts';

const path = join(testFolder(), 'mask.npy');
writeFileSync(path, encodeNpy({ type: 'float32', shape: [2, 2], data: Float32Array.of(0, 0.5, -1, 0) }));

test('fixes values that are not 0, whatever dimensions of 1 the input has', async () => {
  expect([...(await readFixedMask(path, 'x', [2, 2, 1]))]).toEqual([0, 1, 1, 0]);
});

test.each([[[2, 3]], [[4]], [[2, null]]])('refuses a mask for an input of %j', async (shape) => {
  await expect(readFixedMask(path, 'x', shape)).rejects.toThrow(/is a mask of 2×2/);
});
