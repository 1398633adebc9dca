import { UserError } from '../../core/errors.ts';
import type { RowTensor } from '../../model/batched-model.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { type Access, accessOf, broadcast, sizeOf } from './broadcast.ts';
import { FUNCTION_LOOPS, REDUCTIONS, softmax } from './loops.ts';
import { type Reduced, reduceRows } from './reduce.ts';
import type { Tensors } from './shapes.ts';
import { type Arithmetic, type Comparison, isCondition, type Syntax, written } from './syntax.ts';

/** Values as they lie in a run, or as they were computed. */
type Values = Float32Array | Float64Array;

/** Values of some rows that are worked on at a time, so that they stay within a second-level cache. */
const AT_ONCE = 1 << 14;

/** A part of an expression that is a number, or several, for each row. */
interface Numbers {
  readonly shape: readonly number[];
  readonly size: number;
  /** The number where it is the same for all rows. */
  readonly constant: number | undefined;
  /** Computes it for some rows. */
  values(rows: Rows): Values;
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
  evaluate(rows: Rows): void;
}

/** The rows that are worked on. */
export interface Rows {
  readonly tensors: Tensors;
  readonly from: number;
  readonly count: number;
  /** Of each row, 1 where a NaN is compared. */
  readonly nan: Uint8Array;
}

/** A comparison with what it compared. */
export interface Compared {
  readonly text: string;
  readonly left: { readonly text: string; readonly value: number };
  readonly right: { readonly text: string; readonly value: number };
  readonly holds: boolean;
}

/** The place of the value, of the first row, that is furthest from holding. */
export function worstOf({ size, slack, holds }: Condition): number {
  let worst = 0;
  for (let i = 1; i < size; i++) {
    const isWorse = holds[i] === holds[worst] ? slack[i] < slack[worst] : holds[i] < holds[worst];
    if (isWorse) worst = i;
  }
  return worst;
}

/** Makes the parts of an expression. */
export class PartMaker {
  /** Rows that are worked on at a time. */
  readonly rows: number;
  /** Tells of each comparison what it compared at a place of the condition that it is in. */
  readonly comparisons: ((place: number, condition: Condition) => Compared)[] = [];
  readonly #where: string;
  readonly #tensors: Tensors;

  constructor(where: string, tensors: Tensors, widest: number) {
    this.#where = where;
    this.#tensors = tensors;
    this.rows = Math.max(1, Math.floor(AT_ONCE / widest));
  }

