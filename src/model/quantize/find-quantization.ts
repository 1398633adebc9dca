import { HALF_TYPE } from '../formats/onnx/half/half-tensors.ts';
import type { Graph } from '../graph/graph.ts';

/** Operations on quantized numbers. */
const QUANTIZED_OP = /Quantize|QLinear|^QGemm$|Integer$/;

/** The operation or weight by which a model is quantized, for messages; undefined if it is not. */
export function findQuantization({ nodes, types, constants }: Graph): string | undefined {
  const node = nodes.find(({ op }) => QUANTIZED_OP.test(op));
  if (node !== undefined) return `${node.op} ${node.name}`;
  const rounded = nodes.find(
    ({ op, attributes }) =>
      op === 'Cast' && (attributes?.to === HALF_TYPE.float16 || attributes?.to === HALF_TYPE.bfloat16),
  );
  if (rounded !== undefined) return `Cast ${rounded.name} to half precision`;
  const half = [...constants.keys()].find((name) => types.get(name) === 'float16');
  return half === undefined ? undefined : `float16 weight ${half}`;
}
