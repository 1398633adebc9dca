import { expect, test } from '@jest/globals';
import type { InputBoxes } from '../../../src/analysis/bounds/input-boxes.ts';
import { findReachableSites } from '../../../src/analysis/bounds/reachable-sites.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadBuilt, scalar } from '../../support/control-flow.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

/** A graph whose site is safe in real arithmetic and goes wrong in single precision. */
interface Trap {
  readonly name: string;
  /** The operands of the site, and what it makes of the input x `[batch, width]` in the graph. */
  readonly build: (graph: OnnxBuilder) => string;
  readonly low: number;
  readonly high: number;
  /** A row on which it goes wrong. */
  readonly row: readonly number[];
  /** The site's operand in double precision; the site is safe for it. */
  readonly exact: (row: readonly number[]) => number;
  readonly isSafe: (operand: number) => boolean;
}

const constant = (graph: OnnxBuilder, name: string, ...values: readonly number[]): string =>
  graph.constant(name, 'float32', [values.length], Float32Array.from(values));

const column = (graph: OnnxBuilder, name: string, ...values: readonly number[]): string =>
  graph.constant(name, 'float32', [values.length, 1], Float32Array.from(values));

const positive = (operand: number): boolean => operand > 0;
const nonzero = (operand: number): boolean => operand !== 0;
const { fround } = Math;

