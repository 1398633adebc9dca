import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NonfiniteLocalizer } from '../../src/analysis/nonfinite-localizer.ts';
import { broadcastIndex } from '../../src/analysis/operands.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { TfjsBuilder } from '../../src/model/formats/tfjs/builder.ts';
import type { Model } from '../../src/model/model.ts';
import { packBatch, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

async function onnx(name: string, write: (graph: OnnxBuilder) => void): Promise<Model> {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 3]);
  write(graph);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return loadModel(path, { runtime: 'onnx' });
}

const feeds = (...values: number[]) => [
  { type: 'float32' as const, shape: [1, 3], data: Float32Array.from(values) },
];

/** log and sqrt of x, both of which go wrong below zero, behind one output. */
const twoCauses = (graph: OnnxBuilder): void => {
  const shift = graph.constant('shift', 'float32', [], Float32Array.of(10));
  graph.node('Log', ['x'], 'log');
  graph.node('Sqrt', [graph.node('Add', ['x', shift], 'shifted')], 'sqrt');
  graph.node('Add', ['log', 'sqrt'], 'sum');
  graph.node('Neg', ['sum'], 'y');
  graph.output('y', 'float32', ['batch', 3]);
};

describe('where numbers stop being finite', () => {
  test('is the first operation that makes it of finite ones, with the path to the output', async () => {
    const model = await onnx('two-causes', twoCauses);
    const localiser = new NonfiniteLocalizer(model);
    expect(await localiser.locate(feeds(1, 2, 0))).toMatchObject({
      node: { name: 'log', op: 'Log' },
      tensor: 'log',
      kind: 'inf',
      path: ['log', 'sum', 'y'],
    });
    expect(await localiser.locate(feeds(1, 2, 3))).toBeUndefined();
    await model.dispose();
  });

  test('tells two causes behind one output apart', async () => {
    const model = await onnx('apart', (graph) => {
      const below = graph.node('Relu', ['x'], 'positive');
      graph.node(
        'Sqrt',
        [graph.node('Sub', [graph.constant('four', 'float32', [], Float32Array.of(4)), below], 'left')],
        'sqrt',
      );
      graph.node('Exp', [graph.node('Neg', ['x'], 'negative')], 'exp');
      graph.node('Add', ['sqrt', 'exp'], 'y');
      graph.output('y', 'float32', ['batch', 3]);
    });
    const localiser = new NonfiniteLocalizer(model);
    const name = async (...values: number[]) => (await localiser.locate(feeds(...values)))?.node.name;
    expect(await name(5, 0, 0)).toBe('sqrt');
    expect(await name(-90, 0, 0)).toBe('exp');
    await model.dispose();
  });

  test('is one cause behind two outputs', async () => {
    const model = await onnx('outputs', (graph) => {
      graph.node('Log', ['x'], 'log');
      graph.node('Neg', ['log'], 'first');
      graph.node('Abs', ['log'], 'second');
      for (const name of ['first', 'second']) graph.output(name, 'float32', ['batch', 3]);
    });
    expect((await new NonfiniteLocalizer(model).locate(feeds(-1, 1, 1)))?.node.name).toBe('log');
    await model.dispose();
  });

  test('passes over infinities that are meant, in masks, and those that never come to an output', async () => {
    const model = await onnx('masks', (graph) => {
      const mask = graph.constant('mask', 'float32', [3], Float32Array.of(0, 0, Number.NEGATIVE_INFINITY));
      const one = graph.constant('one', 'float32', [], Float32Array.of(1));
      graph.node('Exp', [graph.node('Neg', ['x'], 'negative')], 'exp');
      graph.node('Min', ['exp', one], 'capped');
      const masked = graph.node('Add', [graph.node('Mul', ['x', 'capped'], 'scaled'), mask], 'masked');
      graph.node('Log', [graph.node('Softmax', [masked], 'softmax', { axis: -1 })], 'log');
      graph.node(
        'Slice',
        [
          'log',
          ...['starts', 'ends', 'axes'].map((name, i) =>
            graph.constant(name, 'int64', [1], BigInt64Array.of([0n, 2n, 1n][i])),
          ),
        ],
        'y',
      );
      graph.output('y', 'float32', ['batch', 2]);
    });
    // exp overflows and is capped; the third logarithm is −∞ by the mask and cut off; the first one goes wrong.
    const origin = await new NonfiniteLocalizer(model).locate(feeds(-200, 200, 1));
    expect(origin?.node.name).toBe('log');
    await model.dispose();
  });

  test('is a softmax that is masked all over: a NaN out of infinities', async () => {
    const model = await onnx('masked-all', (graph) => {
      const infinity = graph.constant('infinity', 'float32', [], Float32Array.of(Number.NEGATIVE_INFINITY));
      const zero = graph.constant('zero', 'float32', [], Float32Array.of(0));
      const masked = graph.node(
        'Where',
        [graph.node('Greater', ['x', zero], 'open'), 'x', infinity],
        'masked',
      );
      graph.node('Softmax', [masked], 'y', { axis: -1 });
      graph.output('y', 'float32', ['batch', 3]);
    });
    const localiser = new NonfiniteLocalizer(model);
    expect(await localiser.locate(feeds(1, -1, -1))).toBeUndefined();
    expect(await localiser.locate(feeds(-1, -1, -1))).toMatchObject({ node: { name: 'y' }, kind: 'nan' });
    await model.dispose();
  });

  test('is, where all outputs are finite, what leads to the tensor that it was seen in, and what ends it there', async () => {
    const model = await onnx('absorbed', (graph) => {
      const one = graph.constant('one', 'float32', [], Float32Array.of(1));
      const zero = graph.constant('zero', 'float32', [], Float32Array.of(0));
      graph.node('Div', [one, graph.node('Exp', ['x'], 'exp')], 'share');
      const open = graph.node('Greater', [graph.node('Neg', ['x'], 'negative'), zero], 'open');
      graph.node('Where', [open, graph.node('Log', ['negative'], 'log'), zero], 'kept');
      graph.node('Add', ['share', 'kept'], 'y');
      graph.output('y', 'float32', ['batch', 3]);
    });
    const localiser = new NonfiniteLocalizer(model);
    const [absorbed, guarded] = [
      await localiser.locate(feeds(100, 0, -1), ['exp']),
      await localiser.locate(feeds(100, 0, -1), ['log']),
    ];
    expect(absorbed).toMatchObject({
      node: { name: 'exp' },
      absorption: { absorber: { name: 'share' }, isMeant: false },
    });
    expect(guarded).toMatchObject({ node: { name: 'log' }, absorption: { isMeant: true } });
    await model.dispose();
  });

  test('comes with what the operation was given at the element that went wrong', async () => {
    const model = await onnx('operands', (graph) => {
      const divisors = graph.constant('shift', 'float32', [3], Float32Array.of(1, 2, 3));
      graph.node('Div', ['x', graph.node('Sub', ['x', divisors], 'below')], 'y');
      graph.output('y', 'float32', ['batch', 3]);
    });
    const localiser = new NonfiniteLocalizer(model);
    const origin = await localiser.locate(feeds(5, 2, 5));
    expect(origin).toBeDefined();
    expect(origin && (await localiser.describe(origin, feeds(5, 2, 5)))).toMatchObject({
      operation: 'y',
      kind: 'Div',
      result: 'Infinity',
      index: 1,
      operands: [
        { tensor: 'x', value: 2, range: [2, 5] },
        { tensor: 'below', value: 0, range: [0, 4] },
      ],
      path: ['y'],
    });
    await model.dispose();
  });
});

