import { UserError } from '../../core/errors.ts';
import { bytesOf, type TensorData } from '../../tensor/tensor.ts';
import { readOnnx } from '../formats/onnx/graph.ts';
import { ModelProto, type OnnxAttribute, type OnnxModel, type OnnxTensor } from '../formats/onnx/proto.ts';
import { DATA_TYPE, tensorOf } from '../formats/onnx/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import { LAYOUT_OPS } from '../graph/layout-ops.ts';
import type { CalibrationRange } from './kind.ts';
import { roundToBfloat16, roundToFloat16 } from './rounding.ts';

/** TensorProto.DataType of bfloat16, which testcases can't have. */
const BFLOAT16 = 16;

/** The version of the operators from which on Cast knows bfloat16 and QuantizeLinear an axis. */
const MIN_OPSET = 13;

/** AttributeProto.AttributeType INT. */
const ATTRIBUTE_TYPE_INT = 2;

const VALUE_KEEPING_OPS: ReadonlySet<string> = new Set(LAYOUT_OPS);

/** Operations on quantized numbers. */
const QUANTIZED_OP = /Quantize|QLinear|^QGemm$|Integer$/;

interface MutableNode {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: OnnxAttribute[];
}

type MutableTensor = { -readonly [K in keyof OnnxTensor]: OnnxTensor[K] };

/** The parts of a decoded file that are changed. */
interface MutableGraph {
  node: MutableNode[];
  initializer: MutableTensor[];
  input: { readonly name: string }[];
  output: { readonly name: string }[];
  valueInfo: { readonly name: string }[];
}

/** An ONNX file that is being made into a copy. */
interface ModelDraft {
  readonly path: string;
  readonly model: object;
  readonly graph: MutableGraph;
  /** As it was. */
  readonly originalGraph: Graph;
  readonly weights: ReadonlyMap<string, MutableTensor>;
}

/**
 * Opens an ONNX file to quantize it.
 *
 * @param externalData the bytes of the file that a weight lies in, by its location
 * @throws UserError where it is quantized already, or its operators are too old
 */
function openDraft(bytes: Uint8Array, path: string, external: ReadonlyMap<string, Uint8Array>): ModelDraft {
  const content = readOnnx(bytes, path);
  const already = findQuantization(content.graph);
  if (already !== undefined) {
    throw new UserError(`${path} is quantized already (${already}): name the model that it was made from`);
  }
  if (content.opset < MIN_OPSET) {
    throw new UserError(
      `${path} uses version ${content.opset} of the ONNX operators and quantizing needs ${MIN_OPSET}: export it again, or convert it with onnx.version_converter`,
    );
  }
  const model = ModelProto.decode(bytes) as unknown as OnnxModel;
  const graph = model.graph as unknown as MutableGraph;
  for (const node of graph.node) {
    const value =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value) graph.initializer.push(Object.assign(value, { name: node.output[0] }));
  }
  const named = new Set(graph.initializer.map(({ name }) => name));
  graph.node = graph.node.filter(({ opType, output }) => opType !== 'Constant' || !named.has(output[0]));
  const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const { tensor, location, offset, length } of content.external) {
    const weight = weights.get(tensor);
    const file = external.get(location);
    if (weight === undefined || file === undefined) continue;
    weight.rawData = file.subarray(offset, length === undefined ? undefined : offset + length);
    weight.dataLocation = 0;
    weight.externalData = [];
  }
  return { path, model, graph, originalGraph: content.graph, weights };
}

/** What shows that a model is quantized; undefined where nothing does. */
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

function encodeDraft({ model, graph }: ModelDraft): Uint8Array {
  // Shapes and types of tensors in between may not hold any more; the runtime finds them itself.
  graph.valueInfo = [];
  return ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish();
}

/** A name that no tensor of the model bears. */
function makeFreshName({ originalGraph, graph }: ModelDraft, wanted: string): string {
  const isTaken = (name: string): boolean =>
    originalGraph.types.has(name) ||
    originalGraph.constants.has(name) ||
    graph.initializer.some((tensor) => tensor.name === name) ||
    graph.node.some(({ input, output }) => output.includes(name) || input.includes(name));
  let name = wanted;
  while (isTaken(name)) name = `${name}_`;
  return name;
}