  condition(syntax: Syntax): Condition {
    if (!isCondition(syntax)) throw new Error(`${written(syntax)} is no condition`);
    switch (syntax.kind) {
      case 'comparison':
        return this.#comparison(syntax);
      case 'not': {
        const of = this.condition(syntax.of);
        return this.#derived(of.shape, [of], (slack, holds, n) => {
          for (let i = 0; i < n * of.size; i++) {
            slack[i] = -of.slack[i];
            holds[i] = 1 - of.holds[i];
          }
        });
      }
      case 'and':
      case 'or':
        return this.#joined(syntax);
      case 'call':
        return this.#quantified(syntax.name === 'all', this.condition(syntax.of[0]));
      default:
        throw new Error(`${syntax.kind} is no condition`);
    }
  }

  numbers(syntax: Syntax): Numbers {
    switch (syntax.kind) {
      case 'number':
        return constant(syntax.value);
      case 'tensor':
        return this.#tensor(syntax.name);
      case 'element':
        return this.#element(syntax);
      case 'negative': {
        const of = this.numbers(syntax.of);
        if (of.constant !== undefined) return constant(-of.constant);
        return this.#computed(of.shape, (out, rows) => {
          const a = of.values(rows);
          for (let i = 0; i < rows.count * of.size; i++) out[i] = -a[i];
        });
      }
      case 'arithmetic':
        return this.#arithmetic(syntax);
      case 'call':
        return this.#call(syntax);
      default:
        throw new Error(`${syntax.kind} is no number`);
    }
  }

  #tensor(name: string): Numbers {
    const example = this.#tensors.get(name);
    if (example === undefined) throw new UserError(`${this.#where}: there is no tensor ${name}`);
    const { shape, size } = example;
    let room: Float64Array | undefined;
    return {
      shape,
      size,
      constant: undefined,
      values: ({ tensors, from, count }) => {
        const { type, data } = tensors.get(name) as RowTensor;
        if (data instanceof Float32Array || data instanceof Float64Array)
          return data.subarray(from * size, (from + count) * size);
        room ??= new Float64Array(this.rows * size);
        for (let i = 0; i < count * size; i++) room[i] = readNumber(type, data, from * size + i);
        return room;
      },
    };
  }

  #element({ of: inner, index }: Extract<Syntax, { kind: 'element' }>): Numbers {
    const of = this.numbers(inner);
    const shape = of.shape.slice(1);
    const size = sizeOf(shape);
    return this.#computed(shape, (out, rows) => {
      const a = of.values(rows);
      for (let row = 0; row < rows.count; row++)
        for (let i = 0; i < size; i++) out[row * size + i] = a[row * of.size + index * size + i];
    });
  }

  #arithmetic({ by, left, right }: Extract<Syntax, { kind: 'arithmetic' }>): Numbers {
    const [a, b] = [this.numbers(left), this.numbers(right)];
    // A square is what people mean most often, and the power of any number is slow.
    const apply = by === '^' && b.constant === 2 ? (x: number): number => x * x : ARITHMETIC[by];
    if (a.constant !== undefined && b.constant !== undefined) return constant(apply(a.constant, b.constant));
    return this.#paired(a, b, apply);
  }

  /** Applies a function to each pair of values. */
  #paired(a: Numbers, b: Numbers, apply: (x: number, y: number) => number): Numbers {
    const shape = broadcast(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [accessOf(a.shape, shape), accessOf(b.shape, shape)];
    const size = sizeOf(shape);
    return this.#computed(shape, (out, rows) => {
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
            out[at + i] = apply(x[atA + placeOf(ofA, i)], y[atB + placeOf(ofB, i)]);
      }
    });
  }

  #call({ name, of }: Extract<Syntax, { kind: 'call' }>): Numbers {
    const [first, second] = of.map((one) => this.numbers(one));
    if (second !== undefined) {
      const apply = name === 'min' ? Math.min : Math.max;
      if (first.constant !== undefined && second.constant !== undefined)
        return constant(apply(first.constant, second.constant));
      return this.#paired(first, second, apply);
    }
    const loop = FUNCTION_LOOPS.get(name);
    if (first.constant !== undefined) {
      const out = Float64Array.of(first.constant);
      loop?.(out, out, 1);
      return constant(loop === undefined ? (REDUCTIONS.get(name)?.(out, 0, 1) ?? 1) : out[0]);
    }
    if (loop !== undefined)
      return this.#computed(first.shape, (out, rows) =>
        loop(first.values(rows), out, rows.count * first.size),
      );
    if (name === 'softmax') {
      const along = first.shape.at(-1) ?? 1;
      return this.#computed(first.shape, (out, rows) =>
        softmax(first.values(rows), out, rows.count * first.size, along),
      );
    }
    if (name === 'size') return constant(first.size);
    const [inner] = of;
    const isOfMagnitudes = name === 'max' && inner.kind === 'call' && inner.name === 'abs';
    // The largest magnitude is what people ask for most: in one pass.
    const source = isOfMagnitudes ? this.numbers(inner.of[0]) : first;
    const by = isOfMagnitudes ? 'max-abs' : name;
    const reduce = REDUCTIONS.get(by);
    if (reduce === undefined) throw new Error(`${name} is no function of numbers`);
    return this.#computed([], (out, rows) => {
      const a = source.values(rows);
      const { size } = source;
      const reduced = a instanceof Float32Array ? REDUCED.get(by) : undefined;
      if (reduced !== undefined) {
        reduceRows(reduced, a as Float32Array, size, rows.count, out);
        if (by === 'mean') for (let row = 0; row < rows.count; row++) out[row] /= size;
        return;
      }
      for (let row = 0; row < rows.count; row++) out[row] = reduce(a, row * size, size);
    });
  }

  #computed(shape: readonly number[], compute: (out: Float64Array, rows: Rows) => void): Numbers {
    const size = sizeOf(shape);
    const out = new Float64Array(this.rows * size);
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

  #comparison(syntax: Extract<Syntax, { kind: 'comparison' }>): Condition {
    const { by, left, right } = syntax;
    const [a, b] = [this.numbers(left), this.numbers(right)];
    const shape = broadcast(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [accessOf(a.shape, shape), accessOf(b.shape, shape)];
    const size = sizeOf(shape);
    const compare = COMPARE[by];
    const slack = new Float64Array(this.rows * size);
    const holds = new Uint8Array(this.rows * size);
    let [x, y]: Values[] = [slack, slack];
    const texts = [syntax, left, right].map(written);
    this.comparisons.push((place, condition) => {
      // What is narrower than the whole condition is the same for all of it; what was wider has a worst place of its own.
      const own = size > condition.size ? worstOf(made) : placeOf(accessOf(shape, condition.shape), place);
      return {
        text: texts[0],
        left: { text: texts[1], value: x[placeOf(ofA, own)] },
        right: { text: texts[2], value: y[placeOf(ofB, own)] },
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
            const [p, q] = [x[atA + placeOf(ofA, i)], y[atB + placeOf(ofB, i)]];
            if (Number.isNaN(p) || Number.isNaN(q)) rows.nan[rows.from + row] = 1;
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

  #joined({ kind, left, right }: Extract<Syntax, { kind: 'and' | 'or' }>): Condition {
    const [a, b] = [this.condition(left), this.condition(right)];
    const shape = broadcast(a.shape, b.shape) ?? [];
    const [ofA, ofB] = [accessOf(a.shape, shape), accessOf(b.shape, shape)];
    const size = sizeOf(shape);
    const isAnd = kind === 'and';
    return this.#derived(shape, [a, b], (slack, holds, n) => {
      for (let row = 0; row < n; row++)
        for (let i = 0; i < size; i++) {
          const [p, q, at] = [row * a.size + placeOf(ofA, i), row * b.size + placeOf(ofB, i), row * size + i];
          holds[at] = isAnd ? a.holds[p] & b.holds[q] : a.holds[p] | b.holds[q];
          slack[at] = isAnd ? Math.min(a.slack[p], b.slack[q]) : Math.max(a.slack[p], b.slack[q]);
        }
    });
  }

  #quantified(isAll: boolean, of: Condition): Condition {
    return this.#derived([], [of], (slack, holds, n) => {
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

  #derived(
    shape: readonly number[],
    from: readonly Condition[],
    derive: (slack: Float64Array, holds: Uint8Array, rows: number) => void,
  ): Condition {
    const size = sizeOf(shape);
    const slack = new Float64Array(this.rows * size);
    const holds = new Uint8Array(this.rows * size);
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
const REDUCED: ReadonlyMap<string, Reduced> = new Map([
  ['max', 'max'],
  ['min', 'min'],
  ['max-abs', 'max-abs'],
  ['sum', 'sum'],
  ['mean', 'sum'],
]);

function constant(value: number): Numbers {
  const values = Float64Array.of(value);
  return { shape: [], size: 1, constant: value, values: () => values };
}

function placeOf(access: Access, place: number): number {
  if (access.kind === 'same') return place;
  return access.kind === 'one' ? 0 : access.places[place];
}

const ARITHMETIC: Readonly<Record<Arithmetic, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x % y,
  '^': (x, y) => x ** y,
};

/** How a comparison holds, and how far it is from turning over, given by how much the right side is greater. */
const COMPARE: Readonly<
  Record<
    Comparison,
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
