import { sizeOf } from './broadcast.ts';
import { type ComparisonResult, type Condition, PartCompiler, type RowRange, worstIndex } from './parts.ts';
import { inferShape, type TensorsByName, widestSize } from './shapes.ts';
import type { ExpressionNode } from './syntax.ts';

/** The smallest margin of what holds. */
const MIN_POSITIVE_MARGIN = Number.MIN_VALUE;

/** What became of some rows: margins of each condition, `[rows, conditions]`. */
export interface Verdicts {
  /** At most 0 exactly where the condition does not hold, or a NaN was compared. */
  readonly margins: Float64Array;
  /** Of each row, 1 where a NaN was compared, which no margin says. */
  readonly nanRows: Uint8Array;
}

/** An expression that is ready for rows of certain shapes. Conditions that are joined by `and` have a margin each. */
export class CompiledExpression {
  readonly conditionCount: number;
  /** The conditions in their shortest form, and as they were written, to tell of them. */
  readonly #narrowedConditions: readonly Condition[];
  readonly #writtenConditions: readonly Condition[];
  readonly #comparisons: readonly (() => ComparisonResult[])[];
  readonly #rowsPerBlock: number;

  /**
   * @param where what the expression is, for messages
   * @param tensors an example of each tensor that the expression speaks of
   * @throws UserError where shapes don't fit
   */
  constructor(where: string, syntax: ExpressionNode, tensors: TensorsByName) {
    const parts = conjuncts(syntax);
    const shapeOf = (one: ExpressionNode): readonly number[] => inferShape(where, one, tensors, shapeOf);
    const maker = new PartCompiler(where, tensors, widestSize(where, syntax, tensors));
    this.#rowsPerBlock = maker.rowsPerBlock;
    const made = parts.map((part) => {
      const from = maker.comparisons.length;
      const condition = maker.compileCondition(part);
      return { condition, comparisons: maker.comparisons.slice(from) };
    });
    this.#writtenConditions = made.map(({ condition }) => condition);
    this.#narrowedConditions = parts.map((part) => maker.compileCondition(narrowCondition(part, shapeOf)));
    this.#comparisons = made.map(
      ({ condition, comparisons }) =>
        () =>
          comparisons.map((compared) => compared(worstIndex(condition), condition)),
    );
    this.conditionCount = this.#narrowedConditions.length;
  }

  /** Evaluates all rows. */
  evaluate(tensors: TensorsByName, rows: number): Verdicts {
    const margins = new Float64Array(rows * this.conditionCount);
    const nan = new Uint8Array(rows);
    for (let from = 0; from < rows; from += this.#rowsPerBlock) {
      const some: RowRange = {
        tensors,
        from,
        count: Math.min(this.#rowsPerBlock, rows - from),
        nanRows: nan,
      };
      this.#narrowedConditions.forEach((root, c) => {
        root.evaluate(some);
        for (let row = 0; row < some.count; row++)
          margins[(from + row) * this.conditionCount + c] = nan[from + row] === 1 ? 0 : marginOf(root, row);
      });
    }
    return { margins, nanRows: nan };
  }

  /** What one row's comparisons came to, in the condition of a place. */
  explain(tensors: TensorsByName, row: number, condition: number): readonly ComparisonResult[] {
    const nan = new Uint8Array(row + 1);
    this.#writtenConditions[condition].evaluate({ tensors, from: row, count: 1, nanRows: nan });
    return this.#comparisons[condition]();
  }
}

/** The conditions that are joined by `and` at the outermost. */
function conjuncts(syntax: ExpressionNode): ExpressionNode[] {
  return syntax.kind === 'and' ? [...conjuncts(syntax.left), ...conjuncts(syntax.right)] : [syntax];
}

/**
 * What comes to the same with less work: where all of many values must lie on one side of one number, it is enough that
 * the outermost does, and its slack is the least of all.
 */
function narrowCondition(
  syntax: ExpressionNode,
  shapeOf: (of: ExpressionNode) => readonly number[],
): ExpressionNode {
  if (syntax.kind === 'call' && syntax.name === 'all') return narrowCondition(syntax.of[0], shapeOf);
  if (syntax.kind !== 'comparison' || syntax.operator === '==' || syntax.operator === '!=') return syntax;
  const { operator, left, right } = syntax;
  const [a, b] = [left, right].map((one) => sizeOf(shapeOf(one)));
  if (a > 1 === b > 1) return syntax;
  const isLess = operator === '<' || operator === '<=';
  const outermost = (of: ExpressionNode, isGreatest: boolean): ExpressionNode => ({
    kind: 'call',
    name: isGreatest ? 'max' : 'min',
    of: [of],
  });
  return a > 1
    ? { ...syntax, left: outermost(left, isLess) }
    : { ...syntax, right: outermost(right, !isLess) };
}

/** The least margin of a row's values. */
function marginOf({ size, slack, holds }: Condition, row: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = row * size; i < (row + 1) * size; i++) {
    const margin = holds[i] === 1 ? Math.max(slack[i], MIN_POSITIVE_MARGIN) : Math.min(slack[i], 0);
    if (margin < least) least = margin;
  }
  return least;
}
