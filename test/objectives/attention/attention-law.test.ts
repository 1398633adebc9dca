import { expect, test } from '@jest/globals';
import type { BatchTensor } from '../../../src/model/batched-model.ts';
import type { Graph, GraphNode } from '../../../src/model/graph/graph.ts';

import type { JudgedBatch, Violation } from '../../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../../src/objectives/registry.ts';

const node = (op: string, inputs: readonly string[], output: string): GraphNode => ({
  name: output,
  op,
  inputs,
  outputs: [output],
});

/** Attention of x to itself, behind a mask that is an input. */
const GRAPH: Graph = {
  nodes: [
    node('Transpose', ['x'], 'keys'),
    node('MatMul', ['x', 'keys'], 'products'),
    node('Add', ['products', 'mask'], 'scores'),
    node('Softmax', ['scores'], 'weights'),
    node('MatMul', ['weights', 'x'], 'y'),
  ],
  inputs: ['x', 'mask'],
  outputs: ['y'],
  constants: new Map(),
  values: new Map(),
  shapes: new Map(),
  types: new Map(),
};

const MODEL = {
  inputs: [{ name: 'x', type: 'float32' as const, shape: [null, 2, 2] }],
  outputs: ['y'],
  graph: GRAPH,
  watchable: ['keys', 'products', 'scores', 'weights', 'y'],
};

function judged(weights: readonly number[], scores: readonly number[]) {
  const rows = weights.length / 4;
  const tensor = (name: string, values: readonly number[]): BatchTensor => ({
    name,
    type: 'float32',
    size: 4,
    shape: [2, 2],
    data: Float32Array.from(values),
  });
  const run: JudgedBatch = {
    rows,
    inputs: [],
    outputs: [],
    activations: [tensor('weights', weights), tensor('scores', scores)],
  };
  const objective = makeBuiltIn('attention-law');
  expect(objective.chooseTensors?.(MODEL)).toEqual(['weights', 'scores']);
  const found: (Violation | undefined)[] = new Array(rows).fill(undefined);
  objective.judge(run, (row, violation) => {
    found[row] = violation;
  });
  const margins = Array.from({ length: rows }, (_, row) => {
    const out = new Float64Array(1);
    expect(objective.margins?.(run, row, out)).toBe(1);
    return out[0];
  });
  return { signatures: found.map((violation) => violation?.signature), margins };
}

test('weights that do not add up to 1 and queries without a key are violations, at a margin of 0', () => {
  const { signatures, margins } = judged(
    [
      ...[0.25, 0.75, 1, 0],
      ...[0.25, 0.76, 1, 0],
      ...[Number.NaN, Number.NaN, 1, 0],
      ...[0.5, 0.5, 1, 0],
      ...[0.5, 0.5, 1, 0],
    ],
    [
      ...[0, 1, 9, Number.NEGATIVE_INFINITY],
      ...[0, 1, 9, 0],
      ...[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 9, 0],
      ...[-1e9, -1e9, 9, 0],
      ...[-1e9, 0, 9, 0],
    ],
  );
  expect(signatures).toEqual([
    undefined,
    'attention-law-sum-weights',
    'attention-law-masked-weights',
    'attention-law-masked-weights',
    undefined,
  ]);
  expect(margins.slice(1, 4)).toEqual([0, 0, 0]);
  expect(margins[0]).toBeCloseTo(1e-3, 6);
});

test('a model without attention cannot be judged', () => {
  const objective = makeBuiltIn('attention-law');
  objective.chooseTensors?.({ ...MODEL, graph: { ...GRAPH, nodes: GRAPH.nodes.slice(0, 2) } });
  expect(objective.refuses?.({ rows: 0, inputs: [], outputs: [], activations: [] })).toContain('none');
});
