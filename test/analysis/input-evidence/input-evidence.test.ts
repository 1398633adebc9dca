import { describe, expect, test } from '@jest/globals';
import { ML_DOMAIN, OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { evidenceOf } from '../../support/evidence.ts';

/** A graph with an input x of a shape, and float constants by name. */
function graphOf(
  shape: readonly (number | string)[],
  constants: Readonly<Record<string, readonly number[]>> = {},
) {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', shape);
  for (const [name, values] of Object.entries(constants))
    graph.constant(name, 'float32', values.length === 1 ? [] : [values.length], Float32Array.from(values));
  return graph;
}

describe('a table that an input looks up', () => {
  const embedding = (input: 'int64' | 'uint8' | 'float32', table: readonly number[]) => {
    const graph = new OnnxBuilder();
    graph.input('x', input, ['batch', 12]);
    graph.constant('table', 'float32', table, new Float32Array(table[0] * (table[1] ?? 1)));
    graph.node('Cast', ['x'], 'ids', { to: 7 });
    graph.node('Gather', ['table', 'ids'], 'y');
    graph.output('y', 'float32', ['batch', 12]);
    return evidenceOf(graph).x;
  };

  test('is found behind a cast from any type', () => {
    for (const type of ['int64', 'uint8', 'float32'] as const)
      expect(embedding(type, [120, 8])).toMatchObject({ lookupRows: 120, isEmbedding: true });
  });

  test('is no embedding where it holds single numbers', () => {
    expect(embedding('int64', [120])).toMatchObject({ lookupRows: 120, isEmbedding: false });
  });

  test('is the smallest of several', () => {
    const graph = new OnnxBuilder();
    graph.input('ids', 'int64', ['batch', 'length']);
    graph.constant('words', 'float32', [500, 8], new Float32Array(4000));
    graph.constant('places', 'float32', [64, 8], new Float32Array(512));
    graph.node('Gather', ['words', 'ids'], 'embedded');
    graph.node('Gather', ['places', 'ids'], 'placed');
    graph.node('Add', ['embedded', 'placed'], 'y');
    graph.output('y', 'float32', ['batch', 'length', 8]);
    expect(evidenceOf(graph).ids.lookupRows).toBe(64);
  });
});

describe('the range that the first operations assume', () => {
  test('is 0 to 255 where they divide by 255, multiply by its inverse, or bring 0 and 255 to −1 and 1', () => {
    const steps: [string, string][][] = [
      [['Div', 'c255']],
      [['Mul', 'inverse']],
      [
        ['Sub', 'half'],
        ['Div', 'half'],
      ],
      [
        ['Div', 'c255'],
        ['Sub', 'means'],
        ['Div', 'deviations'],
      ],
    ];
    for (const ops of steps) {
      const graph = graphOf(['batch', 8, 8, 3], {
        c255: [255],
        inverse: [1 / 255],
        half: [127.5],
        means: [0.485, 0.456, 0.406],
        deviations: [0.229, 0.224, 0.225],
      });
      let tensor = 'x';
      for (const [i, [op, constant]] of ops.entries()) tensor = graph.node(op, [tensor, constant], `t${i}`);
      graph.node('Relu', [tensor], 'y');
      graph.output('y', 'float32', ['batch', 8, 8, 3]);
      expect(evidenceOf(graph).x.interval).toMatchObject({ low: 0, high: 255 });
    }
  });

  test('is told by a mean that is taken away and a deviation that is divided by, by channel', () => {
    const graph = graphOf(['batch', 3], { mean: [10, 20, 30], deviation: [1, 2, 4] });
    graph.node('Sub', ['x', 'mean'], 'centred');
    graph.node('Div', ['centred', 'deviation'], 'y');
    graph.output('y', 'float32', ['batch', 3]);
    expect(evidenceOf(graph).x.normalization).toMatchObject({
      mean: [10, 20, 30],
      deviation: [1, 2, 4],
      axis: 1,
    });
  });

  test('is not told by a scale or a shift alone, nor by 1 / x', () => {
    for (const [op, inputs] of [
      ['Mul', ['x', 'two']],
      ['Sub', ['x', 'two']],
      ['Div', ['two', 'x']],
    ] as const) {
      const graph = graphOf(['batch', 3], { two: [2] });
      graph.node(op, inputs, 'y');
      graph.output('y', 'float32', ['batch', 3]);
      expect(evidenceOf(graph).x).toEqual({});
    }
  });

  test('is told by a BatchNormalization, also behind a scale', () => {
    const graph = graphOf(['batch', 2, 5], {
      gamma: [1, 1],
      beta: [0, 0],
      mean: [4, -6],
      variance: [4, 9],
      two: [2],
    });
    graph.node('Mul', ['x', 'two'], 'doubled');
    graph.node('BatchNormalization', ['doubled', 'gamma', 'beta', 'mean', 'variance'], 'y', {
      epsilon: { float: 0 },
    });
    graph.output('y', 'float32', ['batch', 2, 5]);
    expect(evidenceOf(graph).x.normalization).toEqual({
      by: 'Mul doubled, BatchNormalization y',
      mean: [2, -3],
      deviation: [1, 1.5],
      axis: 1,
    });
  });

  test("is told by scikit-learn's Scaler and Normalizer, and by a QuantizeLinear", () => {
    const scaled = graphOf(['batch', 2]);
    scaled.node(
      'Scaler',
      ['x'],
      'y',
      { offset: { floats: [5, 100] }, scale: { floats: [0.5, 0.1] } },
      ML_DOMAIN,
    );
    scaled.output('y', 'float32', ['batch', 2]);
    const { normalization } = evidenceOf(scaled).x;
    expect(normalization?.mean).toEqual([5, 100]);
    expect(normalization?.deviation.map((value) => Number(value.toFixed(5)))).toEqual([2, 10]);
    const normalized = graphOf(['batch', 2]);
    normalized.node('Normalizer', ['x'], 'y', {}, ML_DOMAIN);
    normalized.output('y', 'float32', ['batch', 2]);
    expect(evidenceOf(normalized).x.interval).toMatchObject({ low: -1, high: 1 });
    const quantized = graphOf(['batch', 2], { scale: [0.5] });
    quantized.constant('zero', 'uint8', [], Uint8Array.of(55));
    quantized.node('QuantizeLinear', ['x', 'scale', 'zero'], 'q');
    quantized.output('q', 'uint8', ['batch', 2]);
    expect(evidenceOf(quantized).x.interval).toMatchObject({ low: -27.5, high: 100 });
  });
});

describe('decision trees', () => {
  const trees = (graph: OnnxBuilder, input: string) => {
    // Node 0 tests column 2, node 1 column 0; the others are leaves.
    graph.node(
      'TreeEnsembleRegressor',
      [input],
      'y',
      {
        nodes_featureids: [2, 0, 0, 0, 0],
        nodes_values: { floats: [7.5, -1.25, 0, 0, 0] },
        nodes_truenodeids: [1, 3, 0, 0, 0],
        nodes_falsenodeids: [2, 4, 0, 0, 0],
      },
      ML_DOMAIN,
    );
    graph.output('y', 'float32', ['batch', 1]);
    return evidenceOf(graph);
  };

  test('give the split values of each column', () => {
    expect(trees(graphOf(['batch', 3]), 'x').x.splits?.values).toEqual([[-1.25], [], [7.5]]);
  });

  test('behind a scale give them in the units of the input', () => {
    const graph = graphOf(['batch', 3], { two: [2] });
    graph.node('Div', ['x', 'two'], 'halved');
    expect(trees(graph, 'halved').x.splits?.values).toEqual([[-2.5], [], [15]]);
  });

  test('behind a join of inputs give each its own columns', () => {
    const graph = new OnnxBuilder();
    graph.input('a', 'float32', ['batch', 1]);
    graph.input('b', 'float32', ['batch', 2]);
    graph.node('Concat', ['a', 'b'], 'joined', { axis: 1 });
    const { a, b } = trees(graph, 'joined');
    expect(a.splits?.values).toEqual([[-1.25]]);
    expect(b.splits?.values).toEqual([[], [7.5]]);
  });
});

describe('what reads an input', () => {
  test('tells a recurrent state and its sequence', () => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['time', 'batch', 4]);
    graph.input('h', 'float32', [1, 'batch', 2]);
    graph.constant('w', 'float32', [1, 6, 4], new Float32Array(24));
    graph.constant('r', 'float32', [1, 6, 2], new Float32Array(12));
    graph.node('GRU', ['x', 'w', 'r', '', '', 'h'], ['y', 'hn'], { hidden_size: 2 });
    graph.output('y', 'float32', ['time', 1, 'batch', 2]);
    const { x, h } = evidenceOf(graph);
    expect(h.stateOf).toBe('GRU y');
    expect(x).toEqual({ readAs: { kind: 'steps', by: 'GRU y' } });
  });

  test.each([
    [1, 'signal'],
    [80, 'steps'],
  ])(
    'tells a signal of one channel from vectors: a convolution over %i channels reads %s',
    (channels, kind) => {
      const graph = new OnnxBuilder();
      graph.input('x', 'float32', ['batch', channels, 'length']);
      graph.constant('w', 'float32', [4, channels, 3], new Float32Array(12 * channels));
      graph.node('Conv', ['x', 'w'], 'y');
      graph.output('y', 'float32', ['batch', 4, 'frames']);
      expect(evidenceOf(graph).x.readAs).toEqual({ kind, by: 'Conv y' });
    },
  );

  test('is looked for in the bodies of an If, whose condition compares a scalar with a constant', () => {
    const body = (name: string) => {
      const branch = new OnnxBuilder();
      branch.node('Conv', ['wave', 'w'], name);
      branch.output(name, 'float32', ['batch', 4, 'frames']);
      return branch;
    };
    const graph = new OnnxBuilder();
    graph.input('wave', 'float32', ['batch', 1, 'length']);
    graph.input('rate', 'int64', []);
    graph.constant('w', 'float32', [4, 1, 3], new Float32Array(12));
    graph.constant('wide', 'int64', [], BigInt64Array.of(16_000n));
    graph.node('Equal', ['rate', 'wide'], 'isWide');
    graph.node('If', ['isWide'], 'y', { then_branch: body('a'), else_branch: body('b') });
    graph.output('y', 'float32', ['batch', 4, 'frames']);
    const { wave, rate } = evidenceOf(graph);
    expect(rate.comparedWith).toEqual([16_000]);
    expect(wave.readAs).toEqual({ kind: 'signal', by: 'Conv a' });
  });
});
