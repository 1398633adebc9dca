import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { arrange, MAX_COMPARED_ROWS } from '../../../src/analysis/batch-dependence/batch-dependence.ts';
import { findMixingOperation } from '../../../src/analysis/batch-dependence/mixing-operation.ts';
import { randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';
import { testcaseOf } from '../../support/tasks.ts';

const folder = testFolder();
const SIZE = 6;

/** The operation that is found in a graph from x, `[batch, SIZE]`, to y. */
async function findIn(name: string, build: (graph: OnnxBuilder, x: string) => void) {
  const graph = new OnnxBuilder();
  build(graph, graph.input('x', 'float32', ['batch', SIZE]));
  graph.output('y', 'float32', ['batch', SIZE]);
  const path = join(folder, `${name.replace(/\W/g, '-')}.onnx`);
  writeFileSync(path, graph.finish('mixing'));
  const model = await loadModel(path, { runtime: 'auto' });
  const batched = new BatchedModel(model);
  const random = randomStream('mixing', 'testcases');
  const testcases = Array.from({ length: MAX_COMPARED_ROWS }, () =>
    testcaseOf(Array.from({ length: SIZE }, () => random.uniform())),
  );
  const feedsOf = (rows: readonly (typeof testcases)[number][]): readonly Tensor[] =>
    rows[0].form.inputs.map(() => ({
      type: 'float32',
      shape: [rows.length, SIZE],
      data: Float32Array.from(rows.flatMap(({ inputs }) => [...(inputs[0] as Float32Array)])),
    }));
  const { mixed, evenKept, oddKept } = arrange(testcases);
  const feeds = { mixed: feedsOf(mixed), evenKept: feedsOf(evenKept), oddKept: feedsOf(oddKept) };
  const node = await findMixingOperation(batched.model, feeds, MAX_COMPARED_ROWS);
  await model.dispose();
  return node?.name;
}

const shape = (graph: OnnxBuilder, name: string, sizes: readonly number[]) =>
  graph.constant(name, 'int64', [sizes.length], BigInt64Array.from(sizes, BigInt));

describe('the first operation that mixes testcases is', () => {
  test('a mean over the batch, behind one over values', async () => {
    const name = await findIn('mean', (graph, x) => {
      graph.node('ReduceMean', [x], 'own', { axes: [1], keepdims: 1 });
      graph.node('Sub', [x, 'own'], 'centred');
      graph.node('ReduceMean', ['centred'], 'common', { axes: [0], keepdims: 1 });
      graph.node('Sub', ['centred', 'common'], 'y');
    });
    expect(name).toBe('common');
  });

  test('a maximum over the batch, each value of which is of one testcase', async () => {
    const name = await findIn('max', (graph, x) => {
      graph.node('ReduceMax', [x], 'largest', { axes: [0], keepdims: 1 });
      graph.node('Sub', [x, 'largest'], 'y');
    });
    expect(name).toBe('largest');
  });

  test('dynamic quantization, by one scale of the whole tensor', async () => {
    const name = await findIn('dynamic', (graph, x) => {
      graph.node('Relu', [x], 'before');
      graph.node('DynamicQuantizeLinear', ['before'], ['levels', 'scale', 'zero']);
      graph.node('DequantizeLinear', ['levels', 'scale', 'zero'], 'y');
    });
    expect(name).toBe('levels');
  });

  test('a softmax over the batch, where that has been moved to the second dimension', async () => {
    const name = await findIn('moved', (graph, x) => {
      graph.node('Transpose', [x], 'columns', { perm: [1, 0] });
      graph.node('Softmax', ['columns'], 'shares', { axis: 1 });
      graph.node('Transpose', ['shares'], 'y', { perm: [1, 0] });
    });
    expect(name).toBe('shares');
  });
});

test('where rows are flattened, moved and parted again nothing mixes them', async () => {
  const name = await findIn('apart', (graph, x) => {
    graph.node('Reshape', [x, shape(graph, 'pairs', [-1, 2, 3])], 'parted');
    graph.node('Transpose', ['parted'], 'moved', { perm: [1, 2, 0] });
    graph.node('Softmax', ['moved'], 'shares', { axis: 1 });
    graph.node('Transpose', ['shares'], 'back', { perm: [2, 0, 1] });
    graph.node('Reshape', ['back', shape(graph, 'flat', [-1])], 'values');
    graph.node('Reshape', ['values', shape(graph, 'rows', [-1, SIZE])], 'y');
  });
  expect(name).toBeUndefined();
});
