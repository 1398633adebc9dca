import { UserError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import {
  copyOf,
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
} from '../models/tensor.ts';
import type { SeedFile } from './files.ts';

/** An interval that 8-bit picture levels are laid onto, for each input; undefined keeps 0 to 1. */
export type PixelScale = (input: string) => readonly [low: number, high: number] | undefined;

/** A testcase's value for one input. */
export interface Value {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/**
 * Fits a file's array to an input: divides it into testcases and converts its values.
 *
 * @param input as testcases have it, null where the model leaves a size open
 * @throws UserError where shape or values don't fit
 */
export function fitValues(input: InputSpec, given: Tensor, file: SeedFile, scale: PixelScale): Value[] {
  const wanted = input.shape;
  const tensor = file.pixels && wanted.at(-1) === 3 && given.shape.at(-1) === 1 ? coloured(given) : given;
  const shapes = rowShape(tensor.shape, wanted);
  if (shapes === undefined) {
    throw new UserError(
      `${file.path} holds ${shapeText(tensor.shape)} values; input ${input.name} takes testcases of ${shapeText(wanted)}: give one such array, or a batch with one more dimension in front`,
    );
  }
  if (shapes.count === 0) throw new UserError(`${file.path} holds no testcase`);
  const size = sizeOf(shapes.shape);
  const pixels =
    file.pixels && DTYPES[input.type].kind === 'float' ? (scale(input.name) ?? ([0, 1] as const)) : undefined;
  return Array.from({ length: shapes.count }, (_, row) => {
    const values = rowsOf(tensor.data, size, row, row + 1);
    const where = `${file.path}, testcase ${row}`;
    return { shape: shapes.shape, data: convert(values, tensor.type, input, pixels, where) };
  });
}

/** A grey picture as a model of colour pictures takes it. */
function coloured({ type, shape, data }: Tensor): Tensor {
  const wide = makeData(type, 3 * data.length);
  for (let i = 0; i < wide.length; i++) wide[i] = data[Math.floor(i / 3)];
  return { type, shape: [...shape.slice(0, -1), 3], data: wide };
}

/**
 * How a file's array divides into testcases: equal shapes, one more dimension in front, or the same up to
 * dimensions of 1 (a grey picture without its channel) or flattening.
 */
function rowShape(
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

function convert(
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
  return type === input.type && pixels === undefined ? copyOf(source) : target;
}
