import { sizeOf } from '../tensor/tensor.ts';
import { broadcastShapes, operandAccess, operandIndex } from './broadcast.ts';
import type { FloatArray, NumericCompiler, RowRange } from './numeric-compiler.ts';
import { type ComparisonOperator, type ExpressionNode, formatExpression, isCondition } from './syntax.ts';

/** A compiled condition, of `shape` per row. */
export interface Condition {
  readonly shape: readonly number[];
  readonly size: number;
  /** Distance from changing the truth value: positive where it holds, negative where not; 0 carries no information. */
  readonly slack: Float64Array;
  /** 1 where it holds. */
  readonly holds: Uint8Array;
  /** Evaluates a block into `slack` and `holds`, and marks its rows in which a NaN is compared. */
  evaluate(rows: RowRange): void;
}

/** A comparison with the values of its operands. */
export interface ComparisonResult {
  readonly text: string;
  readonly left: { readonly text: string; readonly value: number };
  readonly right: { readonly text: string; readonly value: number };
  readonly holds: boolean;
}

/** Reads the operands of one comparison, after evaluation, at an index of the condition that contains it. */
export type ComparisonReader = (index: number, condition: Condition) => ComparisonResult;

/** Index of the value in the block's first row that is furthest from holding. */
export function worstIndex({ size, slack, holds }: Condition): number {
  let worst = 0;
  for (let i = 1; i < size; i++) {
    const isWorse = holds[i] === holds[worst] ? slack[i] < slack[worst] : holds[i] < holds[worst];
    if (isWorse) worst = i;
  }
  return worst;
}

/** Compiles conditions into closures that evaluate blocks of rows. */
export class ConditionCompiler {
  /** One reader per compiled comparison, in order of compilation. */
  readonly comparisons: ComparisonReader[] = [];
  readonly #numbers: NumericCompiler;

  constructor(numbers: NumericCompiler) {
    this.#numbers = numbers;
  }

