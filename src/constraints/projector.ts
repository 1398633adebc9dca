import type { InputTraits, TokenTraits } from '../inputs/input-descriptor.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { Form, Rows } from '../model/batched-model.ts';
import { DTYPES, readNumber, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { BoundsKeeper } from './bounds.ts';
import { unpadded, withinEdits } from './edit-distance.ts';
import type { DeepHunterRule, Limits } from './options.ts';

/** Distances are kept this much smaller, so that rounding the values does not carry them over the limit. */
const INWARD = 1 - 1e-6;
const INWARD_HALF = 1 - 2e-3;

/** Bounds kept for DeepHunter's rule: references in use at one time. */
const MOST_REFERENCES = 64;

/**
 * Brings mutants back within what bounds alone can't keep: columns of tables, DeepHunter's rule, L0, L2, edit
 * distance. Projects where there is a nearest legal mutant to be had, and says so where there is none.
 */
export class ConstraintKeeper {
  readonly #limits: Limits;
  readonly #traits: readonly InputTraits[];
  readonly #mutated: readonly number[];
  readonly #far: Float64Array;
  readonly #around: readonly Map<number, BoundsKeeper>[];
  readonly #verifies: boolean;

  /**
   * @param mutated places of the inputs that are mutated
   * @param largest values in the largest row of each input
   */
  constructor(
    limits: Limits,
    traits: readonly InputTraits[],
    mutated: readonly number[],
    largest: readonly number[],
  ) {
    this.#limits = limits;
    this.#traits = traits;
    this.#mutated = mutated;
    this.#far = new Float64Array(largest.reduce((sum, size) => sum + size, 0));
    this.#around = traits.map(() => new Map());
    const { linf, l2, l0, deephunter } = limits;
    const several = [l2, l0, deephunter].filter((limit) => limit !== undefined).length;
    const columns = traits.some((one) => one.columns?.some(({ kind }) => kind === 'category'));
    // One projection may carry a mutant out of what another made sure of.
    this.#verifies = l2 !== undefined || several > 1 || (several > 0 && (columns || linf !== undefined));
  }

  /** Whether there is anything to do beside the bounds. */
  get isNeeded(): boolean {
    const { l2, l0, edits, deephunter } = this.#limits;
    return (
      [l2, l0, edits, deephunter].some((limit) => limit !== undefined) ||
      this.#traits.some(({ columns }) => columns?.some(({ kind }) => kind !== 'range' && kind !== 'fixed'))
    );
  }

  /**
   * Projects one mutant, in place.
   *
   * @param columns arrays that hold the mutant's row
   * @param reference what DeepHunter's rule measures from, and its entry; undefined where the mutant itself
   *   becomes the reference
   * @returns false where it can't be brought within the limits: it must not be run
   */
  keep(
    form: Form,
    columns: readonly TensorData[],
    row: number,
    bounds: readonly (BoundsKeeper | undefined)[],
    ancestor: Rows,
    reference: { readonly entry: number; readonly data: Rows } | undefined,
  ): boolean {
    const { l0, l2, edits, deephunter } = this.#limits;
    for (const input of this.#mutated) this.#settleColumns(form, columns, row, input, bounds[input]);
    if (deephunter !== undefined && reference !== undefined) {
      for (const input of this.#mutated) this.#keepRule(deephunter, form, columns, row, input, reference);
    }
    if (l0 !== undefined) this.#keepFewest(l0, form, columns, row, ancestor);
    if (l2 !== undefined) this.#shrink(l2, form, columns, row, ancestor);
    if (edits !== undefined && !this.#isNearInEdits(edits, form, columns, row, ancestor)) return false;
    return !this.#verifies || this.#holds(form, columns, row, ancestor, reference?.data);
  }

  #settleColumns(
    form: Form,
    arrays: readonly TensorData[],
    row: number,
    input: number,
    bounds: BoundsKeeper | undefined,
  ): void {
    const { columns, type } = this.#traits[input];
    if (columns === undefined || bounds === undefined) return;
    const { size } = form.inputs[input];
    const data = arrays[input];
    for (let i = 0; i < size; i++) {
      const column = columnAt(columns, i);
      if (column.kind === 'range' || column.kind === 'fixed') continue;
      const at = row * size + i;
      const value = readNumber(type, data, at);
      if (column.kind === 'integer') writeNumber(type, data, at, Math.round(value));
      else writeNumber(type, data, at, nearest(column.values, value, bounds.low[i], bounds.high[i]));
    }
  }

  /** Fewer than alpha of the values may change at will; else all of them by beta of the range. */
  #keepRule(
    { alpha, beta }: DeepHunterRule,
    form: Form,
    columns: readonly TensorData[],
    row: number,
    input: number,
    reference: { readonly entry: number; readonly data: Rows },
  ): void {
    const { type, range, tokens } = this.#traits[input];
    if (tokens !== undefined) return;
    const { size } = form.inputs[input];
    const data = columns[input];
    const from = reference.data.columns[input];
    let changed = 0;
    for (let i = 0; i < size; i++) if (data[row * size + i] !== from[i]) changed++;
    if (changed < alpha * size) return;
    const kept = this.#around[input];
    let ball = kept.get(reference.entry);
    if (ball === undefined) {
      if (kept.size >= MOST_REFERENCES) kept.clear();
      const linf = beta * (range.high - range.low) * INWARD;
      ball = new BoundsKeeper(type, size, { range, linf }).around(from);
      kept.set(reference.entry, ball);
    }
    const { low, high } = ball;
    for (let i = 0; i < size; i++) {
      const at = row * size + i;
      const value = readNumber(type, data, at);
      if (value < low[i]) writeNumber(type, data, at, low[i]);
      else if (value > high[i]) writeNumber(type, data, at, high[i]);
    }
  }

  /** Puts all but the `most` largest changes back, each measured by its input's range. */
  #keepFewest(most: number, form: Form, columns: readonly TensorData[], row: number, ancestor: Rows): void {
    const far = this.#far;
    let count = 0;
    let changed = 0;
    for (const input of this.#mutated) {
      const { size } = form.inputs[input];
      const { type, range } = this.#traits[input];
      const width = range.high - range.low || 1;
      for (let i = 0; i < size; i++) {
        const from = readNumber(type, ancestor.columns[input], i);
        const distance = Math.abs(readNumber(type, columns[input], row * size + i) - from) / width;
        far[count++] = distance;
        if (distance > 0) changed++;
      }
    }
    if (changed <= most) return;
    const least = largest(far.slice(0, count), most);
    let ties = most;
    for (let i = 0; i < count; i++) if (far[i] > least) ties--;
    let place = 0;
    for (const input of this.#mutated) {
      const { size } = form.inputs[input];
      for (let i = 0; i < size; i++) {
        const distance = far[place++];
        if (distance > least || (distance === least && ties-- > 0)) continue;
        columns[input][row * size + i] = ancestor.columns[input][i];
      }
    }
  }

  /** Draws the mutant toward its ancestor until it lies within the ball; what is no float, to whole steps. */
  #shrink(radius: number, form: Form, columns: readonly TensorData[], row: number, ancestor: Rows): void {
    let squares = 0;
    let inward = INWARD;
    for (const input of this.#mutated) {
      const { size, type } = form.inputs[input];
      if (type === 'float16') inward = INWARD_HALF;
      for (let i = 0; i < size; i++) {
        const far =
          readNumber(type, columns[input], row * size + i) - readNumber(type, ancestor.columns[input], i);
        squares += far * far;
      }
    }
    const length = Math.sqrt(squares);
    if (length <= radius) return;
    const scale = (radius / length) * inward;
    for (const input of this.#mutated) {
      const { size, type } = form.inputs[input];
      const { columns: table } = this.#traits[input];
      const isWhole = DTYPES[type].kind !== 'float';
      for (let i = 0; i < size; i++) {
        const at = row * size + i;
        const from = readNumber(type, ancestor.columns[input], i);
        const far = readNumber(type, columns[input], at) - from;
        if (far === 0) continue;
        const column = table === undefined ? undefined : columnAt(table, i);
        if (column?.kind === 'category') columns[input][at] = ancestor.columns[input][i];
        else {
          const step = far * scale;
          writeNumber(
            type,
            columns[input],
            at,
            from + (isWhole || column?.kind === 'integer' ? Math.trunc(step) : step),
          );
        }
      }
    }
  }

  #isNearInEdits(
    most: number,
    form: Form,
    columns: readonly TensorData[],
    row: number,
    ancestor: Rows,
  ): boolean {
    for (const input of this.#mutated) {
      if (this.#traits[input].tokens === undefined) continue;
      const { size } = form.inputs[input];
      const mutant = columns[input].subarray(row * size, (row + 1) * size);
      const { pad } = this.#traits[input].tokens as TokenTraits;
      // 64-bit ids compare with one another just as well.
      const [to, from] = [mutant, ancestor.columns[input]].map(
        (values) => unpadded(values, pad) as ArrayLike<unknown> as ArrayLike<number>,
      );
      if (!withinEdits(to, from, most)) return false;
    }
    return true;
  }

  #holds(
    form: Form,
    columns: readonly TensorData[],
    row: number,
    ancestor: Rows,
    reference: Rows | undefined,
  ): boolean {
    const { linf, l2, l0, deephunter } = this.#limits;
    let squares = 0;
    let changed = 0;
    for (const input of this.#mutated) {
      const { size, type } = form.inputs[input];
      const { range, tokens } = this.#traits[input];
      let moved = 0;
      let furthest = 0;
      for (let i = 0; i < size; i++) {
        const value = readNumber(type, columns[input], row * size + i);
        const far = Math.abs(value - readNumber(type, ancestor.columns[input], i));
        squares += far * far;
        if (far !== 0) changed++;
        if (linf !== undefined && far > linf) return false;
        if (deephunter === undefined || reference === undefined) continue;
        const away = Math.abs(value - readNumber(type, reference.columns[input], i));
        if (away !== 0) moved++;
        if (away > furthest) furthest = away;
      }
      if (deephunter === undefined || reference === undefined || tokens !== undefined) continue;
      const { alpha, beta } = deephunter;
      if (moved >= alpha * size && furthest > beta * (range.high - range.low)) return false;
    }
    return (l2 === undefined || Math.sqrt(squares) <= l2) && (l0 === undefined || changed <= l0);
  }
}

/** The value nearest to another among those within an interval; the other itself where there is none. */
function nearest(values: readonly number[], to: number, low: number, high: number): number {
  let best = to;
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) {
    if (value < low || value > high) continue;
    const far = Math.abs(value - to);
    if (far < least) {
      least = far;
      best = value;
    }
  }
  return best;
}

/** The `n`th largest of some numbers, which are put in another order: Hoare's quickselect. */
function largest(numbers: Float64Array, n: number): number {
  let from = 0;
  let to = numbers.length - 1;
  const place = n - 1;
  while (from < to) {
    const pivot = numbers[(from + to) >> 1];
    let i = from;
    let j = to;
    while (i <= j) {
      while (numbers[i] > pivot) i++;
      while (numbers[j] < pivot) j--;
      if (i <= j) {
        const held = numbers[i];
        numbers[i++] = numbers[j];
        numbers[j--] = held;
      }
    }
    if (place <= j) to = j;
    else if (place >= i) from = i;
    else break;
  }
  return numbers[place];
}
