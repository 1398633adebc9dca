import type { Graph } from '../model/graph/graph.ts';
import type { InputSpec } from '../model/model.ts';
import { MAX_CODE_POINT } from '../tensor/strings.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { type InputKind, inferInputKind } from './input-kind.ts';

/** Kind and range of an input, inferred from the model's graph without seeds. */
export interface InferredInput {
  readonly kind: InputKind;
  /** Range for random seeds, and the legal range unless one is configured. */
  readonly range: readonly [low: number, high: number];
  /** Whether the model determines the range, as by the rows of a lookup table, so that other values are invalid. */
  readonly isFromModel: boolean;
  readonly reason: string;
}

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

/** @param input without the batch dimension */
export function inferInput(input: InputSpec, graph: Graph): InferredInput {
  const kind = inferInputKind(input);
  if (input.strings !== undefined) {
    const { length } = input.strings.pool;
    const reason = length === 0 ? 'it takes strings' : `it takes strings, of which the model lists ${length}`;
    return { kind, range: [0, MAX_CODE_POINT], isFromModel: true, reason };
  }
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

/** Rows of the smallest table that an input indexes; undefined if it indexes none. */
function countLookupRows(input: string, graph: Graph): number | undefined {
  const indexTensors = new Set([input]);
  let rows: number | undefined;
  for (const { op, inputs, outputs } of graph.nodes) {
    if (PASS_THROUGH_OPS.has(op) && indexTensors.has(inputs[0]))
      for (const output of outputs) indexTensors.add(output);
    if (!LOOKUP_OPS.has(op) || !indexTensors.has(inputs[1])) continue;
    const table = graph.constants.get(inputs[0]);
    if (table !== undefined && table.length > 0) rows = Math.min(rows ?? table[0], table[0]);
  }
  return rows;
}