const TRAPS: readonly Trap[] = [
  {
    name: 'an exponential underflows before its logarithm',
    build: (graph) => {
      const far = graph.node('Mul', ['x', scalar(graph, 'hundred', 100)], 'far');
      return graph.node('Log', [graph.node('Exp', [far], 'exp')], 'y');
    },
    low: -2,
    high: 0,
    row: [-1.5],
    exact: ([x]) => Math.exp(100 * x),
    isSafe: positive,
  },
  {
    name: 'a sigmoid rounds to 1',
    build: (graph) =>
      graph.node(
        'Log',
        [graph.node('Sub', [scalar(graph, 'one', 1), graph.node('Sigmoid', ['x'], 'share')], 'rest')],
        'y',
      ),
    low: -30,
    high: 30,
    row: [30],
    exact: ([x]) => 1 / (1 + Math.exp(x)),
    isSafe: positive,
  },
  {
    name: '1 − tanh² rounds to 0',
    build: (graph) => {
      graph.node('Tanh', ['x'], 't');
      const rest = graph.node(
        'Sub',
        [scalar(graph, 'one', 1), graph.node('Mul', ['t', 't'], 'square')],
        'rest',
      );
      return graph.node('Reciprocal', [rest], 'y');
    },
    low: -12,
    high: 12,
    row: [11],
    exact: ([x]) => 1 / Math.cosh(x) ** 2,
    isSafe: nonzero,
  },
  {
    name: 'a large constant absorbs the operand',
    build: (graph) => {
      const big = scalar(graph, 'big', 1e8);
      const back = graph.node('Sub', [graph.node('Add', ['x', big], 'raised'), big], 'back');
      return graph.node('Div', ['x', back], 'y');
    },
    low: 0.5,
    high: 2,
    row: [1],
    exact: ([x]) => x,
    isSafe: nonzero,
  },
  {
    name: 'half precision underflows',
    build: (graph) => {
      const small = graph.node('Mul', ['x', scalar(graph, 'small', 1e-5)], 'small_x');
      const half = graph.node('Cast', [small], 'half', { to: 10 });
      return graph.node('Log', [graph.node('Cast', [half], 'single', { to: 1 })], 'y');
    },
    low: 0.001,
    high: 1,
    row: [0.001],
    exact: ([x]) => x * 1e-5,
    isSafe: positive,
  },
  {
    name: 'a share of a softmax underflows',
    build: (graph) => graph.node('Log', [graph.node('Softmax', ['x'], 'shares', { axis: -1 })], 'y'),
    low: -200,
    high: 200,
    row: [150, -150],
    exact: ([a, b]) => Math.exp(b - a),
    isSafe: positive,
  },
  {
    name: 'a square underflows',
    build: (graph) => graph.node('Reciprocal', [graph.node('Mul', ['x', 'x'], 'square')], 'y'),
    low: 1e-30,
    high: 1,
    row: [1e-30],
    exact: ([x]) => x * x,
    isSafe: nonzero,
  },
  {
    name: 'the inverse of a number that is not zero overflows',
    build: (graph) => graph.node('Reciprocal', ['x'], 'y'),
    low: 1e-39,
    high: 1,
    row: [1e-39],
    exact: ([x]) => x,
    isSafe: nonzero,
  },
  {
    name: 'a negative power of a number that is not zero overflows',
    build: (graph) => graph.node('Pow', ['x', scalar(graph, 'power', -3)], 'y'),
    low: 1e-15,
    high: 1,
    row: [1e-15],
    exact: ([x]) => x,
    isSafe: positive,
  },
  {
    name: 'a sum of squares overflows, none of which does',
    build: (graph) => graph.node('ReduceL2', ['x'], 'y', { axes: [1] }),
    low: 0,
    high: 1.5e19,
    row: [1.5e19, 1.5e19],
    exact: (row) => Math.hypot(...row),
    isSafe: (operand) => operand < 1e38,
  },
  {
    name: 'a weighted sum below 1 rounds to 1',
    build: (graph) =>
      graph.node('Atanh', [graph.node('MatMul', ['x', column(graph, 'w', 0.7, 0.2, 0.1)], 'sum')], 'y'),
    low: 0,
    high: 1,
    row: [1, 1, 1],
    exact: (row) => row.reduce((sum, x, i) => sum + x * fround([0.7, 0.2, 0.1][i]), 0),
    isSafe: (operand) => operand < 1,
  },
  {
    name: 'one absorbs an exponential',
    build: (graph) => {
      const one = scalar(graph, 'one', 1);
      const raised = graph.node('Add', [graph.node('Exp', ['x'], 'exp'), one], 'raised');
      return graph.node('Log', [graph.node('Sub', [raised, one], 'back')], 'y');
    },
    low: -20,
    high: 0,
    row: [-20],
    exact: ([x]) => Math.exp(x),
    isSafe: positive,
  },
  {
    name: 'a sum absorbs what a relation says is left',
    build: (graph) => {
      const step = graph.node('Mul', [constant(graph, 'step', 1e-9), 'x'], 'step_x');
      const left = graph.node('Sub', [graph.node('Add', ['x', step], 'sum'), 'x'], 'left');
      return graph.node('Reciprocal', [left], 'y');
    },
    low: 0.5,
    high: 1,
    row: [0.75],
    exact: ([x]) => 1e-9 * x,
    isSafe: nonzero,
  },
  {
    name: 'a convolution cancels and absorbs',
    build: (graph) => {
      const image = graph.node(
        'Unsqueeze',
        ['x', graph.constant('axes', 'int64', [1], BigInt64Array.of(1n))],
        'image',
      );
      const kernel = graph.constant('kernel', 'float32', [1, 1, 3], Float32Array.of(1e8, 1, -1e8));
      const one = graph.constant('same', 'float32', [1, 3], Float32Array.of(1, 1, 1));
      const spread = graph.node('Mul', [image, one], 'spread');
      return graph.node('Log', [graph.node('Conv', [spread, kernel], 'conv')], 'y');
    },
    low: 0.5,
    high: 2,
    row: [1],
    exact: ([x]) => x,
    isSafe: positive,
  },
  {
    name: 'a matrix product cancels and absorbs',
    build: (graph) => {
      const spread = graph.node(
        'MatMul',
        ['x', graph.constant('same', 'float32', [1, 3], Float32Array.of(1, 1, 1))],
        'spread',
      );
      return graph.node(
        'Reciprocal',
        [graph.node('MatMul', [spread, column(graph, 'w', 1e8, 1, -1e8)], 'sum')],
        'y',
      );
    },
    low: 0.5,
    high: 2,
    row: [1],
    exact: ([x]) => x,
    isSafe: nonzero,
  },
  {
    name: 'a cast to integers cuts off',
    build: (graph) => {
      const whole = graph.node('Cast', ['x'], 'whole', { to: 6 });
      return graph.node('Reciprocal', [graph.node('Cast', [whole], 'number', { to: 1 })], 'y');
    },
    low: 0.5,
    high: 4,
    row: [0.75],
    exact: ([x]) => x,
    isSafe: nonzero,
  },
  {
    name: 'a mean of squares rounds below the square of the mean',
    build: (graph) => {
      const mean = graph.node('ReduceMean', ['x'], 'mean', { axes: [1] });
      const squares = graph.node('ReduceMean', [graph.node('Mul', ['x', 'x'], 'squares')], 'moment', {
        axes: [1],
      });
      const variance = graph.node('Sub', [squares, graph.node('Mul', [mean, mean], 'square')], 'variance');
      return graph.node('Sqrt', [variance], 'y');
    },
    low: 1000,
    high: 1001,
    row: [1000.15, 1000.15, 1000.15],
    exact: () => 0,
    isSafe: (operand) => operand >= 0,
  },
];

test.each(TRAPS)(
  '$name: not ruled out, and a run shows why',
  async ({ name, build, low, high, row, ...trap }) => {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', row.length]);
    graph.output(build(graph), 'float32', ['batch', 'columns']);
    const model = await loadBuilt(folder, name.replace(/\W+/g, '-'), graph);
    const data = Float32Array.from(row);
    const { outputs } = await model.run([{ type: 'float32', shape: [1, row.length], data }], []);
    expect(trap.isSafe(trap.exact([...data]))).toBe(true);
    expect((outputs[0].data as Float32Array).every(Number.isFinite)).toBe(false);
    const openSites = (boxes?: InputBoxes): string[] =>
      findReachableSites(model, new Map([['x', { low, high }]]), boxes)
        .filter(({ targets }) => targets.length > 0)
        .map((site) => site.name);
    expect(openSites()).toContain('y');
    // Nor around the very input that breaks it, as seeds are looked at.
    const values = Float64Array.from(data);
    const point = new Map([['x', { shape: [1, row.length], isBatched: true, low: values, high: values }]]);
    expect(openSites({ boxes: [point], seedBoxes: [point, point] })).toContain('y');
    await model.dispose();
  },
);