/** Lets all that reads a tensor read another one, in subgraphs too. */
function redirectReaders(nodes: readonly MutableNode[], from: string, to: string): void {
  for (const node of nodes) {
    node.input = node.input.map((name) => (name === from ? to : name));
    for (const { g, graphs = [] } of node.attribute)
      for (const inner of [...(g ? [g] : []), ...graphs])
        redirectReaders(inner.node as unknown as MutableNode[], from, to);
  }
}

/** Puts nodes behind the one that makes a tensor, so that what reads it reads their result; of an input, in front of all. */
function insertAfter(
  draft: ModelDraft,
  tensor: string,
  between: (from: string, to: string) => MutableNode[],
): void {
  const { graph } = draft;
  const at = graph.node.findIndex(({ output }) => output.includes(tensor));
  if (at < 0) {
    const to = makeFreshName(draft, `${tensor}_rounded`);
    redirectReaders(graph.node, tensor, to);
    graph.node.unshift(...between(tensor, to));
    return;
  }
  const maker = graph.node[at];
  const from = makeFreshName(draft, `${tensor}_exact`);
  maker.output = maker.output.map((name) => (name === tensor ? from : name));
  graph.node.splice(at + 1, 0, ...between(from, tensor));
}

function makeNode(
  opType: string,
  input: string[],
  output: string,
  ints: Readonly<Record<string, number>> = {},
): MutableNode {
  const attribute = Object.entries(ints).map(([name, i]) => ({ name, i, type: ATTRIBUTE_TYPE_INT }));
  return {
    opType,
    input,
    output: [output],
    name: `neurofuzz/${output}`,
    attribute: attribute as unknown as OnnxAttribute[],
  };
}

/**
 * A copy of an ONNX model that computes in half precision: weights, inputs and the result of every operation are
 * rounded, by pairs of Cast, since ONNX Runtime's CPU computes float16 files in single precision. Inside the bodies of
 * If, Loop and Scan nothing is rounded.
 *
 * @throws UserError where it is quantized already, or has no single-precision numbers
 */
export function quantizeOnnxToHalf(
  bytes: Uint8Array,
  path: string,
  kind: 'float16' | 'bfloat16',
  external: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const draft = openDraft(bytes, path, external);
  const { graph, originalGraph, weights } = draft;
  const isSingle = (name: string): boolean => originalGraph.types.get(name) === 'float32';
  const round = kind === 'float16' ? roundToFloat16 : roundToBfloat16;
  for (const weight of weights.values()) {
    if (weight.dataType !== DATA_TYPE.float32) continue;
    setWeightValues(weight, Float32Array.from(weightValues(weight), round));
  }
  const made = graph.node
    .filter(({ opType }) => !VALUE_KEEPING_OPS.has(opType))
    .flatMap(({ output }) => output)
    .filter((name) => name !== '' && isSingle(name));
  const taken = graph.input.map(({ name }) => name).filter((name) => !weights.has(name) && isSingle(name));
  if (made.length === 0) {
    throw new UserError(`${path} computes no single-precision numbers: there is nothing to round`);
  }
  const to = kind === 'float16' ? DATA_TYPE.float16 : BFLOAT16;
  for (const tensor of [...taken, ...made]) {
    insertAfter(draft, tensor, (from, result) => {
      const half = makeFreshName(draft, `${tensor}_${kind}`);
      return [
        makeNode('Cast', [from], half, { to }),
        makeNode('Cast', [half], result, { to: DATA_TYPE.float32 }),
      ];
    });
  }
  return encodeDraft(draft);
}

function weightValues(weight: OnnxTensor): Float32Array {
  return tensorOf(weight, weight.name).data as Float32Array;
}

function setWeightValues(weight: MutableTensor, values: Float32Array): void {
  weight.rawData = bytesOf(values);
  weight.floatData = [];
}

/** Of an operation with integer kernels: the axis of its weight that counts channels. */
const CHANNEL_AXIS: Readonly<Record<string, (node: MutableNode, rank: number) => number>> = {
  Conv: () => 0,
  MatMul: (_node, rank) => rank - 1,
  Gemm: (node) => (Number(node.attribute.find(({ name }) => name === 'transB')?.i ?? 0) === 1 ? 0 : 1),
};

/** Operations whose results lie within the span of what they are given, so that both share one scale. */
const SCALE_SHARING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'MaxPool', 'Transpose']);

/** What is quantized: operations with their weights, and the tensors between them. */
interface Int8Plan {
  readonly nodes: readonly MutableNode[];
  /** Tensors that become integers, each with the one whose span it has. */
  readonly rangeSources: ReadonlyMap<string, string>;
}

