import type { OnnxTensor } from './proto.ts';

/** A tensor whose values lie in another file. */
export interface ExternalTensor {
  readonly tensor: string;
  /** The file's path as the model gives it, relative to the model's folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  /** In bytes; undefined for the rest of the file. */
  readonly length: number | undefined;
}

/** TensorProto.DataLocation EXTERNAL. */
export const EXTERNAL_LOCATION = 1;

/** Where the values of a tensor in another file lie. */
export function externalTensor(tensor: string, { externalData }: OnnxTensor): ExternalTensor {
  const value = (name: string): string | undefined => externalData.find(({ key }) => key === name)?.value;
  const length = value('length');
  return {
    tensor,
    location: value('location') ?? '',
    offset: Number(value('offset') ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}
