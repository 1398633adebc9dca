import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import type { Graph } from '../graph/graph.ts';

/** TensorProto.DataType of bfloat16, which is no type of testcases. */
export const BFLOAT16 = 16;

/** Operations on quantized numbers. */
const QUANTIZED_OP = /Quantize|QLinear|^QGemm$|Integer$/;

/** The operation or weight by which a model is quantized, for messages; undefined if it is not. */
export function findQuantization({ nodes, types, constants }: Graph): string | undefined {
  const node = nodes.find(({ op }) => QUANTIZED_OP.test(op));
  if (node !== undefined) return `${node.op} ${node.name}`;
  const rounded = nodes.find(
    ({ op, attributes }) =>
      op === 'Cast' && (attributes?.to === DATA_TYPE.float16 || attributes?.to === BFLOAT16),
  );
  if (rounded !== undefined) return `Cast ${rounded.name} to half precision`;
  const half = [...constants.keys()].find((name) => types.get(name) === 'float16');
  return half === undefined ? undefined : `float16 weight ${half}`;
}
