import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readOnnx } from '../../../src/model/formats/onnx/graph.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { attr, TfjsBuilder } from '../../../src/model/formats/tfjs/builder.ts';
import { randomizeModel } from '../../../src/saliency/randomize/randomize-model.ts';
import { testFolder } from '../../support/folder.ts';
import { WEIGHTS, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../../support/models.ts';

const folder = testFolder();
const draws = { kind: 'permute', seed: 'x', repeat: 0 } as const;
const sorted = (values: ArrayLike<unknown>): number[] => Array.from(values, Number).sort((a, b) => a - b);

test('an ONNX file with one constant drawn anew, and nothing else changed', async () => {
  const path = writeSoftmaxOnnx(folder);
  const files = await randomizeModel({ path, constants: ['w'], draws });
  const [[name, bytes]] = files;
  expect(name).toBe('softmax-randomised.onnx');
  const copy = readOnnx(bytes, name);
  const data = copy.constant('w')?.data ?? [];
  expect(sorted(data)).toEqual(sorted(WEIGHTS));
  expect([...data]).not.toEqual([...WEIGHTS]);
  expect(copy.graph.nodes).toEqual(
    readOnnx((await randomizeModel({ path, constants: [], draws })).get(name) as Uint8Array, path).graph
      .nodes,
  );
  await expect(randomizeModel({ path, constants: ['v'], draws })).rejects.toThrow(
    'leave their layer out by --layers',
  );
});

test('a TensorFlow.js model likewise; it loads', async () => {
  const path = writeSoftmaxTfjs(folder);
  const files = await randomizeModel({ path, constants: ['w'], draws });
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  for (const [name, bytes] of files) writeFileSync(join(copy, name), bytes);
  const model = await loadModel(join(copy, 'model.json'), { runtime: 'cpu' });
  const data = model.constant('w')?.data ?? [];
  expect(sorted(data)).toEqual(sorted(WEIGHTS));
  expect([...data]).not.toEqual([...WEIGHTS]);
  await model.dispose();
  await expect(randomizeModel({ path, constants: ['v'], draws })).rejects.toThrow('no weight is called v');
});

test('the draws of a constant are those of its name, in either format', async () => {
  const onnx = await randomizeModel({ path: writeSoftmaxOnnx(folder, 'same.onnx'), constants: ['w'], draws });
  const files = await randomizeModel({ path: writeSoftmaxTfjs(folder, 'same'), constants: ['w'], draws });
  const [, weights] = [...files.values()];
  const stored = new Float32Array(new Uint8Array(weights).buffer);
  expect([...(readOnnx([...onnx.values()][0], 'same').constant('w')?.data ?? [])]).toEqual([...stored]);
});

test('weights that are stored quantized keep their scale', async () => {
  const graph = new TfjsBuilder();
  const x = graph.input('x', 'float32', [-1, 4]);
  graph.node('MatMul', [x, graph.constant('w', 'float32', [4, 3], WEIGHTS)], 'logits', {
    transpose_a: attr.bool(false),
    transpose_b: attr.bool(false),
  });
  graph.output('logits', 'float32', [-1, 3]);
  const { json, weightFile } = graph.finish();
  const quantized = join(folder, 'quantized');
  mkdirSync(quantized);
  const spec = { quantization: { dtype: 'uint8', scale: 0.5, min: -1, original_dtype: 'float32' } };
  const model = JSON.parse(Buffer.from(json).toString());
  Object.assign(model.weightsManifest[0].weights[0], spec);
  writeFileSync(join(quantized, 'model.json'), JSON.stringify(model));
  writeFileSync(
    join(quantized, weightFile),
    Uint8Array.from({ length: 12 }, (_, i) => i),
  );
  const files = await randomizeModel({ path: join(quantized, 'model.json'), constants: ['w'], draws });
  const [text, weights] = [...files.values()];
  expect(JSON.parse(Buffer.from(text).toString()).weightsManifest[0].weights[0]).toMatchObject(spec);
  expect(sorted(weights)).toEqual(Array.from({ length: 12 }, (_, i) => i));
});
