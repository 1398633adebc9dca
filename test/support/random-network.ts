import fc from 'fast-check';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';

/** Operations of one operand that keep its shape, with their attributes. */
export const UNARY = [
  'Relu',
  'LeakyRelu',
  'Sigmoid',
  'Tanh',
  'Exp',
  'Neg',
  'Abs',
  'Softplus',
  'Floor',
  'Ceil',
  'Round',
  'Identity',
  'Sqrt',
  'Log',
  'Reciprocal',
  'Sin',
  'Cos',
  'Atan',
  'Sign',
  'Erf',
  'Softmax',
  'LogSoftmax',
  'Cosh',
  'Tan',
] as const;

export const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow', 'Sum', 'Mean'] as const;

/** Operations that take further operands or change the shape on the way. */
const COMPOSED = [
  'Clip',
  'Gemm',
  'MatMul',
  'BatchNormalization',
  'Reduce',
  'Where',
  'CastHalf',
  'CastInteger',
  'Slice',
  'Split',
  'Gather',
  'Pad',
  'Transpose',
  'Square',
  'Scale',
  'Attention',
  'Left',
  'Convolution',
  'Guarded',
  'Layers',
  'Difference',
] as const;

/** One step of a random network: an operation on results of steps before it, with numbers that it takes. */
export interface NetworkStep {
  readonly op: string;
  readonly left: number;
  readonly right: number;
  readonly number: number;
  readonly weights: readonly number[];
  /** Chooses among variants. */
  readonly variant: number;
}

/** Steps of a network; Gemm and Relu come up more often, since what lies behind several of them is harder to bound. */
export const networkSteps = fc.array(
  fc.record({
    op: fc.constantFrom(...UNARY, ...BINARY, ...COMPOSED, ...COMPOSED, 'Gemm', 'Relu', 'Add', 'Sub', 'Mul'),
    left: fc.nat(),
    right: fc.nat(),
    number: fc.oneof(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.constantFrom(0, 1, -1, 1e-40, 1e30, 1e8, 1e-8),
    ),
    weights: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 36, maxLength: 36 }),
    variant: fc.nat(11),
  }),
  { minLength: 1, maxLength: 9 },
);

/** A random network of x `[batch, 4]`, in which every step gives `[batch, 4]`. */
export interface RandomNetwork {
  readonly bytes: Uint8Array;
  /** All floating-point tensors that are computed, in topological order. */
  readonly tensors: readonly string[];
}

