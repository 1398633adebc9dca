import type { DType } from '../../../../tensor/tensor.ts';
import type { Graph } from '../../../graph/graph.ts';
import type { EmulatedModel } from './emulate-half.ts';

/** What is rounded in a model of emulated half precision. */
export type RoundedTensors = Pick<EmulatedModel, 'arithmetic' | 'halves'>;

/** The types that tensors have in the file that is run. */
export function runtimeTypes(graph: Graph, half: RoundedTensors | undefined): ReadonlyMap<string, DType> {
  if (half === undefined) return graph.types;
  return new Map([...graph.types].map(([name, type]) => [name, half.halves.has(name) ? 'float32' : type]));
}

/** A graph that says what is rounded; tensors of bfloat16 are of float32, in which runs give them. */
export function withRounding(graph: Graph, half: RoundedTensors | undefined): Graph {
  if (half === undefined) return graph;
  const { format, accumulate } = half.arithmetic;
  const bfloat16: ReadonlySet<string> = format === 'bfloat16' ? half.halves : new Set();
  const typed = <T extends Graph>(inner: T): T => {
    const types = new Map(inner.types);
    for (const name of bfloat16) if (!types.has(name)) types.set(name, 'float32');
    const { flattened } = inner;
    return {
      ...inner,
      types,
      rounding: { bfloat16, partialSums: accumulate !== 'float32' },
      ...(flattened === undefined ? {} : { flattened: typed(flattened) }),
    };
  };
  return typed(graph);
}
