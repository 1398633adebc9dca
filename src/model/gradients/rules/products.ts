import { type Differentiation, floatOf, integerOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';

/** A·B: G·Bᵀ and Aᵀ·G. A vector counts as a matrix of one row on the left and of one column on the right. */
const matMul: Rule = (at) => {
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
const gemm: Rule = (at) => {
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
  const [left, right] = textOf(at, 'equation', '').replaceAll(' ', '').split('->');
  if (right === undefined || left.includes('.')) return undefined;
  const terms = left.split(',');
  const gradients: (Value | undefined)[] = [];
  for (const [i, term] of terms.entries()) {
    if (!at.wants(i)) continue;
    const others = terms.flatMap((other, k) => (k === i ? [] : [{ letters: other, value: at.operand(k) }]));
    const known = new Set([...right, ...others.flatMap(({ letters }) => [...letters])]);
    if (new Set(term).size !== term.length || [...term].some((letter) => !known.has(letter)))
      return undefined;
    const equation = `${[right, ...others.map(({ letters }) => letters)].join(',')}->${term}`;
    gradients[i] = productOf(
      at,
      equation,
      others.map(({ value }) => value),
      i,
    );
  }
  return gradients;
};

function productOf(at: Differentiation, equation: string, others: readonly Value[], input: number): Value {
  const attributes = { equation: { string: equation } };
  return at.writer.node('Einsum', [upstreamOf(at), ...others], at.inputShape(input), attributes);
}

export const PRODUCT_RULES: Readonly<Record<string, Rule>> = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
