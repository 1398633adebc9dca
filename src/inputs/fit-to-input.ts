import { UserError } from '../core/errors.ts';
import type { InputSpec } from '../model/model.ts';
import {
  cloneData,
  DTYPES,
  type DType,
  makeData,
  readNumber,
  rowsOf,
  shapeText,
  sizeOf,
  type Tensor,
  type TensorData,
  writeNumber,
} from '../tensor/tensor.ts';
import { fitImage } from './formats/png.ts';
import { type ImageFormat, imageShape, levelsToValues } from './image.ts';
import type { SeedFile } from './seed-files.ts';

/** Mapping from 8-bit pixel levels to an input's values. */
export interface PixelScaling {
  /** Undefined if the input takes no images: levels 0 to 255 are then scaled linearly to the interval. */
  readonly imageFormat: ImageFormat | undefined;
  readonly interval: readonly [low: number, high: number];
}

/** Returns an input's pixel scaling, by name. */
export type PixelScalingLookup = (input: string) => PixelScaling;

/** One testcase's data for one input. */
export interface InputValue {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * Fits an array to an input: splits it into testcases and converts its values to the input's type.
 *
 * @param input without the batch dimension; null sizes are dynamic
 * @throws UserError if the shape or a value does not fit
 */
export async function fitToInput(
  input: InputSpec,
  tensor: Tensor,
  file: SeedFile,
  pixelScalingOf: PixelScalingLookup,
): Promise<InputValue[]> {
  if (input.strings !== undefined) return fitStrings(input, tensor, file);
  if (tensor.isString) {
    throw new UserError(
      `${file.path} holds strings, and input ${input.name} takes numbers (${input.type}): convert them`,
    );
  }
  const { imageFormat, interval } = pixelScalingOf(input.name);
  if (file.pixels !== undefined && imageFormat !== undefined)
    return fitImages(input, tensor, file, imageFormat);
  const division = divideIntoTestcases(tensor.shape, input.shape);
  if (division === undefined) {
    throw new UserError(
      `${file.path} holds ${shapeText(tensor.shape)} values; input ${input.name} takes testcases of ${shapeText(input.shape)}: use one array of this shape, or a batch with one more dimension in front`,
    );
  }
  if (division.count === 0) throw new UserError(`${file.path} holds no testcase`);
  const { count, shape } = division;
  const size = sizeOf(shape);
  const scalesPixels = file.pixels !== undefined && DTYPES[input.type].kind === 'float';
  const pixels = scalesPixels ? interval : undefined;
  return Array.from({ length: count }, (_, row) => {
    const values = rowsOf(tensor.data, size, row, row + 1);
    const where = `${file.path}, testcase ${row}`;
    return { shape, data: convertValues(values, tensor.type, input, pixels, where) };
  });
}

/** Splits strings into testcases. They keep the length that the file has room for. */
function fitStrings(input: InputSpec, { shape, data, isString }: Tensor, file: SeedFile): InputValue[] {
  if (!isString) {
    throw new UserError(
      `${file.path} holds numbers, and input ${input.name} takes strings: save them as strings, for example with astype('U') in NumPy`,
    );
  }
  const [sizes, wanted] = [shape.slice(0, -1), input.shape.slice(0, -1)];
  const division = divideIntoTestcases(sizes, wanted);
  if (division === undefined) {
    throw new UserError(
      `${file.path} holds ${shapeText(sizes)} strings; input ${input.name} takes testcases of ${shapeText(wanted)}: use one array of this shape, or a batch with one more dimension in front`,
    );
  }
  if (division.count === 0) throw new UserError(`${file.path} holds no testcase`);
  const width = shape[shape.length - 1];
  const size = sizeOf(division.shape) * width;
  return Array.from({ length: division.count }, (_, row) => ({
    shape: [...division.shape, width],
    data: cloneData(rowsOf(data, size, row, row + 1)),
  }));
}

/** Converts images of any size, greyscale or colour, to the input's image format. */
async function fitImages(
  input: InputSpec,
  { shape, data }: Tensor,
  file: SeedFile,
  imageFormat: ImageFormat,
): Promise<InputValue[]> {
  const imageSize = file.pixels === 'one' ? shape : [...shape.slice(1), ...(shape.length === 3 ? [1] : [])];
  const count = file.pixels === 'one' ? 1 : shape[0];
  if (imageSize.length !== 3 || (imageSize[2] !== 1 && imageSize[2] !== 3)) {
    throw new UserError(`${file.path} holds ${shapeText(shape)} values, which are not pictures`);
  }
  const fitted: InputValue[] = [];
  for (let row = 0; row < count; row++) {
    const image: Tensor = {
      type: 'uint8',
      shape: imageSize,
      data: rowsOf(data, sizeOf(imageSize), row, row + 1),
    };
    const { height, width, levels } = await fitImage(image, imageFormat);
    const values = levelsToValues(levels, imageFormat);
    const where = `${file.path}, testcase ${row}`;
    fitted.push({
      shape: imageShape(imageFormat, height, width, input.shape.length),
      data: convertValues(values, 'float64', input, undefined, where),
    });
  }
  return fitted;
}

/**
 * Splits an array's shape into a number of testcases: one testcase of the input's shape, a batch with a leading
 * dimension, or either of these up to dimensions of 1 (a greyscale image without channel) or flattening.
 */
function divideIntoTestcases(
  shape: readonly number[],
  inputShape: readonly (number | null)[],
): { readonly count: number; readonly shape: readonly number[] } | undefined {
  const matches = (candidate: readonly number[]): readonly number[] | undefined => {
    if (
      candidate.length === inputShape.length &&
      inputShape.every((d, i) => d === null || d === candidate[i])
    )
      return candidate;
    const fixed = inputShape.filter((d) => d !== null);
    if (fixed.length < inputShape.length || candidate.length === 0) return undefined;
    const squeezed = (dims: readonly number[]): string => String(dims.filter((d) => d !== 1));
    const isFlat = candidate.length === 1 || fixed.length === 1;
    const fits = squeezed(candidate) === squeezed(fixed) || (isFlat && sizeOf(candidate) === sizeOf(fixed));
    return fits ? fixed : undefined;
  };
  const batch = shape.length > 0 ? matches(shape.slice(1)) : undefined;
  const exact = shape.length === inputShape.length ? matches(shape) : undefined;
  if (exact !== undefined) return { count: 1, shape: exact };
  if (batch !== undefined) return { count: shape[0], shape: batch };
  const reshaped = matches(shape);
  return reshaped === undefined ? undefined : { count: 1, shape: reshaped };
}

/**
 * Converts values to the input's type.
 *
 * @param pixels interval to which levels 0 to 255 are scaled; undefined for values that are no levels
 * @throws UserError on a value that is not finite, not an integer where one is required, or out of the type's range
 */
function convertValues(
  source: TensorData,
  type: DType,
  input: InputSpec,
  pixels: readonly [number, number] | undefined,
  where: string,
): TensorData {
  const target = makeData(input.type, source.length);
  const { kind, min, max } = DTYPES[input.type];
  for (let i = 0; i < source.length; i++) {
    const raw = readNumber(type, source, i);
    if (!Number.isFinite(raw)) {
      throw new UserError(`${where} has ${raw} at position ${i}: seeds must be finite; remove or fix it`);
    }
    const value = pixels === undefined ? raw : pixels[0] + ((pixels[1] - pixels[0]) * raw) / 255;
    if (kind !== 'float' && !Number.isInteger(value)) {
      throw new UserError(
        `${where} has ${value} at position ${i}; input ${input.name} takes whole numbers (${input.type})`,
      );
    }
    if (value < min || value > max) {
      throw new UserError(
        `${where} has ${value} at position ${i}, beyond what input ${input.name} (${input.type}) can hold`,
      );
    }
    if (type !== input.type || pixels !== undefined) writeNumber(input.type, target, i, value);
  }
  return type === input.type && pixels === undefined ? cloneData(source) : target;
}
