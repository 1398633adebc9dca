import { expect, test } from '@jest/globals';
import { BoundPropagation } from '../../../src/analysis/bounds/bound-propagation.ts';
import { uniformBoxes } from '../../../src/analysis/bounds/input-boxes.ts';
import { WorkBudget } from '../../../src/analysis/bounds/work-budget.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import type { Model } from '../../../src/model/model.ts';
import { loadBuilt, scalar } from '../../support/control-flow.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

function propagate(model: Model, low: number, high: number, work = 1e6): BoundPropagation {
  const range = new Map([['x', { low, high }]]);
  const [box] = uniformBoxes(model.inputs, range).boxes;
  const propagation = new BoundPropagation(model, box, range, new WorkBudget(work));
  for (const node of propagation.graph.nodes) propagation.evaluate(node);
  return propagation;
}

const integers = (graph: OnnxBuilder, name: string, ...values: readonly number[]): string =>
  graph.constant(name, 'int64', [values.length], BigInt64Array.from(values, BigInt));

test('a shape that is cut out of the input is followed, with its batch', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2, 3]);
  const shape = graph.node('Shape', ['x'], 'shape');
  const batch = graph.node('Gather', [shape, integers(graph, 'first', 0)], 'batch');
  const target = graph.node('Concat', [batch, integers(graph, 'rest', -1)], 'target', { axis: 0 });
  const flat = graph.node('Reshape', ['x', target], 'flat');
  const weights = graph.constant(
    'w',
    'float32',
    [6, 2],
    Float32Array.of(1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, -1),
  );
  graph.node('MatMul', [flat, weights], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  const model = await loadBuilt(folder, 'shape', graph);
  const bounds = propagate(model, 0, 1).boundsOf('y');
  expect(bounds).toMatchObject({ shape: [1, 2], isBatched: true });
  [0, -1].forEach((end, i) => {
    expect(bounds?.low[i]).toBeCloseTo(end, 3);
  });
  [6, 0].forEach((end, i) => {
    expect(bounds?.high[i]).toBeCloseTo(end, 3);
  });
  await model.dispose();
});

test('without work for its elements a tensor has one interval', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 100]);
  const weights = graph.constant('w', 'float32', [100, 2], new Float32Array(200).fill(0.01));
  graph.node('MatMul', ['x', weights], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  const model = await loadBuilt(folder, 'work', graph);
  expect(propagate(model, 0, 1, 1e4).boundsOf('y')?.high[1]).toBeCloseTo(1, 3);
  const poor = propagate(model, 0, 1, 100);
  expect(poor.boundsOf('y')).toBeUndefined();
  expect(poor.intervalOf('y').high).toBeCloseTo(1, 3);
  await model.dispose();
});

test('the mask of a Where that is constant tells which branch each element is of', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  const mask = graph.constant('mask', 'bool', [2], Uint8Array.of(1, 0));
  graph.node('Where', [mask, 'x', scalar(graph, 'far', -1e9)], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  const model = await loadBuilt(folder, 'mask', graph);
  const bounds = propagate(model, -1, 1).boundsOf('y');
  expect([...(bounds?.low ?? [])]).toEqual([-1, -1e9]);
  expect([...(bounds?.high ?? [])]).toEqual([1, -1e9]);
  await model.dispose();
});

test('a sum of many terms may be off by the rounding of all of them', async () => {
  const graph = new OnnxBuilder();
  const size = 4096;
  graph.input('x', 'float32', ['batch', size]);
  graph.node('ReduceSum', ['x', integers(graph, 'axis', 1)], 'y');
  graph.output('y', 'float32', ['batch', 1]);
  const model = await loadBuilt(folder, 'sum', graph);
  const bounds = propagate(model, 1, 1).boundsOf('y');
  // (n + 2) · 2⁻²³ of the sum, above 2⁻¹⁸ of it.
  const slack = ((size + 3) * size) / 2 ** 23;
  expect(bounds?.low[0]).toBeLessThan(size - slack);
  expect(bounds?.low[0]).toBeGreaterThan(size - 1.01 * slack);
  await model.dispose();
});

test('what has overflowed is clipped to the largest number where a Clip has no bound', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 1]);
  graph.node('Clip', [graph.node('Exp', ['x'], 'exp'), scalar(graph, 'zero', 0)], 'y');
  graph.output('y', 'float32', ['batch', 1]);
  const model = await loadBuilt(folder, 'clip', graph);
  const { outputs } = await model.run([{ type: 'float32', shape: [1, 1], data: Float32Array.of(200) }], []);
  const [value] = outputs[0].data as Float32Array;
  const bounds = propagate(model, 200, 200).boundsOf('y');
  expect(bounds?.low[0]).toBeLessThanOrEqual(value);
  expect(bounds?.high[0]).toBeGreaterThanOrEqual(value);
  await model.dispose();
});
