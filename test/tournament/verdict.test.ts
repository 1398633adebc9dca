import { expect, test } from '@jest/globals';
import type { Graph } from '../../src/model/graph/graph.ts';
import { realThreshold, sharesAbove } from '../../src/tournament/verdict.ts';

function graphOf(...ops: readonly string[]): Graph {
  const nodes = ops.map((op, i) => ({
    name: `n${i}`,
    op,
    inputs: [`t${i}`],
    outputs: [`t${i + 1}`],
    attributes: {},
  }));
  return { nodes, inputs: ['t0'], outputs: [`t${ops.length}`], constants: new Map() } as unknown as Graph;
}

test('shares of a sigmoid are real above a half, logits above 0', () => {
  expect(realThreshold(graphOf('MatMul', 'Sigmoid'), 't2')).toBe(0.5);
  expect(realThreshold(graphOf('Sigmoid', 'Reshape', 'Identity'), 't3')).toBe(0.5);
  expect(realThreshold(graphOf('Sigmoid', 'MatMul'), 't2')).toBe(0);
  expect(realThreshold(graphOf('MatMul'), 'absent')).toBe(0);
});

test('counts the values above in each run', () => {
  expect(sharesAbove([1, -1, 0, 2, 3, Number.NaN], 0, 3)).toEqual([1 / 3, 2 / 3]);
});
