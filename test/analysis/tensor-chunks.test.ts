import { expect, test } from '@jest/globals';
import { ChunkSize } from '../../src/analysis/tensor-chunks.ts';

test('the number of tensors follows their size: as many as fit in 8 MiB, within limits', () => {
  const chunk = new ChunkSize(32);
  expect(chunk.tensors).toBe(4);
  chunk.adapt(4 * 2 ** 20, 4);
  expect(chunk.tensors).toBe(8);
  chunk.adapt(8 * 16 * 2 ** 20, 8);
  expect(chunk.tensors).toBe(1);
  chunk.adapt(0, 1);
  expect(chunk.tensors).toBe(32);
});
