import { sizeOf } from './broadcast.ts';
import { type Compared, type Condition, PartMaker, type Rows, worstOf } from './parts.ts';
import { shapeIn, type Tensors, widest } from './shapes.ts';
import type { Syntax } from './syntax.ts';

/** The smallest margin of what holds. */
const LEAST = Number.MIN_VALUE;

/** What became of some rows: margins of each condition, `[rows, conditions]`. */
export interface Verdicts {
  /** At most 0 exactly where the condition does not hold, or a NaN was compared. */
  readonly margins: Float64Array;
  /** Of each row, 1 where a NaN was compared, which no margin says. */
  readonly nan: Uint8Array;
}

/** An expression that is ready for rows of certain shapes. Conditions that are joined by `and` have a margin each. */
export class Program {
  readonly conditions: number;
  /** The conditions in their shortest form, and as they were written, to tell of them. */
  readonly #roots: readonly Condition[];
  readonly #told: readonly Condition[];
  readonly #comparisons: readonly (() => Compared[])[];
  readonly #atOnce: number;

  /**
   * @param where what the expression is, for messages
   * @param tensors an example of each tensor that the expression speaks of
   * @throws UserError where shapes don't fit
   */
  constructor(where: string, syntax: Syntax, tensors: Tensors) {
    const parts = conjuncts(syntax);
    const shapeOf = (one: Syntax): readonly number[] => shapeIn(where, one, tensors, shapeOf);
    const maker = new PartMaker(where, tensors, widest(where, syntax, tensors));
    this.#atOnce = maker.rows;
    const made = parts.map((part) => {
      const from = maker.comparisons.length;
      const condition = maker.condition(part);
      return { condition, comparisons: maker.comparisons.slice(from) };
    });
    this.#told = made.map(({ condition }) => condition);
    this.#roots = parts.map((part) => maker.condition(narrowed(part, shapeOf)));
    this.#comparisons = made.map(
      ({ condition, comparisons }) =>
        () =>
          comparisons.map((compared) => compared(worstOf(condition), condition)),
    );
    this.conditions = this.#roots.length;
  }

  /** Evaluates all rows. */
  run(tensors: Tensors, rows: number): Verdicts {
    const margins = new Float64Array(rows * this.conditions);
    const nan = new Uint8Array(rows);
    for (let from = 0; from < rows; from += this.#atOnce) {
      const some: Rows = { tensors, from, count: Math.min(this.#atOnce, rows - from), nan };
      this.#roots.forEach((root, c) => {
        root.evaluate(some);
        for (let row = 0; row < some.count; row++)
          margins[(from + row) * this.conditions + c] = nan[from + row] === 1 ? 0 : marginOf(root, row);
      });
    }
    return { margins, nan };
  }

  /** What one row's comparisons came to, in the condition of a place. */
  explain(tensors: Tensors, row: number, condition: number): readonly Compared[] {
    const nan = new Uint8Array(row + 1);
    this.#told[condition].evaluate({ tensors, from: row, count: 1, nan });
    return this.#comparisons[condition]();
  }
}

/** The conditions that are joined by `and` at the outermost. */
function conjuncts(syntax: Syntax): Syntax[] {
  return syntax.kind === 'and' ? [...conjuncts(syntax.left), ...conjuncts(syntax.right)] : [syntax];
}

/**
 * What comes to the same with less work: where all of many values must lie on one side of one number, it is enough that
 * the outermost does, and its slack is the least of all.
 */
function narrowed(syntax: Syntax, shapeOf: (of: Syntax) => readonly number[]): Syntax {
  if (syntax.kind === 'call' && syntax.name === 'all') return narrowed(syntax.of[0], shapeOf);
  if (syntax.kind !== 'comparison' || syntax.by === '==' || syntax.by === '!=') return syntax;
  const { by, left, right } = syntax;
  const [a, b] = [left, right].map((one) => sizeOf(shapeOf(one)));
  if (a > 1 === b > 1) return syntax;
  const isLess = by === '<' || by === '<=';
  const outermost = (of: Syntax, isGreatest: boolean): Syntax => ({
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
    const margin = holds[i] === 1 ? Math.max(slack[i], LEAST) : Math.min(slack[i], 0);
    if (margin < least) least = margin;
  }
  return least;
}
