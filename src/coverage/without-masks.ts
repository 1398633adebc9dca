import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { MAX_MASK_VALUE } from '../model/mask-only-tensors.ts';
import { readNumber, writeNumber } from '../tensor/tensor.ts';

/** A run with 0 in place of each masked value of its watched tensors: beside a mask, no other value would count. */
export function withoutMasks(result: BatchResult): BatchResult {
  const { isMaskOnly, activations } = result;
  if (isMaskOnly === undefined || !activations.some(({ name }) => isMaskOnly(name))) return result;
  return {
    ...result,
    activations: activations.map((tensor) => (isMaskOnly(tensor.name) ? unmask(tensor) : tensor)),
  };
}

function unmask(tensor: BatchTensor): BatchTensor {
  const { type } = tensor;
  const data = tensor.data.slice();
  for (let i = 0; i < data.length; i++)
    if (readNumber(type, data, i) <= MAX_MASK_VALUE) writeNumber(type, data, i, 0);
  return { ...tensor, data };
}
