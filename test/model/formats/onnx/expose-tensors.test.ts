import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import { testFolder } from '../../../support/folder.ts';

const folder = testFolder();

test('a power can be watched that ONNX Runtime would fuse into a Gelu', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 4]);
  const number = (name: string, value: number): string =>
    graph.constant(name, 'float32', [], Float32Array.of(value));
  graph.node('Abs', ['x'], 'values');
  graph.node('Mul', ['values', number('half', 0.5)], 'halved');
  graph.node('Pow', ['values', number('three', 3)], 'cube');
  graph.node('Mul', ['cube', number('weight', 0.044715)], 'weighted');
  graph.node('Add', ['values', 'weighted'], 'sum');
  graph.node('Mul', ['sum', number('scale', 0.7978845834732056)], 'scaled');
  graph.node('Add', [graph.node('Tanh', ['scaled'], 'tanh'), number('one', 1)], 'raised');
  graph.node('Neg', [graph.node('Mul', ['halved', 'raised'], 'gelu')], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, 'gelu.onnx');
  writeFileSync(path, graph.finish('gelu'));
  const model = await loadModel(path, { runtime: 'auto' });
  const feeds = [{ type: 'float32' as const, shape: [1, 4], data: Float32Array.of(-1, 0, 1, 2) }];
  const { activations, outputs } = await model.run(feeds, ['cube']);
  expect([...activations[0].data]).toEqual([1, 0, 1, 8]);
  expect(outputs[0].data[3]).toBeCloseTo(-1.9546, 3);
  await model.dispose();
});
