import { expect, test } from '@jest/globals';
import type { Graph } from '../../../src/model/graph/graph.ts';
import { findNeuronAxes } from '../../../src/model/graph/neuron-axes.ts';

const node = (op: string, inputs: readonly string[], output: string, attributes = {}) => ({
  op,
  inputs,
  outputs: [output],
  attributes,
});

function axesOf(nodes: readonly object[]): Record<string, string> {
  const constants = new Map(['w', 'shape'].map((name) => [name, {}]));
  return Object.fromEntries(findNeuronAxes({ nodes, constants } as unknown as Graph));
}

test('of a convolution, behind pools, resizing and joined maps as well', () => {
  expect(
    axesOf([
      node('Conv', ['x', 'w'], 'a'),
      node('MaxPool', ['a'], 'pooled'),
      node('Resize', ['pooled', '', 'w'], 'resized'),
      node('Concat', ['a', 'resized'], 'joined', { axis: 1 }),
      node('Concat', ['a', 'resized'], 'along', { axis: 2 }),
      node('Flatten', ['joined'], 'flat'),
    ]),
  ).toEqual({ a: 'maps', pooled: 'maps', resized: 'maps', joined: 'maps' });
});

test('of products of positions, whose heads are units, as exporters of transformers write them', () => {
  expect(
    axesOf([
      node('MatMul', ['x', 'w'], 'product'),
      node('Add', ['product', 'w'], 'biased'),
      node('Reshape', ['biased', 'shape'], 'heads'),
      node('Transpose', ['heads'], 'turned'),
      node('MatMul', ['turned', 'turned'], 'scores'),
      node('LayerNormalization', ['biased', 'w', 'w'], 'normal'),
    ]),
  ).toEqual({ product: 'last', biased: 'last', heads: 'units', normal: 'last' });
});

test('of a recurrent layer, whose directions are units', () => {
  expect(axesOf([node('LSTM', ['x', 'w', 'w'], 'hidden')])).toEqual({ hidden: 'units' });
});

test('of a product that is reshaped for a convolution, as in a generator of pictures', () => {
  expect(
    axesOf([
      node('Gemm', ['x', 'w'], 'product'),
      node('Reshape', ['product', 'shape'], 'maps'),
      node('ConvTranspose', ['maps', 'w'], 'larger'),
    ]),
  ).toEqual({ product: 'last', maps: 'maps', larger: 'maps' });
});
