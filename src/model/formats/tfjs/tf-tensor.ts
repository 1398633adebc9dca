import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/errors.ts';
import { decodeStrings } from '../../../tensor/strings.ts';
import { isDType, type Tensor } from '../../../tensor/tensor.ts';
import type { InputSpec, NamedTensor } from '../../model.ts';

/** A TensorFlow.js tensor; uint8 becomes int32, which stands for it there. */
export function toTf({ type, shape, data }: Tensor): tf.Tensor {
  if (type === 'uint8') return tf.tensor(Int32Array.from(data, Number), [...shape], 'int32');
  // Inputs of the other types that TensorFlow.js lacks are refused when the model is loaded.
  return tf.tensor(data as tf.TypedArray, [...shape], type as tf.DataType);
}

/** @param tensor code points of strings, `[..., width]` */
export function toTfStrings({ shape, data }: Tensor): tf.Tensor {
  const strings = decodeStrings(data, shape[shape.length - 1]);
  return tf.tensor(strings, shape.slice(0, -1), 'string');
}

/** Feeds of a model's inputs as TensorFlow.js tensors. */
export function toTfFeeds(inputs: readonly InputSpec[], feeds: readonly Tensor[]): tf.Tensor[] {
  return feeds.map((feed, i) => (inputs[i].strings === undefined ? toTf(feed) : toTfStrings(feed)));
}

/**
 * Reads out a TensorFlow.js tensor; it stays the caller's to dispose.
 *
 * @throws UserError if it holds no numbers
 */
export function fromTf(name: string, tensor: tf.Tensor): NamedTensor {
  // Its numeric types have the names of ours.
  if (!isDType(tensor.dtype))
    throw new UserError(`tensor ${name} holds ${tensor.dtype}, which cannot be watched`);
  return { name, type: tensor.dtype, shape: tensor.shape, data: tensor.dataSync() };
}
