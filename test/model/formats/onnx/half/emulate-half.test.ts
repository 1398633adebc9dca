import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../../../../src/core/random.ts';
import { OnnxBuilder } from '../../../../../src/model/formats/onnx/builder.ts';
import { ModelProto } from '../../../../../src/model/formats/onnx/proto.ts';
import { loadModel } from '../../../../../src/model/formats/registry.ts';
import type { HalfChoice, HalfFormat, HalfSettings } from '../../../../../src/model/half.ts';
import type { Model } from '../../../../../src/model/model.ts';
import { roundToBfloat16, roundToFloat16 } from '../../../../../src/model/quantize/rounding.ts';
import { numberToHalf, readNumber, type Tensor } from '../../../../../src/tensor/tensor.ts';
import { testFolder } from '../../../../support/folder.ts';

const folder = testFolder();
const opened: Model[] = [];

afterEach(async () => {
  for (const model of opened.splice(0)) await model.dispose();
});

const halves = (values: readonly number[]): Uint16Array => Uint16Array.from(values, numberToHalf);

type Write = (graph: OnnxBuilder) => void;

function write(name: string, build: Write): string {
  const graph = new OnnxBuilder();
  build(graph);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return path;
}

async function open(path: string, half: HalfChoice): Promise<Model> {
  const model = await loadModel(path, { runtime: 'auto', half });
  opened.push(model);
  return model;
}

const numbersOf = ({ type, data }: Pick<Tensor, 'type' | 'data'>): number[] =>
  Array.from({ length: data.length }, (_, i) => readNumber(type, data, i));

/** Outputs and watched tensors of one run, as numbers. */
async function run(
  model: Model,
  shape: readonly number[],
  values: readonly number[],
  watched: readonly string[] = [],
): Promise<number[][]> {
  const [{ type }] = model.inputs;
  const data = type === 'float16' ? halves(values) : Float32Array.from(values);
  const { outputs, activations } = await model.run([{ type, shape, data }], watched);
  return [...outputs, ...activations].map(numbersOf);
}

const SUMS = { accumulate: 'float16', lanes: 1 } as const;

/** x² / 1000, in float16. */
const squareModel: Write = (graph) => {
  graph.input('x', 'float16', ['batch', 2]);
  graph.constant('k', 'float16', [], halves([1000]));
  graph.node('Mul', ['x', 'x'], 'square');
  graph.node('Div', ['square', 'k'], 'y');
  graph.output('y', 'float16', ['batch', 2]);
};

