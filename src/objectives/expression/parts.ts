import { UserError } from '../../core/errors.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { broadcastShapes, type OperandAccess, operandAccess, sizeOf } from './broadcast.ts';
import { FUNCTION_LOOPS, REDUCTIONS, softmax } from './loops.ts';
import { type ReductionKind, reduceRows } from './reduce.ts';
import type { TensorsByName } from './shapes.ts';
import {
  type ArithmeticOperator,
  type ComparisonOperator,
  type ExpressionNode,
  formatExpression,
  isCondition,
} from './syntax.ts';

/** Values as they lie in a run, or as they were computed. */
type FloatArray = Float32Array | Float64Array;

/** Values of some rows that are worked on at a time, so that they stay within a second-level cache. */
const BLOCK_VALUES = 1 << 14;

/** A part of an expression that is a number, or several, for each row. */
interface NumericPart {
  readonly shape: readonly number[];
  readonly size: number;
  /** The number where it is the same for all rows. */
  readonly constant: number | undefined;
  /** Computes it for some rows. */
  values(rows: RowRange): FloatArray;
}

/** A part of an expression that holds or not, for each value of each row, and by how much. */
export interface Condition {
  readonly shape: readonly number[];
  readonly size: number;
  /** How far it is from turning over: above 0 where it holds, below where not; 0 says nothing. */
  readonly slack: Float64Array;
  /** 1 where it holds. */
  readonly holds: Uint8Array;
  /** Computes it for some rows; marks rows in which a NaN is compared. */
  evaluate(rows: RowRange): void;
}

/** The rows that are worked on. */
export interface RowRange {
  readonly tensors: TensorsByName;
  readonly from: number;
  readonly count: number;
  /** Of each row, 1 where a NaN is compared. */
  readonly nanRows: Uint8Array;
}

/** A comparison with what it compared. */
export interface ComparisonResult {
  readonly text: string;
  readonly left: { readonly text: string; readonly value: number };
  readonly right: { readonly text: string; readonly value: number };
  readonly holds: boolean;
}

/** The place of the value, of the first row, that is furthest from holding. */
export function worstIndex({ size, slack, holds }: Condition): number {
  let worst = 0;
  for (let i = 1; i < size; i++) {
    const isWorse = holds[i] === holds[worst] ? slack[i] < slack[worst] : holds[i] < holds[worst];
    if (isWorse) worst = i;
  }
  return worst;
}

/** Makes the parts of an expression. */
export class PartCompiler {
  /** Rows that are worked on at a time. */
  readonly rowsPerBlock: number;
  /** Tells of each comparison what it compared at a place of the condition that it is in. */
  readonly comparisons: ((place: number, condition: Condition) => ComparisonResult)[] = [];
  readonly #errorPrefix: string;
  readonly #tensors: TensorsByName;

  constructor(where: string, tensors: TensorsByName, widest: number) {
    this.#errorPrefix = where;
    this.#tensors = tensors;
    this.rowsPerBlock = Math.max(1, Math.floor(BLOCK_VALUES / widest));
  }

