import { expect, test } from '@jest/globals';
import type { InputBoxes } from '../../../src/analysis/bounds/input-boxes.ts';
import { findReachableSites } from '../../../src/analysis/bounds/reachable-sites.ts';
import type { ReachableSite } from '../../../src/analysis/bounds/rule-out.ts';
import { randomStream } from '../../../src/core/random.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import type { Model } from '../../../src/model/model.ts';
import { loadBuilt, scalar } from '../../support/control-flow.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

/** Weights as layers begin with: uniform within ±1/√inputs. */
function weightsOf(key: string): (graph: OnnxBuilder, name: string, ...dims: number[]) => string {
  const random = randomStream(key, 'weights');
  return (graph, name, ...dims) => {
    const inputs = dims.slice(1).reduce((product, size) => product * size, 1);
    const size = dims[0] * inputs;
    const values = Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) / Math.sqrt(inputs));
    return graph.constant(name, 'float32', dims, values);
  };
}

const layersOf =
  (graph: OnnxBuilder, key: string) =>
  (name: string, x: string, inputs: number, outputs: number): string => {
    const weights = weightsOf(`${key} ${name}`);
    return graph.node(
      'Gemm',
      [x, weights(graph, `${name}.weight`, outputs, inputs), weights(graph, `${name}.bias`, outputs)],
      name,
      { transB: 1 },
    );
  };

/** Sites behind three layers. */
function layered(): OnnxBuilder {
  const graph = new OnnxBuilder();
  const layer = layersOf(graph, 'layered');
  graph.input('x', 'float32', ['batch', 8]);
  const first = graph.node('Relu', [layer('a', 'x', 8, 32)], 'first');
  const second = graph.node('Relu', [layer('b', first, 32, 32)], 'second');
  const z = layer('c', second, 32, 4);
  const plus = (value: number): string =>
    graph.node('Add', [z, scalar(graph, `plus${value}`, value)], `z${value}`);
  const share = graph.node('Sub', [scalar(graph, 'one', 1), graph.node('Sigmoid', [z], 'share')], 'rest');
  const results = [
    graph.node('Log', [plus(3)], 'log'),
    graph.node('Sqrt', [plus(2)], 'sqrt'),
    graph.node('Log', [graph.node('Add', [share, scalar(graph, 'epsilon', 1e-6)], 'open')], 'log_rest'),
    graph.node('Reciprocal', [plus(5)], 'reciprocal'),
    graph.node('Exp', [graph.node('Mul', [z, scalar(graph, 'twenty', 20)], 'far')], 'exp'),
  ];
  for (const result of results) graph.output(result, 'float32', ['batch', 4]);
  return graph;
}

/** Sites whose operands are differences of what is nearly the same. */
function cancelling(): OnnxBuilder {
  const graph = new OnnxBuilder();
  const layer = layersOf(graph, 'cancelling');
  graph.input('x', 'float32', ['batch', 8]);
  const rest = (name: string, z: string, share: number): string => {
    const part = graph.node('Mul', [z, scalar(graph, `${name}_share`, share)], `${name}_part`);
    const left = graph.node('Sub', [z, part], `${name}_left`);
    return graph.node('Add', [left, scalar(graph, `${name}_one`, 1)], `${name}_raised`);
  };
  const z = layer('a', 'x', 8, 16);
  const list = (name: string, value: number): string =>
    graph.constant(name, 'int64', [1], BigInt64Array.of(BigInt(value)));
  const half = graph.node('Slice', [z, list('start', 0), list('end', 8), list('axis', 1)], 'half');
  const tenth = graph.node('Mul', [half, scalar(graph, 'tenth', 0.1)], 'tenth_half');
  const near = graph.node('Sub', [graph.node('Add', ['x', tenth], 'sum'), 'x'], 'near');
  const results = [
    graph.node('Log', [rest('log', z, 0.95)], 'log_z'),
    graph.node('Sqrt', [rest('sqrt', layer('b', z, 16, 16), 0.9)], 'sqrt_z'),
    graph.node('Reciprocal', [graph.node('Add', [near, scalar(graph, 'two', 2)], 'shifted')], 'reciprocal'),
  ];
  for (const result of results) graph.output(result, 'float32', ['batch', 'width']);
  return graph;
}

