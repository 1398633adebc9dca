import { expect, test } from '@jest/globals';
import { compareSpectra } from '../../../src/analysis/spectral/compare-spectra.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import type { Graph } from '../../../src/model/graph/graph.ts';
import type { Model } from '../../../src/model/model.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';

/** A chain of products with square weights, by their names and the factor of each diagonal. */
function chain(weights: Readonly<Record<string, readonly number[]>>, prefix: string): Model {
  const names = Object.keys(weights);
  const graph: Graph = {
    nodes: names.map((name, i) => ({
      name: `${prefix}${i}`,
      op: 'MatMul',
      inputs: [i === 0 ? 'x' : `h${i - 1}`, name],
      outputs: [`h${i}`],
    })),
    inputs: ['x'],
    outputs: [`h${names.length - 1}`],
    constants: new Map(names.map((name) => [name, [weights[name].length, weights[name].length]])),
    values: new Map(),
    shapes: new Map(),
    types: new Map(),
  };
  const constant = (name: string): Tensor => {
    const diagonal = weights[name];
    const side = diagonal.length;
    const data = new Float32Array(side * side);
    diagonal.forEach((value, i) => {
      data[i * (side + 1)] = value;
    });
    return { type: 'float32', shape: [side, side], data };
  };
  const inputs = [{ name: 'x', type: 'float32', shape: [null, 2] }];
  return {
    graph,
    inputs,
    outputs: graph.outputs,
    watchable: [],
    constant,
    capabilities: {},
  } as unknown as Model;
}

async function compare(reference: Model, copy: Model) {
  const secondModel = { model: copy, outputs: new Map(), feeds: (feeds: readonly Tensor[]) => [...feeds] };
  return compareSpectra(new BatchedModel({ ...reference, secondModel }), undefined, () => {});
}

test('weights of one name are compared, the largest ratio first', async () => {
  const { weights, unmatched, unmatchedInCopy } = await compare(
    chain({ a: [4, 1], b: [2, 2] }, 'n'),
    chain({ b: [2, 1], a: [4, 1.5] }, 'm'),
  );
  expect(weights.map(({ weight, copy }) => [weight, copy])).toEqual([
    ['b', 'b'],
    ['a', 'a'],
  ]);
  expect(weights[0].ratio).toBeCloseTo(0.5, 3);
  expect(weights[1].ratio).toBeCloseTo(0.125, 3);
  expect([unmatched, unmatchedInCopy]).toEqual([[], []]);
});

test('weights of other names belong together by their operations, else by their order', async () => {
  const byNode = await compare(chain({ a: [1, 1], b: [3, 3] }, 'n'), chain({ p: [1, 1], q: [3, 3] }, 'n'));
  expect(byNode.weights.map(({ ratio }) => ratio)).toEqual([0, 0]);
  const byOrder = await compare(chain({ a: [1, 1], b: [3, 3] }, 'n'), chain({ p: [1, 1], q: [3, 3] }, 'm'));
  expect(byOrder.weights.map(({ weight, copy }) => [weight, copy]).sort()).toEqual([
    ['a', 'p'],
    ['b', 'q'],
  ]);
});

test('weights of other sizes have no counterpart, and those that are not finite no ratio', async () => {
  const { weights, unmatched, unmatchedInCopy } = await compare(
    chain({ a: [1, 1], b: [Number.NaN, 1] }, 'n'),
    chain({ c: [1, 1, 1], b: [1, 1] }, 'm'),
  );
  expect(weights).toMatchObject([{ weight: 'b', sigma: null, ratio: null }]);
  expect([unmatched, unmatchedInCopy]).toEqual([['a'], ['c']]);
});
