import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Random, randomStream } from '../../../src/core/random.ts';
import {
  type NodeAttributes,
  OnnxBuilder,
  type OtherDomain,
} from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { type Gradient, NoGradientError } from '../../../src/model/gradients/gradient.ts';
import { QUANTIZATION_RULES } from '../../../src/model/gradients/rules/quantization.ts';
import { FLAT_OPS, GRADIENT_RULES } from '../../../src/model/gradients/rules/registry.ts';
import { sizeOf, type Tensor } from '../../../src/tensor/tensor.ts';
import { type Case, type Draw, FUSED_CASES } from './fused-cases.ts';

/**
 * Every rule with random shapes and settings against central differences: the derivative of Σ upstream·y along a random direction,
 * summed in double precision. NEUROFUZZ_GRADIENT_SHAPES sets how many shapes of each operation are tried.
 */
const SHAPES = Number(process.env.NEUROFUZZ_GRADIENT_SHAPES ?? 2);
const STEP = 2 ** -7;
const TOLERANCE = 1e-3;
const folder = mkdtempSync(join(tmpdir(), 'neurofuzz-differences-'));

const row = (between: (low: number, high: number) => number): number[] =>
  Array.from({ length: between(1, 3) }, () => between(1, 4));
const pointwise: Draw = (between) => ({ shape: row(between) });
const within =
  (low: number, high: number): Draw =>
  (between) => ({ shape: row(between), low, high });
const opset =
  (version: number, attributes: NodeAttributes = {}): Draw =>
  (between) => ({ shape: row(between), opset: version, attributes });
const int = (...integers: number[]) => ({ shape: [integers.length], integers });
const broadcastTo = (shape: readonly number[], random: Random): number[] =>
  shape.map((size) => (random.uniform() < 0.5 ? 1 : size)).slice(random.below(shape.length));
const binary =
  (low = -2, high = 2): Draw =>
  (between, random) => {
    const shape = row(between);
    const other = broadcastTo(shape, random);
    return random.uniform() < 0.5
      ? { shape, operands: [{ shape: other }], low, high }
      : { shape: other, operands: [{ shape }], at: 1, low, high };
  };
const reduction =
  (low = -2, high = 2): Draw =>
  (between, random) => {
    const shape = row(between);
    const attributes = {
      keepdims: random.below(2),
      axes: [random.below(shape.length) - (random.uniform() < 0.5 ? shape.length : 0)],
    };
    return { shape, attributes, opset: 12, low, high };
  };
const image = (between: (low: number, high: number) => number): number[] => [
  between(1, 2),
  between(1, 3),
  between(4, 7),
  between(4, 7),
];
const channels =
  (operands: number, attributes: NodeAttributes = {}, version = 17): Draw =>
  (between) => {
    const shape = image(between);
    return {
      shape,
      operands: Array.from({ length: operands }, () => ({ shape: [shape[1]] })),
      attributes,
      opset: version,
    };
  };
const pool: Draw = (between, random) => {
  const kernel = [between(1, 3), between(1, 3)];
  const pads = kernel.map((size) => random.below(size));
  return {
    shape: image(between),
    attributes: {
      kernel_shape: kernel,
      strides: [between(1, 3), between(1, 2)],
      pads: [...pads, ...pads],
      ceil_mode: random.below(2),
    },
  };
};
const convolution: Draw = (between, random) => {
  const group = between(1, 2);
  const shape = [between(1, 2), group * between(1, 2), between(6, 9), between(6, 9)];
  const kernel = [between(1, 3), between(1, 3)];
  return {
    shape,
    operands: [{ shape: [group * between(1, 2), shape[1] / group, ...kernel] }],
    attributes: {
      group,
      strides: [between(1, 3), between(1, 3)],
      dilations: [between(1, 2), 1],
      pads: [random.below(2), 0, random.below(2), random.below(2)],
    },
  };
};
const recurrent =
  (gates: number, attributes: NodeAttributes = {}): Draw =>
  (between) => {
    const [steps, batch, features, hidden] = [between(1, 4), between(1, 3), between(1, 3), between(1, 3)];
    return {
      shape: [steps, batch, features],
      operands: [
        { shape: [1, gates * hidden, features] },
        { shape: [1, gates * hidden, hidden] },
        { shape: [1, 2 * gates * hidden] },
      ],
      attributes: { hidden_size: hidden, ...attributes },
    };
  };

