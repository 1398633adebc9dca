import { UserError } from '../core/errors.ts';
import { readNumber, sizeOf } from '../tensor/tensor.ts';
import { broadcastShapes, operandAccess, operandIndex } from './broadcast.ts';
import { FUNCTION_LOOPS, REDUCTIONS, softmax } from './loops.ts';
import { type ReductionKind, reduceRows } from './reduce.ts';
import type { TensorsByName } from './shapes.ts';
import type { ArithmeticOperator, ExpressionNode } from './syntax.ts';

/** Values of a tensor, or computed from one. */
export type FloatArray = Float32Array | Float64Array;

/** Values per block of rows: at 8 bytes each a block stays within a second-level cache. */
const BLOCK_VALUES = 1 << 14;

/** A block of rows under evaluation. */
export interface RowRange {
  readonly tensors: TensorsByName;
  readonly from: number;
  readonly count: number;
  /** Per row of the batch, 1 if a comparison had a NaN operand. */
  readonly nanRows: Uint8Array;
}

/** A compiled numeric subexpression, of `shape` per row. */
export interface NumericPart {
  readonly shape: readonly number[];
  readonly size: number;
  /** Its value if it is the same for all rows. */
  readonly constant: number | undefined;
  /** Evaluates a block, `[rows, size]`. The array is reused by the next call. */
  values(rows: RowRange): FloatArray;
}

/** Compiles numeric subexpressions into closures that evaluate blocks of rows. */
export class NumericCompiler {
  readonly rowsPerBlock: number;
  readonly #errorPrefix: string;
  readonly #tensors: TensorsByName;

  /**
   * @param errorPrefix begins error messages
   * @param tensors an example of each tensor in the expression
   * @param widest values per row of the largest subexpression
   */
  constructor(errorPrefix: string, tensors: TensorsByName, widest: number) {
    this.#errorPrefix = errorPrefix;
    this.#tensors = tensors;
    this.rowsPerBlock = Math.max(1, Math.floor(BLOCK_VALUES / widest));
  }

  compile(syntax: ExpressionNode): NumericPart {
    switch (syntax.kind) {
      case 'number':
        return makeConstant(syntax.value);
      case 'tensor':
        return this.#compileTensor(syntax.name);
      case 'element':
        return this.#compileElement(syntax);
      case 'negative': {
        const of = this.compile(syntax.of);
        if (of.constant !== undefined) return makeConstant(-of.constant);
        return this.#makePart(of.shape, (out, rows) => {
          const a = of.values(rows);
          for (let i = 0; i < rows.count * of.size; i++) out[i] = -a[i];
        });
      }
      case 'arithmetic':
        return this.#compileArithmetic(syntax);
      case 'call':
        return this.#compileCall(syntax);
      default:
        throw new Error(`${syntax.kind} is not a number`);
    }
  }

  #compileTensor(name: string): NumericPart {
    const example = this.#tensors.get(name);
    if (example === undefined) throw new UserError(`${this.#errorPrefix}: there is no tensor ${name}`);
    const { shape, size } = example;
    let converted: Float64Array | undefined;
    return {
      shape,
      size,
      constant: undefined,
      values: ({ tensors, from, count }) => {
        const tensor = tensors.get(name);
        if (tensor === undefined) throw new Error(`the batch has no tensor ${name}`);
        const { type, data } = tensor;
        if (data instanceof Float32Array || data instanceof Float64Array)
          return data.subarray(from * size, (from + count) * size);
        converted ??= new Float64Array(this.rowsPerBlock * size);
        for (let i = 0; i < count * size; i++) converted[i] = readNumber(type, data, from * size + i);
        return converted;
      },
    };
  }

  #compileElement({ of: inner, index }: Extract<ExpressionNode, { kind: 'element' }>): NumericPart {
    const of = this.compile(inner);
    const shape = of.shape.slice(1);
    const size = sizeOf(shape);
    return this.#makePart(shape, (out, rows) => {
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
    const [a, b] = [this.compile(left), this.compile(right)];
    // x ** y is slow, and squares are the most common power.
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
    return this.#makePart(shape, (out, rows) => {
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
          const scalar = y[atB];
          for (let i = 0; i < size; i++) out[at + i] = apply(x[atA + i], scalar);
        } else
          for (let i = 0; i < size; i++)
            out[at + i] = apply(x[atA + operandIndex(ofA, i)], y[atB + operandIndex(ofB, i)]);
      }
    });
  }

  #compileCall({ name, of }: Extract<ExpressionNode, { kind: 'call' }>): NumericPart {
    const [first, second] = of.map((argument) => this.compile(argument));
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
      return this.#makePart(first.shape, (out, rows) =>
        loop(first.values(rows), out, rows.count * first.size),
      );
    if (name === 'softmax') {
      const along = first.shape.at(-1) ?? 1;
      return this.#makePart(first.shape, (out, rows) =>
        softmax(first.values(rows), out, rows.count * first.size, along),
      );
    }
    if (name === 'size') return makeConstant(first.size);
    const [inner] = of;
    // max(abs(x)) is the most common reduction, so it is fused into one pass.
    const isMaxAbs = name === 'max' && inner.kind === 'call' && inner.name === 'abs';
    const source = isMaxAbs ? this.compile(inner.of[0]) : first;
    const reduction = isMaxAbs ? 'max-abs' : name;
    const reduce = REDUCTIONS.get(reduction);
    if (reduce === undefined) throw new Error(`${name} is not a function of numbers`);
    return this.#makePart([], (out, rows) => {
      const a = source.values(rows);
      const { size } = source;
      const simd = SIMD_REDUCTIONS.get(reduction);
      if (simd !== undefined && a instanceof Float32Array) {
        reduceRows(simd, a, size, rows.count, out);
        if (reduction === 'mean') for (let row = 0; row < rows.count; row++) out[row] /= size;
        return;
      }
      for (let row = 0; row < rows.count; row++) out[row] = reduce(a, row * size, size);
    });
  }

  #makePart(shape: readonly number[], compute: (out: Float64Array, rows: RowRange) => void): NumericPart {
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
}

/** Reductions with a SIMD kernel for float32 values. */
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

const ARITHMETIC_FUNCTIONS: Readonly<Record<ArithmeticOperator, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x % y,
  '^': (x, y) => x ** y,
};
