import type { Graph } from '../graph/graph.ts';
import { findInputDependentTensors } from '../graph/input-dependence.ts';

/** A place where tokens become vectors. */
export interface TokenLookup {
  /** The vectors, one for each token, in the order of the tokens. */
  readonly output: string;
  /** The embeddings that it chooses from, `[vocabulary, width]`; undefined for one-hot vectors. */
  readonly table: string | undefined;
  /** Of one-hot vectors, what the one differs from the zeros by. */
  readonly scale: number;
}

/** Operations that leave the order of values as it is. */
const ORDER_KEEPING_OPS: ReadonlySet<string> = new Set([
  ...['Cast', 'Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'],
]);

/** The places where the tokens of an input are looked up: in an embedding, or as one-hot vectors. */
export function findTokenLookups(graph: Graph, input: string): TokenLookup[] {
  const ids = new Set([input]);
  const dependent = findInputDependentTensors(graph);
  const lookups: TokenLookup[] = [];
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const [first, second] = inputs;
    const [output] = outputs;
    if (ORDER_KEEPING_OPS.has(op) && ids.has(first)) ids.add(output);
    else if (op === 'Gather' && ids.has(second) && !dependent.has(first)) {
      const shape = graph.constants.get(first);
      if ((attributes?.axis ?? 0) === 0 && (shape === undefined || shape.length === 2))
        lookups.push({ output, table: first, scale: 1 });
    } else if (op === 'OneHot' && ids.has(first) && (attributes?.axis ?? -1) === -1) {
      const [off = 0, on = 1] = graph.values.get(inputs[2]) ?? [];
      lookups.push({ output, table: undefined, scale: on - off });
    }
  }
  return lookups;
}
