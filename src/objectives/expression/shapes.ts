import { UserError } from '../../core/errors.ts';
import type { RowTensor } from '../../model/batched-model.ts';
import { shapeText } from '../../tensor/tensor.ts';
import { broadcast, sizeOf } from './broadcast.ts';
import { FUNCTION_LOOPS } from './loops.ts';
import { type Syntax, written } from './syntax.ts';

/** Tensors by name, row by row. */
export type Tensors = ReadonlyMap<string, RowTensor>;

/** Values of a row that no part of an expression may exceed. */
const MOST_VALUES = 1 << 22;

/** Values of the widest part, which says how many rows are worked on at a time. */
export function widest(where: string, syntax: Syntax, tensors: Tensors): number {
  let most = 1;
  const visit = (one: Syntax): readonly number[] => {
    const shape = shapeIn(where, one, tensors, visit);
    most = Math.max(most, sizeOf(shape));
    return shape;
  };
  visit(syntax);
  if (most > MOST_VALUES)
    throw new UserError(
      `${where}: the expression has ${most} values for each testcase, more than ${MOST_VALUES}`,
    );
  return most;
}

/** Shape of a part of an expression. */
export function shapeIn(
  where: string,
  syntax: Syntax,
  tensors: Tensors,
  shapeOf: (of: Syntax) => readonly number[],
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
          `${where}: ${written(syntax)} is beyond ${written(syntax.of)}, which is ${shapeText(shapeOf(syntax.of))} for each testcase`,
        );
      return rest;
    }
    case 'negative':
    case 'not':
      return shapeOf(syntax.of);
    case 'call': {
      const shapes = syntax.of.map(shapeOf);
      if (shapes.length === 2) return together(where, syntax, syntax.of, shapes);
      if (syntax.name === 'softmax' && (shapes[0].at(-1) ?? 1) < 2)
        throw new UserError(`${where}: ${written(syntax.of[0])} has no several values along its last axis`);
      const isKept = syntax.name === 'softmax' || FUNCTION_LOOPS.has(syntax.name);
      return isKept ? shapes[0] : [];
    }
    default: {
      const of = [syntax.left, syntax.right];
      return together(where, syntax, of, of.map(shapeOf));
    }
  }
}

function together(
  where: string,
  syntax: Syntax,
  [left, right]: readonly Syntax[],
  [a, b]: readonly (readonly number[])[],
): readonly number[] {
  const shape = broadcast(a, b);
  if (shape !== undefined) return shape;
  throw new UserError(
    `${where}: shapes don't broadcast in ${written(syntax)}: ${written(left)} is ${shapeText(a)} for each testcase and ${written(right)} ${shapeText(b)}`,
  );
}
