import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { measureSpectra } from '../../../src/analysis/spectral/measure-spectra.ts';
import { seenGain } from '../../../src/analysis/spectral/seen-gain.ts';
import { randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { TestcaseBatch } from '../../../src/model/testcase-batch.ts';
import { sizeOf } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
let models = 0;

function testcases(name: string, shape: readonly number[], count: number): TestcaseBatch[] {
  const random = randomStream('seeds of', name);
  const size = sizeOf(shape);
  const form = { inputs: [{ name, type: 'float32', shape, size } as const], key: shape.join() };
  return Array.from({ length: count }, () => ({
    form,
    inputs: [Float32Array.from({ length: size }, () => random.uniform())],
  }));
}

// All four hold for 10,000 pairs, which take half a minute under Jest.
test.each([
  ['test/fixtures/convnet.onnx', 2000],
  ['corpora/nan-digits/nan-digits.onnx', 200],
  ['corpora/nan-digits/nan-digits-tfjs/model.json', 200],
  ['corpora/six-seven/undefended.onnx', 200],
])('the upper bound of %s holds for %i pairs', async (path, pairs) => {
  const model = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
  const inputs = model.model.inputs.filter(({ type }) => type === 'float32');
  const shape = inputs[0].shape.slice(1).map(Number);
  const seeds = testcases(inputs[0].name, shape, 20);
  const all = seeds.map((seed) => ({
    form: {
      key: seed.form.key,
      inputs: model.model.inputs.map((input, i) =>
        i === 0 ? seed.form.inputs[0] : { name: input.name, type: input.type, shape: [], size: 1 },
      ),
    },
    inputs: model.model.inputs.map((input, i) =>
      i === 0 ? seed.inputs[0] : input.type === 'int64' ? new BigInt64Array(1) : new Int32Array(1),
    ),
  }));
  const { gain } = await measureSpectra(model, all[0], () => {});
  const request = {
    testcases: all,
    spans: model.model.inputs.map((_, i) => (i === 0 ? 1 : undefined)),
    pairs,
  };
  const seen = await seenGain(model, gain.tensor, request, 512, () => {});
  await model.model.dispose();
  expect(gain.stops).toEqual([]);
  expect(seen?.ratio).toBeGreaterThan(0);
  expect(seen?.ratio).toBeLessThanOrEqual(gain.bound ?? 0);
});

/** Operations between an input of four numbers and the output `y`, as a model. */
async function boundOf(build: (graph: OnnxBuilder, x: string) => void) {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  build(graph, x);
  graph.output('y', 'float32');
  const path = join(folder, `${models++}.onnx`);
  writeFileSync(path, graph.finish('gains'));
  const model = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
  const { gain } = await measureSpectra(model, testcases('x', [4], 1)[0], () => {});
  await model.model.dispose();
  return gain;
}

const DIAGONAL = Float32Array.of(3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
const diagonal = (graph: OnnxBuilder): string => graph.constant('w', 'float32', [4, 4], DIAGONAL);

test('gains multiply along a chain and add up where branches meet', async () => {
  const chain = await boundOf((graph, x) => {
    graph.node('MatMul', [x, diagonal(graph)], 'product');
    graph.node('Relu', ['product'], 'relu');
    graph.node('Mul', ['relu', graph.constant('factor', 'float32', [], Float32Array.of(-2))], 'y');
  });
  expect(chain.bound).toBeCloseTo(6, 1);
  expect(chain.path.map(({ op }) => op)).toEqual(['MatMul', 'Mul']);
  const residual = await boundOf((graph, x) => {
    graph.node('MatMul', [x, diagonal(graph)], 'product');
    graph.node('Add', ['product', x], 'y');
  });
  expect(residual.bound).toBeCloseTo(4, 1);
  const joined = await boundOf((graph, x) => {
    graph.node('Concat', [x, x], 'y', { axis: 1 });
  });
  expect(joined.bound).toBeCloseTo(Math.SQRT2, 9);
  const beside = await boundOf((graph, x) => {
    const rest = graph.constant('rest', 'float32', [1, 2], new Float32Array(2));
    graph.node('Concat', [x, rest], 'y', { axis: 1 });
  });
  expect(beside.bound).toBeCloseTo(1, 9);
});

test('an operation without a known gain stops the bound, and is named with what is known before it', async () => {
  const gain = await boundOf((graph, x) => {
    graph.node('MatMul', [x, diagonal(graph)], 'product');
    graph.node('Mul', ['product', x], 'square');
    graph.node('Exp', ['square'], 'y');
  });
  expect(gain.bound).toBeNull();
  expect(gain.stops).toEqual([{ name: 'square', op: 'Mul', before: expect.closeTo(3, 1) }]);
});

test('batch normalisation counts by scale over deviation, a pooling by the windows that overlap', async () => {
  const normalised = await boundOf((graph, x) => {
    const four = (name: string, ...values: number[]) =>
      graph.constant(name, 'float32', [4], Float32Array.from(values));
    graph.node(
      'BatchNormalization',
      [
        x,
        four('scale', 1, 2, 3, 4),
        four('bias', 0, 0, 0, 0),
        four('mean', 0, 0, 0, 0),
        four('var', 1, 1, 1, 4),
      ],
      'y',
    );
  });
  expect(normalised.bound).toBeCloseTo(3, 3);
  const pooled = await boundOf((graph, x) => {
    const axes = graph.constant('axes', 'int64', [1], BigInt64Array.of(1n));
    graph.node('Unsqueeze', [x, axes], 'maps');
    graph.node('MaxPool', ['maps'], 'y', { kernel_shape: [3], strides: [1] });
  });
  expect(pooled.bound).toBeCloseTo(Math.sqrt(3), 9);
});
