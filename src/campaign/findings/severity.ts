import type { VariantOutcome } from '../../evaluation/test-variants.ts';
import { type ImageFormat, levelsToValues, valuesToLevels } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Severity } from '../../storage/finding.ts';
import { cloneData, readNumber, writeNumber } from '../../tensor/tensor.ts';

/** The smallest and the largest value of the seeds at each position of an input. */
interface InputSpan {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The box that the seeds span: an interval at each position of each input, for each shape among them. */
export class SeedSpan {
  /** Seeds that were not measured yet. */
  #seeds: readonly TestcaseData[];
  readonly #spansByShape = new Map<string, readonly InputSpan[]>();

  /** @param seeds measured for the first finding: of large seeds it takes long */
  constructor(seeds: readonly TestcaseData[] = []) {
    this.#seeds = seeds;
  }

  /** Extends the span by a seed. */
  add({ form, inputs }: TestcaseData): void {
    const spans = this.#spansByShape.get(form.key) ?? form.inputs.map(({ size }) => emptySpan(size));
    this.#spansByShape.set(form.key, spans);
    form.inputs.forEach(({ type, size }, i) => {
      const { low, high } = spans[i];
      for (let k = 0; k < size; k++) {
        const value = readNumber(type, inputs[i], k);
        low[k] = Math.min(low[k], value);
        high[k] = Math.max(high[k], value);
      }
    });
  }

  /**
   * Clips a testcase to the span, and measures the share of its values that were outside. Undefined where no seed has its
   * shape.
   */
  clip({
    form,
    inputs,
  }: TestcaseData): { readonly data: TestcaseData; readonly outside: number } | undefined {
    for (const seed of this.#seeds) this.add(seed);
    this.#seeds = [];
    const spans = this.#spansByShape.get(form.key);
    if (spans === undefined) return undefined;
    let outside = 0;
    let all = 0;
    // Code points have no order.
    if (form.inputs.every(({ isString }) => isString)) return undefined;
    const clipped = form.inputs.map(({ type, size, isString }, i) => {
      if (isString) return inputs[i];
      const values = cloneData(inputs[i]);
      const { low, high } = spans[i];
      for (let k = 0; k < size; k++) {
        const value = readNumber(type, values, k);
        if (value >= low[k] && value <= high[k]) continue;
        outside++;
        writeNumber(type, values, k, Math.min(high[k], Math.max(low[k], value)));
      }
      all += size;
      return values;
    });
    return { data: { form, inputs: clipped }, outside: outside / Math.max(1, all) };
  }
}

function emptySpan(size: number): InputSpan {
  return {
    low: new Float64Array(size).fill(Number.POSITIVE_INFINITY),
    high: new Float64Array(size).fill(Number.NEGATIVE_INFINITY),
  };
}

/** Rounds a testcase's images of floating point to 8-bit levels; undefined where it has none. */
export function roundToLevels(
  { form, inputs }: TestcaseData,
  imageFormats: readonly (ImageFormat | undefined)[],
): TestcaseData | undefined {
  let hasImage = false;
  const rounded = inputs.map((values, i) => {
    const format = imageFormats[i];
    const isFloat = values instanceof Float32Array || values instanceof Float64Array;
    if (format === undefined || !isFloat) return values;
    hasImage = true;
    const levels = levelsToValues(valuesToLevels(values, format), format);
    return values instanceof Float64Array ? levels : Float32Array.from(levels);
  });
  return hasImage ? { form, inputs: rounded } : undefined;
}

/**
 * Measures how realistic a finding's testcase is: how far it lies outside of what the seeds span, and whether it still
 * violates the objective when brought inside, or when rounded to 8-bit levels.
 *
 * @param runVariant runs a variant of the testcase
 * @returns undefined where no seed has its shape
 */
export async function severityOf(
  data: TestcaseData,
  span: SeedSpan,
  imageFormats: readonly (ImageFormat | undefined)[],
  runVariant: (variant: TestcaseData) => Promise<VariantOutcome>,
): Promise<Severity | undefined> {
  const inside = span.clip(data);
  if (inside === undefined) return undefined;
  const rounded = roundToLevels(data, imageFormats);
  return {
    outsideSeeds: Number(inside.outside.toPrecision(4)),
    withinSeeds: inside.outside === 0 ? 'same' : await runVariant(inside.data),
    ...(rounded === undefined ? {} : { in8Bit: await runVariant(rounded) }),
  };
}
