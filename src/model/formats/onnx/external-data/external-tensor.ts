import { UserError } from '../../../../core/errors.ts';
import { quoteEscaped } from '../../../../core/escape-control.ts';
import { sizeOf } from '../../../../tensor/tensor.ts';
import { longToNumber, type OnnxTensor } from '../proto.ts';

/** Where the values of a tensor lie in another file. */
export interface ExternalRange {
  /** The file's path as the model gives it, relative to the model's folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  /** In bytes; undefined where neither the model nor the tensor's type tells it: the rest of the file. */
  readonly length: number | undefined;
}

/** TensorProto.DataLocation EXTERNAL. */
export const EXTERNAL_LOCATION = 1;

/** Bits of a value by TensorProto.DataType number. Texts (8) can't lie in another file. */
const BITS: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  14: 64,
  15: 128,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
  24: 8,
  25: 2,
  26: 2,
};

/** Numbers that a file can have offsets and lengths of. */
const DECIMAL = /^\d{1,15}$/;

/**
 * Reads where the values of a tensor lie in another file.
 *
 * @throws UserError if that is not said once and in whole numbers, by which any reader finds the same
 */
export function externalRange(tensor: OnnxTensor, model: string): ExternalRange {
  const { externalData, dims, dataType } = tensor;
  const value = (name: string): string | undefined => {
    const entries = externalData.filter(({ key }) => key === name);
    if (entries.length > 1) throw refused(tensor, model, `has more than one ${name}`);
    return entries[0]?.value;
  };
  const number = (name: string): number | undefined => {
    const text = value(name);
    if (text === undefined) return undefined;
    if (!DECIMAL.test(text)) throw refused(tensor, model, `has the ${name} ${quoteEscaped(text)}`);
    return Number(text);
  };
  const bytes = Math.ceil((sizeOf(dims.map(longToNumber)) * (BITS[dataType] ?? Number.NaN)) / 8);
  return {
    location: value('location') ?? '',
    offset: number('offset') ?? 0,
    length: number('length') ?? (bytes >= 0 ? bytes : undefined),
  };
}

function refused({ name }: OnnxTensor, model: string, flaw: string): UserError {
  return new UserError(
    `${model}: weight ${quoteEscaped(name)}, which lies in another file, ${flaw}: export the model again`,
  );
}
