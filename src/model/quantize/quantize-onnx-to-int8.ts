import { bytesOf, type DType, sizeOf, type TensorData } from '../../tensor/tensor.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import { planInt8, type QuantizableNode } from './int8-plan.ts';
import type { CalibrationRange } from './kind.ts';
import {
  type DraftGraph,
  type DraftNode,
  encodeOnnxDraft,
  insertAfter,
  makeDraftNode,
  makeFreshName,
  type OnnxDraft,
  openOnnxDraft,
  subgraphsOf,
  weightValues,
} from './onnx-draft.ts';

/**
 * A copy of an ONNX model whose convolutions and matrix products work on 8-bit integers, written as QuantizeLinear and
 * DequantizeLinear around them, which ONNX Runtime turns into its integer kernels. Weights are symmetric, with one
 * scale for each channel, and uint8 as well. Activations are uint8, as its kernels for x86 take them, with one scale and zero point for
 * each tensor, from the calibration range widened to hold zero. Biases are int32 at the product of both scales. The
 * scheme is that of Jacob et al. (CVPR 2018), with the choices of ONNX Runtime's `quantize_static`.
 *
 * @param ranges of the tensors that `tensorsToCalibrate` names
 * @throws UserError if the model is quantized already, or has nothing to quantize
 */
export function quantizeOnnxToInt8(
  bytes: Uint8Array,
  path: string,
  ranges: ReadonlyMap<string, CalibrationRange>,
): Uint8Array {
  const draft = openOnnxDraft(bytes, path);
  const { nodes, rangeSources } = planInt8(draft);
  const scales = new ActivationScales(draft, rangeSources, ranges);
  for (const quantizable of nodes) quantizeWeights(draft, quantizable, scales);
  for (const tensor of rangeSources.keys()) {
    const { constants } = scales.of(tensor);
    insertAfter(draft, tensor, (from, to) => {
      const integers = makeFreshName(draft, `${tensor}_uint8`);
      return [
        makeDraftNode('QuantizeLinear', [from, ...constants], integers),
        makeDraftNode('DequantizeLinear', [integers, ...constants], to),
      ];
    });
  }
  dropUnusedWeights(draft.graph);
  return encodeOnnxDraft(draft);
}

interface ActivationScale {
  readonly scale: number;
  /** Names of the constants that hold scale and zero point. */
  readonly constants: readonly [scale: string, zeroPoint: string];
}

/** Scales of activations; tensors of one range share their constants, which are added at the first use. */
class ActivationScales {
  readonly #draft: OnnxDraft;
  readonly #sources: ReadonlyMap<string, string>;
  readonly #ranges: ReadonlyMap<string, CalibrationRange>;
  readonly #scales = new Map<string, ActivationScale>();

  constructor(
    draft: OnnxDraft,
    sources: ReadonlyMap<string, string>,
    ranges: ReadonlyMap<string, CalibrationRange>,
  ) {
    this.#draft = draft;
    this.#sources = sources;
    this.#ranges = ranges;
  }