  compile(syntax: ExpressionNode): Condition {
    if (!isCondition(syntax)) throw new Error(`${formatExpression(syntax)} is not a condition`);
    switch (syntax.kind) {
      case 'comparison':
        return this.#compileComparison(syntax);
      case 'not': {
        const of = this.compile(syntax.of);
        return this.#makeCondition(of.shape, [of], (slack, holds, n) => {
          for (let i = 0; i < n * of.size; i++) {
            slack[i] = -of.slack[i];
            holds[i] = 1 - of.holds[i];
          }
        });
      }
      case 'and':
      case 'or':
        return this.#compileLogical(syntax);
      case 'call':
        return this.#compileQuantifier(syntax.name === 'all', this.compile(syntax.of[0]));
      default:
        throw new Error(`${syntax.kind} is not a condition`);
    }
  }

  #compileComparison(syntax: Extract<ExpressionNode, { kind: 'comparison' }>): Condition {
    const { operator, left, right } = syntax;
    const [a, b] = [this.#numbers.compile(left), this.#numbers.compile(right)];
    const shape = broadcastShapes(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [operandAccess(a.shape, shape), operandAccess(b.shape, shape)];
    const size = sizeOf(shape);
    const compare = COMPARISON_FUNCTIONS[operator];
    const slack = new Float64Array(this.#numbers.rowsPerBlock * size);
    const holds = new Uint8Array(this.#numbers.rowsPerBlock * size);
    let [x, y]: FloatArray[] = [slack, slack];
    const texts = [syntax, left, right].map(formatExpression);
    this.comparisons.push((index, condition) => {
      // A comparison narrower than its condition was broadcast; a wider one was reduced by all() or any().
      const at =
        size > condition.size
          ? worstIndex(comparison)
          : operandIndex(operandAccess(shape, condition.shape), index);
      return {
        text: texts[0],
        left: { text: texts[1], value: x[operandIndex(ofA, at)] },
        right: { text: texts[2], value: y[operandIndex(ofB, at)] },
        holds: holds[at] === 1,
      };
    });
    const comparison: Condition = {
      shape,
      size,
      slack,
      holds,
      evaluate(rows) {
        x = a.values(rows);
        y = b.values(rows);
        for (let row = 0; row < rows.count; row++) {
          const [atA, atB] = [
            a.constant === undefined ? row * a.size : 0,
            b.constant === undefined ? row * b.size : 0,
          ];
          for (let i = 0; i < size; i++) {
            const [p, q] = [x[atA + operandIndex(ofA, i)], y[atB + operandIndex(ofB, i)]];
            if (Number.isNaN(p) || Number.isNaN(q)) rows.nanRows[rows.from + row] = 1;
            const at = row * size + i;
            holds[at] = compare.holds(p, q) ? 1 : 0;
            // ∞ − ∞ would be NaN.
            slack[at] = compare.slack(p === q ? 0 : q - p);
          }
        }
      },
    };
    return comparison;
  }

  #compileLogical({ kind, left, right }: Extract<ExpressionNode, { kind: 'and' | 'or' }>): Condition {
    const [a, b] = [this.compile(left), this.compile(right)];
    const shape = broadcastShapes(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [operandAccess(a.shape, shape), operandAccess(b.shape, shape)];
    const size = sizeOf(shape);
    const isAnd = kind === 'and';
    return this.#makeCondition(shape, [a, b], (slack, holds, n) => {
      for (let row = 0; row < n; row++)
        for (let i = 0; i < size; i++) {
          const [p, q, at] = [
            row * a.size + operandIndex(ofA, i),
            row * b.size + operandIndex(ofB, i),
            row * size + i,
          ];
          holds[at] = isAnd ? a.holds[p] & b.holds[q] : a.holds[p] | b.holds[q];
          slack[at] = isAnd ? Math.min(a.slack[p], b.slack[q]) : Math.max(a.slack[p], b.slack[q]);
        }
    });
  }

  #compileQuantifier(isAll: boolean, of: Condition): Condition {
    return this.#makeCondition([], [of], (slack, holds, n) => {
      for (let row = 0; row < n; row++) {
        let [result, extreme] = [isAll ? 1 : 0, isAll ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY];
        for (let i = row * of.size; i < (row + 1) * of.size; i++) {
          result = isAll ? result & of.holds[i] : result | of.holds[i];
          extreme = isAll ? Math.min(extreme, of.slack[i]) : Math.max(extreme, of.slack[i]);
        }
        holds[row] = result;
        slack[row] = extreme;
      }
    });
  }

  #makeCondition(
    shape: readonly number[],
    operands: readonly Condition[],
    derive: (slack: Float64Array, holds: Uint8Array, rows: number) => void,
  ): Condition {
    const size = sizeOf(shape);
    const slack = new Float64Array(this.#numbers.rowsPerBlock * size);
    const holds = new Uint8Array(this.#numbers.rowsPerBlock * size);
    return {
      shape,
      size,
      slack,
      holds,
      evaluate(rows) {
        for (const operand of operands) operand.evaluate(rows);
        derive(slack, holds, rows.count);
      },
    };
  }
}

/** Truth and slack of each comparison; `slack` takes right − left. */
const COMPARISON_FUNCTIONS: Readonly<
  Record<
    ComparisonOperator,
    { readonly holds: (x: number, y: number) => boolean; readonly slack: (gap: number) => number }
  >
> = {
  '<': { holds: (x, y) => x < y, slack: (gap) => gap },
  '<=': { holds: (x, y) => x <= y, slack: (gap) => gap },
  '>': { holds: (x, y) => x > y, slack: (gap) => -gap },
  '>=': { holds: (x, y) => x >= y, slack: (gap) => -gap },
  '==': { holds: (x, y) => x === y, slack: (gap) => -Math.abs(gap) },
  '!=': { holds: (x, y) => x !== y, slack: (gap) => Math.abs(gap) },
};
