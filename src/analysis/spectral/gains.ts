import type { GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { numbersOf } from './weight-operands.ts';

/** What rules may ask of the tensors that an operation reads and gives. */
export interface GainContext {
  /** Bound of an operand: how far it moves at most for each unit that the inputs move; undefined for one that no input changes. */
  boundOf(tensor: string): number | undefined;
  /** Values of a tensor that no input changes; undefined where they cannot be read. */
  valuesOf(tensor: string): ArrayLike<number> | undefined;
  /** Shape in a run of one testcase; undefined where no run shows it. */
  shapeOf(tensor: string): readonly number[] | undefined;
  /** Gain of an operation's weights, which are measured. */
  weightGainOf(node: GraphNode): number | undefined;
}

/** Operations whose slope is nowhere steeper than a number: 1 for those that are not listed with another. */
const SLOPES: ReadonlyMap<string, number> = new Map([
  ...[
    ...LAYOUT_OPS,
    ...['Transpose', 'Relu', 'Relu6', 'Abs', 'Neg', 'Tanh', 'Softplus', 'Softsign', 'Sin', 'Cos', 'Atan'],
    ...['Celu', 'Softmax', 'Slice', 'StridedSlice', 'Split', 'SplitV', 'Unpack', 'PadV2', 'Clip'],
    ...['ClipByValue', 'ClipByValueV2', 'ReduceMax', 'ReduceMin', 'GlobalMaxPool', 'SpaceToDepth'],
    ...['DepthToSpace', 'ReduceL2', 'Masking', 'Concat', 'ConcatV2', 'Pack'],
  ].map((op): [string, number] => [op, 1]),
  ['Sigmoid', 0.25],
  ['Erf', 2 / Math.sqrt(Math.PI)],
  ['Gelu', 1.13],
  ['FastGelu', 1.13],
  ['Silu', 1.1],
  ['Swish', 1.1],
  ['Mish', 1.09],
  ['HardSwish', 1.5],
]);

/** Additions, whose operands' bounds add up. */
const SUMS: ReadonlySet<string> = new Set(['Add', 'AddV2', 'AddN', 'Sum', 'Sub', 'BiasAdd']);

/** Operations that take each element of their result from one of their operands. */
const CHOICES: ReadonlySet<string> = new Set(['Concat', 'ConcatV2', 'Pack']);

/** The same, of operands that are repeated to one size; TensorFlow has `Max` and `Min` along axes. */
const EXTREMES: ReadonlySet<string> = new Set(['Max', 'Min', 'Maximum', 'Minimum']);

const MEANS: ReadonlySet<string> = new Set(['ReduceMean', 'GlobalAveragePool', 'Mean']);

const NORMALIZATIONS: ReadonlyMap<string, number> = new Map([
  ['LayerNormalization', 1],
  ['InstanceNormalization', 1],
  ['GroupNormalization', 1],
]);

/** Batch normalisations, with the positions of scale and variance. */
const BATCH_NORMALIZATIONS: ReadonlySet<string> = new Set([
  ...['BatchNormalization', 'FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'],
]);

const MAX_POOLS: ReadonlySet<string> = new Set(['MaxPool', 'MaxPool3D']);
const AVERAGE_POOLS: ReadonlySet<string> = new Set(['AveragePool', 'AvgPool', 'AvgPool3D']);

/** Types of a Cast that keep values but for rounding. */
const FLOAT_TYPES: ReadonlySet<string> = new Set(['1', '10', '11', '16', 'DT_FLOAT', 'float32', 'undefined']);

/**
 * How far the result of an operation moves at most for each unit that the inputs move, in L2; undefined where no bound is known, for example
 * of a product of two tensors that both move.
 */
export function boundAfter(node: GraphNode, context: GainContext): number | undefined {
  const { op, inputs, attributes = {} } = node;
  const measured = context.weightGainOf(node);
  const moving = inputs.filter((name) => context.boundOf(name) !== undefined);
  const bounds = moving.map((name) => context.boundOf(name) ?? 0);
  if (measured !== undefined) return moving.length === 1 ? measured * bounds[0] : undefined;
  if (SUMS.has(op)) {
    const spread = moving.map((name) => (op === 'Sum' ? sumGain : spreadOf)(name, node, context));
    return sumOf(bounds.map((bound, i) => bound * spread[i]));
  }
  if (EXTREMES.has(op)) {
    const repeated = bounds.map((bound, i) => bound * Math.max(1, spreadOf(moving[i], node, context)));
    return Number.isNaN(sumOf(repeated) ?? Number.NaN) ? undefined : Math.hypot(...repeated);
  }
  if (CHOICES.has(op) && moving.length > 1) return Math.hypot(...bounds);
  if (moving.length !== 1) return undefined;
  const [bound] = bounds;
  const gain = gainOf(node, moving[0], context, attributes);
  return gain === undefined ? undefined : gain * bound;
}

/** The gain of an operation of which one operand moves. */
function gainOf(
  node: GraphNode,
  moving: string,
  context: GainContext,
  attributes: NonNullable<GraphNode['attributes']>,
): number | undefined {
  const { op, inputs } = node;
  const number = (name: string, fallback: number): number => Number(attributes[name] ?? fallback);
  switch (op) {
    case 'Cast':
      return FLOAT_TYPES.has(String(attributes.to ?? attributes.DstT)) ? 1 : undefined;
    case 'LeakyRelu':
    case 'PRelu':
    case 'Prelu': {
      const slope = op === 'LeakyRelu' ? [number('alpha', 0.01)] : context.valuesOf(inputs[1] ?? '');
      return slope && Math.max(1, largest(slope));
    }
    case 'Elu':
      return Math.max(1, number('alpha', 1));
    case 'Selu':
      return number('gamma', 1.0507009873554805) * Math.max(1, Math.abs(number('alpha', 1.6732632423543772)));
    case 'HardSigmoid':
      return Math.abs(number('alpha', 0.2));
    case 'LogSoftmax': {
      const shape = context.shapeOf(moving);
      // The Jacobian is I − 1pᵀ, over one axis or, in old graphs, all from one on.
      return shape && 1 + Math.sqrt(sizeOf(shape.slice(1)));
    }
    case 'Mul': {
      const factor = context.valuesOf(inputs.find((name) => name !== moving) ?? '');
      return factor && largest(factor) * spreadOf(moving, node, context);
    }
    case 'Div':
    case 'RealDiv': {
      const divisor = moving === inputs[0] ? context.valuesOf(inputs[1]) : undefined;
      return divisor && spreadOf(moving, node, context) / smallest(divisor);
    }
    case 'ReduceSum':
      return root(context.shapeOf(moving), context.shapeOf(node.outputs[0]));
    case 'Pad':
      return String(attributes.mode ?? 'constant') === 'constant' ? 1 : undefined;
    case 'Gather':
    case 'GatherV2': {
      const indices = moving === inputs[0] ? context.valuesOf(inputs[1] ?? '') : undefined;
      return indices && gatherGain(indices, context.shapeOf(moving), number('axis', 0));
    }
    case 'Expand':
    case 'BroadcastTo':
    case 'Tile':
    case 'UpSampling2D':
      return root(context.shapeOf(node.outputs[0]), context.shapeOf(moving));
  }
  if (MEANS.has(op)) return root(context.shapeOf(node.outputs[0]), context.shapeOf(moving));
  if (BATCH_NORMALIZATIONS.has(op)) return batchNormalizationGain(node, context);
  if (NORMALIZATIONS.has(op)) {
    const scale = context.valuesOf(inputs[1] ?? '');
    return scale && largest(scale) / Math.sqrt(number('epsilon', 1e-5));
  }
  if (MAX_POOLS.has(op)) return Math.sqrt(overlapOf(attributes));
  if (AVERAGE_POOLS.has(op))
    return number('count_include_pad', 0) === 1 || noPads(attributes) ? 1 : Math.sqrt(overlapOf(attributes));
  return SLOPES.get(op);
}

/** The largest |scale| / √(variance + ε) of a channel. */
function batchNormalizationGain(
  { inputs, attributes = {} }: GraphNode,
  context: GainContext,
): number | undefined {
  const [scale, , , variance] = inputs.slice(1).map((name) => context.valuesOf(name));
  if (scale === undefined || variance === undefined || Number(attributes.training_mode ?? 0) === 1)
    return undefined;
  const epsilon = Number(attributes.epsilon ?? 1e-5);
  let most = 0;
  for (let i = 0; i < variance.length; i++) {
    const factor = scale[scale.length === 1 ? 0 : i];
    most = Math.max(most, Math.abs(factor) / Math.sqrt(variance[i] + epsilon));
  }
  return most;
}

/** Windows of a pooling that one value may lie in. */
function overlapOf(attributes: NonNullable<GraphNode['attributes']>): number {
  const list = (...names: string[]): readonly number[] | undefined =>
    numbersOf(names.map((name) => attributes[name]).find((value) => value !== undefined));
  const kernel = list('kernel_shape', 'ksize', 'poolSize') ?? [];
  const given = list('strides');
  const dilations = list('dilations');
  return kernel.reduce((product, size, i) => {
    const stride = given?.[i] ?? 1;
    // A dilated window reaches as many of its values, however they lie.
    return product * ((dilations?.[i] ?? 1) > 1 ? size : Math.ceil(size / stride));
  }, 1);
}

function noPads({ pads, padding, auto_pad }: NonNullable<GraphNode['attributes']>): boolean {
  const named = String(padding ?? auto_pad ?? 'VALID').toUpperCase();
  return (numbersOf(pads) ?? []).every((size) => size === 0) && (named === 'VALID' || named === 'NOTSET');
}

/** How much longer an operand becomes as it is repeated to the size of the result. */
function spreadOf(operand: string, { outputs, inputs }: GraphNode, context: GainContext): number {
  const shape = context.shapeOf(operand);
  const result = context.shapeOf(outputs[0]);
  if (shape !== undefined && result !== undefined) return Math.sqrt(sizeOf(result) / sizeOf(shape));
  return inputs.length === 1 ? 1 : Number.NaN;
}

/** ONNX's Sum adds operands, TensorFlow's adds along axes: then the result is smaller. */
function sumGain(operand: string, node: GraphNode, context: GainContext): number {
  const spread = spreadOf(operand, node, context);
  return spread < 1 ? 1 / spread : spread;
}

/** The gain of rows that are taken by their indices along an axis; negative ones count from the end. */
function gatherGain(
  indices: ArrayLike<number>,
  shape: readonly number[] | undefined,
  axis: number,
): number | undefined {
  const size = shape?.at(axis);
  const counted = Array.from(indices, (index) => (index < 0 ? index + (size ?? Number.NaN) : index));
  return counted.some(Number.isNaN) ? undefined : Math.sqrt(mostRepeated(counted));
}

/** How often the most frequent of some indices occurs. */
function mostRepeated(indices: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < indices.length; i++) counts.set(indices[i], (counts.get(indices[i]) ?? 0) + 1);
  return Math.max(1, ...counts.values());
}

/** The square root of the ratio of two sizes. */
function root(over: readonly number[] | undefined, under: readonly number[] | undefined): number | undefined {
  return over === undefined || under === undefined ? undefined : Math.sqrt(sizeOf(over) / sizeOf(under));
}

function sumOf(values: readonly number[]): number | undefined {
  const sum = values.reduce((total, value) => total + value, 0);
  return Number.isNaN(sum) ? undefined : sum;
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

function smallest(values: ArrayLike<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) least = Math.min(least, Math.abs(values[i]));
  return least;
}
