import { readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import { type AffineForm, type SparseMatrix, selection } from './affine-form.ts';
import { broadcastIndices, broadcastShape, isFloat } from './element-bounds.ts';
import { type AffineRule, hasInput, type NodeContext } from './node-context.ts';

/** Weights of a matrix product, all multiplied by a factor. */
interface ProductOptions {
  readonly isTransposed: boolean;
  readonly alpha: number;
}

/** x · W, with x `[..., rows, inner]` and a constant W `[inner, columns]`. */
function productWithConstant(
  context: NodeContext,
  tensor: string,
  weights: Tensor,
  { isTransposed, alpha }: ProductOptions,
): AffineForm | undefined {
  const x = context.boundsOf(tensor);
  if (x === undefined || weights.shape.length !== 2 || x.shape.length < (x.isBatched ? 2 : 1))
    return undefined;
  const [first, second] = weights.shape;
  const [inner, columns] = isTransposed ? [second, first] : [first, second];
  if (x.shape.at(-1) !== inner) return undefined;
  const rows = x.low.length / inner;
  const size = rows * columns;
  if (!context.canAfford(size * inner)) return undefined;
  const starts = Int32Array.from({ length: size + 1 }, (_, j) => j * inner);
  const indices = new Int32Array(size * inner);
  const values = new Float64Array(size * inner);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let k = 0; k < inner; k++, at++) {
        indices[at] = row * inner + k;
        const weight = isTransposed ? column * inner + k : k * columns + column;
        values[at] = alpha * readNumber(weights.type, weights.data, weight);
      }
  return productForm([...x.shape.slice(0, -1), columns], x.isBatched, tensor, starts, indices, values);
}

/** W · x, with a constant W `[rows, inner]` and x `[..., inner, columns]`. */
function constantWithProduct(context: NodeContext, weights: Tensor, tensor: string): AffineForm | undefined {
  const x = context.boundsOf(tensor);
  if (x === undefined || weights.shape.length !== 2 || x.shape.length < (x.isBatched ? 3 : 2))
    return undefined;
  const [rows, inner] = weights.shape;
  const [length, columns] = x.shape.slice(-2);
  if (length !== inner) return undefined;
  const stacks = x.low.length / (inner * columns);
  const size = stacks * rows * columns;
  if (!context.canAfford(size * inner)) return undefined;
  const starts = Int32Array.from({ length: size + 1 }, (_, j) => j * inner);
  const indices = new Int32Array(size * inner);
  const values = new Float64Array(size * inner);
  for (let stack = 0, at = 0; stack < stacks; stack++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (let k = 0; k < inner; k++, at++) {
          indices[at] = (stack * inner + k) * columns + column;
          values[at] = readNumber(weights.type, weights.data, row * inner + k);
        }
  return productForm([...x.shape.slice(0, -2), rows, columns], x.isBatched, tensor, starts, indices, values);
}

function productForm(
  shape: readonly number[],
  isBatched: boolean,
  tensor: string,
  starts: Int32Array,
  columns: Int32Array,
  weights: Float64Array,
): AffineForm | undefined {
  if (!weights.every(Number.isFinite)) return undefined;
  const matrix: SparseMatrix = { starts, columns, weights };
  return { shape, isBatched, terms: [{ tensor, matrix }], offset: undefined, isExact: false };
}

/** A matrix product with a constant operand. */
export const matMul: AffineRule = (context) => {
  const { node, constant, typeOf } = context;
  if (!isFloat(typeOf(node.outputs[0])) || numericAttribute(node, 'transpose_a') === 1) return undefined;
  const [left, right] = node.inputs;
  const isTransposed = numericAttribute(node, 'transpose_b') === 1;
  const weights = constant(right);
  if (weights !== undefined) {
    const form = productWithConstant(context, left, weights, { isTransposed, alpha: 1 });
    return form && [form];
  }
  const leftWeights = constant(left);
  const form =
    leftWeights === undefined || isTransposed ? undefined : constantWithProduct(context, leftWeights, right);
  return form && [form];
};

/** ONNX's general matrix product with constant weights. */
export const gemm: AffineRule = (context) => {
  const { node, boundsOf, constant, typeOf } = context;
  const weights = constant(node.inputs[1]);
  const x = boundsOf(node.inputs[0]);
  if (weights === undefined || x?.shape.length !== 2 || !isFloat(typeOf(node.outputs[0]))) return undefined;
  if (numericAttribute(node, 'transA') === 1) return undefined;
  const alpha = numericAttribute(node, 'alpha') ?? 1;
  const isTransposed = numericAttribute(node, 'transB') === 1;
  const product = productWithConstant(context, node.inputs[0], weights, { isTransposed, alpha });
  if (product === undefined) return undefined;
  const partialScale = Math.max(1, 1 / Math.abs(alpha));
  if (!hasInput(node, 2)) return [{ ...product, partialScale }];
  const addend = boundsOf(node.inputs[2]);
  const shape = addend && broadcastShape([product, addend]);
  if (addend === undefined || shape === undefined || sizeOf(shape.shape) !== sizeOf(product.shape))
    return undefined;
  const beta = numericAttribute(node, 'beta') ?? 1;
  const scale = beta === 1 ? undefined : new Float64Array(sizeOf(product.shape)).fill(beta);
  const matrix = selection(broadcastIndices(addend.shape, product.shape), scale);
  return [{ ...product, terms: [...product.terms, { tensor: node.inputs[2], matrix }], partialScale }];
};
