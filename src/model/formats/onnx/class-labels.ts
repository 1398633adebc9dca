import type * as ort from 'onnxruntime-node';
import type { NamedTensor } from '../../model.ts';
import { fromOrt } from './ort-tensor.ts';

/** In place of an index: a string that is not among the known values of its tensor. */
const UNKNOWN_VALUE = -1;

/** Converts tensors of strings with known values to the indices of those. */
export class ClassLabels {
  readonly #indices: ReadonlyMap<string, ReadonlyMap<string, number>>;

  /** @param values by tensor, each once */
  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#indices = new Map(
      [...values].map(([name, labels]) => [name, new Map(labels.map((label, index) => [label, index]))]),
    );
  }

  /** @throws UserError if the tensor holds strings without known values */
  toTensor(name: string, tensor: ort.Tensor): NamedTensor {
    const indices = tensor.type === 'string' ? this.#indices.get(name) : undefined;
    if (indices === undefined) return fromOrt(name, tensor);
    const data = Int32Array.from(tensor.data as string[], (label) => indices.get(label) ?? UNKNOWN_VALUE);
    return { name, type: 'int32', shape: tensor.dims, data };
  }
}
