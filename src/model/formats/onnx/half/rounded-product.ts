import type { HalfFormat } from '../../../half.ts';
import { OnnxBuilder } from '../builder.ts';
import { HALF_TYPE } from './half-tensors.ts';

/** How the sums of a product are added up. */
export interface SumOrder {
  readonly format: HalfFormat;
  readonly lanes: number;
  readonly block: number;
}

/** Nodes of a graph that is being written, whose names begin alike. */
export class HalfNodes {
  readonly builder: OnnxBuilder;
  readonly #prefix: string;
  #count = 0;

  constructor(prefix: string, builder: OnnxBuilder = new OnnxBuilder()) {
    this.#prefix = prefix;
    this.builder = builder;
  }

  name(): string {
    return `${this.#prefix}${this.#count++}`;
  }

  add(op: string, inputs: readonly string[], attributes: Parameters<OnnxBuilder['node']>[3] = {}): string {
    return this.builder.node(op, inputs, this.name(), attributes);
  }

  /** A constant list of integers. */
  integers(...values: readonly number[]): string {
    return this.builder.constant(this.name(), 'int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A constant number. */
  number(value: number): string {
    return this.builder.constant(this.name(), 'float32', [], Float32Array.of(value));
  }

  /** Some sizes of a tensor, as a list of integers. */
  sizes(tensor: string, from: number, to = Number.MAX_SAFE_INTEGER): string {
    const shape = this.add('Shape', [tensor]);
    return this.add('Slice', [shape, this.integers(from), this.integers(to)]);
  }

  /** A tensor of one value, of a shape that is a list of integers. */
  filled(shape: string, value: number): string {
    const ones = this.add('Expand', [this.number(value), shape]);
    return ones;
  }

  /** A result in half precision, as single-precision numbers. */
  rounded(tensor: string, format: HalfFormat): string {
    const half = this.add('Cast', [tensor], { to: HALF_TYPE[format] });
    return this.add('Cast', [half], { to: 1 });
  }

  /** Nodes of a body, whose names begin with those of this graph's. */
  body(): HalfNodes {
    return new HalfNodes(`${this.name()}/`);
  }
}

/**
 * A product of matrices whose partial sums are rounded: a Loop over the terms of the sums, so that its size does not
 * depend on theirs. In each step `lanes` sums take `block` terms each, which are added in single precision; with a block
 * of 1 the terms are products, exact in single precision, as those of a fused multiply-add are. The lanes are added
 * pairwise at the end.
 *
 * @param a `[..., m, k]`, of values in half precision
 * @param b `[..., k, n]`; further dimensions are broadcast
 * @returns the product `[..., m, n]`
 */
export function roundedProduct(nodes: HalfNodes, a: string, b: string, order: SumOrder): string {
  const { lanes, block, format } = order;
  const group = nodes.integers(lanes * block);
  const start = zeroProduct(nodes, a, b);
  const last = nodes.integers(lanes * block - 1);
  const steps = nodes.add('Div', [nodes.add('Add', [nodes.sizes(a, -1), last]), group]);
  const sums = Array.from({ length: lanes }, () => nodes.name());
  const body = stepOf(nodes.body(), ...withFullLastStep(nodes, a, b, lanes * block), order);
  nodes.builder.node('Loop', [steps, '', ...sums.map(() => start)], sums, { body });
  let level: string[] = sums;
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, i) =>
      nodes.rounded(nodes.add('Add', [level[2 * i], level[2 * i + 1]]), format),
    );
  return level[0];
}

/** Zeros in the shape of a product, which the product of the first terms has too. */
function zeroProduct(nodes: HalfNodes, a: string, b: string): string {
  const [from, to] = [nodes.integers(0), nodes.integers(1)];
  const column = nodes.add('Slice', [a, from, to, nodes.integers(-1)]);
  const row = nodes.add('Slice', [b, from, to, nodes.integers(-2)]);
  const shape = nodes.add('Shape', [nodes.add('MatMul', [column, row])]);
  return nodes.filled(shape, 0);
}

/**
 * The operands with zeros behind their last term, so that each lane of the last step has its terms: ONNX Runtime does not set the
 * result of a product without terms where the right operand has three dimensions or more.
 *
 * @param group terms of a step
 */
function withFullLastStep(nodes: HalfNodes, a: string, b: string, group: number): [string, string] {
  if (group === 1) return [a, b];
  const count = nodes.integers(group - 1);
  const zeros = (...shape: readonly string[]): string =>
    nodes.filled(nodes.add('Concat', shape, { axis: 0 }), 0);
  const columns = zeros(nodes.sizes(a, 0, -1), count);
  const rows = zeros(nodes.sizes(b, 0, -2), count, nodes.sizes(b, -1));
  return [nodes.add('Concat', [a, columns], { axis: -1 }), nodes.add('Concat', [b, rows], { axis: -2 })];
}

/** The body of the Loop: from the sums so far to those with the next terms. */
function stepOf(nodes: HalfNodes, a: string, b: string, { lanes, block, format }: SumOrder): OnnxBuilder {
  const { builder } = nodes;
  const step = builder.input(nodes.name(), 'int64', []);
  const goesOn = builder.input(nodes.name(), 'bool', []);
  const sums = Array.from({ length: lanes }, () => builder.input(nodes.name(), 'float32'));
  const [columns, rows] = [nodes.integers(-1), nodes.integers(-2)];
  const size = nodes.integers(block);
  const first = nodes.add('Mul', [step, nodes.integers(lanes * block)]);
  builder.output(nodes.add('Identity', [goesOn]), 'bool', []);
  sums.forEach((sum, lane) => {
    const from = lane === 0 ? first : nodes.add('Add', [first, nodes.integers(lane * block)]);
    const to = nodes.add('Add', [from, size]);
    const [column, row] = [
      nodes.add('Slice', [a, from, to, columns]),
      nodes.add('Slice', [b, from, to, rows]),
    ];
    const term = nodes.add(lanes * block === 1 ? 'Mul' : 'MatMul', [column, row]);
    builder.output(nodes.rounded(nodes.add('Add', [sum, term]), format), 'float32');
  });
  return builder;
}
