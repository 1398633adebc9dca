import type { InputDescriptor, TokenDescriptor } from '../inputs/input-descriptor.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { ShapeSignature, TestcaseBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { BoundsTracker } from './bounds.ts';
import { isWithinEditDistance, stripPadding } from './edit-distance.ts';
import type { ConstraintLimits, DeepHunterRule } from './options.ts';

/** Distances are kept this much smaller, so that rounding the values does not carry them over the limit. */
const INWARD_FACTOR = 1 - 1e-6;
const INWARD_FACTOR_FLOAT16 = 1 - 2e-3;

/** Bounds kept for DeepHunter's rule: references in use at one time. */
const MAX_REFERENCES = 64;

/**
 * Brings mutants back within what bounds alone can't keep: columns of tables, DeepHunter's rule, L0, L2, edit
 * distance. Projects where there is a nearest legal mutant to be had, and says so where there is none.
 */
export class ConstraintProjector {
  readonly #limits: ConstraintLimits;
  readonly #descriptors: readonly InputDescriptor[];
  readonly #mutatedInputs: readonly number[];
  readonly #distances: Float64Array;
  readonly #referenceBounds: readonly Map<number, BoundsTracker>[];
  readonly #verifies: boolean;

  /**
   * @param mutated places of the inputs that are mutated
   * @param largest values in the largest row of each input
   */
  constructor(
    limits: ConstraintLimits,
    traits: readonly InputDescriptor[],
    mutated: readonly number[],
    largest: readonly number[],
  ) {
    this.#limits = limits;
    this.#descriptors = traits;
    this.#mutatedInputs = mutated;
    this.#distances = new Float64Array(largest.reduce((sum, size) => sum + size, 0));
    this.#referenceBounds = traits.map(() => new Map());
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
      this.#descriptors.some(({ columns }) =>
        columns?.some(({ kind }) => kind !== 'range' && kind !== 'fixed'),
      )
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
  project(
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    bounds: readonly (BoundsTracker | undefined)[],
    ancestor: TestcaseBatch,
    reference: { readonly entry: number; readonly data: TestcaseBatch } | undefined,
  ): boolean {
    const { l0, l2, edits, deephunter } = this.#limits;
    for (const input of this.#mutatedInputs) this.#projectColumns(form, columns, row, input, bounds[input]);
    if (deephunter !== undefined && reference !== undefined) {
      for (const input of this.#mutatedInputs)
        this.#projectDeepHunter(deephunter, form, columns, row, input, reference);
    }
    if (l0 !== undefined) this.#projectL0(l0, form, columns, row, ancestor);
    if (l2 !== undefined) this.#projectL2(l2, form, columns, row, ancestor);
    if (edits !== undefined && !this.#isWithinEdits(edits, form, columns, row, ancestor)) return false;
    return !this.#verifies || this.#satisfiesLimits(form, columns, row, ancestor, reference?.data);
  }

  #projectColumns(
    form: ShapeSignature,
    arrays: readonly TensorData[],
    row: number,
    input: number,
    bounds: BoundsTracker | undefined,
  ): void {
    const { columns, type } = this.#descriptors[input];
    if (columns === undefined || bounds === undefined) return;
    const { size } = form.inputs[input];
    const data = arrays[input];
    for (let i = 0; i < size; i++) {
      const column = columnAt(columns, i);
      if (column.kind === 'range' || column.kind === 'fixed') continue;
      const at = row * size + i;
      const value = readNumber(type, data, at);
      if (column.kind === 'integer') writeNumber(type, data, at, Math.round(value));
      else writeNumber(type, data, at, nearestWithin(column.values, value, bounds.low[i], bounds.high[i]));
    }
  }

  /** Fewer than alpha of the values may change at will; else all of them by beta of the range. */
  #projectDeepHunter(
    { alpha, beta }: DeepHunterRule,
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    input: number,
    reference: { readonly entry: number; readonly data: TestcaseBatch },
  ): void {
    const { type, range, tokens } = this.#descriptors[input];
    if (tokens !== undefined) return;
    const { size } = form.inputs[input];
    const data = columns[input];
    const from = reference.data.inputs[input];
    let changed = 0;
    for (let i = 0; i < size; i++) if (data[row * size + i] !== from[i]) changed++;
    if (changed < alpha * size) return;
    const kept = this.#referenceBounds[input];
    let ball = kept.get(reference.entry);
    if (ball === undefined) {
      if (kept.size >= MAX_REFERENCES) kept.clear();
      const linf = beta * (range.high - range.low) * INWARD_FACTOR;
      ball = new BoundsTracker(type, size, { range, linf }).centreOn(from);
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
  #projectL0(
    most: number,
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): void {
    const far = this.#distances;
    let count = 0;
    let changed = 0;
    for (const input of this.#mutatedInputs) {
      const { size } = form.inputs[input];
      const { type, range } = this.#descriptors[input];
      const width = range.high - range.low || 1;
      for (let i = 0; i < size; i++) {
        const from = readNumber(type, ancestor.inputs[input], i);
        const distance = Math.abs(readNumber(type, columns[input], row * size + i) - from) / width;
        far[count++] = distance;
        if (distance > 0) changed++;
      }
    }
    if (changed <= most) return;
    const least = nthLargest(far.slice(0, count), most);
    let ties = most;
    for (let i = 0; i < count; i++) if (far[i] > least) ties--;
    let place = 0;
    for (const input of this.#mutatedInputs) {
      const { size } = form.inputs[input];
      for (let i = 0; i < size; i++) {
        const distance = far[place++];
        if (distance > least || (distance === least && ties-- > 0)) continue;
        columns[input][row * size + i] = ancestor.inputs[input][i];
      }
    }
  }

  /** Draws the mutant toward its ancestor until it lies within the ball; what is no float, to whole steps. */
  #projectL2(
    radius: number,
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): void {
    let squares = 0;
    let inward = INWARD_FACTOR;
    for (const input of this.#mutatedInputs) {
      const { size, type } = form.inputs[input];
      if (type === 'float16') inward = INWARD_FACTOR_FLOAT16;
      for (let i = 0; i < size; i++) {
        const far =
          readNumber(type, columns[input], row * size + i) - readNumber(type, ancestor.inputs[input], i);
        squares += far * far;
      }
    }
    const length = Math.sqrt(squares);
    if (length <= radius) return;
    const scale = (radius / length) * inward;
    for (const input of this.#mutatedInputs) {
      const { size, type } = form.inputs[input];
      const { columns: table } = this.#descriptors[input];
      const isWhole = DTYPES[type].kind !== 'float';
      for (let i = 0; i < size; i++) {
        const at = row * size + i;
        const from = readNumber(type, ancestor.inputs[input], i);
        const far = readNumber(type, columns[input], at) - from;
        if (far === 0) continue;
        const column = table === undefined ? undefined : columnAt(table, i);
        if (column?.kind === 'category') columns[input][at] = ancestor.inputs[input][i];
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

  #isWithinEdits(
    most: number,
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): boolean {
    for (const input of this.#mutatedInputs) {
      if (this.#descriptors[input].tokens === undefined) continue;
      const { size } = form.inputs[input];
      const mutant = columns[input].subarray(row * size, (row + 1) * size);
      const { pad } = this.#descriptors[input].tokens as TokenDescriptor;
      // 64-bit ids compare with one another just as well.
      const [to, from] = [mutant, ancestor.inputs[input]].map(
        (values) => stripPadding(values, pad) as ArrayLike<unknown> as ArrayLike<number>,
      );
      if (!isWithinEditDistance(to, from, most)) return false;
    }
    return true;
  }

  #satisfiesLimits(
    form: ShapeSignature,
    columns: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
    reference: TestcaseBatch | undefined,
  ): boolean {
    const { linf, l2, l0, deephunter } = this.#limits;
    let squares = 0;
    let changed = 0;
    for (const input of this.#mutatedInputs) {
      const { size, type } = form.inputs[input];
      const { range, tokens } = this.#descriptors[input];
      let moved = 0;
      let furthest = 0;
      for (let i = 0; i < size; i++) {
        const value = readNumber(type, columns[input], row * size + i);
        const far = Math.abs(value - readNumber(type, ancestor.inputs[input], i));
        squares += far * far;
        if (far !== 0) changed++;
        if (linf !== undefined && far > linf) return false;
        if (deephunter === undefined || reference === undefined) continue;
        const away = Math.abs(value - readNumber(type, reference.inputs[input], i));
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
function nearestWithin(values: readonly number[], to: number, low: number, high: number): number {
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
function nthLargest(numbers: Float64Array, n: number): number {
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
