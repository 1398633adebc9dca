import type { Graph } from '../model/graph/graph.ts';
import type { InputSpec } from '../model/model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { type InputKind, inferInputKind } from './input-kind.ts';

/** What can be told of an input without seeds. */
export interface InferredInput {
  readonly kind: InputKind;
  /** Values to draw, and to take for legal where nobody says which are. */
  readonly range: readonly [low: number, high: number];
  /** Whether the model itself says so: other values make no sense to it. */
  readonly isFromModel: boolean;
  readonly reason: string;
}

/** Looks up rows of a table by number: the numbers end where the table does. */
const LOOKUP_OPS = new Set(['Gather', 'GatherV2', 'ResourceGather']);

/** Operations between an input and the table that leave its numbers as they are. */
const PASS_THROUGH_OPS = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'ExpandDims',
]);

/** @param input as testcases have it */
export function inferInput(input: InputSpec, graph: Graph): InferredInput {
  const kind = inferInputKind(input);
  if (kind === 'mask' || kind === 'flag')
    return { kind, range: [0, 1], isFromModel: false, reason: `it looks like a ${kind}` };
  const rows = countLookupRows(input.name, graph);
  if (rows !== undefined && rows > 1) {
    return { kind, range: [0, rows - 1], isFromModel: true, reason: `it looks up a table of ${rows} rows` };
  }
  if (kind === 'image' && DTYPES[input.type].kind === 'int') {
    return {
      kind,
      range: [0, Math.min(255, DTYPES[input.type].max)],
      isFromModel: false,
      reason: 'it takes levels',
    };
  }
  return { kind, range: [0, 1], isFromModel: false, reason: 'the model does not say' };
}

/** Rows of the smallest table that an input's numbers are looked up in; undefined for none. */
function countLookupRows(input: string, graph: Graph): number | undefined {
  const own = new Set([input]);
  let rows: number | undefined;
  for (const { name, op, inputs, outputs } of graph.nodes) {
    if (PASS_THROUGH_OPS.has(op) && own.has(inputs[0])) for (const output of outputs) own.add(output);
    // A layer's weights are called by the layer.
    const isLayer = op === 'Embedding' && own.has(inputs[0]);
    if (!isLayer && !(LOOKUP_OPS.has(op) && own.has(inputs[1]))) continue;
    const table = graph.constants.get(isLayer ? `${name}/embeddings` : inputs[0]);
    if (table !== undefined && table.length > 0) rows = Math.min(rows ?? table[0], table[0]);
  }
  return rows;
}
