import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { NoGradientError } from '../../../src/model/gradients/gradient.ts';
import { findTokenLookups } from '../../../src/model/gradients/token-lookups.ts';
import type { Model } from '../../../src/model/model.ts';
import { sizeOf, type Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const int64 = (...values: number[]): BigInt64Array => BigInt64Array.from(values, BigInt);
const ids = (...values: number[]): Tensor => ({
  type: 'int64',
  shape: [1, values.length],
  data: int64(...values),
});

/** Four tokens in the plane. */
const TABLE = Float32Array.of(0, 0, 1, 0, 0, 2, -1, 3);

async function load(name: string, write: (graph: OnnxBuilder) => void): Promise<Model> {
  const graph = new OnnxBuilder();
  write(graph);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return loadModel(path, { runtime: 'auto' });
}

/** y = Σ over positions of 2·e₀ − e₁, where e is the token's embedding; `look` gives the embeddings. */
function planeNetwork(look: (graph: OnnxBuilder, tokens: string) => string) {
  return (graph: OnnxBuilder): void => {
    graph.constant('table', 'float32', [4, 2], TABLE);
    graph.constant('weights', 'float32', [2, 1], Float32Array.of(2, -1));
    const tokens = graph.input('tokens', 'int64', [1, 'length']);
    const embedded = look(graph, tokens);
    const scores = graph.node('MatMul', [embedded, 'weights'], 'scores');
    graph.constant('axes', 'int64', [2], int64(1, 2));
    graph.node('ReduceSum', [scores, 'axes'], 'y', { keepdims: 0 });
    graph.output('y', 'float32', [1]);
  };
}

const gather = (graph: OnnxBuilder, tokens: string): string =>
  graph.node('Gather', ['table', graph.node('Cast', [tokens], 'narrow', { to: 6 })], 'embedded');

const oneHot = (graph: OnnxBuilder, tokens: string): string => {
  graph.constant('depth', 'int64', [], int64(4));
  graph.constant('values', 'float32', [2], Float32Array.of(0, 1));
  return graph.node(
    'MatMul',
    [graph.node('OneHot', [tokens, 'depth', 'values'], 'hot'), 'table'],
    'embedded',
  );
};

async function project(model: Model, tokens: Tensor, barred: Float32Array, count: number) {
  const { gradients } = model.capabilities;
  const projection = await gradients?.tokenProjection?.('tokens', [tokens]);
  const gradient = await gradients?.gradient({ of: 'y', wrt: projection?.lookups ?? [] }, [tokens]);
  const upstream: Tensor = { type: 'float32', shape: [1], data: Float32Array.of(1) };
  const parts = (await gradient?.run([tokens], upstream)) ?? [];
  const replacements = await projection?.project(
    parts.map(({ data }) => data as Float32Array),
    Array.from(tokens.data as BigInt64Array, Number),
    barred,
    count,
  );
  if (replacements === undefined) throw new Error('no projection');
  return { tokens: [...replacements.tokens], gains: [...replacements.gains], count: replacements.count };
}

describe.each([
  ['a Gather of an embedding', gather],
  ['a product with one-hot tokens', oneHot],
])('replacements of tokens that are looked up by %s', (name, look) => {
  const open = () => load(name.replaceAll(' ', '-'), planeNetwork(look));

  test('are those with the largest first-order gain, as worked out by hand', async () => {
    const model = await open();
    // The slope of y in an embedding is (2, −1): tokens 0 to 3 score 0, 2, −2 and −5.
    const found = await project(model, ids(1, 2), new Float32Array(4), 3);
    expect(found).toEqual({ tokens: [3, 2, 0, 3, 2, 0], gains: [7, 4, 2, 3, 0, -2], count: 3 });
    await model.dispose();
  });

  test('are none of the barred tokens', async () => {
    const model = await open();
    const barred = Float32Array.of(0, 0, 0, Number.NEGATIVE_INFINITY);
    expect(await project(model, ids(1), barred, 2)).toEqual({ tokens: [2, 0], gains: [4, 2], count: 2 });
    await model.dispose();
  });
});

test('the gradient at the look-up is that of central differences of the same network on embeddings', async () => {
  const random = randomStream('token-projection');
  const [vocabulary, width, length] = [20, 6, 5];
  const drawn = (...shape: number[]): Float32Array =>
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1);
  const [table, weights, mix] = [drawn(vocabulary, width), drawn(width, width), drawn(length, 1)];
  const rest = (graph: OnnxBuilder, embedded: string): void => {
    graph.constant('weights', 'float32', [width, width], weights);
    graph.constant('mix', 'float32', [length, 1], mix);
    const hidden = graph.node('Tanh', [graph.node('MatMul', [embedded, 'weights'], 'product')], 'hidden');
    const weighed = graph.node(
      'Mul',
      [graph.node('Softmax', [hidden], 'shares', { axis: -1 }), 'mix'],
      'weighed',
    );
    graph.node('ReduceMax', [weighed], 'y', { axes: [1, 2], keepdims: 0 });
    graph.output('y', 'float32', [1]);
  };
  const onTokens = await load('differences-tokens', (graph) => {
    graph.constant('table', 'float32', [vocabulary, width], table);
    rest(graph, graph.node('Gather', ['table', graph.input('tokens', 'int64', [1, length])], 'embedded'));
  });
  const onEmbeddings = await load('differences-embeddings', (graph) =>
    rest(graph, graph.input('x', 'float32', [1, length, width])),
  );
  const tokens = ids(3, 1, 4, 1, 5);
  const gradient = await onTokens.capabilities.gradients?.gradient({ of: 'y', wrt: ['embedded'] }, [tokens]);
  const [given] =
    (await gradient?.run([tokens], { type: 'float32', shape: [1], data: Float32Array.of(1) })) ?? [];
  const x = Float32Array.from(
    [3, 1, 4, 1, 5].flatMap((id) => [...table.subarray(id * width, (id + 1) * width)]),
  );
  const yAt = async (i: number, step: number): Promise<number> => {
    const moved = x.slice();
    moved[i] += step;
    const feed: Tensor = { type: 'float32', shape: [1, length, width], data: moved };
    return Number((await onEmbeddings.run([feed], [])).outputs[0].data[0]);
  };
  const step = 2 ** -7;
  for (let i = 0; i < x.length; i++) {
    const difference = ((await yAt(i, step)) - (await yAt(i, -step))) / (2 * step);
    expect(Number(given.data[i])).toBeCloseTo(difference, 3);
  }
  expect(given.data.some((value) => Math.abs(Number(value)) > 0.01)).toBe(true);
  await onTokens.dispose();
  await onEmbeddings.dispose();
});

test('the embedding of a transformer is found, and not that of its positions', async () => {
  const bert = await loadModel('test/fixtures/transformers/bert-torchscript.onnx', { runtime: 'auto' });
  const lookups = findTokenLookups(bert.graph, 'input_ids');
  expect(lookups.map(({ table }) => bert.graph.constants.get(table ?? ''))).toEqual([[256, 16]]);
  expect(findTokenLookups(bert.graph, 'attention_mask')).toEqual([]);
  const mask: Tensor = ids(1, 1, 1);
  await expect(
    bert.capabilities.gradients?.tokenProjection?.('attention_mask', [mask, mask]),
  ).rejects.toThrow(NoGradientError);
  await bert.dispose();
});
