import { describe, expect, test } from '@jest/globals';
import type { Graph } from '../../../src/model/graph/graph.ts';
import type { Finding } from '../../../src/storage/finding.ts';
import { modelGraph } from '../../../src/view/server/model-graph.ts';

/** A chain of operations from the input `x`, and a second one beside it. */
function chain(length: number): Graph {
  const nodes = Array.from({ length }, (_, i) => ({
    name: `op${i}`,
    op: 'Relu',
    inputs: [i === 0 ? 'x' : `t${i - 1}`],
    outputs: [`t${i}`],
  }));
  const aside = { name: 'aside', op: 'Neg', inputs: ['y'], outputs: ['z'] };
  return {
    nodes: [...nodes, aside],
    inputs: ['x', 'y'],
    outputs: [`t${length - 1}`, 'z'],
    constants: new Map(),
    values: new Map(),
    shapes: new Map(),
    types: new Map(),
  };
}

const finding = (change: object): Finding =>
  ({ violation: { tensors: [], details: {} }, ...change }) as unknown as Finding;

const FROM_OP1 = finding({
  origin: { operation: 'op1', kind: 'Relu', result: 'NaN', path: ['op2'], operands: [] },
});

describe('the graph of a model', () => {
  test('has all operations and inputs, with the path of the fault', () => {
    const { graph, omitted } = modelGraph(FROM_OP1, chain(4));
    expect(omitted).toBe(0);
    const roles = Object.fromEntries(graph.boxes.map(({ title, role }) => [title, role]));
    expect(roles).toEqual({
      x: 'around',
      y: 'around',
      op0: 'around',
      op1: 'origin',
      op2: 'path',
      op3: 'around',
      aside: 'around',
    });
    expect(graph.arrows.filter(({ role }) => role === 'path')).toHaveLength(1);
    expect(graph.arrows).toHaveLength(5);
  });

  test('of a large model has the operations nearest to the path, and says how many are left out', () => {
    const { graph, omitted } = modelGraph(FROM_OP1, chain(450));
    expect(graph.boxes).toHaveLength(400);
    const shown = new Set(graph.boxes.map(({ title }) => title));
    expect([shown.has('op1'), shown.has('op2'), shown.has('x'), shown.has('op449')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(omitted).toBe(52);
  });

  test('of a fault whose origin is not known has the operations of the tensors that it was seen in', () => {
    const seen = finding({ violation: { tensors: ['t2', 'gone'], details: {} } });
    const { graph } = modelGraph(seen, chain(4));
    expect(graph.boxes.filter(({ role }) => role === 'path').map(({ title }) => title)).toEqual(['op2']);
  });

  test('of which the operation is gone is shown without a path', () => {
    const gone = finding({ origin: { operation: 'op9', path: ['op8'] } });
    expect(modelGraph(gone, chain(3)).graph.boxes.every(({ role }) => role === 'around')).toBe(true);
  });
});