describe('a float16 model', () => {
  test('overflows as half-precision hardware does, where the runtime by itself computes it wider', async () => {
    const path = write('square', squareModel);
    expect(await run(await open(path, 'off'), [1, 2], [1000, 2])).toEqual([[1000, expect.closeTo(0.004, 5)]]);
    const model = await open(path, 'auto');
    expect(await run(model, [1, 2], [1000, 2])).toEqual([[Number.POSITIVE_INFINITY, roundToFloat16(0.004)]]);
    expect(model.half).toEqual({
      format: 'float16',
      accumulate: 'float32',
      lanes: 1,
      partialSums: 0,
      blocks: {},
      roundedOnce: [],
    });
    expect((await open(path, 'off')).half).toBeUndefined();
  });

  test('keeps its inputs, outputs, names and types; inner tensors are watched rounded', async () => {
    const model = await open(write('square-names', squareModel), 'auto');
    expect(model.inputs).toMatchObject([{ name: 'x', type: 'float16' }]);
    expect(model.watchable).toEqual(['square', 'y']);
    expect(model.graph.types.get('square')).toBe('float16');
    const [, square, y] = await run(model, [1, 2], [3.001, 3], ['square', 'y']);
    const x = roundToFloat16(3.001);
    expect(square).toEqual([roundToFloat16(x * x), 9]);
    expect(y).toEqual([roundToFloat16(Math.fround(square[0] / 1000)), roundToFloat16(Math.fround(9 / 1000))]);
  });

  test('is rounded alike whether the runtime optimises its graph, exposes its tensors or flags them', async () => {
    // Cast pairs around operations that a runtime likes to fuse: a Gelu, a normalisation, a product with its bias.
    const path = write('fusable', (graph) => {
      const random = randomStream('fusable', 'weights');
      const constant = (name: string, dims: number[], values: number[]): string =>
        graph.constant(name, 'float16', dims, halves(values));
      graph.input('x', 'float16', ['batch', 8]);
      constant(
        'w',
        [8, 8],
        Array.from({ length: 64 }, () => drawNormal(random)),
      );
      constant(
        'b',
        [8],
        Array.from({ length: 8 }, () => drawNormal(random)),
      );
      graph.node('MatMul', ['x', 'w'], 'product');
      graph.node('Add', ['product', 'b'], 'shifted');
      graph.node('Div', ['shifted', constant('root', [], [Math.SQRT2])], 'scaled');
      graph.node('Erf', ['scaled'], 'erf');
      graph.node('Add', ['erf', constant('one', [], [1])], 'plus');
      graph.node('Mul', ['shifted', 'plus'], 'weighted');
      graph.node('Mul', ['weighted', constant('half', [], [0.5])], 'gelu');
      graph.node('ReduceMean', ['gelu'], 'mean', { axes: [-1] });
      graph.node('Sub', ['gelu', 'mean'], 'centred');
      graph.node('Mul', ['centred', 'centred'], 'squared');
      graph.node('ReduceMean', ['squared'], 'variance', { axes: [-1] });
      graph.node('Add', ['variance', constant('epsilon', [], [1e-5])], 'sum');
      graph.node('Sqrt', ['sum'], 'deviation');
      graph.node('Div', ['centred', 'deviation'], 'y');
      graph.output('y', 'float16', ['batch', 8]);
    });
    const values = Array.from({ length: 32 }, (_, i) => 40 * Math.sin(i));
    for (const half of ['auto', SUMS] as const) {
      const model = await open(path, half);
      const inner = model.watchable.filter((name) => name !== 'y');
      const [plain] = await run(model, [4, 8], values);
      const [exposed, ...tensors] = await run(model, [4, 8], values, inner);
      expect(exposed).toEqual(plain);
      for (const tensor of tensors) expect(tensor.map(roundToFloat16)).toEqual(tensor);
      const [, ...again] = await run(model, [4, 8], values, ['squared', 'variance']);
      expect(again).toEqual([tensors[inner.indexOf('squared')], tensors[inner.indexOf('variance')]]);
    }
    const huge = values.map((value) => value * 20);
    const model = await open(path, 'auto');
    const { first } = (await model.capabilities.nonFiniteFlags?.nonFinite(
      [{ type: 'float16', shape: [4, 8], data: halves(huge) }],
      ['squared', 'variance', 'y'],
    )) ?? { first: new Map() };
    expect(first.get('squared')).toBe('inf');
  });

  test('computes in half precision within branches and loops too', async () => {
    const body = new OnnxBuilder();
    body.input('state', 'float16', ['batch', 1]);
    body.input('step', 'float16', []);
    body.node('Mul', ['state', 'factor'], 'next');
    body.node('Identity', ['next'], 'seen');
    body.output('next', 'float16', ['batch', 1]);
    body.output('seen', 'float16', ['batch', 1]);
    const path = write('scan', (graph) => {
      graph.input('x', 'float16', ['batch', 1]);
      graph.constant('factor', 'float16', [], halves([100]));
      graph.constant('steps', 'float16', [3], halves([0, 0, 0]));
      graph.node('Scan', ['x', 'steps'], ['last', 'all'], { body, num_scan_inputs: 1 });
      graph.constant('million', 'float16', [], halves([1000]));
      graph.node('Div', ['last', 'million'], 'y');
      graph.output('y', 'float16', ['batch', 1]);
    });
    expect(await run(await open(path, 'off'), [1, 1], [1])).not.toEqual([[1000]]);
    const model = await open(path, 'auto');
    expect(await run(model, [1, 1], [0.5])).toEqual([[Number.POSITIVE_INFINITY]]);
    expect(await run(model, [1, 1], [0.03])).toEqual([[roundToFloat16(30)]]);
    expect(await run(model, [1, 1], [0.5], ['next'])).toEqual([
      [Number.POSITIVE_INFINITY],
      [50, 5000, Number.POSITIVE_INFINITY],
    ]);
  });

  test('is left as it is where it only moves or rounds halves, or is of single precision', async () => {
    const path = write('rounding', (graph) => {
      graph.input('x', 'float32', ['batch', 2]);
      graph.node('Cast', ['x'], 'half', { to: 10 });
      graph.node('Cast', ['half'], 'y', { to: 1 });
      graph.output('y', 'float32', ['batch', 2]);
    });
    expect((await open(path, 'auto')).half).toBeUndefined();
  });
});