const CASES: Readonly<Record<string, Draw>> = {
  ...Object.fromEntries(
    [
      'Identity',
      'Dropout',
      'Neg',
      'Abs',
      'Relu',
      'LeakyRelu',
      'ThresholdedRelu',
      'Elu',
      'Celu',
      'Selu',
      'Sigmoid',
      'Tanh',
      'Softplus',
      'Softsign',
      'HardSigmoid',
      'HardSwish',
      'Erf',
      'Exp',
      'Sin',
      'Cos',
      'Atan',
      'Sinh',
      'Cosh',
      'Asinh',
    ].map((op) => [op, pointwise]),
  ),
  Mish: opset(18),
  Gelu: opset(20),
  Log: within(0.3, 2),
  Sqrt: within(0.3, 2),
  Reciprocal: within(0.3, 2),
  Tan: within(-1, 1),
  Asin: within(-0.8, 0.8),
  Acos: within(-0.8, 0.8),
  Atanh: within(-0.8, 0.8),
  Acosh: within(1.3, 3),
  PRelu: (between, random) => ({
    ...binary()(between, random),
    shape: [2, 3],
    operands: [{ shape: [3] }],
    at: 0,
  }),
  Clip: (between) => ({
    shape: row(between),
    operands: [
      { shape: [], values: [-0.7] },
      { shape: [], values: [0.9] },
    ],
  }),
  Add: binary(),
  Sub: binary(),
  Mul: binary(),
  Div: binary(0.4, 2),
  Sum: binary(),
  Mean: binary(),
  Max: binary(),
  Min: binary(),
  Pow: binary(0.4, 2),
  Where: (between) => {
    const shape = row(between);
    return {
      shape,
      operands: [{ shape, booleans: Array.from({ length: sizeOf(shape) }, (_, i) => i % 2) }, { shape: [1] }],
      at: 1,
    };
  },
  MatMul: (between, random) => {
    const [m, k, n] = [between(1, 3), between(1, 3), between(1, 3)];
    const batch = random.uniform() < 0.5 ? [between(1, 3)] : [];
    return random.uniform() < 0.5
      ? { shape: [...batch, m, k], operands: [{ shape: [k, n] }] }
      : { shape: [k, n], operands: [{ shape: [...batch, m, k] }], at: 1 };
  },
  Gemm: (between, random) => {
    const [m, k, n] = [between(1, 3), between(1, 3), between(1, 3)];
    const [transA, transB] = [random.below(2), random.below(2)];
    return {
      shape: transA === 1 ? [k, m] : [m, k],
      operands: [{ shape: transB === 1 ? [n, k] : [k, n] }, { shape: [n] }],
      attributes: { transA, transB, alpha: { float: 0.7 } },
    };
  },
  Einsum: (between) => ({
    shape: [2, between(1, 3)],
    operands: [{ shape: [2, 3] }],
    attributes: { equation: { string: 'ij,ik->jk' } },
  }),
  Conv: convolution,
  ConvTranspose: (between, random) => {
    const { shape, operands = [], attributes = {} } = convolution(between, random);
    const [{ shape: weight }] = operands as [{ shape: number[] }];
    return {
      shape: [shape[0], weight[0], 3, 4],
      operands: [{ shape: weight }],
      attributes: { ...attributes, pads: [0, 0, 0, 0] },
    };
  },
  MaxPool: pool,
  AveragePool: (between, random) => {
    const { shape, attributes } = pool(between, random);
    return { shape, attributes: { ...attributes, count_include_pad: random.below(2), ceil_mode: 0 } };
  },
  GlobalAveragePool: (between) => ({ shape: image(between) }),
  GlobalMaxPool: (between) => ({ shape: image(between) }),
  Softmax: (between) => ({ shape: [between(1, 3), between(2, 4)], attributes: { axis: between(0, 1) } }),
  LogSoftmax: (between) => ({ shape: [between(1, 3), between(2, 4)], attributes: { axis: between(0, 1) } }),
  LayerNormalization: (between) => ({
    shape: [between(1, 3), 3, 4],
    operands: [{ shape: [4] }, { shape: [4] }],
  }),
  InstanceNormalization: channels(2),
  GroupNormalization: (between) => ({
    shape: [1, 4, between(2, 4)],
    operands: [{ shape: [4] }, { shape: [4] }],
    attributes: { num_groups: 2 },
    opset: 21,
  }),
  RMSNormalization: (between) => ({ shape: [between(1, 3), 4], operands: [{ shape: [4] }], opset: 23 }),
  BatchNormalization: (between) => {
    const shape = image(between);
    const ones = { shape: [shape[1]], values: new Array<number>(shape[1]).fill(1.5) };
    return { shape, operands: [ones, ones, ones, ones] };
  },
  LpNormalization: (between) => ({ shape: [between(1, 3), 3], attributes: { axis: 1, p: between(1, 2) } }),
  LRN: (between) => ({
    shape: [1, between(1, 5), 2, 2],
    attributes: { size: 2 * between(0, 2) + 1, alpha: { float: 0.5 } },
  }),
  ...Object.fromEntries(
    [
      'ReduceSum',
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
      'ReduceLogSumExp',
    ].map((op) => [op, reduction()]),
  ),
  ReduceProd: reduction(0.4, 2),
  ReduceLogSum: reduction(0.4, 2),
  CumSum: (between, random) => ({
    shape: [2, between(1, 4)],
    operands: [{ shape: [], integers: [1] }],
    attributes: { reverse: random.below(2), exclusive: random.below(2) },
  }),
  Reshape: (between) => ({ shape: [between(1, 3), 2, 3], operands: [int(-1, 6)] }),
  Flatten: (between) => ({ shape: [between(1, 3), 2, 3], attributes: { axis: between(0, 3) } }),
  Squeeze: (between) => ({ shape: [between(1, 3), 1, 3], operands: [int(1)] }),
  Unsqueeze: (between) => ({ shape: [between(1, 3), 3], operands: [int(between(0, 2))] }),
  Transpose: (between, random) => ({
    shape: [between(1, 3), 2, 3],
    attributes: {
      perm: [
        [0, 2, 1],
        [2, 0, 1],
        [1, 2, 0],
      ][random.below(3)],
    },
  }),
  Concat: (between) => ({
    shape: [between(1, 3), 2],
    operands: [{ shape: [2, 2] }],
    attributes: { axis: 0 },
    at: between(0, 1),
  }),
  Split: (between) => ({ shape: [2, between(2, 3) * 2], attributes: { axis: 1 }, outputs: 2 }),
  Slice: (between, random) => ({
    shape: [3, 6],
    operands: [int(between(0, 2), between(0, 2)), int(3, 6), int(0, 1), int(1, 1 + random.below(3))],
  }),
  Pad: (between, random) => ({
    shape: [2, 4],
    operands: [int(0, between(0, 2), 1 - random.below(2), between(0, 2))],
    attributes: random.uniform() < 0.5 ? {} : { mode: { string: 'edge' } },
  }),
  Expand: (between) => ({ shape: [between(1, 3), 1], operands: [int(2, 1, 3)] }),
  Tile: (between) => ({ shape: [between(1, 3), 2], operands: [int(between(1, 3), between(1, 3))] }),
  DepthToSpace: (between, random) => ({
    shape: [between(1, 2), 8, 2, 3],
    attributes: { blocksize: 2, mode: { string: ['DCR', 'CRD'][random.below(2)] } },
  }),
  SpaceToDepth: (between) => ({ shape: [between(1, 2), 2, 4, 6], attributes: { blocksize: 2 } }),
  Trilu: (between, random) => ({
    shape: [between(2, 4), between(2, 4)],
    operands: [{ shape: [], integers: [between(0, 2) - 1] }],
    attributes: { upper: random.below(2) },
  }),
  Gather: (between) => ({
    shape: [4, between(1, 3)],
    operands: [{ shape: [2, 2], integers: [0, -1, 2, 2] }],
    attributes: { axis: 0 },
  }),
  GatherElements: (between) => ({
    shape: [3, between(2, 4)],
    operands: [{ shape: [3, 2], integers: [0, 1, 1, 1, -1, 0] }],
    attributes: { axis: 1 },
  }),
  GatherND: (between) => ({ shape: [3, between(1, 3)], operands: [{ shape: [3, 1], integers: [0, 2, 2] }] }),
  ScatterElements: (between) => ({
    shape: [2, between(3, 5)],
    operands: [{ shape: [2, 2], integers: [0, 2, 1, 2] }, { shape: [2, 2] }],
    attributes: { axis: 1 },
  }),
  ScatterND: (between) => ({ shape: [3, between(1, 3)], operands: [{ shape: [1, 1], integers: [1] }, ''] }),
  TopK: (between) => ({ shape: [2, between(3, 5)], operands: [int(2)], outputs: 2 }),
  Resize: (between, random) => ({
    shape: [1, 1, between(2, 4), between(2, 4)],
    operands: ['', { shape: [4], values: [1, 1, [0.5, 1.5, 2][random.below(3)], 2] }],
    attributes: {
      mode: { string: ['nearest', 'linear', 'cubic'][random.below(3)] },
      coordinate_transformation_mode: {
        string: ['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'][random.below(4)],
      },
    },
  }),
  Upsample: (between) => ({
    shape: [1, 1, between(2, 4), 2],
    operands: [{ shape: [4], values: [1, 1, 2, 3] }],
    opset: 9,
  }),
  Shrink: pointwise,
  Col2Im: (between) => {
    const image = [between(3, 5), between(3, 5)];
    return {
      shape: [1, 2 * 4, (image[0] - 1) * (image[1] - 1)],
      operands: [int(...image), int(2, 2)],
      opset: 18,
    };
  },
  Mod: (between) => ({
    shape: row(between),
    operands: [{ shape: [1], values: [0.77] }],
    attributes: { fmod: 1 },
    bends: [-1.54, -0.77, 0.77, 1.54],
  }),
  ReverseSequence: (between) => ({ shape: [between(2, 4), 2], operands: [int(2, 1)] }),
  Compress: (between) => ({
    shape: [4, between(1, 3)],
    operands: [{ shape: [4], booleans: [1, 0, 0, 1] }],
    attributes: { axis: 0 },
  }),
  LpPool: (between) => ({
    shape: image(between),
    attributes: { p: between(2, 3), kernel_shape: [between(1, 3), 2], strides: [between(1, 2), 1] },
    opset: 18,
    low: 0.3,
  }),
  GlobalLpPool: (between) => ({ shape: image(between), attributes: { p: 2 } }),
  MaxUnpool: (between) => {
    const shape = [1, 2, between(1, 3), between(1, 3)];
    const integers = Array.from({ length: sizeOf(shape) }, (_, i) => 4 * i + (i % 4));
    return {
      shape,
      operands: [{ shape, integers }],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    };
  },
  MeanVarianceNormalization: (between) => ({ shape: image(between), attributes: { axes: [2, 3] } }),
  Attention: (between, random) => {
    const [heads, keys, size] = [between(1, 2), between(1, 4), between(1, 4)];
    const key = { shape: [2, heads, keys, size] };
    return {
      shape: [2, heads * between(1, 2), between(1, 4), size],
      operands: [key, key],
      attributes: { is_causal: random.below(2) },
      opset: 23,
    };
  },
  RotaryEmbedding: (between, random) => {
    const [length, half] = [between(1, 4), between(1, 3)];
    const cache = { shape: [2, length, half] };
    return {
      shape: [2, between(1, 3), length, 2 * half],
      operands: [cache, cache],
      attributes: { interleaved: random.below(2) },
      opset: 23,
    };
  },
  GridSample: (between, random) => {
    const shape = image(between);
    return {
      shape,
      operands: [{ shape: [shape[0], between(1, 3), between(1, 3), 2] }],
      attributes: {
        align_corners: random.below(2),
        padding_mode: { string: ['zeros', 'border'][random.below(2)] },
      },
    };
  },
  ...FUSED_CASES,
  LSTM: recurrent(4),
  GRU: (between, random) => recurrent(3, { linear_before_reset: random.below(2) })(between, random),
  RNN: recurrent(1),
};

