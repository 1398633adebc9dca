import { type DType, makeData, readNumber, type Tensor, writeNumber } from './tensor.ts';

/** The same numbers as another type; the tensor itself where it is of that type already. */
export function convertTensor(tensor: Tensor, type: DType): Tensor {
  if (tensor.type === type) return tensor;
  const data = makeData(type, tensor.data.length);
  for (let i = 0; i < data.length; i++) writeNumber(type, data, i, readNumber(tensor.type, tensor.data, i));
  return { type, shape: tensor.shape, data };
}