  compileCondition(syntax: ExpressionNode): Condition {
    if (!isCondition(syntax)) throw new Error(`${formatExpression(syntax)} is no condition`);
    switch (syntax.kind) {
      case 'comparison':
        return this.#compileComparison(syntax);
      case 'not': {
        const of = this.compileCondition(syntax.of);
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
        return this.#compileQuantifier(syntax.name === 'all', this.compileCondition(syntax.of[0]));
      default:
        throw new Error(`${syntax.kind} is no condition`);
    }
  }

  compileNumbers(syntax: ExpressionNode): NumericPart {
    switch (syntax.kind) {
      case 'number':
        return makeConstant(syntax.value);
      case 'tensor':
        return this.#compileTensor(syntax.name);
      case 'element':
        return this.#compileElement(syntax);
      case 'negative': {
        const of = this.compileNumbers(syntax.of);
        if (of.constant !== undefined) return makeConstant(-of.constant);
        return this.#makeNumbers(of.shape, (out, rows) => {
          const a = of.values(rows);
          for (let i = 0; i < rows.count * of.size; i++) out[i] = -a[i];
        });
      }
      case 'arithmetic':
        return this.#compileArithmetic(syntax);
      case 'call':
        return this.#compileCall(syntax);
      default:
        throw new Error(`${syntax.kind} is no number`);
    }
  }

  #compileTensor(name: string): NumericPart {
    const example = this.#tensors.get(name);
    if (example === undefined) throw new UserError(`${this.#errorPrefix}: there is no tensor ${name}`);
    const { shape, size } = example;
    let room: Float64Array | undefined;
    return {
      shape,
      size,
      constant: undefined,
      values: ({ tensors, from, count }) => {
        const { type, data } = tensors.get(name) as BatchTensor;
        if (data instanceof Float32Array || data instanceof Float64Array)
          return data.subarray(from * size, (from + count) * size);
        room ??= new Float64Array(this.rowsPerBlock * size);
        for (let i = 0; i < count * size; i++) room[i] = readNumber(type, data, from * size + i);
        return room;
      },
    };
  }

  #compileElement({ of: inner, index }: Extract<ExpressionNode, { kind: 'element' }>): NumericPart {
    const of = this.compileNumbers(inner);
    const shape = of.shape.slice(1);
    const size = sizeOf(shape);
    return this.#makeNumbers(shape, (out, rows) => {
      const a = of.values(rows);
      for (let row = 0; row < rows.count; row++)
        for (let i = 0; i < size; i++) out[row * size + i] = a[row * of.size + index * size + i];
    });
  }

  #compileArithmetic({
    operator,
    left,
    right,
  }: Extract<ExpressionNode, { kind: 'arithmetic' }>): NumericPart {
    const [a, b] = [this.compileNumbers(left), this.compileNumbers(right)];
    // A square is what people mean most often, and the power of any number is slow.
    const apply =
      operator === '^' && b.constant === 2 ? (x: number): number => x * x : ARITHMETIC_FUNCTIONS[operator];
    if (a.constant !== undefined && b.constant !== undefined)
      return makeConstant(apply(a.constant, b.constant));
    return this.#compilePairwise(a, b, apply);
  }

  /** Applies a function to each pair of values. */
  #compilePairwise(a: NumericPart, b: NumericPart, apply: (x: number, y: number) => number): NumericPart {
    const shape = broadcastShapes(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [operandAccess(a.shape, shape), operandAccess(b.shape, shape)];
    const size = sizeOf(shape);
    return this.#makeNumbers(shape, (out, rows) => {
      const [x, y] = [a.values(rows), b.values(rows)];
      for (let row = 0; row < rows.count; row++) {
        const [atA, atB, at] = [
          a.constant === undefined ? row * a.size : 0,
          b.constant === undefined ? row * b.size : 0,
          row * size,
        ];
        if (ofA.kind === 'same' && ofB.kind === 'same')
          for (let i = 0; i < size; i++) out[at + i] = apply(x[atA + i], y[atB + i]);
        else if (ofA.kind === 'same' && ofB.kind === 'one') {
          const one = y[atB];
          for (let i = 0; i < size; i++) out[at + i] = apply(x[atA + i], one);
        } else
          for (let i = 0; i < size; i++)
            out[at + i] = apply(x[atA + operandIndex(ofA, i)], y[atB + operandIndex(ofB, i)]);
      }
    });
  }

  #compileCall({ name, of }: Extract<ExpressionNode, { kind: 'call' }>): NumericPart {
    const [first, second] = of.map((one) => this.compileNumbers(one));
    if (second !== undefined) {
      const apply = name === 'min' ? Math.min : Math.max;
      if (first.constant !== undefined && second.constant !== undefined)
        return makeConstant(apply(first.constant, second.constant));
      return this.#compilePairwise(first, second, apply);
    }
    const loop = FUNCTION_LOOPS.get(name);
    if (first.constant !== undefined) {
      const out = Float64Array.of(first.constant);
      loop?.(out, out, 1);
      return makeConstant(loop === undefined ? (REDUCTIONS.get(name)?.(out, 0, 1) ?? 1) : out[0]);
    }
    if (loop !== undefined)
      return this.#makeNumbers(first.shape, (out, rows) =>
        loop(first.values(rows), out, rows.count * first.size),
      );
    if (name === 'softmax') {
      const along = first.shape.at(-1) ?? 1;
      return this.#makeNumbers(first.shape, (out, rows) =>
        softmax(first.values(rows), out, rows.count * first.size, along),
      );
    }
    if (name === 'size') return makeConstant(first.size);
    const [inner] = of;
    const isOfMagnitudes = name === 'max' && inner.kind === 'call' && inner.name === 'abs';
    // The largest magnitude is what people ask for most: in one pass.
    const source = isOfMagnitudes ? this.compileNumbers(inner.of[0]) : first;
    const by = isOfMagnitudes ? 'max-abs' : name;
    const reduce = REDUCTIONS.get(by);
    if (reduce === undefined) throw new Error(`${name} is no function of numbers`);
    return this.#makeNumbers([], (out, rows) => {
      const a = source.values(rows);
      const { size } = source;
      const reduced = a instanceof Float32Array ? SIMD_REDUCTIONS.get(by) : undefined;
      if (reduced !== undefined) {
        reduceRows(reduced, a as Float32Array, size, rows.count, out);
        if (by === 'mean') for (let row = 0; row < rows.count; row++) out[row] /= size;
        return;
      }
      for (let row = 0; row < rows.count; row++) out[row] = reduce(a, row * size, size);
    });
  }

  #makeNumbers(shape: readonly number[], compute: (out: Float64Array, rows: RowRange) => void): NumericPart {
    const size = sizeOf(shape);
    const out = new Float64Array(this.rowsPerBlock * size);
    return {
      shape,
      size,
      constant: undefined,
      values(rows) {
        compute(out, rows);
        return out;
      },
    };
  }

  #compileComparison(syntax: Extract<ExpressionNode, { kind: 'comparison' }>): Condition {
    const { operator, left, right } = syntax;
    const [a, b] = [this.compileNumbers(left), this.compileNumbers(right)];
    const shape = broadcastShapes(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [operandAccess(a.shape, shape), operandAccess(b.shape, shape)];
    const size = sizeOf(shape);
    const compare = COMPARISON_FUNCTIONS[operator];
    const slack = new Float64Array(this.rowsPerBlock * size);
    const holds = new Uint8Array(this.rowsPerBlock * size);
    let [x, y]: FloatArray[] = [slack, slack];
    const texts = [syntax, left, right].map(formatExpression);
    this.comparisons.push((place, condition) => {
      // What is narrower than the whole condition is the same for all of it; what was wider has a worst place of its own.
      const own =
        size > condition.size ? worstIndex(made) : operandIndex(operandAccess(shape, condition.shape), place);
      return {
        text: texts[0],
        left: { text: texts[1], value: x[operandIndex(ofA, own)] },
        right: { text: texts[2], value: y[operandIndex(ofB, own)] },
        holds: holds[own] === 1,
      };
    });
    const made: Condition = {
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
            // Of two equal infinities.
            const room = p === q ? 0 : q - p;
            slack[at] = compare.slack(room);
          }
        }
      },
    };
    return made;
  }

  #compileLogical({ kind, left, right }: Extract<ExpressionNode, { kind: 'and' | 'or' }>): Condition {
    const [a, b] = [this.compileCondition(left), this.compileCondition(right)];
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
        let [held, least] = [isAll ? 1 : 0, isAll ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY];
        for (let i = row * of.size; i < (row + 1) * of.size; i++) {
          held = isAll ? held & of.holds[i] : held | of.holds[i];
          least = isAll ? Math.min(least, of.slack[i]) : Math.max(least, of.slack[i]);
        }
        holds[row] = held;
        slack[row] = least;
      }
    });
  }

  #makeCondition(
    shape: readonly number[],
    from: readonly Condition[],
    derive: (slack: Float64Array, holds: Uint8Array, rows: number) => void,
  ): Condition {
    const size = sizeOf(shape);
    const slack = new Float64Array(this.rowsPerBlock * size);
    const holds = new Uint8Array(this.rowsPerBlock * size);
    return {
      shape,
      size,
      slack,
      holds,
      evaluate(rows) {
        for (const one of from) one.evaluate(rows);
        derive(slack, holds, rows.count);
      },
    };
  }
}