/** Rules of one that another case covers, and of steps, which differences cannot show. */
const ELSEWHERE = [
  ...['Swish', 'QuickGelu', 'SimplifiedLayerNormalization', 'Scatter'],
  ...['Round', 'Floor', 'Ceil', ...Object.keys(QUANTIZATION_RULES)],
];

test('every rule has a case here, or is one of steps or of a domain of its own', () => {
  expect([...Object.keys(CASES), ...ELSEWHERE].sort()).toEqual([...GRADIENT_RULES.keys()].sort());
});

function build(
  op: string,
  { shape, operands = [], attributes, opset: version = 17, at = 0, outputs = 1, result = 0 }: Case,
  random: Random,
): Uint8Array {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', shape);
  const names = operands.map((operand, i) => {
    if (operand === '')
      return op === 'ScatterND'
        ? graph.constant('row', 'float32', [1, shape[1]], new Float32Array(shape[1]).fill(0.5))
        : '';
    const { shape: dims, integers, booleans, values } = operand;
    const name = `c${i}`;
    if (booleans !== undefined) return graph.constant(name, 'bool', dims, Uint8Array.from(booleans));
    if (integers !== undefined)
      return graph.constant(name, 'int64', dims, BigInt64Array.from(integers, BigInt));
    const data = Float32Array.from(
      values ?? Array.from({ length: sizeOf(dims) }, () => 0.3 + random.uniform()),
    );
    return graph.constant(name, 'float32', dims, data);
  });
  names.splice(at, 0, 'x');
  const dot = op.lastIndexOf('.');
  graph.node(
    op.slice(dot + 1),
    names,
    Array.from({ length: outputs }, (_, i) => (i === result ? 'y' : `y${i}`)),
    attributes,
    op.slice(0, Math.max(0, dot)) as '' | OtherDomain,
  );
  graph.output('y', 'float32');
  return graph.finish(op, version);
}

