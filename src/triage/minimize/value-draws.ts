import { type Random, randomStream } from '../../core/random.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { cloneData, writeNumber } from '../../tensor/tensor.ts';

/** The values that one element of an input can take: those between two bounds, or some numbers. */
export type ValueDomain =
  | { readonly low: number; readonly high: number; readonly isWhole: boolean }
  | { readonly values: readonly number[] };

/** An element of an input that can be drawn at random. */
export interface DrawablePosition {
  readonly input: number;
  /** Flat index. */
  readonly index: number;
  readonly domain: ValueDomain;
}

/** Share of the draws that take the lower bound of an interval, and of those that take the upper one: faults lie there more often. */
const BOUND_SHARE = 1 / 8;

/** Replaces elements of a testcase by random values. Draws with equal numbers give equal values, whatever is drawn with them. */
export class ValueDraws {
  readonly positions: readonly DrawablePosition[];
  readonly #testcase: TestcaseData;
  readonly #key: readonly (string | number)[];

  /** @param key of the random streams */
  constructor(
    testcase: TestcaseData,
    positions: readonly DrawablePosition[],
    key: readonly (string | number)[],
  ) {
    this.#testcase = testcase;
    this.positions = positions;
    this.#key = key;
  }

  /** @param parts indices of the positions that are drawn */
  variantOf(parts: readonly number[], draw: number): TestcaseData {
    const { form } = this.#testcase;
    const values = this.#drawAll(draw);
    const inputs = this.#testcase.inputs.map(cloneData);
    for (const part of parts) {
      const { input, index } = this.positions[part];
      writeNumber(form.inputs[input].type, inputs[input], index, values[part]);
    }
    return { form, inputs };
  }

  #drawAll(draw: number): Float64Array {
    const random = randomStream(...this.#key, draw);
    return Float64Array.from(this.positions, ({ domain }) => drawValue(domain, random));
  }
}

function drawValue(domain: ValueDomain, random: Random): number {
  if ('values' in domain) return domain.values[random.below(domain.values.length)];
  const { low, high, isWhole } = domain;
  const share = random.uniform();
  if (share < BOUND_SHARE) return low;
  if (share < 2 * BOUND_SHARE) return high;
  const inner = (share - 2 * BOUND_SHARE) / (1 - 2 * BOUND_SHARE);
  return isWhole ? low + Math.floor(inner * (high - low + 1)) : low + inner * (high - low);
}
