import { attributesOf } from '../attributes.ts';
import { readOnnx } from '../graph.ts';
import {
  longToNumber,
  ModelProto,
  type OnnxDimension,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../proto.ts';
import { BATCH_RULES, type Operand } from './batch-rules.ts';

/** A copy of a model whose batch is free, or why there is none: a clause for people. */
export type OpenedBatch = { readonly bytes: Uint8Array } | { readonly refusal: string };

/** Name of the dimension that the inputs and outputs of the copy begin with. */
const BATCH_NAME = 'neurofuzz_batch';

/** TensorProto.DataType INT64. */
const INT64 = 7;

/** The fields of a decoded file that change. */
interface EditableModel {
  readonly graph: {
    readonly node: { input: string[] }[];
    readonly initializer: object[];
    valueInfo: OnnxValue[];
  };
}

/**
 * Copies an ONNX file whose inputs have a first dimension of 1, with that dimension free. Only where every operation that a row
 * passes is known to compute each row by itself; a Reshape to `[1, …]` then keeps the size of the first dimension instead.
 * Whether results are equal is for the caller to check.
 */
export function openBatchAxis(bytes: Uint8Array, path: string): OpenedBatch {
  const model = ModelProto.decode(bytes) as unknown as OnnxModel & EditableModel;
  const { graph, functions } = model;
  if (graph === null) return { refusal: 'it holds no graph' };
  if (functions.length > 0) return { refusal: 'it has functions of its own' };
  const { constants, values } = readOnnx(bytes, path).graph;
  const rowRanks = new Map<string, number | undefined>();
  for (const input of graph.input) {
    if (constants.has(input.name)) continue;
    const dims = dimensionsOf(input);
    if (dims === undefined || !isOne(dims[0]))
      return { refusal: `input ${input.name} does not begin with a batch of 1` };
    rowRanks.set(input.name, dims.length);
  }
  const operandOf = (name: string): Operand => {
    const shape = constants.get(name);
    return {
      isBatched: rowRanks.has(name),
      rank: shape?.length ?? rowRanks.get(name),
      shape,
      values: values.get(name),
    };
  };
  const added: OnnxTensorDraft[] = [];
  for (const [index, node] of graph.node.entries()) {
    if (!node.input.some((name) => rowRanks.has(name))) {
      if (hasBody(node)) return { refusal: `${node.opType} has a body` };
      continue;
    }
    const operands = node.input.filter((name, i) => name !== '' || i === 0).map(operandOf);
    const rule = node.domain === '' || node.domain === 'ai.onnx' ? BATCH_RULES.get(node.opType) : undefined;
    const result = rule?.({ op: node.opType, attributes: attributesOf(node), operands });
    if (result === undefined) return { refusal: `${describe(node)} may not compute each row by itself` };
    for (const output of node.output) rowRanks.set(output, result.rank);
    const [, sizesName = ''] = node.input;
    const sizes = values.get(sizesName);
    if (node.opType === 'Reshape' && sizes?.[0] === 1) {
      const name = `neurofuzz_sizes_${index}`;
      added.push({ name, dataType: INT64, dims: [sizes.length], int64Data: [0, ...sizes.slice(1)] });
      model.graph.node[index].input[1] = name;
    }
  }
  for (const output of graph.output)
    if (!rowRanks.has(output.name) || !isOne(dimensionsOf(output)?.[0]))
      return { refusal: `output ${output.name} does not begin with a batch of 1` };
  for (const value of [...graph.input.filter(({ name }) => rowRanks.has(name)), ...graph.output])
    freeBatch(value);
  // Sizes that the file declares in between would contradict those that runs have.
  model.graph.valueInfo = [];
  model.graph.initializer.push(...added);
  return { bytes: ModelProto.encode(model).finish() };
}

type OnnxTensorDraft = Pick<OnnxTensor, 'name' | 'dims' | 'dataType' | 'int64Data'>;

function describe({ opType, name }: OnnxNode): string {
  return name === '' ? opType : `${opType} ${name}`;
}

function hasBody({ attribute }: OnnxNode): boolean {
  return attribute.some(({ g, graphs }) => (g !== null && g !== undefined) || graphs.length > 0);
}

function dimensionsOf({ type }: OnnxValue): readonly OnnxDimension[] | undefined {
  return type?.tensorType?.shape?.dim;
}

function isOne(dimension: OnnxDimension | undefined): boolean {
  return dimension?.dimValue !== undefined && longToNumber(dimension.dimValue) === 1;
}

/** Replaces the first dimension by a named one. */
function freeBatch(value: OnnxValue): void {
  const dims = dimensionsOf(value) as OnnxDimension[] | undefined;
  dims?.splice(0, 1, { dimParam: BATCH_NAME });
}