/** Values with equal distances in a drawn order, none of them near a bend of the functions above. */
function spread({ shape, low = -2, high = 2, bends = [] }: Case, random: Random): Float32Array {
  const size = sizeOf(shape);
  const order = Array.from({ length: size }, (_, i) => ({ i, key: random.uniform() })).sort(
    (a, b) => a.key - b.key,
  );
  const values = new Float32Array(size);
  order.forEach(({ i }, rank) => {
    values[i] = low + ((rank + 0.37) / size) * (high - low);
  });
  for (const bend of [0, 1, -0.7, 0.9, 2.5, -2.5, ...bends])
    for (let i = 0; i < size; i++) if (Math.abs(values[i] - bend) < 2 * STEP) values[i] += 4 * STEP;
  return values;
}

test.each(Object.keys(CASES))('%s: central differences', async (op) => {
  for (let n = 0; n < SHAPES; n++) {
    const random = randomStream('gradient-differences', op, n);
    const drawn = CASES[op]((low, high) => low + random.below(high - low + 1), random);
    const path = join(folder, `${op}-${n}.onnx`);
    writeFileSync(path, build(op, drawn, random));
    const model = await loadModel(path, { runtime: 'auto' });
    const x = spread(drawn, random);
    const feed = (data: Float32Array): Tensor => ({ type: 'float32', shape: drawn.shape, data });
    const gradient = await model.capabilities.gradients?.gradient({ of: 'y', wrt: ['x'] }, [feed(x)]);
    const upstream = Float32Array.from(
      { length: sizeOf(gradient?.shape ?? []) },
      () => 2 * random.uniform() - 1,
    );
    const given = await gradient?.run([feed(x)], { type: 'float32', shape: gradient.shape, data: upstream });
    const derivatives = (given?.[0].data ?? []) as Float32Array;
    const direction = Float32Array.from(
      x,
      () => (random.uniform() < 0.5 ? -1 : 1) * (0.5 + random.uniform() / 2),
    );
    const lossAt = async (step: number): Promise<number> => {
      const { outputs } = await model.run([feed(x.map((value, i) => value + step * direction[i]))], []);
      return (outputs[0].data as Float32Array).reduce((sum, value, i) => sum + value * upstream[i], 0);
    };
    const difference = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP);
    const forecast = derivatives.reduce((sum, value, i) => sum + value * direction[i], 0);
    const scale = derivatives.reduce((sum, value) => sum + Math.abs(value), 0.1);
    expect([op, n, Math.abs(forecast - difference) / scale < TOLERANCE, forecast, difference]).toEqual([
      op,
      n,
      true,
      forecast,
      difference,
    ]);
    await model.dispose();
  }
});

