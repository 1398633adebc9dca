import { describe, expect, test } from '@jest/globals';
import { producersByTensor } from '../../../src/model/graph/graph.ts';
import { findMaskOnlyTensors, findTensorBeforeMask, isMaskedTensor } from '../../../src/model/graph/masks.ts';
import { type GraphParts, graphOf, node } from '../../support/graphs.ts';

const infinite = Number.NEGATIVE_INFINITY;

function maskOnly(parts: GraphParts): string[] {
  const graph = graphOf(parts);
  const isMask = (name: string): boolean => graph.values.get(name)?.some((value) => value < -1e30) ?? false;
  return [...findMaskOnlyTensors(graph, isMask)];
}

/** x with some values masked, and what reads it. */
const masked = (...readers: GraphParts['nodes']): GraphParts => ({
  nodes: [node('Where', ['allowed', 'x', 'fill'], 'masked'), ...readers],
  outputs: [readers[readers.length - 1].outputs[0]],
  constants: { fill: { values: [infinite] }, allowed: { values: [1, 0] }, one: { values: [1] } },
});

describe('−∞ is a mask', () => {
  test.each(['Softmax', 'LogSoftmax', 'ReduceMax', 'ReduceLogSumExp'])('where %s reads it', (op) =>
    expect(maskOnly(masked(node(op, ['masked'], 'y')))).toEqual(['masked']),
  );

  test('where a softmax written out reads it', () =>
    expect(
      maskOnly(
        masked(
          node('ReduceMax', ['masked'], 'largest'),
          node('Sub', ['masked', 'largest'], 'shifted'),
          node('Exp', ['shifted'], 'e'),
          node('ReduceSum', ['e'], 'total'),
          node('Div', ['e', 'total'], 'y'),
        ),
      ),
    ).toEqual(['masked', 'shifted']));

  test('behind operations that pass it on', () =>
    expect(
      maskOnly(
        masked(
          node('Reshape', ['masked', 'one'], 'flat'),
          node('Add', ['flat', 'one'], 'sum'),
          node('Softmax', ['sum'], 'y'),
        ),
      ),
    ).toEqual(['masked', 'flat', 'sum']));

  test('not where anything else reads it as well, or it is an output', () => {
    expect(
      maskOnly(
        masked(node('Softmax', ['masked'], 'p'), node('Mul', ['p', 'p'], 'q'), node('Relu', ['masked'], 'y')),
      ),
    ).toEqual([]);
    expect(maskOnly({ ...masked(node('Softmax', ['masked'], 'y')), outputs: ['masked', 'y'] })).toEqual([]);
  });

  test('not where no constant put it in', () =>
    expect(
      maskOnly({ nodes: [node('Log', ['x'], 'l'), node('Softmax', ['l'], 'y')], outputs: ['y'] }),
    ).toEqual([]));
});

test('a tensor is followed back to what a mask is laid over', () => {
  const graph = graphOf({
    nodes: [
      node('MatMul', ['x', 'w'], 'scores'),
      node('Sub', ['one', 'mask'], 'hidden'),
      node('Mul', ['hidden', 'least'], 'bias'),
      node('Add', ['scores', 'bias'], 'masked'),
      node('Reshape', ['masked', 'one'], 'flat'),
    ],
    inputs: ['x', 'mask'],
    outputs: ['flat'],
    constants: { w: { shape: [9, 9] }, one: { values: [1] }, least: { values: [-65_504] } },
  });
  const producers = producersByTensor(graph);
  expect(
    ['scores', 'hidden', 'bias', 'masked', 'flat'].filter((name) => isMaskedTensor(graph, producers, name)),
  ).toEqual(['bias', 'masked', 'flat']);
  expect(findTensorBeforeMask(graph, producers, 'flat')).toBe('scores');
  expect(findTensorBeforeMask(graph, producers, 'scores')).toBe('scores');
  expect(findTensorBeforeMask(graph, producers, 'bias')).toBe('hidden');
});
