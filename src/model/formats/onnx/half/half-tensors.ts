import type { DType } from '../../../../tensor/tensor.ts';
import { type GraphNode, sortTopologically } from '../../../graph/graph.ts';
import { LAYOUT_OPS } from '../../../graph/layout-ops.ts';
import type { HalfFormat } from '../../../half.ts';
import { attributesOf } from '../attributes.ts';
import { bodiesOf, roleOf } from '../control-flow/bodies.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from '../proto.ts';
import { DATA_TYPE, dtypeOf } from '../tensor.ts';
import { inferTypes } from '../type-inference.ts';

/** TensorProto.DataType of bfloat16, which is no type of testcases. */
export const BFLOAT16_TYPE = 16;

/** TensorProto.DataType numbers of the formats. */
export const HALF_TYPE: Readonly<Record<HalfFormat, number>> = {
  float16: DATA_TYPE.float16,
  bfloat16: BFLOAT16_TYPE,
};

/** Types of tensors by name; those of bfloat16 count as float16, since a model that is emulated has one of the two. */
export type HalfTypes = ReadonlyMap<string, DType>;

/** Operations that move values or round them, whatever the runtime computes in. */
const ROUNDING_OPS: ReadonlySet<string> = new Set([
  ...LAYOUT_OPS,
  'Cast',
  'CastLike',
  'Concat',
  'Gather',
  'Slice',
  'Transpose',
]);

/** The formats of 16 bits that a graph and its bodies have tensors of. */
export function halfFormatsOf(graph: OnnxGraph): ReadonlySet<HalfFormat> {
  const found = new Set<HalfFormat>();
  const add = (type: number): void => {
    if (type === HALF_TYPE.float16) found.add('float16');
    if (type === HALF_TYPE.bfloat16) found.add('bfloat16');
  };
  for (const { dataType } of graph.initializer) add(dataType);
  for (const value of [...graph.input, ...graph.output, ...graph.valueInfo])
    add(value.type?.tensorType?.elemType ?? 0);
  for (const node of graph.node) {
    for (const { name, i, t } of node.attribute) {
      if (name === 'to') add(Number(i));
      if (t) add(t.dataType);
    }
    for (const { graph: body } of bodiesOf(node)) for (const format of halfFormatsOf(body)) found.add(format);
  }
  return found;
}

/**
 * The types of a graph's tensors.
 *
 * @param outer those of the graph around it
 */
export function halfTypesOf(graph: OnnxGraph, outer: HalfTypes = new Map()): HalfTypes {
  const known = new Map(outer);
  const add = (name: string, elementType: number): void => {
    const type = typeOfElement(elementType);
    if (type !== undefined) known.set(name, type);
  };
  for (const { name, type } of [...graph.input, ...graph.valueInfo, ...graph.output])
    add(name, type?.tensorType?.elemType ?? 0);
  for (const { name, dataType } of graph.initializer) add(name, dataType);
  const nodes = sortTopologically(graph.node.map(toGraphNode));
  const byName = new Map<string, OnnxNode>();
  for (const node of graph.node) {
    const [output = ''] = node.output;
    byName.set(output, node);
    const constant = node.opType === 'Constant' ? constantTensorOf(node) : undefined;
    if (constant !== undefined) add(output, constant.dataType);
  }
  // Bodies read what is computed before them, and give what is read behind them.
  let from = 0;
  nodes.forEach((node, index) => {
    const isLast = index === nodes.length - 1;
    if (node.subgraphs === undefined && !isLast) return;
    const seen = new Map(inferTypes(nodes.slice(from, index), known));
    from = index + 1;
    for (const { graph: body } of bodiesOf(byName.get(node.outputs[0] ?? '') ?? NO_NODE)) {
      const types = halfTypesOf(body, seen);
      for (const { name } of body.output) {
        const type = types.get(name);
        if (type !== undefined && !seen.has(name)) seen.set(name, type);
      }
    }
    for (const [name, type] of inferTypes([node], seen)) known.set(name, type);
  });
  // Outputs that a node leaves out.
  known.delete('');
  return known;
}

const NO_NODE = { attribute: [] as readonly OnnxAttribute[] } as OnnxNode;

function typeOfElement(elementType: number): DType | undefined {
  return elementType === BFLOAT16_TYPE ? 'float16' : dtypeOf(elementType);
}

/** A node as types are inferred from it. */
function toGraphNode(node: OnnxNode): GraphNode {
  const attributes = attributesOf(node);
  for (const { name, i, t } of node.attribute) {
    if (name === 'to' && Number(i) === BFLOAT16_TYPE) attributes.to = DATA_TYPE.float16;
    if (name === 'value' && t?.dataType === BFLOAT16_TYPE) attributes.value = 'float16';
  }
  const subgraphs = bodiesOf(node).map(({ attribute, graph }) => ({
    ...EMPTY_GRAPH,
    role: roleOf(attribute),
    outputs: graph.output.map(({ name }) => name),
  }));
  return {
    name: node.name,
    op: node.opType,
    inputs: node.input,
    outputs: node.output,
    attributes,
    ...(subgraphs.length === 0 ? {} : { subgraphs }),
  };
}

const EMPTY_GRAPH = {
  nodes: [],
  inputs: [],
  constants: new Map<string, readonly number[]>(),
  values: new Map<string, readonly number[]>(),
  shapes: new Map<string, readonly null[]>(),
  types: new Map<string, DType>(),
};

/** The values of a bfloat16 tensor that lies in the file. */
export function bfloat16Values({ rawData, int32Data }: OnnxTensor): number[] {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const bits =
    rawData.length > 0
      ? Array.from({ length: rawData.length / 2 }, (_, i) => view.getUint16(2 * i, true))
      : int32Data;
  return Array.from(new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer));
}

/** The tensor of a Constant node; undefined for its other forms. */
export function constantTensorOf({ attribute }: OnnxNode): OnnxTensor | undefined {
  return attribute.find(({ name }) => name === 'value')?.t ?? undefined;
}

/** Whether operations of a graph, or of its bodies, compute in half precision, beside those that only move or round values. */
export function computesInHalf(graph: OnnxGraph, outer: HalfTypes = new Map()): boolean {
  const types = halfTypesOf(graph, outer);
  const isHalf = (name: string): boolean => types.get(name) === 'float16';
  return graph.node.some(
    (node) =>
      (!ROUNDING_OPS.has(node.opType) && node.output.some(isHalf) && node.input.some(isHalf)) ||
      bodiesOf(node).some(({ graph: body }) => computesInHalf(body, types)),
  );
}
