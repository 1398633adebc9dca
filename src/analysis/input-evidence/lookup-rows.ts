import type { Graph } from '../../model/graph/graph.ts';
import { firstReaders, type PlacedNode } from './graph-flow.ts';

/** Embedding lookups: the input's values are row indices of a table. */
const LOOKUP_OPS = new Set(['Gather', 'GatherV2', 'ResourceGather']);

/** Operations that pass indices from an input to a table unchanged. */
const PASS_THROUGH_OPS = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'ExpandDims',
]);

/** The smallest table that an input indexes: its rows, and whether each is a vector. Undefined if it indexes none. */
export function findLookupTable(
  graph: Graph,
  readers: ReadonlyMap<string, readonly PlacedNode[]>,
  input: string,
): { readonly rows: number; readonly isEmbedding: boolean } | undefined {
  let smallest: { readonly rows: number; readonly isEmbedding: boolean } | undefined;
  for (const { node, graph: body, position } of firstReaders(readers, input, PASS_THROUGH_OPS)) {
    if (!LOOKUP_OPS.has(node.op) || position !== 1) continue;
    const [tableName] = node.inputs;
    const table = body.constants.get(tableName) ?? graph.constants.get(tableName);
    if (table === undefined || table.length === 0) continue;
    const isEmbedding = table.length > 1;
    smallest =
      smallest === undefined
        ? { rows: table[0], isEmbedding }
        : { rows: Math.min(smallest.rows, table[0]), isEmbedding: smallest.isEmbedding || isEmbedding };
  }
  return smallest;
}