/** Writes a random network as an ONNX model with the output `y`. */
export function writeNetwork(steps: readonly NetworkStep[]): RandomNetwork {
  const graph = new OnnxBuilder();
  const rows = [graph.input('x', 'float32', ['batch', 4])];
  const tensors: string[] = [];
  steps.forEach((step, i) => {
    const { op, left, right, number, weights, variant } = step;
    let parts = 0;
    const name = `t${i}`;
    const node = (
      type: string,
      inputs: readonly string[],
      attributes: Parameters<OnnxBuilder['node']>[3] = {},
      isFloat = true,
    ): string => {
      const output = graph.node(type, inputs, `${name}_${parts++}`, attributes);
      if (isFloat) tensors.push(output);
      return output;
    };
    const constant = (dims: readonly number[], values: readonly number[]): string =>
      graph.constant(`${name}_${parts++}`, 'float32', dims, Float32Array.from(values));
    const integers = (...values: readonly number[]): string =>
      graph.constant(`${name}_${parts++}`, 'int64', [values.length], BigInt64Array.from(values, BigInt));
    const a = rows[left % rows.length];
    const b = right % 2 === 0 ? rows[right % rows.length] : constant([], [number]);
    const matrix = (): string => constant([4, 4], weights.slice(0, 16));
    const make = (): string => {
      if ((BINARY as readonly string[]).includes(op)) return node(op, variant === 0 ? [b, a] : [a, b]);
      switch (op) {
        case 'Clip':
          return node(op, [a, constant([], [number]), variant < 3 ? '' : constant([], [number + 1])]);
        case 'Gemm':
          return node(
            op,
            [a, matrix(), variant < 2 ? rows[right % rows.length] : constant([4], weights.slice(0, 4))],
            {
              transB: variant % 2,
              ...(variant === 3 ? { alpha: { float: 0.5 }, beta: { float: -2 } } : {}),
            },
          );
        case 'MatMul':
          return node(op, [a, matrix()]);
        case 'BatchNormalization':
          return node(op, [
            a,
            ...[0, 1, 2].map((k) => constant([4], weights.slice(4 * k, 4 * k + 4))),
            constant([4], weights.slice(0, 4).map(Math.abs)),
          ]);
        case 'Reduce': {
          const [axes, keepdims] = [[1], 1];
          const types = ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'];
          const type = types[variant % types.length];
          const sum = variant > 5 ? node('ReduceSum', [a, integers(1)]) : node(type, [a], { axes, keepdims });
          const wide = variant % 2 === 0 ? node('Expand', [sum, integers(1, 4)]) : sum;
          return node(variant % 3 === 0 ? 'Sub' : 'Add', [a, wide]);
        }
        case 'Where':
          return node(op, [node('Less', [a, b], {}, false), a, b]);
        case 'CastHalf':
          // Of halves margins and bounds are taken too; they are read as floats.
          return node('Cast', [node('Cast', [a], { to: 10 }, false)], { to: 1 });
        case 'CastInteger': {
          const near = node('Clip', [a, constant([], [-9]), constant([], [9])]);
          return node('Cast', [node('Cast', [near], { to: 6 }, false)], { to: 1 });
        }
        case 'Slice': {
          const back = node(op, [a, integers(-1), integers(-9), integers(1), integers(-2)]);
          const front = node(op, [
            a,
            integers(0),
            integers(variant < 6 ? 2 : 99),
            integers(1),
            integers(variant < 6 ? 1 : 2),
          ]);
          return node('Concat', [back, front], { axis: variant % 2 === 0 ? 1 : -1 });
        }
        case 'Split': {
          const [first, second] = [`${name}_first`, `${name}_second`];
          graph.node(op, [a, integers(1, 3)], [first, second], { axis: 1 });
          tensors.push(first, second);
          return node('Concat', [node('Mul', [second, first]), first], { axis: 1 });
        }
        case 'Gather':
          return node(op, [a, integers(3, 0, -3, variant % 4)], { axis: 1 });
        case 'Pad': {
          const wide = node(op, [a, integers(0, 1, 0, 2), constant([], [number])]);
          return node('Slice', [wide, integers(variant % 4), integers((variant % 4) + 4), integers(1)]);
        }
        case 'Transpose': {
          const square = node('Reshape', [a, integers(variant < 6 ? 0 : -1, 2, 2)]);
          const turned = node(op, [square], { perm: [0, 2, 1] });
          return node('Flatten', [node('Squeeze', [node('Unsqueeze', [turned, integers(1)]), integers(1)])]);
        }
        case 'Square':
          return variant % 2 === 0 ? node('Mul', [a, a]) : node('Pow', [a, constant([], [2])]);
        case 'Scale':
          return variant % 2 === 0
            ? node('Mul', [constant([4], weights.slice(0, 4)), a])
            : node('Div', [
                a,
                constant(
                  [4],
                  weights.slice(0, 4).map((w) => w + Math.sign(w || 1) * 0.01),
                ),
              ]);
        case 'Attention': {
          const square = node('Reshape', [a, integers(0, 2, 2)]);
          const other = node('Reshape', [rows[right % rows.length], integers(0, 2, 2)]);
          const shares = node(
            'Softmax',
            [node('MatMul', [square, node('Transpose', [other], { perm: [0, 2, 1] })])],
            {
              axis: -1,
            },
          );
          return node('Reshape', [node('MatMul', [shares, square]), integers(0, 4)]);
        }
        case 'Left': {
          const square = node('Reshape', [a, integers(0, 2, 2)]);
          return node('Flatten', [node('MatMul', [constant([2, 2], weights.slice(0, 4)), square])]);
        }
        case 'Guarded':
          return node('Log', [node('Add', [node('Relu', [a]), constant([], [Math.abs(number) || 1e-6])])]);
        case 'Layers': {
          const hidden = node('Relu', [node('Gemm', [a, matrix(), constant([4], weights.slice(16, 20))])]);
          return node('MatMul', [hidden, constant([4, 4], weights.slice(20, 36))]);
        }
        // What two operands have in common cancels.
        case 'Difference': {
          const part = node('Mul', [a, constant([], [0.9])]);
          return variant < 6 ? node('Sub', [a, part]) : node('Sub', [node('Add', [b, part]), b]);
        }
        case 'Convolution':
          return convolution(variant, weights, a, node, constant, integers);
        default:
          return node(op, [a], op.endsWith('oftmax') ? { axis: -1 } : {});
      }
    };
    rows.push(make());
  });
  graph.node('Identity', [rows[rows.length - 1]], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  return { bytes: graph.finish('network'), tensors };
}

/** Four numbers as a picture `[1, 2, 2]`, convolved, pooled, and back. */
function convolution(
  variant: number,
  weights: readonly number[],
  a: string,
  node: (type: string, inputs: readonly string[], attributes?: Parameters<OnnxBuilder['node']>[3]) => string,
  constant: (dims: readonly number[], values: readonly number[]) => string,
  integers: (...values: readonly number[]) => string,
): string {
  const image = node('Reshape', [a, integers(0, 1, 2, 2)]);
  const wide = node(
    'Conv',
    [image, constant([2, 1, 3, 3], weights.slice(0, 18)), constant([2], weights.slice(4, 6))],
    {
      pads: variant < 6 ? [1, 1, 1, 1] : [2, 1, 1, 2],
      strides: [1, variant % 2 === 0 ? 1 : 2],
    },
  );
  const shift = ['scale', 'shift', 'mean'].map((_, k) =>
    constant([2], weights.slice(18 + 2 * k, 20 + 2 * k)),
  );
  const normal = node('BatchNormalization', [wide, ...shift, constant([2], [0.5, 2])]);
  const grouped = node('Conv', [node('Relu', [normal]), constant([4, 1, 2, 2], weights.slice(10, 26))], {
    group: 2,
    dilations: [1, 1],
    pads: [0, 0, 1, 1],
  });
  const pools: Readonly<Record<number, () => string>> = {
    0: () => node('GlobalAveragePool', [grouped]),
    1: () => node('GlobalMaxPool', [grouped]),
    2: () =>
      node('ReduceMean', [node('MaxPool', [grouped], { kernel_shape: [2, 2], pads: [1, 1, 0, 0] })], {
        axes: [2, 3],
      }),
    3: () =>
      node('ReduceMax', [node('AveragePool', [grouped], { kernel_shape: [2, 1], pads: [0, 0, 1, 0] })], {
        axes: [-1, -2],
      }),
  };
  return node('Flatten', [pools[variant % 4]()], { axis: 1 });
}