  of(tensor: string): ActivationScale {
    const source = this.#sources.get(tensor) ?? tensor;
    let activationScale = this.#scales.get(source);
    if (activationScale === undefined) {
      const { scale, zeroPoint } = asymmetricScale(this.#ranges.get(source) ?? [0, 0]);
      activationScale = {
        scale,
        constants: [
          addConstant(this.#draft, `${source}_scale`, 'float32', [], Float32Array.of(scale)),
          addConstant(this.#draft, `${source}_zero_point`, 'uint8', [], Uint8Array.of(zeroPoint)),
        ],
      };
      this.#scales.set(source, activationScale);
    }
    return activationScale;
  }
}

/** Makes a node read its weight and bias as integers with scales. */
function quantizeWeights(
  draft: OnnxDraft,
  { node, weight, axis, bias }: QuantizableNode,
  scales: ActivationScales,
): void {
  const { scale } = scales.of(node.input[0]);
  const dims = weight.dims.map(Number);
  const { integers, channelScales } = quantizeSymmetric(weightValues(weight), dims, axis);
  const channels = channelScales.length;
  const dequantized = makeFreshName(draft, `${weight.name}_dequantized`);
  const parts = [
    addConstant(draft, `${weight.name}_uint8`, 'uint8', dims, integers),
    addConstant(draft, `${weight.name}_scale`, 'float32', [channels], channelScales),
    addConstant(
      draft,
      `${weight.name}_zero_point`,
      'uint8',
      [channels],
      new Uint8Array(channels).fill(WEIGHT_ZERO_POINT),
    ),
  ];
  const added = [makeDraftNode('DequantizeLinear', parts, dequantized, { axis })];
  replaceInput(node, 1, dequantized);
  if (bias !== undefined) {
    const units = channelScales.map((channelScale) => channelScale * scale);
    const rounded = Int32Array.from(weightValues(bias), (value, c) =>
      Math.round(value / units[c % channels]),
    );
    const dequantizedBias = makeFreshName(draft, `${bias.name}_dequantized`);
    const biasParts = [
      addConstant(draft, `${bias.name}_int32`, 'int32', [rounded.length], rounded),
      addConstant(draft, `${bias.name}_scale`, 'float32', [channels], units),
      addConstant(draft, `${bias.name}_zero_point`, 'int32', [channels], new Int32Array(channels)),
    ];
    added.push(makeDraftNode('DequantizeLinear', biasParts, dequantizedBias, { axis: 0 }));
    replaceInput(node, 2, dequantizedBias);
  }
  draft.graph.node.splice(draft.graph.node.indexOf(node), 0, ...added);
}

function replaceInput(node: DraftNode, index: number, tensor: string): void {
  node.input = node.input.map((name, i) => (i === index ? tensor : name));
}

/** @returns the constant's name */
function addConstant(
  draft: OnnxDraft,
  wanted: string,
  type: DType,
  dims: readonly number[],
  data: TensorData,
): string {
  const name = makeFreshName(draft, wanted);
  draft.graph.initializer.push({ name, dims, dataType: DATA_TYPE[type], rawData: bytesOf(data) });
  return name;
}

/** Removes weights that no node reads any more. */
function dropUnusedWeights(graph: DraftGraph): void {
  const read = new Set<string>();
  const visit = ({ node, output }: DraftGraph): void => {
    for (const { name } of output) read.add(name);
    for (const reader of node) {
      for (const name of reader.input) read.add(name);
      for (const subgraph of subgraphsOf(reader)) visit(subgraph);
    }
  };
  visit(graph);
  graph.initializer = graph.initializer.filter(({ name }) => read.has(name));
  graph.input = graph.input.filter(
    ({ name }) => read.has(name) || !graph.initializer.some((constant) => constant.name === name),
  );
}

/** Scale and zero point that map a range, widened to hold zero, to 0..255. */
function asymmetricScale([low, high]: CalibrationRange): {
  readonly scale: number;
  readonly zeroPoint: number;
} {
  const min = Math.min(0, low);
  const max = Math.max(0, high);
  const scale = Math.fround((max - min) / 255);
  if (!(scale > 0)) return { scale: 1, zeroPoint: 0 };
  return { scale, zeroPoint: Math.max(0, Math.min(255, Math.round(-min / scale))) };
}

/**
 * Zero point of weights. They are symmetric, and stored as uint8 all the same: ONNX Runtime multiplies uint8 by int8 with an
 * instruction that saturates sums of two products at 16 bits on x86 processors without VNNI.
 */
const WEIGHT_ZERO_POINT = 128;

/** Weights as integers from −127 to 127 around the zero point, with one scale for each index along an axis. */
function quantizeSymmetric(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
): { readonly integers: Uint8Array; readonly channelScales: Float32Array } {
  const channels = dims[axis];
  const stride = sizeOf(dims.slice(axis + 1));
  const channelOf = (i: number): number => Math.floor(i / stride) % channels;
  const largest = new Float64Array(channels);
  values.forEach((value, i) => {
    const c = channelOf(i);
    largest[c] = Math.max(largest[c], Math.abs(value));
  });
  const channelScales = Float32Array.from(largest, (value) => (value > 0 ? value / 127 : 1));
  const integers = Uint8Array.from(
    values,
    (value, i) =>
      WEIGHT_ZERO_POINT + Math.max(-127, Math.min(127, Math.round(value / channelScales[channelOf(i)]))),
  );
  return { integers, channelScales };
}
