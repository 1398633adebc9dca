import type { GraphNode } from '../../model/graph/graph.ts';

/** Where queries and keys lie among the axes of attention weights, counted from the last one: −1 is the last. */
export interface WeightAxes {
  readonly query: number;
  readonly key: number;
}

/** Attributes that transpose an operand of a product, by the operation. */
const FLIPS: Readonly<Record<string, readonly [left: string, right: string]>> = {
  MatMul: ['transpose_a', 'transpose_b'],
  FusedMatMul: ['transA', 'transB'],
  Gemm: ['transA', 'transB'],
  BatchMatMul: ['adj_x', 'adj_y'],
  BatchMatMulV2: ['adj_x', 'adj_y'],
  BatchMatMulV3: ['adj_x', 'adj_y'],
};

/**
 * Where queries and keys lie in attention weights that a product with the values reads: it adds up over the keys.
 *
 * @param position of the weights among the operands of the product, 0 or 1
 * @returns undefined where the product's attributes do not tell
 */
export function weightAxes({ op, attributes = {} }: GraphNode, position: number): WeightAxes | undefined {
  if (op === 'Einsum') return einsumAxes(String(attributes.equation ?? ''), position);
  const flip = FLIPS[op]?.[position];
  if (flip === undefined) return undefined;
  const isFlipped = Number(attributes[flip] ?? 0) !== 0;
  return (position === 0) !== isFlipped ? { query: -2, key: -1 } : { query: -1, key: -2 };
}

/** The index of the weights that the result lacks is the key, the one that the values lack the query. */
function einsumAxes(equation: string, position: number): WeightAxes | undefined {
  const [operands, result] = equation.replaceAll(' ', '').split('->');
  const factors = operands.split(',');
  if (result === undefined || factors.length !== 2) return undefined;
  const letters = [...factors[position]].filter((letter) => letter !== '.');
  const others = factors[1 - position];
  const summed = letters.filter((letter) => !result.includes(letter) && others.includes(letter));
  const kept = letters.filter((letter) => result.includes(letter) && !others.includes(letter));
  if (summed.length !== 1 || kept.length !== 1) return undefined;
  return {
    query: letters.indexOf(kept[0]) - letters.length,
    key: letters.indexOf(summed[0]) - letters.length,
  };
}
