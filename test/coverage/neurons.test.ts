import { describe, expect, test } from '@jest/globals';
import { type NeuronLayout, neuronLayout, neuronReader, neuronValues } from '../../src/coverage/neurons.ts';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import type { Graph } from '../../src/model/graph/graph.ts';

function tensor(shape: readonly number[], ...values: number[]): BatchTensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return { name: 'a', type: 'float32', shape, size, data: Float32Array.from(values) };
}

function layoutOfModel(
  format: 'onnx' | 'tfjs-layers' | 'saved-model',
  shapes: readonly (readonly (number | null)[])[],
  nodes: readonly object[],
): NeuronLayout {
  return neuronLayout({
    format,
    graph: { nodes, constants: new Map([['w', {}]]) } as unknown as Graph,
    inputs: shapes.map((shape, i) => ({ name: `input ${i}`, type: 'float32', shape })),
    capabilities: { mapMeans: { meanOf: (name) => (name === 'a' ? 'mean of a' : undefined) } },
  });
}

function means(channels: 'first' | 'last', rows: number, ...activations: BatchTensor[]): number[] {
  return [...neuronValues({ rows, inputs: [], outputs: [], activations }, { channels }).values];
}

test('a feature map is one neuron, along the axis of the format', () => {
  const maps = tensor([2, 1, 2], 1, 3, 10, 30);
  expect(means('first', 1, maps)).toEqual([2, 20]);
  expect(means('last', 1, maps)).toEqual([5.5, 16.5]);
  const formats = ['onnx', 'tfjs-layers', 'saved-model'] as const;
  expect(formats.map((format) => layoutOfModel(format, [[null, 2]], []).channels)).toEqual([
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
  const run = neuronValues(
    { rows: 2, inputs: [], outputs: [], activations: [vector, integers] },
    { channels: 'first' },
  );
  expect([...run.values]).toEqual([1, 2, 7, 3, 4, 8]);
  expect(run.layers).toEqual([
    { name: 'a', from: 0, count: 2 },
    { name: 'b', from: 2, count: 1 },
  ]);
});

describe('results of a convolution have their maps along the axis of channels', () => {
  const nodes = [
    { op: 'Conv', inputs: ['signal', 'weights'], outputs: ['sum'] },
    { op: 'Relu', inputs: ['sum'], outputs: ['a'] },
  ];
  const layoutOf = (shape: readonly (number | null)[], ...others: readonly number[][]) =>
    layoutOfModel('onnx', [shape, ...others], nodes);
  const run = (activation: BatchTensor) => ({ rows: 1, inputs: [], outputs: [], activations: [activation] });

  test('along time, as ONNX Runtime averages them', () => {
    const along = run(tensor([2, 3], 1, 2, 3, 10, 20, 30));
    expect([...neuronValues(along, layoutOf([null, 1, 5])).values]).toEqual([2, 20]);
  });

  test('in a model without batches, whose tensors keep the axis of one', () => {
    const layout = layoutOf([null, 1, 5], []);
    expect([...neuronValues(run(tensor([1, 2, 3], 1, 2, 3, 10, 20, 30)), layout).values]).toEqual([2, 20]);
    const mean = { ...tensor([1, 2, 1], 2, 20), name: 'mean of a' };
    expect([...neuronValues(run(mean), layout).values]).toEqual([2, 20]);
    const sequence = { ...tensor([1, 2, 3], 1, 2, 3, 10, 20, 30), name: 'hidden' };
    expect([...neuronValues(run(sequence), layout).values]).toEqual([5.5, 11, 16.5]);
  });
});

describe('units of sequences', () => {
  const layoutOf = (...nodes: readonly object[]) => layoutOfModel('onnx', [[null, null, 8]], nodes);
  const run = (activation: BatchTensor) => ({ rows: 1, inputs: [], outputs: [], activations: [activation] });
  /** Two heads of two dimensions at each position: [positions, heads, dimensions]. */
  const heads = (positions: number) =>
    tensor([positions, 2, 2], ...Array.from({ length: positions * 4 }, (_, i) => i));
  const product = { op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] };
  const reshape = { op: 'Reshape', inputs: ['p', 'shape'], outputs: ['a'] };

  test('are those of all heads, whatever the length', () => {
    const layout = layoutOf(product, reshape);
    expect([...neuronValues(run(heads(2)), layout).values]).toEqual([2, 3, 4, 5]);
    expect([...neuronValues(run(heads(3)), layout).values]).toEqual([4, 5, 6, 7]);
  });

  test('that depend on the length of the input are refused by name', () => {
    const read = neuronReader(layoutOf());
    read(run(heads(2)));
    expect(() => read(run(heads(3)))).toThrow(
      '--coverage: the size of a depends on that of the input, so that it has 2 or 3 neurons; choose other tensors',
    );
  });
});
