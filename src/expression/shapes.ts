import { UserError } from '../core/errors.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { shapeText, sizeOf } from '../tensor/tensor.ts';
import { broadcastShapes } from './broadcast.ts';
import { FUNCTION_LOOPS } from './loops.ts';
import { type ExpressionNode, formatExpression } from './syntax.ts';

/** Tensors of a batch by name. */
export type TensorsByName = ReadonlyMap<string, BatchTensor>;

/** Limit of the values per row of any subexpression. */
const MAX_VALUES = 1 << 22;

/**
 * Values per row of the largest subexpression, which determines the rows per block.
 *
 * @throws UserError if it exceeds the limit
 */
export function widestSize(errorPrefix: string, syntax: ExpressionNode, tensors: TensorsByName): number {
  let widest = 1;
  const visit = (node: ExpressionNode): readonly number[] => {
    const shape = inferShape(errorPrefix, node, tensors, visit);
    widest = Math.max(widest, sizeOf(shape));
    return shape;
  };
  visit(syntax);
  if (widest > MAX_VALUES)
    throw new UserError(
      `${errorPrefix}: the expression has ${widest} values for each testcase, more than ${MAX_VALUES}`,
    );
  return widest;
}

/**
 * Shape per row of a subexpression.
 *
 * @param shapeOf infers the shape of an operand
 * @throws UserError if shapes don't broadcast or an index is out of range
 */
export function inferShape(
  errorPrefix: string,
  syntax: ExpressionNode,
  tensors: TensorsByName,
  shapeOf: (of: ExpressionNode) => readonly number[],
): readonly number[] {
  switch (syntax.kind) {
    case 'number':
      return [];
    case 'tensor':
      return tensors.get(syntax.name)?.shape ?? [];
    case 'element': {
      const [length, ...rest] = shapeOf(syntax.of);
      if (length === undefined || syntax.index >= length)
        throw new UserError(
          `${errorPrefix}: ${formatExpression(syntax)} is beyond ${formatExpression(syntax.of)}, which is ${shapeText(shapeOf(syntax.of))} for each testcase`,
        );
      return rest;
    }
    case 'negative':
    case 'not':
      return shapeOf(syntax.of);
    case 'call': {
      const shapes = syntax.of.map(shapeOf);
      if (shapes.length === 2) return broadcastOrRefuse(errorPrefix, syntax, syntax.of, shapes);
      if (syntax.name === 'softmax' && (shapes[0].at(-1) ?? 1) < 2)
        throw new UserError(
          `${errorPrefix}: ${formatExpression(syntax.of[0])} has only one value along its last axis`,
        );
      const keepsShape = syntax.name === 'softmax' || FUNCTION_LOOPS.has(syntax.name);
      return keepsShape ? shapes[0] : [];
    }
    default: {
      const of = [syntax.left, syntax.right];
      return broadcastOrRefuse(errorPrefix, syntax, of, of.map(shapeOf));
    }
  }
}

function broadcastOrRefuse(
  errorPrefix: string,
  syntax: ExpressionNode,
  [left, right]: readonly ExpressionNode[],
  [a, b]: readonly (readonly number[])[],
): readonly number[] {
  const shape = broadcastShapes(a, b);
  if (shape !== undefined) return shape;
  throw new UserError(
    `${errorPrefix}: shapes don't broadcast in ${formatExpression(syntax)}: ${formatExpression(left)} is ${shapeText(a)} for each testcase and ${formatExpression(right)} ${shapeText(b)}`,
  );
}