function planInt8({ graph, originalGraph, weights }: ModelDraft): Int8Plan {
  const isWeight = (name: string | undefined): boolean => {
    const weight = weights.get(name ?? '');
    return weight?.dataType === DATA_TYPE.float32 && weight.dims.length >= 2;
  };
  const biasFits = ({ opType, input }: MutableNode): boolean =>
    opType === 'MatMul' ||
    (input[2] ?? '') === '' ||
    (weights.get(input[2])?.dataType === DATA_TYPE.float32 && weights.get(input[2])?.dims.length === 1);
  const nodes = graph.node.filter(
    (node) =>
      Object.hasOwn(CHANNEL_AXIS, node.opType) &&
      !weights.has(node.input[0]) &&
      isWeight(node.input[1]) &&
      biasFits(node),
  );
  const tensors = new Map<string, string>();
  const isSingle = (name: string): boolean => originalGraph.types.get(name) === 'float32';
  for (const { input, output } of nodes) {
    tensors.set(input[0], input[0]);
    const [result] = output;
    const readers = graph.node.filter((node) => node.input.includes(result));
    const isOutput = graph.output.some(({ name }) => name === result);
    // Rectifying is part of rounding to integers that begin at zero.
    const place =
      readers.length === 1 && readers[0].opType === 'Relu' && !isOutput ? readers[0].output[0] : result;
    tensors.set(place, place);
  }
  for (const node of graph.node) {
    const source = tensors.get(node.input[0]);
    const [result] = node.output;
    if (source !== undefined && SCALE_SHARING_OPS.has(node.opType) && isSingle(result))
      tensors.set(result, source);
  }
  return { nodes, rangeSources: tensors };
}

/** Tensors whose spans `int8Onnx` needs. */
export function tensorsToCalibrate(
  bytes: Uint8Array,
  path: string,
  external: ReadonlyMap<string, Uint8Array>,
): string[] {
  return [...new Set(planOrRefuse(openDraft(bytes, path, external)).rangeSources.values())];
}

function planOrRefuse(draft: ModelDraft): Int8Plan {
  const plan = planInt8(draft);
  if (plan.nodes.length > 0) return plan;
  throw new UserError(
    `${draft.path} has no Conv, MatMul or Gemm with constant weights: there is nothing to quantize to int8`,
  );
}

/**
 * A copy of an ONNX model whose convolutions and matrix products work on 8-bit integers, as QuantizeLinear and
 * DequantizeLinear around them say, which ONNX Runtime turns into its integer kernels. Weights are symmetric, a scale
 * a channel; activations are unsigned, since that is what its kernels for x86 take, and have a scale and a zero point a tensor, from the least and the greatest value on the seeds
 * with zero between them; biases are 32-bit at the product of both scales. The scheme is that of Jacob et al. (CVPR
 * 2018), with the choices of ONNX Runtime's `quantize_static`.
 *
 * @param spans of the tensors that `spansNeeded` names
 * @throws UserError where it is quantized already, or has nothing to quantize
 */
