import type { Random } from '../../../src/core/random.ts';
import type { NodeAttributes } from '../../../src/model/formats/onnx/builder.ts';

/** An operand that is a constant; random numbers of floating point where none are given. */
export interface Operand {
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  readonly integers?: readonly number[];
  readonly booleans?: readonly number[];
}

/** One operation: its input x, further operands as constants, and attributes. */
export interface Case {
  readonly shape: readonly number[];
  /** Empty for one that is omitted. */
  readonly operands?: readonly (Operand | '')[];
  readonly attributes?: NodeAttributes;
  readonly opset?: number;
  readonly low?: number;
  readonly high?: number;
  /** Values at which the function bends or jumps, beside the common ones. */
  readonly bends?: readonly number[];
  /** Position of x among the operands. */
  readonly at?: number;
  readonly outputs?: number;
  /** The output that is differentiated. */
  readonly result?: number;
}

export type Draw = (between: (low: number, high: number) => number, random: Random) => Case;

const rows: Draw = (between) => ({ shape: [between(1, 3), between(1, 4)] });
const ms = (cases: Readonly<Record<string, Draw>>): Record<string, Draw> => inDomain('com.microsoft', cases);
const ml = (cases: Readonly<Record<string, Draw>>): Record<string, Draw> => inDomain('ai.onnx.ml', cases);

function inDomain(domain: string, cases: Readonly<Record<string, Draw>>): Record<string, Draw> {
  return Object.fromEntries(Object.entries(cases).map(([op, draw]) => [`${domain}.${op}`, draw]));
}

const skip =
  (operands: number): Draw =>
  (between) => {
    // Of two values the normalized ones are 1 and −1 whatever they were: rounding would be all that is compared.
    const [length, size] = [between(1, 3), between(3, 5)];
    const shape = [2, length, size];
    const others = Array.from({ length: operands }, () => ({ shape: [size] }));
    return { shape, operands: [{ shape }, ...others] };
  };

/** Operations of other domains. */
export const FUSED_CASES: Readonly<Record<string, Draw>> = {
  ...ms({
    FastGelu: rows,
    BiasGelu: (between) => {
      const size = between(1, 4);
      return { shape: [between(1, 3), size], operands: [{ shape: [size] }] };
    },
    FusedConv: (between, random) => ({
      shape: [1, 2, between(3, 5), between(3, 5)],
      operands: [{ shape: [between(1, 3), 2, 2, 3] }],
      attributes: {
        activation: { string: ['Sigmoid', 'Tanh'][random.below(2)] },
        strides: [between(1, 2), 1],
        pads: [random.below(2), 0, 1, 0],
      },
    }),
    FusedGemm: (between, random) => {
      const [k, n] = [between(1, 3), between(1, 3)];
      const transB = random.below(2);
      return {
        shape: [between(1, 3), k],
        operands: [{ shape: transB === 1 ? [n, k] : [k, n] }, { shape: [n] }],
        attributes: { transB, activation: { string: 'Tanh' } },
      };
    },
    FusedMatMul: (between, random) => {
      const [m, k, n] = [between(1, 3), between(1, 3), between(1, 3)];
      const [transA, transB] = [random.below(2), random.below(2)];
      return {
        shape: transA === 1 ? [2, k, m] : [2, m, k],
        operands: [{ shape: transB === 1 ? [n, k] : [k, n] }],
        attributes: { transA, transB, alpha: { float: 0.7 } },
      };
    },
    SkipLayerNormalization: skip(3),
    SkipSimplifiedLayerNormalization: skip(1),
    Attention: (between, random) => {
      const [heads, size, features] = [between(1, 2), between(1, 3), between(1, 4)];
      const width = 3 * heads * size;
      return {
        shape: [between(1, 2), between(1, 4), features],
        operands: [{ shape: [features, width] }, { shape: [width] }],
        attributes: { num_heads: heads, unidirectional: random.below(2) },
      };
    },
    MultiHeadAttention: (between) => {
      const [heads, size, keys] = [between(1, 2), between(1, 3), between(1, 4)];
      const key = { shape: [2, keys, heads * size] };
      return {
        shape: [2, between(1, 4), heads * size],
        operands: [key, key],
        attributes: { num_heads: heads },
      };
    },
    RotaryEmbedding: (between, random) => {
      const [length, half] = [between(1, 4), between(1, 3)];
      const cache = { shape: [8, half] };
      const positions = Array.from({ length: 2 * length }, () => random.below(8));
      return {
        shape: [2, between(1, 3), length, 2 * half],
        operands: [{ shape: [2, length], integers: positions }, cache, cache],
        attributes: { interleaved: random.below(2) },
      };
    },
  }),
  ...ml({
    Scaler: (between) => ({
      shape: [between(1, 3), 2],
      attributes: { offset: { floats: [0.5, 1] }, scale: { floats: [2, -0.3] } },
    }),
    Normalizer: (between) => ({
      shape: [between(1, 3), 3],
      attributes: { norm: { string: between(1, 2) === 1 ? 'L1' : 'L2' } },
    }),
    Imputer: (between) => ({
      shape: [between(1, 3), 2],
      attributes: { imputed_value_floats: { floats: [1, 2] }, replaced_value_float: { float: Number.NaN } },
    }),
    FeatureVectorizer: (between) => {
      const [size, other] = [between(1, 3), between(1, 3)];
      return {
        shape: [2, size],
        operands: [{ shape: [2, other] }],
        attributes: { inputdimensions: [size, other] },
      };
    },
    ArrayFeatureExtractor: (between) => ({
      shape: [between(1, 3), 4],
      operands: [{ shape: [3], integers: [2, 0, 2] }],
    }),
    LinearRegressor: (between) => ({
      shape: [between(1, 3), 2],
      attributes: {
        coefficients: { floats: [0.5, -1, 2, 0.3] },
        intercepts: { floats: [1, 2] },
        targets: 2,
      },
    }),
    LinearClassifier: (between) => ({
      shape: [between(1, 3), 2],
      attributes: {
        coefficients: { floats: [0.5, -1, 2, 0.3, 1, 1] },
        intercepts: { floats: [0.1, 0.2, 0.3] },
        classlabels_ints: [0, 1, 2],
        post_transform: { string: ['NONE', 'LOGISTIC', 'SOFTMAX'][between(0, 2)] },
      },
      outputs: 2,
      result: 1,
    }),
  }),
};