/** The sum of products, each partial sum rounded: lanes take terms in turn and are added pairwise. */
function sumOf(terms: readonly number[], { accumulate, lanes, block = 1 }: HalfSettings): number {
  const round =
    accumulate === 'float32' ? Math.fround : accumulate === 'float16' ? roundToFloat16 : roundToBfloat16;
  let sums = new Array<number>(lanes).fill(0);
  for (let k = 0; k < terms.length; k += block) {
    const lane = (k / block) % lanes;
    const part = terms.slice(k, k + block).reduce((sum, term) => Math.fround(sum + term), 0);
    sums[lane] = round(Math.fround(sums[lane] + part));
  }
  while (sums.length > 1)
    sums = Array.from({ length: sums.length / 2 }, (_, i) => round(sums[2 * i] + sums[2 * i + 1]));
  return sums[0];
}

describe('partial sums', () => {
  const drawn = (purpose: string, length: number, scale = 1): number[] => {
    const random = randomStream('half', purpose);
    return Array.from({ length }, () => roundToFloat16(scale * drawNormal(random)));
  };
  const [M, K, N] = [3, 37, 5];
  const weights = drawn('w', K * N, 20);
  const productModel: Write = (graph) => {
    graph.input('x', 'float16', ['batch', K]);
    graph.constant('w', 'float16', [K, N], halves(weights));
    graph.node('MatMul', ['x', 'w'], 'y');
    graph.output('y', 'float16', ['batch', N]);
  };
  const x = drawn('x', M * K, 20);
  const expected = (settings: HalfSettings): number[] =>
    Array.from({ length: M * N }, (_, i) =>
      roundToFloat16(
        sumOf(
          Array.from({ length: K }, (_, k) => x[Math.floor(i / N) * K + k] * weights[k * N + (i % N)]),
          settings,
        ),
      ),
    );

  test.each<HalfSettings>([
    SUMS,
    { accumulate: 'float16', lanes: 4 },
    { accumulate: 'float16', lanes: 16 },
    { accumulate: 'bfloat16', lanes: 1 },
  ])('of a product are those of a sum that is rounded term by term: %j', async (settings) => {
    const model = await open(write('product', productModel), settings);
    expect(await run(model, [M, K], x)).toEqual([expected(settings)]);
    expect(model.half).toMatchObject({ ...settings, partialSums: 1, blocks: {}, roundedOnce: [] });
    expect(expected(settings)).not.toEqual(expected({ accumulate: 'float32', lanes: 1 }));
  });

  test('of blocks are rounded a block at a time', async () => {
    // Whole numbers, whose sums within a block are exact in whatever order they are added.
    const whole = Array.from({ length: 37 }, (_, i) => 97 * ((i % 5) + 1));
    const path = write('blocks', (graph) => {
      graph.input('x', 'float16', ['batch', 37]);
      graph.constant('ones', 'float16', [37, 1], halves(new Array(37).fill(1)));
      graph.node('MatMul', ['x', 'ones'], 'y');
      graph.output('y', 'float16', ['batch', 1]);
    });
    for (const settings of [
      { accumulate: 'float16', lanes: 1, block: 8 },
      { accumulate: 'float16', lanes: 4, block: 2 },
    ] as const)
      expect(await run(await open(path, settings), [1, 37], whole)).toEqual([[sumOf(whole, settings)]]);
  });

  test('stand still, and overflow on the way, where a wider accumulator does neither', async () => {
    const path = write('ones', (graph) => {
      graph.input('x', 'float16', ['batch', 'terms']);
      graph.node('ReduceSum', ['x', graph.constant('axes', 'int64', [1], BigInt64Array.of(-1n))], 'y');
      graph.output('y', 'float16', ['batch', 1]);
    });
    const ones = new Array<number>(4096).fill(1);
    const [wide, narrow, lanes] = await Promise.all(
      (['auto', SUMS, { accumulate: 'float16', lanes: 2 }] as const).map((half) => open(path, half)),
    );
    expect(await run(wide, [1, 4096], ones)).toEqual([[4096]]);
    expect(await run(narrow, [1, 4096], ones)).toEqual([[2048]]);
    expect(await run(lanes, [1, 4096], ones)).toEqual([[4096]]);
    expect(await run(wide, [1, 3], [60000, 10000, -60000])).toEqual([[10000]]);
    expect(await run(narrow, [1, 3], [60000, 10000, -60000])).toEqual([[Number.POSITIVE_INFINITY]]);
  });

  test('of a Gemm come before scale and bias, also with operands turned', async () => {
    const bias = drawn('bias', N, 5);
    const turned = Array.from({ length: K * N }, (_, i) => weights[(i % K) * N + Math.floor(i / K)]);
    const path = write('gemm', (graph) => {
      graph.input('x', 'float16', ['batch', K]);
      graph.constant('w', 'float16', [N, K], halves(turned));
      graph.constant('b', 'float16', [N], halves(bias));
      graph.node('Gemm', ['x', 'w', 'b'], 'y', { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } });
      graph.output('y', 'float16', ['batch', N]);
    });
    const sums = Array.from({ length: M * N }, (_, i) =>
      sumOf(
        Array.from({ length: K }, (_, k) => x[Math.floor(i / N) * K + k] * weights[k * N + (i % N)]),
        SUMS,
      ),
    );
    expect(await run(await open(path, SUMS), [M, K], x)).toEqual([
      sums.map((sum, i) =>
        roundToFloat16(Math.fround(Math.fround(sum * 0.5) + Math.fround(bias[i % N] * 2))),
      ),
    ]);
  });

  test.each<HalfSettings>([
    SUMS,
    // The last step has no terms for some lanes.
    { accumulate: 'float16', lanes: 8 },
  ])('of a convolution run over channels, and within these over the kernel: %j', async (settings) => {
    const [H, W] = [5, 6];
    const kernel = drawn('kernel', 4 * 2 * 3 * 2, 10);
    const picture = drawn('picture', 4 * H * W, 10);
    const path = write('conv', (graph) => {
      graph.input('x', 'float16', ['batch', 4, 'height', 'width']);
      graph.constant('w', 'float16', [4, 2, 3, 2], halves(kernel));
      graph.constant('b', 'float16', [4], halves([1, 2, 3, 4]));
      const attributes = { group: 2, strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2] };
      graph.node('Conv', ['x', 'w', 'b'], 'y', attributes);
      graph.output('y', 'float16', ['batch', 4, 'down', 'across']);
    });
    const at = (c: number, i: number, j: number): number =>
      i < 0 || i >= H || j < 0 || j >= W ? 0 : picture[(c * H + i) * W + j];
    const y: number[] = [];
    for (let m = 0; m < 4; m++)
      for (let i = 0; i < 3; i++)
        for (let j = 0; j < 6; j++) {
          const terms: number[] = [];
          for (let c = 0; c < 2; c++)
            for (let k = 0; k < 3; k++)
              for (let l = 0; l < 2; l++)
                terms.push(
                  at(2 * Math.floor(m / 2) + c, 2 * i + k - 1, j + 2 * l) *
                    kernel[((m * 2 + c) * 3 + k) * 2 + l],
                );
          y.push(roundToFloat16(Math.fround(sumOf(terms, settings) + m + 1)));
        }
    const model = await open(path, settings);
    // Memory that nobody set differs from run to run.
    for (let n = 0; n < 20; n++) expect(await run(model, [1, 4, H, W], picture)).toEqual([y]);
    expect(model.half?.partialSums).toBe(1);
  });

  test('of products that are batched have as many lanes as terms, or more', async () => {
    const settings = { accumulate: 'float16', lanes: 16 } as const;
    const path = write('batched', (graph) => {
      graph.input('x', 'float16', ['batch', 1, 5]);
      graph.constant('w', 'float16', [1, 5, 2], halves([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
      graph.node('MatMul', ['x', 'w'], 'y');
      graph.output('y', 'float16', ['batch', 1, 2]);
    });
    const model = await open(path, settings);
    for (let n = 0; n < 20; n++) expect(await run(model, [1, 1, 5], [1, 1, 1, 1, 1])).toEqual([[25, 30]]);
  });

  test('of what may be a vector are not expanded', async () => {
    const path = write('vectors', (graph) => {
      graph.input('x', 'float16', ['batch', 3]);
      graph.node('Shape', ['x'], 'shape');
      graph.node(
        'Slice',
        [
          'shape',
          graph.constant('one', 'int64', [1], BigInt64Array.of(1n)),
          graph.constant('two', 'int64', [1], BigInt64Array.of(2n)),
        ],
        'length',
      );
      graph.node('Expand', [graph.constant('unit', 'float16', [1], halves([2])), 'length'], 'vector');
      graph.node('MatMul', ['x', 'vector'], 'y');
      graph.output('y', 'float16', ['batch']);
      graph.node(
        'ReduceSum',
        ['vector', graph.constant('last', 'int64', [1], BigInt64Array.of(-1n))],
        'sum',
        { keepdims: 0 },
      );
      graph.output('sum', 'float16', []);
    });
    const model = await open(path, SUMS);
    expect(await run(model, [1, 3], [1, 2, 3])).toEqual([[12], [6]]);
    expect(model.half).toMatchObject({ partialSums: 0 });
  });

  test.each<[string, number[], number]>([
    ['the last axis', [2], 1],
    ['an axis before others', [1], 0],
    ['two axes, in memory order', [1, 2], 1],
    ['all axes', [], 0],
  ])('of a mean along %s', async (_name, axes, keepdims) => {
    const values = drawn('mean', 2 * 3 * 4, 3000);
    const path = write('mean', (graph) => {
      graph.input('x', 'float16', ['batch', 3, 4]);
      graph.node('ReduceMean', ['x'], 'y', axes.length === 0 ? { keepdims } : { axes, keepdims });
      graph.output('y', 'float16');
    });
    const groups = new Map<string, number[]>();
    values.forEach((value, i) => {
      const place = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
      const key = place.filter((_, axis) => axes.length > 0 && !axes.includes(axis)).join();
      groups.set(key, [...(groups.get(key) ?? []), value]);
    });
    const means = [...groups.values()].map((group) =>
      roundToFloat16(Math.fround(sumOf(group, SUMS) / group.length)),
    );
    expect(await run(await open(path, SUMS), [2, 3, 4], values)).toEqual([means]);
  });

  test('of what is not expanded are named; long sums are rounded a block at a time', async () => {
    const path = write('account', (graph) => {
      graph.input('x', 'float16', ['batch', 9000]);
      graph.constant('w', 'float16', [9000, 2], halves(new Array(18_000).fill(0.01)));
      graph.node('MatMul', ['x', 'w'], 'product');
      graph.node('Softmax', ['product'], 'y');
      graph.output('y', 'float16', ['batch', 2]);
    });
    expect((await open(path, SUMS)).half).toMatchObject({
      partialSums: 1,
      blocks: { product: 3 },
      roundedOnce: ['y'],
    });
  });
});

describe('a bfloat16 model', () => {
  const path = (): string => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float16', ['batch', 2]);
    graph.constant('k', 'float16', [], halves([3]));
    graph.node('Mul', ['x', 'k'], 'tripled');
    graph.node('Mul', ['tripled', 'tripled'], 'y');
    graph.output('y', 'float16', ['batch', 2]);
    const model = ModelProto.toObject(ModelProto.decode(graph.finish('bfloat16'))) as {
      graph: {
        input: { type: { tensorType: { elemType: number } } }[];
        output: { type: { tensorType: { elemType: number } } }[];
        initializer: { dataType: number; rawData: Uint8Array }[];
      };
    };
    for (const value of [...model.graph.input, ...model.graph.output]) value.type.tensorType.elemType = 16;
    for (const tensor of model.graph.initializer)
      Object.assign(tensor, { dataType: 16, rawData: Uint8Array.of(0x40, 0x40) });
    const file = join(folder, 'bfloat16.onnx');
    writeFileSync(file, ModelProto.encode(ModelProto.fromObject(model)).finish());
    return file;
  };

  test('runs with inputs of single precision, rounded first, and has the limits of its format', async () => {
    const model = await open(path(), 'auto');
    const format: HalfFormat = 'bfloat16';
    expect(model.half).toMatchObject({ format });
    expect(model.inputs).toMatchObject([{ name: 'x', type: 'float32' }]);
    const x = roundToBfloat16(1.2345);
    const tripled = roundToBfloat16(x * 3);
    const [y, inner] = await run(model, [1, 2], [1.2345, 1e19], ['tripled']);
    expect(inner).toEqual([tripled, roundToBfloat16(roundToBfloat16(1e19) * 3)]);
    expect(y).toEqual([roundToBfloat16(tripled * tripled), Number.POSITIVE_INFINITY]);
    expect(model.graph.types.get('tripled')).toBe('float32');
    expect(model.graph.rounding?.bfloat16.has('tripled')).toBe(true);
    expect(model.graph.values.get('k')).toEqual([3]);
  });
});
