import type { GraphNode } from '../../graph/graph.ts';
import { type Differentiation, integerOf, listOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';

/** How a window moves over the spatial axes of `[batch, channels, ...space]`; one number an axis. */
export interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The window of a convolution or a pooling, with the padding that `auto_pad` stands for.
 *
 * @param input sizes of the spatial axes that it reads
 * @param output sizes of those that it writes
 */
export function windowOf(
  at: Differentiation,
  kernel: readonly number[],
  input: readonly number[],
  output: readonly number[],
): WindowGeometry {
  const strides = listOf(at, 'strides') ?? kernel.map(() => 1);
  const dilations = listOf(at, 'dilations') ?? kernel.map(() => 1);
  const pads = listOf(at, 'pads') ?? [...kernel, ...kernel].map(() => 0);
  const auto = textOf(at, 'auto_pad', 'NOTSET');
  const geometry = { kernel, strides, dilations };
  if (auto === 'VALID') return { ...geometry, before: kernel.map(() => 0), after: kernel.map(() => 0) };
  if (auto === 'NOTSET')
    return { ...geometry, before: pads.slice(0, kernel.length), after: pads.slice(kernel.length) };
  const total = kernel.map((_, i) => Math.max(0, span(geometry, i, output[i]) - input[i]));
  const small = total.map((count) => Math.floor(count / 2));
  const large = total.map((count, i) => count - small[i]);
  return auto === 'SAME_UPPER'
    ? { ...geometry, before: small, after: large }
    : { ...geometry, before: large, after: small };
}

/** Values that the windows of a number of outputs span along an axis. */
function span(
  { kernel, strides, dilations }: Pick<WindowGeometry, 'kernel' | 'strides' | 'dilations'>,
  axis: number,
  outputs: number,
): number {
  return strides[axis] * (outputs - 1) + dilations[axis] * (kernel[axis] - 1) + 1;
}

/**
 * The transposed convolution of a gradient: what a convolution with this window and these weights
 * `[channels out, channels in / group, ...kernel]` passes back to an input of the given shape.
 */
export function convolveBack(
  at: Differentiation,
  g: Value,
  weight: Value,
  window: WindowGeometry,
  group: number,
  inputShape: readonly number[],
): Value {
  const space = inputShape.slice(2);
  const outputs = g.shape.slice(2);
  // What windows leave over at the end is padded, or cut.
  const after = space.map((size, i) => span(window, i, outputs[i]) - window.before[i] - size);
  return at.writer.node('ConvTranspose', [g, weight], inputShape, {
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.before, ...after.map((count) => Math.max(0, count))],
    output_padding: after.map((count) => Math.max(0, -count)),
    group,
    kernel_shape: window.kernel,
  });
}

/** Transposed convolution with the same weights, strides, pads, dilations and group. */
export const conv: Rule = (at) => {
  const group = integerOf(at, 'group', 1);
  if (at.wants(1) && group !== 1) return undefined;
  const { writer: w } = at;
  const g = upstreamOf(at);
  const kernel = at.inputShape(1).slice(2);
  const shape = at.inputShape(0);
  const window = windowOf(at, kernel, shape.slice(2), at.outputShape(0).slice(2));
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0)) gradients[0] = convolveBack(at, g, at.operand(1), window, group, shape);
  if (at.wants(1)) gradients[1] = weightGradient(at, g, window);
  if (at.wants(2))
    gradients[2] = w.reshape(w.reduceSum(g, [0, ...shape.slice(2).map((_, i) => i + 2)]), at.inputShape(2));
  return gradients;
};

/** The gradient of computed weights: a convolution of the input with the gradient, with strides and dilations exchanged. */
function weightGradient(at: Differentiation, g: Value, window: WindowGeometry): Value {
  const { writer: w } = at;
  const { kernel, strides, dilations, before, after } = window;
  const swap = at.inputShape(0).map((_, i) => (i < 2 ? 1 - i : i));
  const x = w.transpose(at.operand(0), swap);
  const weight = w.transpose(g, swap);
  const size = x.shape.slice(2).map((length, i) => {
    const spare = length + before[i] + after[i] - (strides[i] * (weight.shape[i + 2] - 1) + 1);
    return Math.floor(spare / dilations[i]) + 1;
  });
  const attributes = { strides: dilations, dilations: strides, pads: [...before, ...after] };
  const product = w.node('Conv', [x, weight], [x.shape[0], weight.shape[0], ...size], attributes);
  const cut = kernel.reduce((all, length, i) => w.slice(all, i + 2, 0, length), product);
  return w.transpose(cut, swap);
}

/** Convolution with the same weights. */
const convTranspose: Rule = (at) => {
  if (at.wants(1)) return undefined;
  const { writer: w } = at;
  const g = upstreamOf(at);
  const kernel = at.inputShape(1).slice(2);
  const space = at.inputShape(0).slice(2);
  const { before, after, strides, dilations } = transposedWindow(at, kernel, space, g.shape.slice(2));
  const attributes = {
    strides,
    dilations,
    pads: [...before, ...after],
    group: integerOf(at, 'group', 1),
    kernel_shape: kernel,
  };
  const gradients: (Value | undefined)[] = [];
  if (at.wants(0)) gradients[0] = w.node('Conv', [g, at.operand(1)], at.inputShape(0), attributes);
  if (at.wants(2))
    gradients[2] = w.reshape(w.reduceSum(g, [0, ...space.map((_, i) => i + 2)]), at.inputShape(2));
  return gradients;
};

/** The window of a transposed convolution; padding that is not given follows from the size of the output. */
function transposedWindow(
  at: Differentiation,
  kernel: readonly number[],
  input: readonly number[],
  output: readonly number[],
): WindowGeometry {
  const given = windowOf({ ...at, node: withoutAutoPad(at.node) }, kernel, [], []);
  const auto = textOf(at, 'auto_pad', 'NOTSET');
  if (listOf(at, 'output_shape') === undefined && (auto === 'NOTSET' || auto === 'VALID')) return given;
  const beyond = listOf(at, 'output_padding') ?? kernel.map(() => 0);
  const total = kernel.map((_, i) => Math.max(0, span(given, i, input[i]) + beyond[i] - output[i]));
  const small = total.map((count) => Math.floor(count / 2));
  const large = total.map((count, i) => count - small[i]);
  return auto === 'SAME_UPPER'
    ? { ...given, before: small, after: large }
    : { ...given, before: large, after: small };
}

function withoutAutoPad(node: GraphNode): GraphNode {
  const { auto_pad: _, ...attributes } = node.attributes ?? {};
  return { ...node, attributes };
}

export const CONVOLUTION_RULES: Readonly<Record<string, Rule>> = { Conv: conv, ConvTranspose: convTranspose };
