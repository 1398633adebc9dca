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

/** What stands between 8-bit levels and the values of an input. */
export interface PixelScaling {
  /** Undefined where the input takes no pictures: levels are then laid onto the interval as they come. */
  readonly imageFormat: ImageFormat | undefined;
  readonly interval: readonly [low: number, high: number];
}

/** How each input takes 8-bit levels, by its name. */
export type PixelScalingLookup = (input: string) => PixelScaling;

/** A testcase's value for one input. */
export interface InputValue {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * Fits a file's array to an input: divides it into testcases and converts its values.
 *
 * @param input as testcases have it, null where the model leaves a size open
 * @throws UserError where shape or values don't fit
 */
export async function fitToInput(
  input: InputSpec,
  tensor: Tensor,
  file: SeedFile,
  pixelsOf: PixelScalingLookup,
): Promise<InputValue[]> {
  const wanted = input.shape;
  const { imageFormat, interval } = pixelsOf(input.name);
  if (file.pixels !== undefined && imageFormat !== undefined)
    return fitImages(input, tensor, file, imageFormat);
  const shapes = divideIntoTestcases(tensor.shape, wanted);
  if (shapes === undefined) {
    throw new UserError(
      `${file.path} holds ${shapeText(tensor.shape)} values; input ${input.name} takes testcases of ${shapeText(wanted)}: give one such array, or a batch with one more dimension in front`,
    );
  }
  if (shapes.count === 0) throw new UserError(`${file.path} holds no testcase`);
  const size = sizeOf(shapes.shape);
  const isLaid = file.pixels !== undefined && DTYPES[input.type].kind === 'float';
  const pixels = isLaid ? interval : undefined;
  return Array.from({ length: shapes.count }, (_, row) => {
    const values = rowsOf(tensor.data, size, row, row + 1);
    const where = `${file.path}, testcase ${row}`;
    return { shape: shapes.shape, data: convertValues(values, tensor.type, input, pixels, where) };
  });
}

/** Pictures of any size and colour as the input takes them. */
async function fitImages(
  input: InputSpec,
  { shape, data }: Tensor,
  file: SeedFile,
  picture: ImageFormat,
): Promise<InputValue[]> {
  const own = file.pixels === 'one' ? shape : [...shape.slice(1), ...(shape.length === 3 ? [1] : [])];
  const count = file.pixels === 'one' ? 1 : shape[0];
  if (own.length !== 3 || (own[2] !== 1 && own[2] !== 3)) {
    throw new UserError(`${file.path} holds ${shapeText(shape)} values, which are no pictures`);
  }
  const fitted: InputValue[] = [];
  for (let row = 0; row < count; row++) {
    const one: Tensor = { type: 'uint8', shape: own, data: rowsOf(data, sizeOf(own), row, row + 1) };
    const made = await fitImage(one, picture);
    const values = levelsToValues(made.data as Uint8Array, picture);
    const where = `${file.path}, testcase ${row}`;
    fitted.push({
      shape: imageShape(picture, made.shape[0], made.shape[1], input.shape.length),
      data: convertValues(values, 'float64', input, undefined, where),
    });
  }
  return fitted;
}

/**
 * How a file's array divides into testcases: equal shapes, one more dimension in front, or the same up to
 * dimensions of 1 (a grey picture without its channel) or flattening.
 */
function divideIntoTestcases(
  shape: readonly number[],
  wanted: readonly (number | null)[],
): { readonly count: number; readonly shape: readonly number[] } | undefined {
  const matches = (candidate: readonly number[]): readonly number[] | undefined => {
    if (candidate.length === wanted.length && wanted.every((d, i) => d === null || d === candidate[i]))
      return candidate;
    if (wanted.some((d) => d === null)) return undefined;
    const whole = wanted as readonly number[];
    const squeezed = (dims: readonly number[]): string => String(dims.filter((d) => d !== 1));
    const flat = candidate.length === 1 || whole.length === 1;
    const same = squeezed(candidate) === squeezed(whole) || (flat && sizeOf(candidate) === sizeOf(whole));
    return same && candidate.length > 0 ? whole : undefined;
  };
  const batch = shape.length > 0 ? matches(shape.slice(1)) : undefined;
  const exact = shape.length === wanted.length ? matches(shape) : undefined;
  if (exact !== undefined) return { count: 1, shape: exact };
  if (batch !== undefined) return { count: shape[0], shape: batch };
  const loose = matches(shape);
  return loose === undefined ? undefined : { count: 1, shape: loose };
}

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
      throw new UserError(
        `${where} has ${raw} at position ${i}: seeds must be finite; leave it out or mend it`,
      );
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
