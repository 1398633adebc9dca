import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { chooseWatchedTensors, resolveWatchedTensors } from '../../../src/model/coverage-tensors.ts';
import { detectModel } from '../../../src/model/formats/detect.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { countOperations, countParameters } from '../../../src/model/graph/graph.ts';
import type { Model, RuntimeKind } from '../../../src/model/model.ts';
import { makeData, numberToHalf, readNumber, sizeOf, type Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const fixture = (name: string): string => join('test/fixtures', name);

/** Native TensorFlow is no part of every machine: what needs it is skipped where it does not load. */
const hasNative =
  spawnSync(process.execPath, ['-e', "require('@tensorflow/tfjs-node-gpu')"], { stdio: 'ignore' }).status ===
  0;
const nativeTest = hasNative ? test : test.skip;

/** Rows of inputs as the fixtures' nets take them: the same for every call. */
function feedsFor(model: Model, rows: number, length = 5): Tensor[] {
  const random = randomStream('formats');
  return model.inputs.map(({ name, type, shape }) => {
    const dims = shape.map((dimension, i) => dimension ?? (i === 0 ? rows : length));
    const data = makeData(type, sizeOf(dims));
    for (let i = 0; i < data.length; i++) {
      const value = random.uniform();
      if (data instanceof BigInt64Array) data[i] = BigInt(name === 'mask' ? 1 : Math.floor(10 * value));
      else
        data[i] = type === 'float16' ? numberToHalf(value) : type === 'float32' ? value : Math.round(value);
    }
    return { type, shape: dims, data };
  });
}

async function outputsOf(path: string, runtime: RuntimeKind | 'auto' = 'auto', rows = 3) {
  const model = await loadModel(path, { runtime });
  const { outputs } = await model.run(feedsFor(model, rows), []);
  await model.dispose();
  const [{ type, shape, data }] = outputs;
  return { shape, values: Array.from({ length: data.length }, (_, i) => readNumber(type, data, i)) };
}

/** The largest difference between the outputs of two models on the same inputs. */
async function apart(a: string, b: string, runtime: RuntimeKind | 'auto' = 'auto'): Promise<number> {
  const [one, other] = [await outputsOf(a, runtime), await outputsOf(b, runtime)];
  expect(one.shape).toEqual(other.shape);
  return Math.max(...one.values.map((value, i) => Math.abs(value - other.values[i])));
}

describe('ONNX', () => {
  test.each([
    ['encoder.onnx', [3, 4], ['int64 ?×?', 'int64 ?×?'], 'linear_8'],
    ['convnet.onnx', [3, 3], ['float32 ?×1×16×16'], 'linear'],
    ['convnet-int8.onnx', [3, 3], ['float32 ?×1×16×16'], 'linear_DequantizeLinear_Output'],
    ['convnet-float16.onnx', [3, 3], ['float16 ?×1×16×16'], 'linear'],
    ['lstm.onnx', [3, 3], ['float32 ?×?×1'], 'linear'],
    ['tabular.onnx', [3, 2], ['float32 ?×6', 'int64 ?×2', 'bool ?×1'], 'linear_1'],
    ['tabular-int8.onnx', [3, 2], ['float32 ?×6', 'int64 ?×2', 'bool ?×1'], 'linear_1'],
  ])(
    '%s of PyTorch and the quantizer says what it takes, runs, and sums to one a row',
    async (name, shape, inputs, logits) => {
      const model = await loadModel(fixture(name), { runtime: 'auto' });
      expect(
        model.inputs.map((input) => `${input.type} ${input.shape.map((d) => d ?? '?').join('×')}`),
      ).toEqual(inputs);
      expect(chooseWatchedTensors(model).tensors).toEqual([logits]);
      const { outputs, activations } = await model.run(feedsFor(model, 3), [logits]);
      expect(outputs[0].shape).toEqual(shape);
      expect(activations[0].shape).toEqual(shape);
      const { type, data } = outputs[0];
      for (let row = 0; row < 3; row++) {
        let sum = 0;
        for (let i = 0; i < shape[1]; i++) sum += readNumber(type, data, row * shape[1] + i);
        expect(sum).toBeCloseTo(1, 2);
      }
      await model.dispose();
    },
  );

  test('weights in a file beside the model are the same model', async () => {
    expect(await apart(fixture('tabular.onnx'), fixture('external/tabular.onnx'))).toBe(0);
    const [inside, beside] = [
      await loadModel(fixture('tabular.onnx'), { runtime: 'auto' }),
      await loadModel(fixture('external'), { runtime: 'auto' }),
    ];
    expect(countParameters(beside.graph)).toBe(countParameters(inside.graph));
    expect(beside.sha256).not.toBe(inside.sha256);
  });

  test('a quantized copy and one of half precision differ from the original by little, but do', async () => {
    const int8 = await apart(fixture('convnet.onnx'), fixture('convnet-int8.onnx'));
    expect(int8).toBeGreaterThan(0);
    expect(int8).toBeLessThan(0.2);
    expect(await apart(fixture('convnet.onnx'), fixture('convnet-float16.onnx'))).toBeLessThan(0.02);
  });

  test.each(Array.from({ length: 15 }, (_, i) => i + 7))('of opset %i runs', async (opset) => {
    const graph = new OnnxBuilder();
    const x = graph.input('x', 'float32', ['batch', 2]);
    graph.node('MatMul', [x, graph.constant('w', 'float32', [2, 2], Float32Array.of(1, 2, 3, 4))], 'logits');
    graph.node('Softmax', ['logits'], 'y', { axis: 1 });
    graph.output('y', 'float32', ['batch', 2]);
    const path = join(folder, `opset-${opset}.onnx`);
    writeFileSync(path, graph.finish('opset', opset));
    const model = await loadModel(path, { runtime: 'auto' });
    const feed: Tensor = { type: 'float32', shape: [1, 2], data: Float32Array.of(1, 1) };
    const { activations } = await model.run([feed], ['logits']);
    expect([...activations[0].data]).toEqual([4, 6]);
    await model.dispose();
  });

  test('an If, a Loop and a Scan run, are counted, and read from outside what comes before them', async () => {
    const graph = new OnnxBuilder();
    const x = graph.input('x', 'float32', [3]);
    graph.node('ReduceSum', [x], 'sum', { keepdims: 0 });
    graph.node('Greater', ['sum', graph.constant('zero', 'float32', [], Float32Array.of(0))], 'positive');
    const branch = (op: string, name: string): OnnxBuilder => {
      const body = new OnnxBuilder();
      // `doubled` stands after this node in the file's order of writing, and before it in that of running.
      body.node(op, ['doubled'], name);
      body.output(name, 'float32', [3]);
      return body;
    };
    graph.node('Add', [x, x], 'doubled');
    graph.node('If', ['positive'], 'chosen', {
      then_branch: branch('Identity', 'kept'),
      else_branch: branch('Neg', 'turned'),
    });
    const loop = new OnnxBuilder();
    loop.input('i', 'int64', []);
    loop.input('go', 'bool', []);
    loop.input('v', 'float32', [3]);
    loop.node('Identity', ['go'], 'go_on');
    loop.node('Add', ['v', 'v'], 'twice');
    loop.output('go_on', 'bool', []);
    loop.output('twice', 'float32', [3]);
    const trips = graph.constant('trips', 'int64', [], BigInt64Array.of(2n));
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    graph.node('Loop', [trips, always, 'chosen'], 'looped', { body: loop });
    const scan = new OnnxBuilder();
    scan.input('total', 'float32', []);
    scan.input('item', 'float32', []);
    scan.node('Add', ['total', 'item'], 'next');
    scan.output('next', 'float32', []);
    graph.node('Scan', [graph.constant('start', 'float32', [], Float32Array.of(0)), 'looped'], 'y', {
      body: scan,
      num_scan_inputs: 1,
    });
    graph.output('y', 'float32', []);
    const path = join(folder, 'control.onnx');
    writeFileSync(path, graph.finish('control'));
    const model = await loadModel(path, { runtime: 'auto' });
    const run = async (values: number[]) => {
      const { outputs, activations } = await model.run(
        [{ type: 'float32', shape: [3], data: Float32Array.from(values) }],
        ['chosen', 'looped'],
      );
      return [outputs[0].data[0], ...activations.map(({ data }) => data[0])];
    };
    expect(await run([1, 2, 3])).toEqual([48, 2, 8]);
    expect(await run([-1, -2, -3])).toEqual([48, 2, 8]);
    expect(Object.fromEntries(countOperations(model.graph))).toMatchObject({
      If: 1,
      Loop: 1,
      Scan: 1,
      Add: 3,
      Neg: 1,
    });
    const order = model.graph.nodes.map(({ op }) => op);
    expect(order.indexOf('Add')).toBeLessThan(order.indexOf('If'));
    await model.dispose();
  });

  test.each([
    'uint8',
    'int8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
    'float64',
  ] as const)('inputs of %s arrive as they are given', async (type) => {
    const graph = new OnnxBuilder();
    graph.node('Cast', [graph.input('x', type, ['batch', 2])], 'y', { to: 1 });
    graph.output('y', 'float32', ['batch', 2]);
    const path = join(folder, `${type}.onnx`);
    writeFileSync(path, graph.finish(type));
    const model = await loadModel(path, { runtime: 'auto' });
    const data = makeData(type, 2);
    const one = type.endsWith('64') && type !== 'float64' ? 1n : 1;
    (data as { [index: number]: number | bigint })[1] = one;
    const { outputs } = await model.run([{ type, shape: [1, 2], data }], []);
    expect([...outputs[0].data]).toEqual([0, 1]);
    await model.dispose();
  });
});

describe.each(['wasm', 'cpu', 'tensorflow'] as const)('TensorFlow.js on %s', (runtime) => {
  (runtime === 'tensorflow' ? nativeTest : test)(
    'shards, gzip, quantized weights and the same net as a graph give the same',
    async () => {
      const layers = fixture('tfjs-layers');
      expect(await apart(layers, fixture('tfjs-layers-gzip'), runtime)).toBe(0);
      expect(await apart(layers, fixture('tfjs-graph'), runtime)).toBeLessThan(1e-5);
      const quantized = await apart(layers, fixture('tfjs-layers-uint8'), runtime);
      expect(quantized).toBeGreaterThan(0);
      expect(quantized).toBeLessThan(0.2);
    },
  );
});

describe('SavedModel', () => {
  nativeTest('runs by its signature, and tensors inside its functions can be watched', async () => {
    const model = await loadModel(fixture('saved-model'), { runtime: 'auto' });
    expect(model).toMatchObject({ format: 'saved-model', outputs: ['probabilities'] });
    expect(model.inputs).toEqual([{ name: 'measures', type: 'float32', shape: [null, 6] }]);
    const [logits] = chooseWatchedTensors(model).tensors;
    const plain = await model.run(feedsFor(model, 3), []);
    const { outputs, activations } = await model.run(feedsFor(model, 3), [logits]);
    expect(outputs[0].data).toEqual(plain.outputs[0].data);
    const other = await loadModel(fixture('saved-model'), { runtime: 'auto', signature: 'logits' });
    const served = await other.run(feedsFor(other, 3), []);
    expect(served.outputs[0].name).toBe('logits');
    activations[0].data.forEach((value, i) =>
      expect(Number(value)).toBeCloseTo(Number(served.outputs[0].data[i]), 5),
    );
    await model.dispose();
    await other.dispose();
  });

  nativeTest('has the gradients of its outputs and of tensors inside its functions', async () => {
    const model = await loadModel(fixture('saved-model'), { runtime: 'auto' });
    const feeds = feedsFor(model, 3);
    const [logits] = chooseWatchedTensors(model).tensors;
    for (const name of [model.outputs[0], logits]) {
      const gradient = await model.capabilities.gradients?.gradient({ of: name, wrt: ['measures'] }, feeds);
      if (gradient === undefined) throw new Error('no gradients');
      const seed = Float32Array.from({ length: sizeOf(gradient.shape) }, (_, i) => Math.sin(i + 1));
      const [{ data }] = await gradient.run(feeds, { type: 'float32', shape: gradient.shape, data: seed });
      const sumAt = async (step: number): Promise<number> => {
        const moved = Float32Array.from(
          feeds[0].data as Float32Array,
          (value, i) => value + step * Number(data[i]),
        );
        const { activations } = await model.run([{ ...feeds[0], data: moved }], [name]);
        return seed.reduce((sum, value, i) => sum + value * Number(activations[0].data[i]), 0);
      };
      const norm = Array.from(data as Float32Array).reduce((sum, value) => sum + value * value, 0);
      const step = 1e-3 / Math.sqrt(norm);
      const slope = ((await sumAt(step)) - (await sumAt(-step))) / (2 * step);
      expect(slope / norm).toBeCloseTo(1, 1);
    }
    await model.dispose();
  });

  (hasNative ? test.skip : test)('is refused with how to install its runtime or to convert it', async () => {
    await expect(loadModel(fixture('saved-model'), { runtime: 'auto' })).rejects.toThrow(
      /needs native TensorFlow .*npm install @tensorflow\/tfjs-node-gpu .*tensorflowjs_converter --input_format=tf_saved_model/,
    );
  });

  test('of another tag or signature is refused with those that there are', async () => {
    const load = (options: object) => loadModel(fixture('saved-model'), { runtime: 'auto', ...options });
    await expect(load({ tags: ['gpu'] })).rejects.toThrow(
      /no graph tagged gpu: choose with --tags; it has serve/,
    );
    await expect(load({ signature: 'logit' })).rejects.toThrow(/no signature logit: .*did you mean logits\?/);
    await expect(load({ runtime: 'wasm' })).rejects.toThrow(/--runtime wasm cannot run .*, a SavedModel/);
  });
});

describe('what no runtime here loads is told by its bytes and refused with the line that converts it', () => {
  test.each([
    [
      'dense.keras',
      /a Keras model \(\.keras\).*keras\.models\.load_model\('.*dense\.keras', compile=False\)\.export\('.*dense'\)/,
    ],
    ['dense.h5', /a Keras model \(HDF5\).*load_model\('.*dense\.h5', compile=False\)\.export/],
    [
      'dense.tflite',
      /a TensorFlow Lite model.*python -m tf2onnx\.convert --tflite \S+dense\.tflite --output \S+dense\.onnx/,
    ],
    ['linear.pt', /a PyTorch file.*torch\.onnx\.export\(torch\.load\('.*linear\.pt', weights_only=False\)/],
  ])('%s', async (name, message) => {
    await expect(detectModel(fixture(name))).rejects.toThrow(message);
  });
});

describe('tensors to watch', () => {
  const load = () => loadModel(fixture('tfjs-graph'), { runtime: 'cpu' });

  test('are named by themselves or by patterns, in the order of the graph', async () => {
    const model = await load();
    const watch = (asked: string | string[]) => resolveWatchedTensors(model, asked).tensors;
    expect(watch('hidden/Relu')).toEqual(['hidden/Relu']);
    expect(watch('hidden/*')).toEqual(['hidden/MatMul', 'hidden/BiasAdd', 'hidden/Relu']);
    expect(watch(['logits/*', 'hidden/Relu'])).toEqual(['hidden/Relu', 'logits/MatMul', 'logits/BiasAdd']);
    expect(watch('*')).toEqual(['probabilities']);
    expect(watch('**').length).toBe(model.watchable.length);
    await model.dispose();
  });

  test('that there are none of are refused with the nearest name', async () => {
    const model = await load();
    expect(() => resolveWatchedTensors(model, 'hidden/Rel')).toThrow(
      /no tensor hidden\/Rel: did you mean hidden\/Relu\?/,
    );
    expect(() => resolveWatchedTensors(model, 'block*/relu')).toThrow(/no tensor matches block\*\/relu/);
    await model.dispose();
  });

  test('are the layer before the output where there is no softmax, or the output where there is no layer', async () => {
    const graph = new OnnxBuilder();
    graph.node('Relu', [graph.input('x', 'float32', ['batch', 2])], 'layer');
    graph.node('Neg', ['layer'], 'turned');
    graph.node('Reshape', ['turned', graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, 2n))], 'y');
    graph.output('y', 'float32', ['batch', 2]);
    const path = join(folder, 'layers.onnx');
    writeFileSync(path, graph.finish('layers'));
    const model = await loadModel(path, { runtime: 'auto' });
    expect(chooseWatchedTensors(model)).toMatchObject({
      tensors: ['layer'],
      why: expect.stringContaining('before the output y'),
    });
    expect(chooseWatchedTensors({ ...model, outputs: ['layer'] }).tensors).toEqual(['layer']);
    await model.dispose();
  });
});
