import * as tf from '@tensorflow/tfjs-core';
import type { DType, Tensor } from '../../../tensor/tensor.ts';
import type { NamedTensor } from '../../model.ts';

/** A TensorFlow.js tensor; uint8 becomes int32, which stands for it there. */
export function toTf({ type, shape, data }: Tensor): tf.Tensor {
  if (type === 'uint8') return tf.tensor(Int32Array.from(data, Number), [...shape], 'int32');
  // Inputs of the other types that TensorFlow.js lacks are refused when the model is loaded.
  return tf.tensor(data as tf.TypedArray, [...shape], type as tf.DataType);
}

/** Reads out a TensorFlow.js tensor; it stays the caller's to dispose. */
export function fromTf(name: string, tensor: tf.Tensor): NamedTensor {
  // Its numeric types have the names of ours.
  return { name, type: tensor.dtype as DType, shape: tensor.shape, data: tensor.dataSync() };
}
