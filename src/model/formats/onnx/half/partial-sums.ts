import { expandConv } from './expand-conv.ts';
import type { ExpansionContext, SumNode } from './expansion.ts';
import { floatAttribute, integerAttribute, integersAttribute } from './node-attributes.ts';
import { HalfNodes, roundedProduct, type SumOrder } from './rounded-product.ts';
import type { TensorFacts } from './tensor-facts.ts';

/** Steps of a Loop up to which a partial sum is rounded with each term, where no block is asked for. */
export const MAX_STEPS = 4096;

/** Operations that add up, in single precision unless they are expanded. */
const SUMMING_OPS =
  /Conv|MatMul|Gemm|^Reduce(?:Sum|Mean|L1|L2|SumSquare|LogSum)|(?:Average|Lp)Pool|Einsum|Softmax|Normalization|Normalize|LSTM|GRU|RNN|Attention|CumSum|^Mean$|^Sum$/;

/** Whether an operation adds up more than two numbers to one. */
export function addsUp(opType: string): boolean {
  return SUMMING_OPS.test(opType);
}

/** The settings of an expansion: the order of sums, where the block may follow from the number of terms. */
export type ExpansionOrder = Omit<SumOrder, 'block'> & { readonly block: number | undefined };

/** An operation that is replaced by nodes that round its partial sums. */
export interface Expansion {
  readonly nodes: HalfNodes;
  /** Name of the result, not rounded yet. */
  readonly result: string;
  readonly block: number;
}

/**
 * Nodes that compute an operation's first result with partial sums in half precision; undefined for an operation that is
 * not expanded. MatMul, Gemm, Conv and sums along axes are all products of matrices: of the operands, of the patches of
 * a picture with the kernel, of a tensor with ones.
 *
 * @param prefix begins the names of the nodes
 */
export function expandSums(
  node: SumNode,
  order: ExpansionOrder,
  facts: TensorFacts,
  prefix: string,
): Expansion | undefined {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined;
  const expand = EXPANSIONS[node.opType];
  const nodes = new HalfNodes(prefix);
  let block = order.block ?? 1;
  const multiply = (a: string, b: string, terms?: number): string => {
    block = order.block ?? Math.max(1, Math.ceil((terms ?? 1) / (order.lanes * MAX_STEPS)));
    return roundedProduct(nodes, a, b, { ...order, block });
  };
  const result = expand?.({ node, nodes, facts, multiply });
  return result === undefined ? undefined : { nodes, result, block };
}

/** @returns name of the result; undefined where the operation can't be expanded */
type ExpansionRule = (context: ExpansionContext) => string | undefined;

const EXPANSIONS: Readonly<Record<string, ExpansionRule | undefined>> = {
  MatMul: matMul,
  Gemm: gemm,
  Conv: expandConv,
  ReduceSum: (context) => reduce(context, false),
  ReduceMean: (context) => reduce(context, true),
  GlobalAveragePool: globalAveragePool,
};

function matMul({ node, facts, multiply }: ExpansionContext): string | undefined {
  const [a, b] = node.input;
  // Vectors have no rows or columns to go along, and what has an unknown number of dimensions may be one.
  const areMatrices = [a, b].every((tensor) => (facts.rankOf(tensor) ?? 0) > 1);
  if (!areMatrices) return undefined;
  return multiply(a, b, facts.shapeOf(a)?.at(-1) ?? facts.shapeOf(b)?.at(-2));
}

/** The sum is scaled and the bias added in single precision, as hardware does before it rounds the result. */
function gemm({ node, nodes, facts, multiply }: ExpansionContext): string {
  const [a, b, bias = ''] = node.input;
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
  const [turnsA, turnsB] = [integerAttribute(node, 'transA', 0), integerAttribute(node, 'transB', 0)];
  const turned = (tensor: string, turns: number): string =>
    turns === 0 ? tensor : nodes.add('Transpose', [tensor], { perm: [1, 0] });
  const terms = facts.shapeOf(a)?.at(turnsA === 0 ? 1 : 0) ?? facts.shapeOf(b)?.at(turnsB === 0 ? 0 : 1);
  const sum = multiply(turned(a, turnsA), turned(b, turnsB), terms);
  const scaled = alpha === 1 ? sum : nodes.add('Mul', [sum, nodes.number(alpha)]);
  if (bias === '') return scaled;
  const offset = beta === 1 ? bias : nodes.add('Mul', [bias, nodes.number(beta)]);
  return nodes.add('Add', [scaled, offset]);
}

