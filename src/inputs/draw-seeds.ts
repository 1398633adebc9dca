import { UserError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { makeTestcaseInput, shapeSignatureOf, type TestcaseInput } from '../model/testcase-batch.ts';
import { encodeStrings } from '../tensor/strings.ts';
import { makeData, shapeText, type TensorData, writeNumber } from '../tensor/tensor.ts';
import { type DrawnStrings, drawString, widthOfDrawn } from './draw-strings.ts';
import type { Seeds } from './seeds.ts';

/** Limit of the values in all drawn seeds together, since a model may declare inputs of any size. */
const MAX_DRAWN_VALUES = 1 << 27;

/**
 * Draws seeds uniformly from each input's range, for campaigns without seeds.
 *
 * @param rangeOf legal range of an input at a position of its `size` values
 * @param stringsOf what strings of an input are drawn from; undefined for an input of numbers
 * @throws UserError if a size is dynamic or the seeds would be too large
 */
export function drawSeeds(
  inputs: readonly InputSpec[],
  rangeOf: (input: number, position: number, size: number) => readonly [low: number, high: number],
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
          `input ${input.name} is ${shapeText(input.shape)}, with a size left open: give seeds of the size to fuzz with --seeds, or the size with --shape ${input.name}=1,…`,
        );
      }
      return makeTestcaseInput(input, shape);
    }),
  );
  const values = form.inputs.reduce((sum, { size }) => sum + size, 0);
  if (values * count > MAX_DRAWN_VALUES) {
    throw new UserError(
      `a testcase of this model has ${values} values, too many to draw some: give seeds with --seeds`,
    );
  }
  return Array.from({ length: count }, () => ({
    form,
    inputs: form.inputs.map((input, i) => {
      const strings = stringsOf(i);
      if (strings !== undefined) return drawStrings(input, strings, random);
      const data = makeData(input.type, input.size);
      for (let k = 0; k < input.size; k++) {
        const [low, high] = rangeOf(i, k, input.size);
        writeNumber(input.type, data, k, low + (high - low) * random.uniform());
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
