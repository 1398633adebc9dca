import { type Differentiation, floatOf, integerOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';

/** A·B: G·Bᵀ and Aᵀ·G. A vector counts as a matrix of one row on the left and of one column on the right. */
export const productGradients: Rule = (at) => {
  const { writer: w } = at;
  const [shapeA, shapeB] = [at.inputShape(0), at.inputShape(1)];
  const matrixA = shapeA.length === 1 ? [1, ...shapeA] : shapeA;
  const matrixB = shapeB.length === 1 ? [...shapeB, 1] : shapeB;
  const batch = at.outputShape(0).slice(0, at.outputShape(0).length - outputAxes(shapeA, shapeB));
  const g = w.reshape(upstreamOf(at), [...batch, matrixA[matrixA.length - 2], matrixB[matrixB.length - 1]]);
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0)) {
    const product = w.matmul(g, w.transposeMatrix(w.reshape(at.operand(1), matrixB)));
    gradients[0] = w.reshape(w.reduceTo(product, matrixA), shapeA);
  }
  if (at.wants(1)) {
    const product = w.matmul(w.transposeMatrix(w.reshape(at.operand(0), matrixA)), g);
    gradients[1] = w.reshape(w.reduceTo(product, matrixB), shapeB);
  }
  return gradients;
};

function outputAxes(a: readonly number[], b: readonly number[]): number {
  return (a.length === 1 ? 0 : 1) + (b.length === 1 ? 0 : 1);
}

/** α·A′·B′ + β·C, A′ and B′ being transposed or not. */
export const gemm: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const alpha = floatOf(at, 'alpha', 1);
  const [transA, transB] = [integerOf(at, 'transA', 0), integerOf(at, 'transB', 0)];
  const multiply = (a: Value, b: Value, flipA: number, flipB: number, shape: readonly number[]): Value =>
    w.node('Gemm', [a, b], shape, { alpha: { float: alpha }, transA: flipA, transB: flipB });
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0))
    gradients[0] =
      transA === 0
        ? multiply(g, at.operand(1), 0, 1 - transB, at.inputShape(0))
        : multiply(at.operand(1), g, transB, 1, at.inputShape(0));
  if (at.wants(1))
    gradients[1] =
      transB === 0
        ? multiply(at.operand(0), g, 1 - transA, 0, at.inputShape(1))
        : multiply(g, at.operand(0), 1, transA, at.inputShape(1));
  if (at.wants(2)) gradients[2] = w.scale(w.reduceTo(g, at.inputShape(2)), floatOf(at, 'beta', 1));
  return gradients;
};

/** A product written with letters: that of the gradient and all other operands, summed to the letters of this one. */
const einsum: Rule = (at) => {
  const parsed = termsOf(at);
  if (parsed === undefined) return undefined;
  const { terms, result } = parsed;
  const gradients: (Value | undefined)[] = [];
  for (const [i, term] of terms.entries()) {
    if (!at.wants(i)) continue;
    if (new Set(term).size !== term.length) return undefined;
    const others = terms.flatMap((other, k) => (k === i ? [] : [{ letters: other, value: at.operand(k) }]));
    const known = new Set([...result, ...others.flatMap(({ letters }) => [...letters])]);
    // Letters that only this operand has were summed: its gradient is the same along them.
    const kept = [...term].filter((letter) => known.has(letter)).join('');
    const shape = at.inputShape(i);
    const equation = `${[result, ...others.map(({ letters }) => letters)].join(',')}->${kept}`;
    const values = others.map(({ value }) => value);
    const keptShape = shape.filter((_, axis) => known.has(term[axis]));
    const product = productOf(at, equation, values, keptShape);
    const aligned = shape.map((size, axis) => (known.has(term[axis]) ? size : 1));
    gradients[i] = at.writer.expand(at.writer.reshape(product, aligned), shape);
  }
  return gradients;
};

/** Letters in place of an ellipsis; those of the equations are small ones in nearly all models. */
const ELLIPSIS_LETTERS = 'ZYXWVUTS';

/** The letters of the operands and of the result; undefined where an axis of size 1 stands for a larger one. */
function termsOf(at: Differentiation): { readonly terms: string[]; readonly result: string } | undefined {
  const [left, right] = textOf(at, 'equation', '').replaceAll(' ', '').split('->');
  const shapes = left.split(',').map((_, i) => at.inputShape(i));
  const ranks = left
    .split(',')
    .map((term, i) => (term.includes('...') ? shapes[i].length - (term.length - 3) : 0));
  const most = Math.max(...ranks);
  if (most > ELLIPSIS_LETTERS.length || (most > 0 && /[S-Z]/.test(left))) return undefined;
  const spread = (term: string, rank: number): string =>
    term.replace('...', ELLIPSIS_LETTERS.slice(most - rank, most));
  const terms = left.split(',').map((term, i) => spread(term, ranks[i]));
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.entries())
    for (const [axis, letter] of [...term].entries()) {
      const size = shapes[i][axis];
      if ((sizes.get(letter) ?? size) !== size) return undefined;
      sizes.set(letter, size);
    }
  const letters = [...left.replaceAll('...', '').replaceAll(',', '')].sort();
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).join('');
  const result = right === undefined ? `${ELLIPSIS_LETTERS.slice(0, most)}${once}` : spread(right, most);
  return { terms, result };
}

function productOf(
  at: Differentiation,
  equation: string,
  others: readonly Value[],
  shape: readonly number[],
): Value {
  const attributes = { equation: { string: equation } };
  return at.writer.node('Einsum', [upstreamOf(at), ...others], shape, attributes);
}

export const PRODUCT_RULES: Readonly<Record<string, Rule>> = {
  MatMul: productGradients,
  Gemm: gemm,
  Einsum: einsum,
};
