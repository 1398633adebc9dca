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

test('the result or the error of an action is passed on', async () => {
  expect(await withinLimits(async () => 'loaded')).toBe('loaded');
  await expect(withinLimits(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
