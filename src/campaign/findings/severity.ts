import type { VariantOutcome } from '../../evaluation/test-variants.ts';
import { type ImageFormat, levelsToValues, valuesToLevels } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Severity } from '../../storage/finding.ts';
import { cloneData, readNumber, writeNumber } from '../../tensor/tensor.ts';

/** The smallest and the largest value that seeds have at each position of an input. */
interface InputSpan {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** What the seeds span: an interval at each position of each input, for each form that comes up among them. */
export class SeedSpan {
  readonly #spansByShape = new Map<string, readonly InputSpan[]>();

  constructor(seeds: readonly TestcaseData[]) {
    for (const { form, inputs } of seeds) {
      let spans = this.#spansByShape.get(form.key);
      if (spans === undefined) {
        spans = form.inputs.map(({ size }) => ({
          low: new Float64Array(size).fill(Number.POSITIVE_INFINITY),
          high: new Float64Array(size).fill(Number.NEGATIVE_INFINITY),
        }));
        this.#spansByShape.set(form.key, spans);
      }
      form.inputs.forEach(({ type, size }, i) => {
        const { low, high } = (spans as readonly InputSpan[])[i];
        for (let k = 0; k < size; k++) {
          const value = readNumber(type, inputs[i], k);
          low[k] = Math.min(low[k], value);
          high[k] = Math.max(high[k], value);
        }
      });
    }
  }

  /**
   * A testcase brought into the span, and the share of its values that were outside; undefined where no seed has
   * its form.
   */
  clip({
    form,
    inputs,
  }: TestcaseData): { readonly data: TestcaseData; readonly outside: number } | undefined {
    const spans = this.#spansByShape.get(form.key);
    if (spans === undefined) return undefined;
    let outside = 0;
    let all = 0;
    const clipped = form.inputs.map(({ type, size }, i) => {
      const column = cloneData(inputs[i]);
      const { low, high } = spans[i];
      for (let k = 0; k < size; k++) {
        const value = readNumber(type, column, k);
        if (value >= low[k] && value <= high[k]) continue;
        outside++;
        writeNumber(type, column, k, Math.min(high[k], Math.max(low[k], value)));
      }
      all += size;
      return column;
    });
    return { data: { form, inputs: clipped }, outside: outside / Math.max(1, all) };
  }
}

/** A testcase with its pictures as 8-bit files would hold them; undefined where it has none of floating point. */
export function roundToLevels(
  { form, inputs }: TestcaseData,
  pictures: readonly (ImageFormat | undefined)[],
): TestcaseData | undefined {
  const isPicture = (i: number): boolean =>
    pictures[i] !== undefined && (form.inputs[i].type === 'float32' || form.inputs[i].type === 'float64');
  if (!inputs.some((_, i) => isPicture(i))) return undefined;
  const rounded = inputs.map((column, i) => {
    const picture = pictures[i];
    if (picture === undefined || !isPicture(i)) return column;
    const values = column as Float32Array;
    const levels = levelsToValues(valuesToLevels(values, picture), picture);
    return column instanceof Float64Array ? levels : Float32Array.from(levels);
  });
  return { form, inputs: rounded };
}

/**
 * How much a finding has to do with inputs as they come up.
 *
 * @param tries runs a variant of the testcase
 */
export async function severityOf(
  data: TestcaseData,
  span: SeedSpan,
  pictures: readonly (ImageFormat | undefined)[],
  tries: (variant: TestcaseData) => Promise<VariantOutcome>,
): Promise<Severity | undefined> {
  const inside = span.clip(data);
  if (inside === undefined) return undefined;
  const rounded = roundToLevels(data, pictures);
  return {
    outsideSeeds: Number(inside.outside.toPrecision(4)),
    withinSeeds: inside.outside === 0 ? 'same' : await tries(inside.data),
    ...(rounded === undefined ? {} : { in8Bit: await tries(rounded) }),
  };
}
