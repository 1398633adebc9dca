import { beforeAll, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { loadAsGraphModel } from '../../../../src/model/formats/saved-model/graph-model.ts';
import type { TfAttribute, TfNodeDef } from '../../../../src/model/formats/saved-model/proto.ts';
import { startTfjs } from '../../../../src/model/formats/tfjs/backend.ts';
import type { Tensor } from '../../../../src/tensor/tensor.ts';

const FLOAT = 1;
const FILTER = Float32Array.from({ length: 8 }, (_, i) => i - 3);

const node = (name: string, op: string, input: readonly string[], attr: object = {}): TfNodeDef => ({
  name,
  op,
  input,
  attr: { T: { type: FLOAT }, ...attr } as Record<string, TfAttribute>,
});
const ints = (...values: number[]): object => ({ list: Uint8Array.of(26, values.length, ...values) });
const dims = (...sizes: number[]): object => ({ dim: sizes.map((size) => ({ size })), unknownRank: false });

const NODES: readonly TfNodeDef[] = [
  node('x', 'Placeholder', [], { dtype: { type: FLOAT }, shape: { shape: dims(-1, 4, 4, 1) } }),
  node('filter', 'VarHandleOp', [], { dtype: { type: 20 } }),
  node('read', 'ReadVariableOp', ['filter'], { dtype: { type: FLOAT } }),
  node('bias', 'Const', [], { dtype: { type: FLOAT } }),
  node('conv', 'Conv2D', ['x', 'read'], {
    strides: ints(1, 2, 2, 1),
    dilations: ints(1, 1, 1, 1),
    padding: { s: Buffer.from('VALID') },
    data_format: { s: Buffer.from('NHWC') },
  }),
  node('sum', 'BiasAdd', ['conv', 'bias'], { data_format: { s: Buffer.from('NHWC') } }),
  node('leaky', 'LeakyRelu', ['sum', '^bias'], { alpha: { f: 0.5 } }),
];

const CONSTANTS: Readonly<Record<string, Tensor>> = {
  read: { type: 'float32', shape: [2, 2, 1, 2], data: FILTER },
  bias: { type: 'float32', shape: [2], data: Float32Array.of(1, -1) },
};

beforeAll(() => startTfjs('cpu'));

test("a SavedModel's nodes run on TensorFlow.js: weights are read, attributes kept, control edges dropped", async () => {
  const model = await loadAsGraphModel(NODES, (names) => names.map((name) => CONSTANTS[name]));
  tf.tidy(() => {
    const x = tf.reshape(tf.sin(tf.range(0, 32)), [2, 4, 4, 1]) as tf.Tensor4D;
    const result = model.execute({ x }, 'leaky') as tf.Tensor;
    const filter = tf.tensor(FILTER, [2, 2, 1, 2]) as tf.Tensor4D;
    const expected = tf.leakyRelu(tf.add(tf.conv2d(x, filter, 2, 'valid'), tf.tensor1d([1, -1])), 0.5);
    expect([...result.dataSync()]).toEqual([...expected.dataSync()]);
  });
  model.dispose();
});

test('an operation that TensorFlow.js lacks is named', async () => {
  const unknown = [...NODES, node('rows', 'ResourceGather', ['filter', 'x'])];
  await expect(loadAsGraphModel(unknown, (names) => names.map((name) => CONSTANTS[name]))).rejects.toThrow(
    'no gradient through ResourceGather (rows)',
  );
});