/** Functions of all values of a row that are computed four values at a time. */
const SIMD_REDUCTIONS: ReadonlyMap<string, ReductionKind> = new Map([
  ['max', 'max'],
  ['min', 'min'],
  ['max-abs', 'max-abs'],
  ['sum', 'sum'],
  ['mean', 'sum'],
]);

function makeConstant(value: number): NumericPart {
  const values = Float64Array.of(value);
  return { shape: [], size: 1, constant: value, values: () => values };
}

function operandIndex(access: OperandAccess, place: number): number {
  if (access.kind === 'same') return place;
  return access.kind === 'one' ? 0 : access.indices[place];
}

const ARITHMETIC_FUNCTIONS: Readonly<Record<ArithmeticOperator, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x % y,
  '^': (x, y) => x ** y,
};

/** How a comparison holds, and how far it is from turning over, given by how much the right side is greater. */
const COMPARISON_FUNCTIONS: Readonly<
  Record<
    ComparisonOperator,
    { readonly holds: (x: number, y: number) => boolean; readonly slack: (room: number) => number }
  >
> = {
  '<': { holds: (x, y) => x < y, slack: (room) => room },
  '<=': { holds: (x, y) => x <= y, slack: (room) => room },
  '>': { holds: (x, y) => x > y, slack: (room) => -room },
  '>=': { holds: (x, y) => x >= y, slack: (room) => -room },
  '==': { holds: (x, y) => x === y, slack: (room) => -Math.abs(room) },
  '!=': { holds: (x, y) => x !== y, slack: (room) => Math.abs(room) },
};
