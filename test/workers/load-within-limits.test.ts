import { statSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { loadWithinLimits, withinLimits } from '../../src/workers/load-within-limits.ts';

const PATH = 'test/fixtures/tabular.onnx';

test('a model is loaded, and the size of its files reported before a runtime has them', async () => {
  const sizes: number[] = [];
  const model = await loadWithinLimits(PATH, {
    runtime: 'auto',
    onModelBytes: (bytes) => sizes.push(bytes),
  });
  expect([model.format, model.inputs.length, sizes]).toEqual(['onnx', 3, [statSync(PATH).size]]);
  await model.dispose();
});

test('an action within limits returns its result, and fails with its error', async () => {
  const sizes: number[] = [];
  const half = withinLimits(async (allow) => {
    allow(500);
    sizes.push(500);
    return 'loaded';
  });
  expect([await half, sizes]).toEqual(['loaded', [500]]);
  await expect(withinLimits(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
