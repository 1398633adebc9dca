import type { DType } from '../../../tensor/tensor.ts';
import { findFeatureMaps } from '../../graph/feature-maps.ts';
import type { Graph } from '../../graph/graph.ts';
import type { MapMeans } from '../../model.ts';
import { appendGraph } from './expose-tensors.ts';

/** Begins the names of means; what follows is the tensor that they are of. */
const PREFIX = 'neurofuzz_mean_of_';

/** Means of feature maps, computed by ONNX Runtime: their values then need not leave it. */
export class OnnxMapMeans implements MapMeans {
  readonly #maps: ReadonlySet<string>;

  constructor(graph: Graph, types: ReadonlyMap<string, DType>) {
    this.#maps = new Set([...findFeatureMaps(graph)].filter((name) => types.get(name) === 'float32'));
  }

  meanOf(tensor: string): string | undefined {
    return this.#maps.has(tensor) ? PREFIX + tensor : undefined;
  }
}

/** Whether a name is that of means. */
export function isMapMean(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The same ONNX file with the means that names ask for among its outputs, `[batch, maps, 1, ...]`. */
export function exposeMapMeans(bytes: Uint8Array, means: readonly string[]): Uint8Array {
  if (means.length === 0) return bytes;
  return appendGraph(bytes, {
    node: means.map((name) => ({
      opType: 'GlobalAveragePool',
      name,
      input: [name.slice(PREFIX.length)],
      output: [name],
    })),
    output: means.map((name) => ({ name })),
  });
}