export function quantizeOnnxToInt8(
  bytes: Uint8Array,
  path: string,
  external: ReadonlyMap<string, Uint8Array>,
  spans: ReadonlyMap<string, CalibrationRange>,
): Uint8Array {
  const draft = openDraft(bytes, path, external);
  const { graph, weights } = draft;
  const { nodes, rangeSources } = planOrRefuse(draft);
  const add = (
    wanted: string,
    type: keyof typeof DATA_TYPE,
    dims: readonly number[],
    data: TensorData,
  ): string => {
    const name = makeFreshName(draft, wanted);
    graph.initializer.push({
      name,
      dims,
      dataType: DATA_TYPE[type],
      rawData: bytesOf(data),
    } as unknown as MutableTensor);
    return name;
  };
  const scales = new Map<string, { readonly scale: number; readonly names: [scale: string, zero: string] }>();
  const scaleOf = (tensor: string) => {
    const source = rangeSources.get(tensor) as string;
    let made = scales.get(source);
    if (made === undefined) {
      const { scale, zero } = asymmetricScale(spans.get(source) ?? [0, 0]);
      const names: [string, string] = [
        add(`${source}_scale`, 'float32', [], Float32Array.of(scale)),
        add(`${source}_zero_point`, 'uint8', [], Uint8Array.of(zero)),
      ];
      made = { scale, names };
      scales.set(source, made);
    }
    return made;
  };
  for (const node of nodes) {
    const { scale } = scaleOf(node.input[0]);
    const weight = weights.get(node.input[1]) as MutableTensor;
    const dims = weight.dims.map(Number);
    const axis = CHANNEL_AXIS[node.opType](node, dims.length);
    const { integers, perChannel } = quantizeSymmetric(weightValues(weight), dims, axis);
    const channels = perChannel.length;
    const [, weightName, biasName = ''] = node.input;
    const dequantized = makeFreshName(draft, `${weightName}_dequantized`);
    const parts = [
      add(`${weightName}_int8`, 'int8', dims, integers),
      add(`${weightName}_scale`, 'float32', [channels], perChannel),
      add(`${weightName}_zero_point`, 'int8', [channels], new Int8Array(channels)),
    ];
    const before = [makeNode('DequantizeLinear', parts, dequantized, { axis })];
    node.input = node.input.map((name, place) => (place === 1 ? dequantized : name));
    if (node.opType !== 'MatMul' && biasName !== '') {
      const units = perChannel.map((one) => one * scale);
      const bias = weightValues(weights.get(biasName) as MutableTensor);
      const rounded = Int32Array.from(bias, (value, c) => Math.round(value / units[c % channels]));
      const result = makeFreshName(draft, `${biasName}_dequantized`);
      const biasParts = [
        add(`${biasName}_int32`, 'int32', [bias.length], rounded),
        add(`${biasName}_scale`, 'float32', [channels], units),
        add(`${biasName}_zero_point`, 'int32', [channels], new Int32Array(channels)),
      ];
      before.push(makeNode('DequantizeLinear', biasParts, result, { axis: 0 }));
      node.input = node.input.map((name, place) => (place === 2 ? result : name));
    }
    graph.node.splice(graph.node.indexOf(node), 0, ...before);
  }
  for (const tensor of rangeSources.keys()) {
    const { names } = scaleOf(tensor);
    insertAfter(draft, tensor, (from, to) => {
      const integers = makeFreshName(draft, `${tensor}_uint8`);
      return [
        makeNode('QuantizeLinear', [from, ...names], integers),
        makeNode('DequantizeLinear', [integers, ...names], to),
      ];
    });
  }
  dropUnusedWeights(graph);
  return encodeDraft(draft);
}

/** Weights that nothing reads any more. */
function dropUnusedWeights(graph: MutableGraph): void {
  const read = new Set<string>(graph.output.map(({ name }) => name));
  const visit = (nodes: readonly MutableNode[]): void => {
    for (const { input, attribute } of nodes) {
      for (const name of input) read.add(name);
      for (const { g, graphs = [] } of attribute)
        for (const inner of [...(g ? [g] : []), ...graphs]) {
          visit(inner.node as unknown as MutableNode[]);
          for (const { name } of inner.output) read.add(name);
        }
    }
  };
  visit(graph.node);
  graph.initializer = graph.initializer.filter(({ name }) => read.has(name));
  graph.input = graph.input.filter(
    ({ name }) => read.has(name) || !graph.initializer.some((one) => one.name === name),
  );
}

/** Scale and zero point that lay a span, widened to hold zero, onto 0 to 255. */
function asymmetricScale([low, high]: CalibrationRange): { readonly scale: number; readonly zero: number } {
  const least = Math.min(0, low);
  const most = Math.max(0, high);
  const scale = Math.fround((most - least) / 255);
  if (!(scale > 0)) return { scale: 1, zero: 0 };
  return { scale, zero: Math.max(0, Math.min(255, Math.round(-least / scale))) };
}

/** Weights as integers from −127 to 127, with a scale for each place along an axis. */
function quantizeSymmetric(
  values: Float32Array,
  dims: readonly number[],
  axis: number,
): { readonly integers: Int8Array; readonly perChannel: Float32Array } {
  const channels = dims[axis];
  const stride = dims.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (i: number): number => Math.floor(i / stride) % channels;
  const most = new Float64Array(channels);
  values.forEach((value, i) => {
    const c = channelOf(i);
    most[c] = Math.max(most[c], Math.abs(value));
  });
  const perChannel = Float32Array.from(most, (value) => (value > 0 ? value / 127 : 1));
  const integers = Int8Array.from(values, (value, i) =>
    Math.max(-127, Math.min(127, Math.round(value / perChannel[channelOf(i)]))),
  );
  return { integers, perChannel };
}
