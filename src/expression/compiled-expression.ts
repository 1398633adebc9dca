import { sizeOf } from '../tensor/tensor.ts';
import {
  type ComparisonResult,
  type Condition,
  ConditionCompiler,
  worstIndex,
} from './condition-compiler.ts';
import { NumericCompiler, type RowRange } from './numeric-compiler.ts';
import { inferShape, type TensorsByName, widestSize } from './shapes.ts';
import type { ExpressionNode } from './syntax.ts';

/** Smallest margin of a condition that holds. */
const MIN_POSITIVE_MARGIN = Number.MIN_VALUE;

/** Result of evaluating a batch. */
export interface Verdicts {
  /** `[rows, conditions]`; at most 0 exactly where a condition does not hold or a NaN was compared. */
  readonly margins: Float64Array;
  /** Per row, 1 if a NaN was compared; its margins are 0. */
  readonly nanRows: Uint8Array;
}

/**
 * An expression compiled for tensors of given shapes. Each operand of the outermost `and` is a condition with its own
 * margin.
 */
export class CompiledExpression {
  readonly conditionCount: number;
  /** Simplified conditions, for evaluating batches, and the conditions as written, for explaining a violation. */
  readonly #narrowedConditions: readonly Condition[];
  readonly #writtenConditions: readonly Condition[];
  readonly #comparisons: readonly (() => ComparisonResult[])[];
  readonly #rowsPerBlock: number;

  /**
   * @param errorPrefix begins error messages
   * @param tensors an example of each tensor in the expression
   * @throws UserError if shapes don't broadcast, an index is out of range or a subexpression is too large
   */
  constructor(errorPrefix: string, syntax: ExpressionNode, tensors: TensorsByName) {
    const operands = conjuncts(syntax);
    const shapeOf = (node: ExpressionNode): readonly number[] =>
      inferShape(errorPrefix, node, tensors, shapeOf);
    const numbers = new NumericCompiler(errorPrefix, tensors, widestSize(errorPrefix, syntax, tensors));
    const compiler = new ConditionCompiler(numbers);
    this.#rowsPerBlock = numbers.rowsPerBlock;
    const written = operands.map((operand) => {
      const from = compiler.comparisons.length;
      const condition = compiler.compile(operand);
      return { condition, comparisons: compiler.comparisons.slice(from) };
    });
    this.#writtenConditions = written.map(({ condition }) => condition);
    this.#narrowedConditions = operands.map((operand) => compiler.compile(narrowCondition(operand, shapeOf)));
    this.#comparisons = written.map(
      ({ condition, comparisons }) =>
        () =>
          comparisons.map((read) => read(worstIndex(condition), condition)),
    );
    this.conditionCount = this.#narrowedConditions.length;
  }

  evaluate(tensors: TensorsByName, rows: number): Verdicts {
    const margins = new Float64Array(rows * this.conditionCount);
    const nanRows = new Uint8Array(rows);
    for (let from = 0; from < rows; from += this.#rowsPerBlock) {
      const count = Math.min(this.#rowsPerBlock, rows - from);
      const block: RowRange = { tensors, from, count, nanRows };
      this.#narrowedConditions.forEach((condition, c) => {
        condition.evaluate(block);
        for (let row = 0; row < count; row++)
          margins[(from + row) * this.conditionCount + c] =
            nanRows[from + row] === 1 ? 0 : marginOf(condition, row);
      });
    }
    return { margins, nanRows };
  }

  /** Operands of all comparisons in one condition, for one row. */
  explain(tensors: TensorsByName, row: number, condition: number): readonly ComparisonResult[] {
    const nanRows = new Uint8Array(row + 1);
    this.#writtenConditions[condition].evaluate({ tensors, from: row, count: 1, nanRows });
    return this.#comparisons[condition]();
  }
}

/** Operands of the outermost `and`. */
function conjuncts(syntax: ExpressionNode): ExpressionNode[] {
  return syntax.kind === 'and' ? [...conjuncts(syntax.left), ...conjuncts(syntax.right)] : [syntax];
}

/**
 * Replaces `all(x < c)` by `max(x) < c`, and likewise for the other inequalities: the extreme value alone decides, and
 * its slack is the smallest of all. A reduction runs faster than a comparison of each value.
 */
function narrowCondition(
  syntax: ExpressionNode,
  shapeOf: (of: ExpressionNode) => readonly number[],
): ExpressionNode {
  if (syntax.kind === 'call' && syntax.name === 'all') return narrowCondition(syntax.of[0], shapeOf);
  if (syntax.kind !== 'comparison' || syntax.operator === '==' || syntax.operator === '!=') return syntax;
  const { operator, left, right } = syntax;
  const [a, b] = [left, right].map((operand) => sizeOf(shapeOf(operand)));
  if (a > 1 === b > 1) return syntax;
  const isLess = operator === '<' || operator === '<=';
  const extreme = (of: ExpressionNode, isGreatest: boolean): ExpressionNode => ({
    kind: 'call',
    name: isGreatest ? 'max' : 'min',
    of: [of],
  });
  return a > 1 ? { ...syntax, left: extreme(left, isLess) } : { ...syntax, right: extreme(right, !isLess) };
}

/** Smallest margin over a row's values. */
function marginOf({ size, slack, holds }: Condition, row: number): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = row * size; i < (row + 1) * size; i++) {
    const margin = holds[i] === 1 ? Math.max(slack[i], MIN_POSITIVE_MARGIN) : Math.min(slack[i], 0);
    if (margin < smallest) smallest = margin;
  }
  return smallest;
}