/** The gradient of one operation with a constant between it and x. */
async function gradientThrough(op: string, drawn: Case): Promise<Gradient> {
  const path = join(folder, `${op}-one.onnx`);
  writeFileSync(path, build(op, drawn, randomStream('gradient-one', op)));
  const model = await loadModel(path, { runtime: 'auto' });
  const x = spread(drawn, randomStream('gradient-one', op));
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error('no gradients');
  return gradients.gradient({ of: 'y', wrt: ['x'] }, [{ type: 'float32', shape: drawn.shape, data: x }]);
}

describe('where a gradient ends', () => {
  const functions = (...strings: string[]) => ({
    ...recurrent(1)((low) => low, randomStream('functions')),
    attributes: { hidden_size: 1, activations: { strings } },
  });

  test('an operation without a rule is named', async () => {
    await expect(gradientThrough('Det', { shape: [2, 2] })).rejects.toThrow(
      new NoGradientError('y', ['Det (y)']),
    );
  });

  test('an If whose condition is constant is no end', async () => {
    const branch = (op: string): OnnxBuilder => {
      const body = new OnnxBuilder();
      body.node(op, ['doubled'], `result-${op}`);
      body.output(`result-${op}`, 'float32');
      return body;
    };
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', [3]);
    graph.node('Add', ['x', 'x'], 'doubled');
    graph.constant('condition', 'bool', [], Uint8Array.of(1));
    const bodies = { then_branch: branch('Exp'), else_branch: branch('Floor') };
    graph.node('If', ['condition'], 'y', bodies);
    graph.output('y', 'float32', [3]);
    const path = join(folder, 'if.onnx');
    writeFileSync(path, graph.finish('if', 17));
    const model = await loadModel(path, { runtime: 'auto' });
    const x: Tensor = { type: 'float32', shape: [3], data: Float32Array.of(0, 1, -1) };
    const gradient = await model.capabilities.gradients?.gradient({ of: 'y', wrt: ['x'] }, [x]);
    const ones: Tensor = { type: 'float32', shape: [3], data: new Float32Array(3).fill(1) };
    const [given] = (await gradient?.run([x], ones)) ?? [];
    [0, 1, -1].forEach((value, i) => {
      expect(given.data[i]).toBeCloseTo(2 * Math.exp(2 * value), 4);
    });
    expect(gradient?.stops).toEqual([]);
  });

  test('a recurrent layer has a rule for its usual functions, also where they are written out', async () => {
    expect((await gradientThrough('RNN', functions('Tanh'))).stops).toEqual([]);
    await expect(gradientThrough('RNN', functions('Relu'))).rejects.toThrow('no gradient through RNN (y)');
  });
});

test('docs/gradients.md lists the operations that have a rule', () => {
  const page = readFileSync('docs/gradients.md', 'utf8');
  expect(page).toContain(`a rule for each of ${GRADIENT_RULES.size} operations`);
  const [, section] = page.split('## Operations with a rule');
  const listed = section.split('\n').flatMap((line) => {
    const [, kind, names] = /^\| ([a-z0][^|]*) \| (`.*`) \|$/.exec(line) ?? [];
    return kind === undefined ? [] : names.split(', ').map((name) => name.slice(1, -1));
  });
  expect(listed.sort()).toEqual([...GRADIENT_RULES.keys(), ...FLAT_OPS].sort());
});
