import { UserError } from '../../core/errors.ts';
import { bytesOf } from '../../tensor/tensor.ts';
import { halfMetadata } from '../formats/onnx/half/half-metadata.ts';
import { HALF_TYPE } from '../formats/onnx/half/half-tensors.ts';
import { SumWriter } from '../formats/onnx/half/sum-writer.ts';
import { tensorFactsOf } from '../formats/onnx/half/tensor-facts.ts';
import type { OnnxGraph, OnnxNode } from '../formats/onnx/proto.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import { LAYOUT_OPS } from '../graph/layout-ops.ts';
import type { HalfArithmetic, HalfFormat, HalfSettings } from '../half.ts';
import {
  type DraftNode,
  encodeOnnxDraft,
  insertAfter,
  makeDraftNode,
  makeFreshName,
  type OnnxDraft,
  openOnnxDraft,
  weightValues,
} from './onnx-draft.ts';
import { roundToBfloat16, roundToFloat16 } from './rounding.ts';

/** Operations that change no value, and so need no rounding. */
const VALUE_KEEPING_OPS: ReadonlySet<string> = new Set(LAYOUT_OPS);

/**
 * A copy of an ONNX model that computes in half precision: weights, inputs and the result of every operation are
 * rounded, by pairs of Cast, since ONNX Runtime's CPU provider computes float16 files in single precision. Nothing is
 * rounded inside the bodies of If, Loop and Scan. By these settings partial sums are rounded too.
 *
 * @throws UserError if the model is quantized already, or has no single-precision results
 */
export function quantizeOnnxToHalf(
  bytes: Uint8Array,
  path: string,
  kind: 'float16' | 'bfloat16',
  settings: HalfSettings = { accumulate: 'float32', lanes: 1 },
): Uint8Array {
  const draft = openOnnxDraft(bytes, path);
  const { graph, originalGraph, weights } = draft;
  const isSingle = (name: string): boolean => originalGraph.types.get(name) === 'float32';
  const round = kind === 'float16' ? roundToFloat16 : roundToBfloat16;
  for (const weight of weights.values()) {
    if (weight.dataType !== DATA_TYPE.float32) continue;
    weight.rawData = bytesOf(Float32Array.from(weightValues(weight), round));
    weight.floatData = [];
  }
  const results = graph.node
    .filter(({ opType }) => !VALUE_KEEPING_OPS.has(opType))
    .flatMap(({ output }) => output)
    .filter((name) => name !== '' && isSingle(name));
  const inputs = graph.input.map(({ name }) => name).filter((name) => !weights.has(name) && isSingle(name));
  if (results.length === 0) {
    throw new UserError(`${path} computes no single-precision numbers: there is nothing to round`);
  }
  const arithmetic = expandDraftSums(draft, new Set(results), kind, settings);
  const halfType = HALF_TYPE[kind];
  for (const tensor of [...inputs, ...results]) {
    insertAfter(draft, tensor, (from, to) => {
      const half = makeFreshName(draft, `${tensor}_${kind}`);
      return [
        makeDraftNode('Cast', [from], half, { to: halfType }),
        makeDraftNode('Cast', [half], to, { to: DATA_TYPE.float32 }),
      ];
    });
  }
  return encodeOnnxDraft(draft, arithmetic.accumulate === 'float32' ? [] : [halfMetadata(arithmetic)]);
}

/** Rounds the partial sums of the operations that compute these results. */
function expandDraftSums(
  { graph }: OnnxDraft,
  results: ReadonlySet<string>,
  format: HalfFormat,
  settings: HalfSettings,
): HalfArithmetic {
  const sums = new SumWriter(settings);
  // A draft's graph has all fields of a decoded one.
  const facts = tensorFactsOf(graph as unknown as OnnxGraph);
  graph.node = graph.node.flatMap((node) => {
    const [result = ''] = node.output;
    if (!results.has(result)) return [node];
    const written = sums.expand(node as unknown as OnnxNode, node.name || result, facts);
    graph.initializer.push(...written.constants);
    return written.nodes as unknown as DraftNode[];
  });
  return { format, ...sums.account() };
}