/** A sum along axes, or their mean, is a product with ones. */
function reduce({ node, nodes, facts, multiply }: ExpansionContext, divides: boolean): string | undefined {
  const [x, axesInput = ''] = node.input;
  const axes = axesInput === '' ? (integersAttribute(node, 'axes') ?? []) : facts.integersOf(axesInput);
  if (axes === undefined) return undefined;
  const keeps = integerAttribute(node, 'keepdims', 1) !== 0;
  const rank = facts.rankOf(x);
  if (axes.length === 0) {
    if (integerAttribute(node, 'noop_with_empty_axes', 0) !== 0) return undefined;
    const all = sumAlong(nodes, multiply, nodes.add('Reshape', [x, nodes.integers(1, -1)]), divides);
    const shape = keeps ? onesLike(nodes, nodes.add('Shape', [x])) : nodes.integers();
    return nodes.add('Reshape', [all, shape]);
  }
  const positive = rank === undefined ? undefined : axes.map((axis) => (axis < 0 ? axis + rank : axis));
  // A vector is none of rows, and what has an unknown number of dimensions may be one.
  const isLast =
    axes.length === 1 && rank !== undefined && rank > 1 && (axes[0] === -1 || axes[0] === rank - 1);
  if (isLast) {
    const sum = sumAlong(nodes, multiply, x, divides, facts.shapeOf(x)?.at(-1));
    return keeps ? sum : nodes.add('Squeeze', [sum, nodes.integers(-1)]);
  }
  if (rank === undefined || positive === undefined) return undefined;
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !positive.includes(axis));
  const sorted = [...positive].sort((a, b) => a - b);
  const turned = nodes.add('Transpose', [x], { perm: [...kept, ...sorted] });
  const lead = kept.length === 0 ? nodes.integers(1) : nodes.sizes(turned, 0, kept.length);
  const shape = nodes.add('Concat', [lead, nodes.integers(-1)], { axis: 0 });
  const sum = sumAlong(nodes, multiply, nodes.add('Reshape', [turned, shape]), divides);
  const squeezed =
    kept.length === 0
      ? nodes.add('Reshape', [sum, nodes.integers()])
      : nodes.add('Squeeze', [sum, nodes.integers(-1)]);
  return keeps ? nodes.add('Unsqueeze', [squeezed, nodes.integers(...sorted)]) : squeezed;
}

/** The sum, or the mean, along the last axis of a tensor of two or more; the axis is kept. */
function sumAlong(
  nodes: HalfNodes,
  multiply: ExpansionContext['multiply'],
  x: string,
  divides: boolean,
  terms?: number,
): string {
  const count = nodes.sizes(x, -1);
  const ones = nodes.filled(nodes.add('Concat', [count, nodes.integers(1)], { axis: 0 }), 1);
  const sum = multiply(x, ones, terms);
  return divides ? nodes.add('Div', [sum, nodes.add('Cast', [count], { to: 1 })]) : sum;
}

function globalAveragePool({ node, nodes, multiply }: ExpansionContext): string {
  const [x] = node.input;
  const mean = sumAlong(nodes, multiply, nodes.add('Reshape', [x, nodes.integers(0, 0, -1)]), true);
  const ones = onesLike(nodes, nodes.sizes(x, 2));
  return nodes.add('Reshape', [mean, nodes.add('Concat', [nodes.integers(0, 0), ones], { axis: 0 })]);
}

/** As many ones as there are sizes. */
function onesLike(nodes: HalfNodes, sizes: string): string {
  return nodes.add('Div', [sizes, sizes]);
}