/** Four sites behind two convolutions. */
function convolved(): OnnxBuilder {
  const graph = new OnnxBuilder();
  const weights = weightsOf('convolved');
  graph.input('x', 'float32', ['batch', 1, 8, 8]);
  const conv = (name: string, x: string, inputs: number, outputs: number, strides: number[]): string => {
    const kernel = weights(graph, `${name}.weight`, outputs, inputs, 3, 3);
    return graph.node('Conv', [x, kernel, weights(graph, `${name}.bias`, outputs)], name, {
      pads: [1, 1, 1, 1],
      strides,
    });
  };
  const first = graph.node('Relu', [conv('c1', 'x', 1, 6, [1, 1])], 'first');
  const second = graph.node('Relu', [conv('c2', first, 6, 8, [2, 2])], 'second');
  const pooled = graph.node('AveragePool', [second], 'pooled', { kernel_shape: [2, 2], strides: [2, 2] });
  const z = layersOf(graph, 'convolved')('d', graph.node('Flatten', [pooled], 'flat'), 32, 4);
  const plus = (value: number): string =>
    graph.node('Add', [z, scalar(graph, `plus${value}`, value)], `z${value}`);
  const results = [
    graph.node('Log', [plus(2)], 'log'),
    graph.node('Sqrt', [plus(1.5)], 'sqrt'),
    graph.node('Reciprocal', [plus(-3)], 'reciprocal'),
    graph.node('Exp', [graph.node('Mul', [z, scalar(graph, 'fifty', 50)], 'far')], 'exp'),
  ];
  for (const result of results) graph.output(result, 'float32', ['batch', 4]);
  return graph;
}

function methodsOf(sites: readonly ReachableSite[]): Record<string, string> {
  return Object.fromEntries(sites.map(({ name, method }) => [name, method ?? 'open']));
}

/** Whether a site goes wrong on inputs that are drawn within the box. */
async function goesWrong(
  model: Model,
  width: readonly number[],
  outputs: readonly string[],
): Promise<string[]> {
  const random = randomStream('inputs');
  const rows = 256;
  const size = rows * width.reduce((product, n) => product * n, 1);
  const data = Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
  const { outputs: results } = await model.run([{ type: 'float32', shape: [rows, ...width], data }], []);
  return results
    .filter(
      ({ name, data: values }) => outputs.includes(name) && !(values as Float32Array).every(Number.isFinite),
    )
    .map(({ name }) => name);
}

const RANGE = new Map([['x', { low: -1, high: 1 }]]);

test('of twelve sites intervals rule out one, bounds of elements four more and relations six', async () => {
  const models = [
    { graph: layered(), width: [8] },
    { graph: cancelling(), width: [8] },
    { graph: convolved(), width: [1, 8, 8] },
  ];
  const methods: Record<string, string>[] = [];
  let microseconds = 0;
  for (const [i, { graph, width }] of models.entries()) {
    const model = await loadBuilt(folder, `twelve${i}`, graph);
    const before = process.cpuUsage();
    const sites = findReachableSites(model, RANGE);
    microseconds += process.cpuUsage(before).user;
    methods.push(methodsOf(sites));
    const ruledOut = sites.filter(({ targets }) => targets.length === 0).map(({ name }) => name);
    expect(await goesWrong(model, width, ruledOut)).toEqual([]);
    await model.dispose();
  }
  expect(methods).toEqual([
    { log: 'crown', sqrt: 'crown', log_rest: 'interval', reciprocal: 'element', exp: 'element' },
    { log_z: 'crown', sqrt_z: 'crown', reciprocal: 'crown' },
    { log: 'crown', sqrt: 'open', reciprocal: 'crown', exp: 'crown' },
  ]);
  expect(microseconds).toBeLessThan(5e6);
});

