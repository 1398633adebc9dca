import { expect, test } from '@jest/globals';
import { findUnanalysedOperations } from '../../src/analysis/unanalysed-operations.ts';
import type { Graph, GraphNode } from '../../src/model/graph/graph.ts';

const graphOf = (...nodes: readonly Pick<GraphNode, 'op' | 'domain'>[]): Graph => ({
  nodes: nodes.map((node, i) => ({ name: `n${i}`, inputs: ['x'], outputs: [`t${i}`], ...node })),
  inputs: ['x'],
  outputs: [],
  constants: new Map(),
  values: new Map(),
  shapes: new Map(),
  types: new Map(),
});

const MICROSOFT = { domain: 'com.microsoft' };

test('operations of other sets count unless they are sites or give finite numbers for finite ones', () => {
  const graph = graphOf(
    { op: 'SkipLayerNormalization', ...MICROSOFT },
    { op: 'FastGelu', ...MICROSOFT },
    { op: 'QLinearSoftmax', ...MICROSOFT },
    { op: 'Attention', ...MICROSOFT },
    { op: 'MoE', ...MICROSOFT },
    { op: 'MoE', ...MICROSOFT },
    { op: 'Normalizer', domain: 'ai.onnx.ml' },
    { op: 'TreeEnsembleClassifier', domain: 'ai.onnx.ml' },
  );
  expect(findUnanalysedOperations(graph)).toEqual({ operators: { MoE: 2, Normalizer: 1 }, hiddenBodies: 0 });
});

test('of the own set those count that divide within', () =>
  expect(findUnanalysedOperations(graphOf({ op: 'LRN' }, { op: 'Softmax' }, { op: 'Unknown' }))).toEqual({
    operators: { LRN: 1 },
    hiddenBodies: 0,
  }));

test('bodies that are not looked into count', () =>
  expect(findUnanalysedOperations({ ...graphOf(), hiddenBodies: 3 }).hiddenBodies).toBe(3));
