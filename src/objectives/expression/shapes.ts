import { UserError } from '../../core/errors.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { shapeText } from '../../tensor/tensor.ts';
import { broadcastShapes, sizeOf } from './broadcast.ts';
import { FUNCTION_LOOPS } from './loops.ts';
import { type ExpressionNode, formatExpression } from './syntax.ts';

/** Tensors by name, row by row. */
export type TensorsByName = ReadonlyMap<string, BatchTensor>;

/** Values of a row that no part of an expression may exceed. */
const MAX_VALUES = 1 << 22;

/** Values of the widest part, which says how many rows are worked on at a time. */
export function widestSize(where: string, syntax: ExpressionNode, tensors: TensorsByName): number {
  let most = 1;
  const visit = (one: ExpressionNode): readonly number[] => {
    const shape = inferShape(where, one, tensors, visit);
    most = Math.max(most, sizeOf(shape));
    return shape;
  };
  visit(syntax);
  if (most > MAX_VALUES)
    throw new UserError(
      `${where}: the expression has ${most} values for each testcase, more than ${MAX_VALUES}`,
    );
  return most;
}

/** Shape of a part of an expression. */
export function inferShape(
  where: string,
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
          `${where}: ${formatExpression(syntax)} is beyond ${formatExpression(syntax.of)}, which is ${shapeText(shapeOf(syntax.of))} for each testcase`,
        );
      return rest;
    }
    case 'negative':
    case 'not':
      return shapeOf(syntax.of);
    case 'call': {
      const shapes = syntax.of.map(shapeOf);
      if (shapes.length === 2) return broadcastOrRefuse(where, syntax, syntax.of, shapes);
      if (syntax.name === 'softmax' && (shapes[0].at(-1) ?? 1) < 2)
        throw new UserError(
          `${where}: ${formatExpression(syntax.of[0])} has no several values along its last axis`,
        );
      const isKept = syntax.name === 'softmax' || FUNCTION_LOOPS.has(syntax.name);
      return isKept ? shapes[0] : [];
    }
    default: {
      const of = [syntax.left, syntax.right];
      return broadcastOrRefuse(where, syntax, of, of.map(shapeOf));
    }
  }
}

function broadcastOrRefuse(
  where: string,
  syntax: ExpressionNode,
  [left, right]: readonly ExpressionNode[],
  [a, b]: readonly (readonly number[])[],
): readonly number[] {
  const shape = broadcastShapes(a, b);
  if (shape !== undefined) return shape;
  throw new UserError(
    `${where}: shapes don't broadcast in ${formatExpression(syntax)}: ${formatExpression(left)} is ${shapeText(a)} for each testcase and ${formatExpression(right)} ${shapeText(b)}`,
  );
}
