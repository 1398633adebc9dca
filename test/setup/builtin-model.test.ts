import { expect, test } from '@jest/globals';
import { loadModel } from '../../src/model/formats/registry.ts';
import { BUILTIN_DESCRIPTION, writeBuiltinModels } from '../../src/setup/builtin-model.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

test('both formats hold one network', async () => {
  const paths = await writeBuiltinModels(folder);
  const feeds = [
    {
      type: 'float32' as const,
      shape: [1, 784],
      data: Float32Array.from({ length: 784 }, (_, i) => Math.sin(i)),
    },
  ];
  const logits: number[][] = [];
  for (const [path, runtime] of [
    [paths.onnx, 'onnx'],
    [paths.tfjs, 'cpu'],
  ] as const) {
    const model = await loadModel(path, { runtime });
    const { outputs } = await model.run(feeds, []);
    logits.push(Array.from((outputs[0]?.data ?? []) as Float32Array));
    await model.dispose();
  }
  const [onnx = [], tfjs = []] = logits;
  expect(onnx).toHaveLength(10);
  expect(Math.max(...onnx.map((value, i) => Math.abs(value - (tfjs[i] ?? Number.NaN))))).toBeLessThan(1e-4);
  expect(Math.max(...onnx.map(Math.abs))).toBeGreaterThan(0.1);
  expect(BUILTIN_DESCRIPTION).toBe('dense network of 784-200-100-10');
});
