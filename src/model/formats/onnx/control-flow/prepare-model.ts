import type * as ort from 'onnxruntime-node';
import type { InputInvariants } from '../../../model.ts';
import { decodeMessage } from '../../decode-message.ts';
import { ModelProto, type OnnxGraph, type OnnxModel } from '../proto.ts';
import { changed } from './bodies.ts';
import { ConditionEvaluator } from './conditions.ts';
import { encodeModel } from './encode-model.ts';
import { inlineIfs } from './inline-ifs.ts';
import { inferredShapes, inputShapes } from './known-shapes.ts';
import { definedNames, withUniqueNames } from './unique-names.ts';

/** Times that shapes are inferred: each may decide branches on which further shapes depend. */
const MAX_SHAPE_ROUNDS = 8;

type OpenSession = (
  bytes: Uint8Array,
  options?: ort.InferenceSession.SessionOptions,
) => Promise<ort.InferenceSession>;

/**
 * The ONNX file that a model is observed by: an If whose condition is known is replaced by the branch that it takes, and
 * names within bodies are unique.
 *
 * @param bytes a file that the runtime loads
 * @param open opens a session of the runtime
 */
export async function prepareControlFlow(
  bytes: Uint8Array,
  { values, shapes }: InputInvariants,
  open: OpenSession,
): Promise<Uint8Array> {
  const decoded = decodeMessage<OnnxModel>(ModelProto, bytes);
  if (decoded.graph === null || decoded.graph === undefined) return bytes;
  let graph = withUniqueNames(decoded.graph);
  const inputs = inputShapes(graph, shapes);
  const known = new Map(inputs);
  const asked = new Set(inputs.keys());
  for (let round = 0; round < MAX_SHAPE_ROUNDS; round++) {
    const model = changed(decoded, { graph });
    const evaluator = new ConditionEvaluator(model, values, known, open);
    graph = await inlineIfs(graph, (condition) => evaluator.decide(condition));
    const wanted = shapesToInfer(graph, evaluator.undecidedShapes, asked);
    if (wanted.length === 0) break;
    const inferred = await inferredShapes(changed(decoded, { graph }), wanted, inputs, (file) =>
      open(file, { graphOptimizationLevel: 'disabled' }),
    );
    if (inferred.size === 0) break;
    for (const name of wanted) asked.add(name);
    for (const [name, sizes] of inferred) known.set(name, sizes);
  }
  return encodeModel(changed(decoded, { graph }));
}

/** Tensors of the main graph whose shapes have not been asked for yet. */
function shapesToInfer(graph: OnnxGraph, tensors: ReadonlySet<string>, asked: ReadonlySet<string>): string[] {
  const defined = new Set(definedNames(graph));
  return [...tensors].filter((name) => defined.has(name) && !asked.has(name));
}
