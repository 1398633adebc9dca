import type { AttributeValue, Graph, GraphNode } from '../../model/graph/graph.ts';
import { findInputDependentTensors } from '../../model/graph/input-dependence.ts';

/** Which axes of a weight are the rows and which the columns of its matrices; what is left counts matrices. */
export interface MatrixAxes {
  /** Axes along which one matrix follows another, such as directions of a recurrent layer. */
  readonly stack: readonly number[];
  /** Axes of what the layer gives: the rows. */
  readonly outputs: readonly number[];
  /** Axes of what the layer takes: the columns. */
  readonly inputs: readonly number[];
}

/** How an operation uses a weight; `inner` is within what it computes, as of a recurrent layer. */
export type WeightRole = 'product' | 'convolution' | 'transposed-convolution' | 'table' | 'inner';

/** A weight of two dimensions or more, as an operation reads it. */
export interface WeightOperand {
  readonly node: GraphNode;
  readonly role: WeightRole;
  /** The operand: a constant, or what is computed from constants alone. */
  readonly tensor: string;
  /** Position of the operand that the weight is applied to; undefined where an input of whole numbers chooses rows. */
  readonly applied: number | undefined;
  /** Operands that hold the scale and the zero point of a weight of integers. */
  readonly scale?: { readonly scale: string; readonly zeroPoint: string };
  /** How its axes lie. @param rank at least 2 */
  axes(rank: number): MatrixAxes | undefined;
}

/** A rule for one operand of an operation. */
interface OperandRule {
  readonly position: number;
  readonly role: WeightRole;
  readonly applied?: number;
  /** Positions of scale and zero point. */
  readonly scale?: readonly [scale: number, zeroPoint: number];
  axes(rank: number, node: GraphNode): MatrixAxes | undefined;
}

/** Operations that multiply by weights, or look rows of them up. */
const RULES: Readonly<Record<string, readonly OperandRule[]>> = {
  Gemm: products({ flips: ['transA', 'transB'] }),
  FusedGemm: products({ flips: ['transA', 'transB'] }),
  MatMul: products({ flips: ['transpose_a', 'transpose_b'] }),
  _FusedMatMul: products({ flips: ['transpose_a', 'transpose_b'] }),
  FusedMatMul: products({ flips: ['transA', 'transB'] }),
  BatchMatMul: products({ flips: ['adj_x', 'adj_y'] }),
  BatchMatMulV2: products({ flips: ['adj_x', 'adj_y'] }),
  BatchMatMulV3: products({ flips: ['adj_x', 'adj_y'] }),
  QGemm: [factor(3, 0, true, 'transB', [4, 5])],
  QLinearMatMul: [factor(3, 0, true, '', [4, 5])],
  Attention: [{ ...factor(1, 0, true, ''), role: 'inner' }],
  Einsum: [einsumFactor(0), einsumFactor(1)],
  Conv: [convolution(1, (rank) => [[0], from(1, rank)])],
  FusedConv: [convolution(1, (rank) => [[0], from(1, rank)])],
  QLinearConv: [convolution(3, (rank) => [[0], from(1, rank)], [4, 5])],
  ConvTranspose: [transposed((rank) => [[1], [0, ...from(2, rank)]])],
  Conv1D: [convolution(1, (rank) => [[rank - 1], from(0, rank - 1)])],
  Conv2D: [convolution(1, (rank) => [[rank - 1], from(0, rank - 1)])],
  Conv3D: [convolution(1, (rank) => [[rank - 1], from(0, rank - 1)])],
  _FusedConv2D: [convolution(1, (rank) => [[rank - 1], from(0, rank - 1)])],
  FusedConv2D: [convolution(1, (rank) => [[rank - 1], from(0, rank - 1)])],
  DepthwiseConv2dNative: [
    convolution(1, () => [
      [2, 3],
      [0, 1],
    ]),
  ],
  FusedDepthwiseConv2dNative: [
    convolution(1, () => [
      [2, 3],
      [0, 1],
    ]),
  ],
  Conv2DTranspose: [transposed((rank) => [[rank - 2], [...from(0, rank - 2), rank - 1]])],
  Conv3DTranspose: [transposed((rank) => [[rank - 2], [...from(0, rank - 2), rank - 1]])],
  Conv2DBackpropInput: [
    { ...transposed((rank) => [[rank - 2], [...from(0, rank - 2), rank - 1]]), applied: 2 },
  ],
  Gather: [table(0)],
  GatherV2: [table(0)],
  ResourceGather: [table(0)],
  LSTM: [recurrent(1), recurrent(2)],
  GRU: [recurrent(1), recurrent(2)],
  RNN: [recurrent(1), recurrent(2)],
  SimpleRNN: [recurrent(1), recurrent(2)],
};