test('a box around seeds shows no less than a range that holds it', async () => {
  const model = await loadBuilt(folder, 'ball', convolved());
  const ruledOut = (radius: number): number => {
    const boxes = [0.25, -0.5].map((centre) => {
      const low = new Float64Array(64).fill(centre - radius);
      const high = new Float64Array(64).fill(centre + radius);
      return new Map([['x', { shape: [1, 1, 8, 8], isBatched: true, low, high }]]);
    });
    const low = new Float64Array(64).fill(-0.5 - radius);
    const high = new Float64Array(64).fill(0.25 + radius);
    const union = new Map([['x', { shape: [1, 1, 8, 8], isBatched: true, low, high }]]);
    const sites = findReachableSites(model, RANGE, { boxes: [union], seedBoxes: boxes });
    return sites.filter(({ targets }) => targets.length === 0).length;
  };
  const within = findReachableSites(model, RANGE).filter(({ targets }) => targets.length === 0).length;
  expect(within).toBe(3);
  expect(ruledOut(0.5)).toBeGreaterThanOrEqual(within);
  expect(ruledOut(0.001)).toBe(4);
  await model.dispose();
});

test('around seeds that are far apart more is ruled out than between them', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  graph.node('Reciprocal', ['x'], 'apart');
  const sum = graph.node('Add', ['x', graph.node('Abs', ['x'], 'size')], 'sum');
  const back = graph.node(
    'Sub',
    [graph.node('Sub', [sum, 'size'], 'same'), scalar(graph, 'half', 0.5)],
    'back',
  );
  graph.node('Reciprocal', [back], 'related');
  for (const name of ['apart', 'related']) graph.output(name, 'float32', ['batch', 2]);
  const model = await loadBuilt(folder, 'apart', graph);
  const around = (...centres: readonly number[]) =>
    new Map([
      [
        'x',
        {
          shape: [1, 2],
          isBatched: true,
          low: Float64Array.from(centres, (centre) => centre - 0.3),
          high: Float64Array.from(centres, (centre) => centre + 0.3),
        },
      ],
    ]);
  const seedBoxes = [around(1, -1), around(-1, 1)];
  const union = new Map([
    [
      'x',
      { shape: [1, 2], isBatched: true, low: Float64Array.of(-1.3, -1.3), high: Float64Array.of(1.3, 1.3) },
    ],
  ]);
  const boxes: InputBoxes = { boxes: [union], seedBoxes };
  expect(methodsOf(findReachableSites(model, new Map([['x', { low: -2, high: 2 }]]), boxes))).toEqual({
    apart: 'element-by-seed',
    related: 'crown-by-seed',
  });
  await model.dispose();
});

test('a sum over the batch, or over what it was reshaped into, has no bound that one row tells', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  const axis = (value: number): string =>
    graph.constant(`axis${value}`, 'int64', [1], BigInt64Array.of(BigInt(value)));
  graph.node('Exp', [graph.node('ReduceSum', ['x', axis(0)], 'rows')], 'of_batch');
  const shape = graph.constant('shape', 'int64', [2], BigInt64Array.of(1n, -1n));
  const flat = graph.node('Reshape', ['x', shape], 'flat');
  graph.node('Exp', [graph.node('ReduceSum', [flat, axis(1)], 'all')], 'of_flat');
  graph.node('Exp', [graph.node('ReduceSum', ['x', axis(1)], 'row')], 'of_row');
  for (const name of ['of_batch', 'of_flat', 'of_row']) graph.output(name, 'float32', ['rows', 'columns']);
  const model = await loadBuilt(folder, 'batch', graph);
  expect(methodsOf(findReachableSites(model, new Map([['x', { low: 0, high: 1 }]])))).toEqual({
    of_batch: 'open',
    of_flat: 'open',
    of_row: 'element',
  });
  await model.dispose();
});

test('the larger of two constants is that of both, in whatever order they stand', async () => {
  for (const isVectorFirst of [true, false]) {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 2]);
    const vector = graph.constant('vector', 'float32', [2], Float32Array.of(0.5, 0.5));
    const zero = scalar(graph, 'zero', 0);
    const most = graph.node('Max', isVectorFirst ? [vector, zero] : [zero, vector], 'most');
    const bent = graph.node('Tanh', [graph.node('Sub', ['x', most], 'less')], 'bent');
    // At 0 the operand is tanh(−0.5) + 0.3, which is negative.
    graph.node('Log', [graph.node('Add', [bent, scalar(graph, 'offset', 0.3)], 'operand')], 'y');
    graph.output('y', 'float32', ['batch', 2]);
    const model = await loadBuilt(folder, `constants-${isVectorFirst}`, graph);
    const sites = findReachableSites(model, new Map([['x', { low: 0, high: 1 }]]));
    expect(sites.map(({ targets }) => targets.length > 0)).toEqual([true]);
  }
});
