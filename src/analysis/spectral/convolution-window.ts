import type { GraphNode } from '../../model/graph/graph.ts';
import { readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { numbersOf } from './weight-operands.ts';

/** A convolution `[channels, ...space]` → `[maps, ...steps]` without a bias. */
export interface Convolution {
  /** `[maps, channels / groups, ...kernel]`. */
  readonly weight: Float32Array;
  readonly weightShape: readonly number[];
  readonly groups: number;
  readonly channels: number;
  /** Sizes of the spatial axes that it reads, and those that it writes. */
  readonly space: readonly number[];
  readonly steps: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros in front of each spatial axis and behind it; a negative number behind is what windows do not reach. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Operations of ONNX, whose channels come first and whose weights are `[maps, channels, ...kernel]`. */
const ONNX_OPS: ReadonlySet<string> = new Set(['Conv', 'FusedConv', 'ConvTranspose']);

const DEPTHWISE_OPS: ReadonlySet<string> = new Set(['DepthwiseConv2dNative', 'FusedDepthwiseConv2dNative']);

/**
 * The convolution that an operation with weights computes; of a transposed one, the convolution whose transpose it is, which has the same
 * singular values.
 *
 * @param weight of at least three dimensions
 * @param input shape of what the operation reads, batch included
 * @param output shape of what it gives
 * @returns undefined where its attributes do not tell how windows move
 */
export function convolutionOf(
  { op, attributes = {} }: GraphNode,
  weight: Tensor,
  input: readonly number[],
  output: readonly number[],
  isTransposed: boolean,
): Convolution | undefined {
  const isOnnx = ONNX_OPS.has(op);
  const rank = weight.shape.length - 2;
  const given = (names: readonly string[]): readonly number[] | undefined => {
    const numbers = numbersOf(names.map((name) => attributes[name]).find((value) => value !== undefined));
    if (numbers === undefined) return undefined;
    if (numbers.length === rank) return numbers;
    if (numbers.length === 1) return new Array<number>(rank).fill(numbers[0]);
    // TensorFlow counts batch and channels.
    return numbers.length === rank + 2 ? spatial(numbers) : undefined;
  };
  const format = String(attributes.data_format ?? attributes.dataFormat ?? '');
  const channelsFirst = isOnnx || /^NC|channels_?first/i.test(format);
  const spatial = (sizes: readonly number[]): readonly number[] =>
    channelsFirst ? sizes.slice(2) : sizes.slice(1, -1);
  if (input.length !== rank + 2 || output.length !== rank + 2) return undefined;
  const strides = given(['strides']) ?? (isOnnx ? new Array<number>(rank).fill(1) : undefined);
  const dilations = given(['dilations', 'dilationRate']) ?? new Array<number>(rank).fill(1);
  if (strides === undefined) return undefined;
  const { values, shape } = isOnnx ? inOrder(weight) : mapsFirst(weight, DEPTHWISE_OPS.has(op));
  const [space, steps] = isTransposed ? [output, input].map(spatial) : [input, output].map(spatial);
  const from = isTransposed ? output : input;
  const channels = channelsFirst ? from[1] : from[from.length - 1];
  const kernel = shape.slice(2);
  const before = paddingBefore({ ...attributes }, kernel, { strides, dilations, space, steps });
  if (before === undefined) return undefined;
  const after = kernel.map(
    (size, i) => strides[i] * (steps[i] - 1) + dilations[i] * (size - 1) + 1 - before[i] - space[i],
  );
  const groups = channels / shape[1];
  return {
    weight: values,
    weightShape: shape,
    groups,
    channels,
    space,
    steps,
    strides,
    dilations,
    before,
    after,
  };
}

/** Places of the window of a convolution. @param shape of its weight */
export function windowPlaces({ op }: GraphNode, shape: readonly number[]): number {
  return sizeOf(ONNX_OPS.has(op) ? shape.slice(2) : shape.slice(0, -2));
}

/** Zeros in front of each axis; undefined where they are not known. */
function paddingBefore(
  attributes: NonNullable<GraphNode['attributes']>,
  kernel: readonly number[],
  { strides, dilations, space, steps }: Pick<Convolution, 'strides' | 'dilations' | 'space' | 'steps'>,
): readonly number[] | undefined {
  const named = String(attributes.auto_pad ?? attributes.padding ?? 'NOTSET').toUpperCase();
  if (named === 'NOTSET') return numbersOf(attributes.pads)?.slice(0, kernel.length) ?? kernel.map(() => 0);
  if (named === 'VALID') return kernel.map(() => 0);
  if (!named.startsWith('SAME')) return undefined;
  return kernel.map((size, i) => {
    const total = Math.max(0, strides[i] * (steps[i] - 1) + dilations[i] * (size - 1) + 1 - space[i]);
    return named === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
  });
}

interface OrderedWeight {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

function inOrder({ type, shape, data }: Tensor): OrderedWeight {
  return { values: Float32Array.from({ length: data.length }, (_, i) => readNumber(type, data, i)), shape };
}

/** TensorFlow's `[...kernel, channels, maps]` as `[maps, channels, ...kernel]`; of a depthwise one each channel has maps of its own. */
function mapsFirst({ type, shape, data }: Tensor, isDepthwise: boolean): OrderedWeight {
  const kernel = shape.slice(0, -2);
  const [channels, maps] = shape.slice(-2);
  const window = sizeOf(kernel);
  const values = new Float32Array(data.length);
  for (let at = 0; at < window; at++)
    for (let channel = 0; channel < channels; channel++)
      for (let map = 0; map < maps; map++) {
        const row = isDepthwise ? channel * maps + map : map * channels + channel;
        values[row * window + at] = readNumber(type, data, (at * channels + channel) * maps + map);
      }
  return { values, shape: isDepthwise ? [channels * maps, 1, ...kernel] : [maps, channels, ...kernel] };
}
