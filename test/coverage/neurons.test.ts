import { expect, test } from '@jest/globals';
import { channelAxis, neuronValues } from '../../src/coverage/neurons.ts';
import type { BatchTensor } from '../../src/model/batched-model.ts';

function tensor(shape: readonly number[], ...values: number[]): BatchTensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return { name: 'a', type: 'float32', shape, size, data: Float32Array.from(values) };
}

function means(channels: 'first' | 'last', rows: number, ...activations: BatchTensor[]): number[] {
  return [...neuronValues({ rows, inputs: [], outputs: [], activations }, channels).values];
}

test('a feature map is one neuron, along the axis of the format', () => {
  const maps = tensor([2, 1, 2], 1, 3, 10, 30);
  expect(means('first', 1, maps)).toEqual([2, 20]);
  expect(means('last', 1, maps)).toEqual([5.5, 16.5]);
  expect([channelAxis('onnx'), channelAxis('tfjs-layers'), channelAxis('saved-model')]).toEqual([
    'first',
    'last',
    'last',
  ]);
});

test('a hidden unit of a sequence is one neuron, whatever the format and the length', () => {
  for (const channels of ['first', 'last'] as const) {
    expect(means(channels, 1, tensor([2, 2], 1, 2, 3, 6))).toEqual([2, 4]);
    expect(means(channels, 1, tensor([1, 2], 1, 2))).toEqual([1, 2]);
  }
});

test('layers lie side by side, row by row, and other types are numbers too', () => {
  const vector = tensor([2], 1, 2, 3, 4);
  const integers: BatchTensor = {
    name: 'b',
    type: 'int64',
    shape: [1],
    size: 1,
    data: BigInt64Array.of(7n, 8n),
  };
  const run = neuronValues({ rows: 2, inputs: [], outputs: [], activations: [vector, integers] }, 'first');
  expect([...run.values]).toEqual([1, 2, 7, 3, 4, 8]);
  expect(run.layers).toEqual([
    { name: 'a', from: 0, count: 2 },
    { name: 'b', from: 2, count: 1 },
  ]);
});
