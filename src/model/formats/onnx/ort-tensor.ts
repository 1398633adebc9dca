import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { UserError } from '../../../core/errors.ts';
import { decodeStrings } from '../../../tensor/strings.ts';
import { isDType, readNumber, type Tensor, type TensorData } from '../../../tensor/tensor.ts';
import type { NamedTensor } from '../../model.ts';
import { ort } from './onnxruntime.ts';

/**
 * Makes ONNX Runtime take and give float16 values as Uint16Array. Node.js 24 has Float16Array, which the native side of
 * onnxruntime-node cannot read. Its JavaScript looks for Float16Array once, when the first tensor is made.
 */
function hideFloat16Array(): void {
  const scope = globalThis as { Float16Array?: unknown };
  const { Float16Array: hidden } = scope;
  if (hidden === undefined) return;
  try {
    scope.Float16Array = undefined;
    new ort.Tensor('float32', new Float32Array(1), [1]);
  } finally {
    scope.Float16Array = hidden;
  }
}
hideFloat16Array();

export function toOrt({ type, shape, data }: Tensor): OrtTensor {
  // The constructor has an overload for each pair of type and array, and none for their union.
  return new ort.Tensor(type, data as Float32Array, shape);
}

/** @param tensor code points of strings, `[..., width]` */
export function toOrtStrings({ shape, data }: Tensor): OrtTensor {
  const width = shape[shape.length - 1];
  return new ort.Tensor('string', decodeStrings(data, width), shape.slice(0, -1));
}

/** @throws UserError if the tensor holds text */
export function fromOrt(name: string, tensor: OrtTensor): NamedTensor {
  if (!isDType(tensor.type)) {
    throw new UserError(`tensor ${name} holds ${tensor.type}, which cannot be watched`);
  }
  return { name, type: tensor.type, shape: tensor.dims, data: toTensorData(tensor.data) };
}

/** The first value of a tensor as a number. */
export function firstNumber({ type, data }: OrtTensor): number {
  const values = toTensorData(data);
  return isDType(type) ? readNumber(type, values, 0) : Number(values[0]);
}

function toTensorData(data: OrtTensor['data']): TensorData {
  const values = data as TensorData;
  return values.constructor.name === 'Float16Array'
    ? new Uint16Array(values.buffer, values.byteOffset, values.length)
    : values;
}
