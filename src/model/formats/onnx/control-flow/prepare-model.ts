import type * as ort from 'onnxruntime-node';
import type { FixedInputs } from '../../../model.ts';
import { decodeMessage } from '../../decode-message.ts';
import { ModelProto, type OnnxModel } from '../proto.ts';
import { changed } from './bodies.ts';
import { ConditionEvaluator } from './conditions.ts';
import { inlineIfs } from './inline-ifs.ts';
import { withUniqueNames } from './unique-names.ts';

/**
 * The ONNX file that a model is observed by: an If whose condition is known is replaced by the branch that it takes, and
 * names within bodies are unique.
 *
 * @param bytes a file that the runtime loads
 * @param fixed inputs that have one value in all runs
 * @param open opens a session of the runtime
 */
export async function prepareControlFlow(
  bytes: Uint8Array,
  fixed: FixedInputs,
  open: (bytes: Uint8Array) => Promise<ort.InferenceSession>,
): Promise<Uint8Array> {
  const model = decodeMessage<OnnxModel>(ModelProto, bytes);
  if (model.graph === null || model.graph === undefined) return bytes;
  const graph = withUniqueNames(model.graph);
  const evaluator = new ConditionEvaluator(changed(model, { graph }), fixed, open);
  const inlined = await inlineIfs(graph, (condition) => evaluator.decide(condition));
  return encodeModel(changed(model, { graph: inlined }));
}

export function encodeModel(model: OnnxModel): Uint8Array {
  return ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish();
}
