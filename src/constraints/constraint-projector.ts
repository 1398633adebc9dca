import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { columnAt } from '../inputs/table-column.ts';
import type { ShapeSignature, TestcaseBatch } from '../model/testcase-batch.ts';
import { readNumber, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { BoundsTracker } from './bounds.ts';
import type { ConstraintLimits, DeepHunterRule } from './constraint-limits.ts';
import { isWithinEditDistance } from './is-within-edit-distance.ts';
import { INWARD_FACTOR, NormProjection } from './norm-projection.ts';
import { countStringEdits } from './string-edits.ts';
import { stripPadding } from './strip-padding.ts';
import { ValidCondition } from './valid-condition.ts';

/** Cached bounds for DeepHunter's rule, one per reference entry; the cache is cleared when full. */
const MAX_REFERENCES = 64;

/**
 * Projects mutants onto the constraints that per-value bounds can't enforce: table columns, DeepHunter's rule, L0, L2.
 * Edit distance and combinations of limits are only checked, since there is no simple projection onto them.
 */
export class ConstraintProjector {
  readonly #limits: ConstraintLimits;
  readonly #descriptors: readonly InputDescriptor[];
  readonly #mutatedInputs: readonly number[];
  /** Mutated inputs that norms measure: those of numbers and tokens. */
  readonly #measuredInputs: readonly number[];
  readonly #norms: NormProjection;
  readonly #referenceBounds: readonly Map<number, BoundsTracker>[];
  readonly #verifies: boolean;
  readonly #valid: ValidCondition | undefined;

  /**
   * @param mutatedInputs indices of the inputs that are mutated
   * @param maxSizes values in the largest row of each input
   */
  constructor(
    limits: ConstraintLimits,
    descriptors: readonly InputDescriptor[],
    mutatedInputs: readonly number[],
    maxSizes: readonly number[],
  ) {
    this.#limits = limits;
    this.#descriptors = descriptors;
    this.#mutatedInputs = mutatedInputs;
    this.#measuredInputs = mutatedInputs.filter((input) => descriptors[input].strings === undefined);
    const maxValues = maxSizes.reduce((sum, size) => sum + size, 0);
    this.#norms = new NormProjection(descriptors, this.#measuredInputs, maxValues);
    this.#referenceBounds = descriptors.map(() => new Map());
    const { linf, l2, l0, deephunter, valid } = limits;
    this.#valid = valid === undefined ? undefined : new ValidCondition(valid);
    const projections = [l2, l0, deephunter].filter((limit) => limit !== undefined).length;
    const hasCategories = descriptors.some(({ columns }) => columns?.some(({ kind }) => kind === 'category'));
    // A projection may violate a constraint that an earlier one enforced.
    this.#verifies =
      l2 !== undefined || projections > 1 || (projections > 0 && (hasCategories || linf !== undefined));
  }

  /** Whether there is any constraint beyond the bounds. */
  get isNeeded(): boolean {
    const { l2, l0, edits, deephunter, valid } = this.#limits;
    return (
      [l2, l0, edits, deephunter, valid].some((limit) => limit !== undefined) ||
      this.#descriptors.some(({ columns }) =>
        columns?.some(({ kind }) => kind !== 'range' && kind !== 'fixed'),
      )
    );
  }

  /**
   * Projects one mutant, in place.
   *
   * @param inputs one array per input, `[rows, size]`
   * @param bounds of each input, centred on the ancestor
   * @param reference corpus entry from which DeepHunter's rule measures; undefined if the mutant itself becomes the
   *   reference
   * @returns false if the mutant is not legal: it must not be run
   */
  project(
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    bounds: readonly (BoundsTracker | undefined)[],
    ancestor: TestcaseBatch,
    reference: { readonly entry: number; readonly data: TestcaseBatch } | undefined,
  ): boolean {
    const { l0, l2, edits, deephunter } = this.#limits;
    for (const input of this.#mutatedInputs) this.#projectColumns(form, inputs, row, input, bounds[input]);
    if (deephunter !== undefined && reference !== undefined) {
      for (const input of this.#measuredInputs)
        this.#projectDeepHunter(deephunter, form, inputs, row, input, reference);
    }
    if (l0 !== undefined) this.#norms.projectL0(l0, form, inputs, row, ancestor);
    if (l2 !== undefined) this.#norms.projectL2(l2, form, inputs, row, ancestor);
    if (edits !== undefined && !this.#isWithinEdits(edits, form, inputs, row, ancestor)) return false;
    if (this.#verifies && !this.#satisfiesLimits(form, inputs, row, ancestor, reference?.data)) return false;
    return this.#valid?.holds({ form, inputs }, row, ancestor) ?? true;
  }

  #projectColumns(
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    input: number,
    bounds: BoundsTracker | undefined,
  ): void {
    const { columns, type } = this.#descriptors[input];
    if (columns === undefined || bounds === undefined) return;
    const { size } = form.inputs[input];
    const data = inputs[input];
    for (let i = 0; i < size; i++) {
      const column = columnAt(columns, i);
      if (column.kind === 'range' || column.kind === 'fixed') continue;
      const at = row * size + i;
      const value = readNumber(type, data, at);
      if (column.kind === 'integer') writeNumber(type, data, at, Math.round(value));
      else writeNumber(type, data, at, nearestWithin(column.values, value, bounds.low[i], bounds.high[i]));
    }
  }

  /**
   * Leaves the mutant as it is if fewer than a fraction alpha of its values changed, else clips all to beta of the
   * range.
   */
  #projectDeepHunter(
    { alpha, beta }: DeepHunterRule,
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    input: number,
    reference: { readonly entry: number; readonly data: TestcaseBatch },
  ): void {
    const { type, range, tokens } = this.#descriptors[input];
    if (tokens !== undefined) return;
    const { size } = form.inputs[input];
    const data = inputs[input];
    const from = reference.data.inputs[input];
    let changes = 0;
    for (let i = 0; i < size; i++) if (data[row * size + i] !== from[i]) changes++;
    if (changes < alpha * size) return;
    const cache = this.#referenceBounds[input];
    let ball = cache.get(reference.entry);
    if (ball === undefined) {
      if (cache.size >= MAX_REFERENCES) cache.clear();
      const linf = beta * (range.high - range.low) * INWARD_FACTOR;
      ball = new BoundsTracker(type, size, { range, linf }).centreOn(from);
      cache.set(reference.entry, ball);
    }
    const { low, high } = ball;
    for (let i = 0; i < size; i++) {
      const at = row * size + i;
      const value = readNumber(type, data, at);
      if (value < low[i]) writeNumber(type, data, at, low[i]);
      else if (value > high[i]) writeNumber(type, data, at, high[i]);
    }
  }

  #isWithinEdits(
    maxEdits: number,
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
  ): boolean {
    for (const input of this.#mutatedInputs) {
      const { tokens, strings } = this.#descriptors[input];
      const mutants = inputs[input];
      if (strings !== undefined) {
        const { size, shape } = form.inputs[input];
        const rowStrings = mutants.subarray(row * size, (row + 1) * size);
        if (countStringEdits(rowStrings, ancestor.inputs[input], shape[shape.length - 1]) > maxEdits)
          return false;
      }
      if (tokens === undefined) continue;
      const { size } = form.inputs[input];
      const mutant = mutants.subarray(row * size, (row + 1) * size);
      const ids = stripPadding(mutant, tokens.pad);
      const from = stripPadding(ancestor.inputs[input], tokens.pad);
      if (!isWithinEditDistance(ids, from, maxEdits)) return false;
    }
    return true;
  }

  /** Checks all limits but the edit distance. */
  #satisfiesLimits(
    form: ShapeSignature,
    inputs: readonly TensorData[],
    row: number,
    ancestor: TestcaseBatch,
    reference: TestcaseBatch | undefined,
  ): boolean {
    const { linf, l2, l0, deephunter } = this.#limits;
    let squares = 0;
    let changes = 0;
    for (const input of this.#measuredInputs) {
      const { size, type } = form.inputs[input];
      const { range, tokens } = this.#descriptors[input];
      let referenceChanges = 0;
      let largestChange = 0;
      for (let i = 0; i < size; i++) {
        const value = readNumber(type, inputs[input], row * size + i);
        const distance = Math.abs(value - readNumber(type, ancestor.inputs[input], i));
        squares += distance * distance;
        if (distance !== 0) changes++;
        if (linf !== undefined && distance > linf) return false;
        if (deephunter === undefined || reference === undefined) continue;
        const change = Math.abs(value - readNumber(type, reference.inputs[input], i));
        if (change !== 0) referenceChanges++;
        if (change > largestChange) largestChange = change;
      }
      if (deephunter === undefined || reference === undefined || tokens !== undefined) continue;
      const { alpha, beta } = deephunter;
      if (referenceChanges >= alpha * size && largestChange > beta * (range.high - range.low)) return false;
    }
    return (l2 === undefined || Math.sqrt(squares) <= l2) && (l0 === undefined || changes <= l0);
  }
}

/** The candidate nearest to `value` among those in `[low, high]`; `value` itself if there is none. */
function nearestWithin(candidates: readonly number[], value: number, low: number, high: number): number {
  let best = value;
  let smallest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate < low || candidate > high) continue;
    const distance = Math.abs(candidate - value);
    if (distance < smallest) {
      smallest = distance;
      best = candidate;
    }
  }
  return best;
}
