import { UserError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { makeTestcaseInput, shapeSignatureOf, type TestcaseInput } from '../model/testcase-batch.ts';
import { encodeStrings } from '../tensor/strings.ts';
import { type DType, makeData, shapeText, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { intervalAt, type Range } from './range.ts';
import type { Seeds } from './seeds.ts';
import { splitNeighbours } from './split-values.ts';
import { type DrawnStrings, drawString, widthOfDrawn } from './strings/draw-strings.ts';

/** What the values of an input are drawn from. */
export interface DrawnValues {
  readonly range: Range;
  /** Split values of decision trees by column: half of the values are one of them. */
  readonly splits?: readonly (readonly number[])[] | undefined;
}

/** Limit of the values in all drawn seeds together, since a model may declare inputs of any size. */
const MAX_DRAWN_VALUES = 1 << 27;

/**
 * Draws seeds uniformly from each input's range, for campaigns without seeds.
 *
 * @param valuesOf what an input's values are drawn from
 * @param stringsOf what strings of an input are drawn from; undefined for an input of numbers
 * @throws UserError if a size is dynamic or the seeds would be too large
 */
export function drawSeeds(
  inputs: readonly InputSpec[],
  valuesOf: (input: number) => DrawnValues,
  count: number,
  random: Random,
  stringsOf: (input: number) => DrawnStrings | undefined = () => undefined,
): Seeds {
  const form = shapeSignatureOf(
    stripBatchDimension(inputs).map((input, i) => {
      const strings = stringsOf(i);
      const sizes =
        strings === undefined ? input.shape : [...input.shape.slice(0, -1), widthOfDrawn(strings)];
      const shape = sizes.filter((size) => size !== null);
      if (shape.length < sizes.length) {
        throw new UserError(
          `input ${input.name} is ${shapeText(input.shape)}, with a dynamic dimension: set --seeds with inputs of the size to fuzz, or --shape ${input.name}=1,…`,
        );
      }
      return makeTestcaseInput(input, shape);
    }),
  );
  const values = form.inputs.reduce((sum, { size }) => sum + size, 0);
  if (values * count > MAX_DRAWN_VALUES) {
    throw new UserError(
      `a testcase of this model has ${values} values, too many to draw at random: set --seeds`,
    );
  }
  return Array.from({ length: count }, () => ({
    form,
    inputs: form.inputs.map((input, i) => {
      const strings = stringsOf(i);
      if (strings !== undefined) return drawStrings(input, strings, random);
      const { type, size } = input;
      const { range, splits = [] } = valuesOf(i);
      const data = makeData(type, size);
      for (let k = 0; k < size; k++) {
        const split = splits.length === 0 ? undefined : drawSplit(type, splits[k % splits.length], random);
        const { low, high } = intervalAt(range, k, size);
        writeNumber(type, data, k, split ?? low + (high - low) * random.uniform());
      }
      return data;
    }),
  }));
}

function drawStrings({ size, shape }: TestcaseInput, strings: DrawnStrings, random: Random): TensorData {
  const width = shape[shape.length - 1];
  const drawn = Array.from({ length: size / width }, () => drawString(strings, random));
  return encodeStrings(drawn, shape.slice(0, -1), width).data;
}

/** A split value or its neighbour above, so that both children are reached; undefined half of the time, and without any. */
function drawSplit(type: DType, values: readonly number[], random: Random): number | undefined {
  if (values.length === 0 || random.uniform() < 0.5) return undefined;
  const [, at, above] = splitNeighbours(type, values[random.below(values.length)]);
  return random.uniform() < 0.5 ? at : above;
}