/** Operands of a product: a weight on the right takes the values in its last axis but one, on the left in its last. */
function products({ flips: [left, right] }: { readonly flips: readonly string[] }): OperandRule[] {
  return [factor(0, 1, false, left), factor(1, 0, true, right)];
}

/** @param flip name of the attribute that transposes the weight */
function factor(
  position: number,
  applied: number,
  isRight: boolean,
  flip: string,
  scale?: readonly [number, number],
): OperandRule {
  return {
    position,
    role: 'product',
    applied,
    ...(scale === undefined ? {} : { scale }),
    axes(rank, { attributes = {} }) {
      const outputsLast = isRight !== (Number(attributes[flip] ?? 0) !== 0);
      const [outputs, inputs] = outputsLast ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
      return { stack: from(0, rank - 2), outputs: [outputs], inputs: [inputs] };
    },
  };
}

/** A factor of a sum over indices: those that the other factor has and the result lacks are taken, those of all three count matrices. */
function einsumFactor(position: 0 | 1): OperandRule {
  return {
    position,
    role: 'product',
    applied: 1 - position,
    axes(rank, { attributes = {}, inputs }) {
      const [operands, result] = String(attributes.equation ?? '')
        .replaceAll(' ', '')
        .split('->');
      const factors = operands.split(',');
      if (result === undefined || factors.length !== 2 || inputs.length !== 2) return undefined;
      const letters = [...factors[position]];
      if (letters.length !== rank || letters.includes('.') || new Set(letters).size !== rank)
        return undefined;
      const other = factors[1 - position];
      const axesWhere = (holds: (letter: string) => boolean): number[] =>
        letters.flatMap((letter, axis) => (holds(letter) ? [axis] : []));
      return {
        stack: axesWhere((letter) => result.includes(letter) && other.includes(letter)),
        outputs: axesWhere((letter) => result.includes(letter) && !other.includes(letter)),
        inputs: axesWhere((letter) => !result.includes(letter)),
      };
    },
  };
}

type OutputsAndInputs = readonly [outputs: readonly number[], inputs: readonly number[]];

function convolution(
  position: number,
  split: (rank: number) => OutputsAndInputs,
  scale?: readonly [number, number],
): OperandRule {
  return {
    position,
    role: 'convolution',
    applied: 0,
    ...(scale === undefined ? {} : { scale }),
    axes(rank) {
      const [outputs, inputs] = split(rank);
      return { stack: [], outputs, inputs };
    },
  };
}

function transposed(split: (rank: number) => OutputsAndInputs): OperandRule {
  return { ...convolution(1, split), role: 'transposed-convolution' };
}

function table(position: number): OperandRule {
  return {
    position,
    role: 'table',
    axes: (rank) => ({ stack: [], outputs: [rank - 1], inputs: from(0, rank - 1) }),
  };
}

/** ONNX has `[directions, gates · units, values]`, TensorFlow.js `[values, gates · units]`. */
function recurrent(position: number): OperandRule {
  return {
    position,
    role: 'inner',
    axes: (rank) =>
      rank === 3
        ? { stack: [0], outputs: [1], inputs: [2] }
        : { stack: [], outputs: [rank - 1], inputs: from(0, rank - 1) },
  };
}

function from(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}

/** The weights of a model's main graph, in topological order; one that several operations read is there for each. */
export function findWeightOperands(graph: Graph): WeightOperand[] {
  const dependent = findInputDependentTensors(graph);
  return graph.nodes.flatMap((node) => {
    const rules = Object.hasOwn(RULES, node.op) ? RULES[node.op] : [];
    return rules.flatMap((rule): WeightOperand[] => {
      const { position, role, applied, scale } = rule;
      const tensor = node.inputs[position] ?? '';
      const isFixed = tensor !== '' && !dependent.has(tensor);
      const isMatrix = (graph.constants.get(tensor)?.length ?? 2) >= 2;
      // Two fixed factors make a weight, and are none; a table that no input chooses from is no layer.
      const meets =
        applied === undefined
          ? role !== 'table' || dependent.has(node.inputs[1] ?? '')
          : dependent.has(node.inputs[applied] ?? '');
      if (!isFixed || !isMatrix || !meets) return [];
      const parts = scale?.map((at) => node.inputs[at] ?? '');
      return [
        {
          node,
          role,
          tensor,
          applied,
          ...(parts === undefined ? {} : { scale: { scale: parts[0], zeroPoint: parts[1] } }),
          axes: (rank) => rule.axes(rank, node),
        },
      ];
    });
  });
}

/** An attribute that is a list of numbers; of one number, that. */
export function numbersOf(value: AttributeValue | undefined): readonly number[] | undefined {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' ? value : undefined;
}