test('tensors are looked at a few at a time where the runtime cannot flag them', async () => {
  const graph = new TfjsBuilder();
  const kinds = ['Neg', 'Abs', 'Relu', 'Neg', 'Exp', 'Neg', 'Relu', 'Abs'];
  let tensor = graph.input('x', 'float32', [-1, 3]);
  for (let i = 0; i < 24; i++) tensor = graph.node(kinds[i % kinds.length], [tensor], `t${i}`);
  graph.node('Log', [tensor], 'log');
  graph.node('Neg', ['log'], 'y');
  graph.output('y', 'float32', [-1, 3]);
  const { json, weightFile, weights } = graph.finish();
  const path = join(folder, 'chain');
  mkdirSync(path);
  writeFileSync(join(path, 'model.json'), json);
  writeFileSync(join(path, weightFile), weights);
  const model = await loadModel(join(path, 'model.json'), { runtime: 'cpu' });
  const asked: number[] = [];
  const watched: Model = Object.create(model, {
    run: {
      value: (given: never, names: readonly string[]) => {
        asked.push(names.length);
        return model.run(given, names);
      },
    },
  });
  expect(model.capabilities.nonFiniteFlags).toBeUndefined();
  expect((await new NonfiniteLocalizer(watched).locate(feeds(1, 2, 3)))?.node.name).toBe('log');
  expect(Math.max(...asked)).toBeLessThanOrEqual(64);
  expect(asked[0]).toBe(4);
  await model.dispose();
});

test('a tensor that cannot be watched does not take others with it', async () => {
  const model = await onnx('text', (graph) => {
    graph.node('Log', ['x'], 'log');
    // 8 is text in ONNX, 1 single precision.
    graph.node('Cast', [graph.node('Cast', ['log'], 'text', { to: 8 })], 'again', { to: 1 });
    graph.node('Exp', ['again'], 'y');
    graph.output('y', 'float32', ['batch', 3]);
  });
  const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [3], size: 3 }]);
  const testcase = { form, inputs: [Float32Array.of(1, 2, 3)] };
  const block = packBatch([testcase, testcase]);
  expect(await new BatchedModel(model).findWatchableTensors(block, ['log', 'text', 'again', 'y'])).toEqual([
    'log',
    'again',
    'y',
  ]);
  await model.dispose();
});

test('an element of a result has its place in a tensor that broadcasts to it', () => {
  expect(broadcastIndex([3], [2, 3], 4)).toBe(1);
  expect(broadcastIndex([2, 1], [2, 3], 4)).toBe(1);
  expect(broadcastIndex([], [2, 3], 4)).toBe(0);
  expect(broadcastIndex([4], [2, 3], 4)).toBeUndefined();
  expect(broadcastIndex([2, 2, 3], [2, 3], 4)).toBeUndefined();
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (shape, n) => {
        const size = shape.reduce((all, one) => all * one, 1);
        expect(broadcastIndex(shape, shape, n % size)).toBe(n % size);
      },
    ),
  );
});
