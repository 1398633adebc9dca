import { sizeOf } from '../../../tensor/tensor.ts';
import { type Differentiation, integerOf, listOf, type Rule, upstreamOf } from '../rule.ts';
import type { Value } from '../tensor-writer.ts';
import { convolveBack, type WindowGeometry, windowOf } from './convolution.ts';

function poolWindow(at: Differentiation): WindowGeometry | undefined {
  const kernel = listOf(at, 'kernel_shape');
  return kernel && windowOf(at, kernel, at.inputShape(0).slice(2), at.outputShape(0).slice(2));
}

/** The gradient goes to the value that each window took: its index is found by pooling again. */
const maxPool: Rule = (at) => {
  const window = poolWindow(at);
  if (window === undefined || at.upstream(1) !== undefined || integerOf(at, 'storage_order', 0) !== 0)
    return undefined;
  const { writer: w } = at;
  const shape = at.inputShape(0);
  if (isTiling(window, shape, at.outputShape(0))) return [spreadOverTiles(at, window)];
  const g = upstreamOf(at);
  const indices = w.freshName();
  const { strides, dilations, before, after, kernel } = window;
  w.builder.node('MaxPool', [at.operand(0).name], [w.freshName(), indices], {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...before, ...after],
    ceil_mode: integerOf(at, 'ceil_mode', 0),
  });
  const flat = w.reshape({ name: indices, shape: g.shape }, [sizeOf(g.shape)]);
  const spread = w.scatterElementsAdd([sizeOf(shape)], flat, w.reshape(g, [sizeOf(g.shape)]), 0);
  return [w.reshape(spread, shape)];
};

/** Whether windows cover the input without gaps and overlaps. */
function isTiling(
  { kernel, strides, dilations, before, after }: WindowGeometry,
  input: readonly number[],
  output: readonly number[],
): boolean {
  return (
    [...before, ...after].every((count) => count === 0) &&
    dilations.every((step, i) => step === 1 || kernel[i] === 1) &&
    kernel.every((size, i) => size === strides[i] && output[i + 2] * size === input[i + 2])
  );
}

/** Compares each window with its maximum, which costs less than finding its index. Ties get the gradient all. */
function spreadOverTiles(at: Differentiation, { kernel }: WindowGeometry): Value {
  const { writer: w } = at;
  const [batch, channels, ...space] = at.outputShape(0);
  const tiled = [batch, channels, ...space.flatMap((size, i) => [size, kernel[i]])];
  const aligned = [batch, channels, ...space.flatMap((size) => [size, 1])];
  const isLargest = w.compare('Equal', w.reshape(at.operand(0), tiled), w.reshape(at.result(0), aligned));
  const spread = w.mask(isLargest, w.reshape(upstreamOf(at), aligned));
  return w.reshape(spread, at.inputShape(0));
}

/** Each window's gradient, divided by the number of its values, is added to all of them. */
export const averagePool: Rule = (at) => {
  const window = poolWindow(at);
  if (window === undefined) return undefined;
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const channels = shape[1];
  const ones = new Float32Array(channels * sizeOf(window.kernel)).fill(1);
  const kernel = w.floats(ones, [channels, 1, ...window.kernel]);
  const shares = w.mul(upstreamOf(at), windowShares(at, window));
  return [convolveBack(at, shares, kernel, window, channels, shape)];
};

/** The reciprocal of the number of values in each window, as `[1, 1, ...output]`. */
function windowShares(at: Differentiation, window: WindowGeometry): Value {
  const { writer: w } = at;
  const countsPadding = integerOf(at, 'count_include_pad', 0) !== 0;
  const input = at.inputShape(0).slice(2);
  const output = at.outputShape(0).slice(2);
  const counts = output.map((size, axis) =>
    Array.from({ length: size }, (_, position) => {
      const first = position * window.strides[axis] - window.before[axis];
      const [low, high] = countsPadding
        ? [-window.before[axis], input[axis] + window.after[axis]]
        : [0, input[axis]];
      const taps = Array.from({ length: window.kernel[axis] }, (__, k) => first + k * window.dilations[axis]);
      return taps.filter((tap) => tap >= low && tap < high).length;
    }),
  );
  const shares = counts.reduce<number[]>(
    (outer, axis) => outer.flatMap((share) => axis.map((count) => share / Math.max(1, count))),
    [1],
  );
  return w.floats(Float32Array.from(shares), [1, 1, ...output]);
}

const globalAveragePool: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  return [w.expand(w.scale(upstreamOf(at), 1 / sizeOf(shape.slice(2))), shape)];
};

const globalMaxPool: Rule = (at) => [
  at.writer.mask(at.writer.compare('Equal', at.operand(0), at.result(0)), upstreamOf(at)),
];

/** (Σ |x|ᵖ)^(1/p) over windows: g·y^(1 − p) of all windows that read a value, times sgn x·|x|^(p − 1). */
const lpPool: Rule = (at) => {
  const window = poolWindow(at);
  if (window === undefined) return undefined;
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const channels = shape[1];
  const ones = new Float32Array(channels * sizeOf(window.kernel)).fill(1);
  const kernel = w.floats(ones, [channels, 1, ...window.kernel]);
  const shares = w.mul(upstreamOf(at), slopeOfNorm(at));
  return [w.mul(convolveBack(at, shares, kernel, window, channels, shape), slopeOfTerm(at))];
};

const globalLpPool: Rule = (at) => [
  at.writer.mul(at.writer.mul(upstreamOf(at), slopeOfNorm(at)), slopeOfTerm(at)),
];

/** y^(1 − p), 0 where y is 0. */
function slopeOfNorm(at: Differentiation): Value {
  const { writer: w } = at;
  const y = at.result(0);
  const isZero = w.compare('Equal', y, w.scalar(0));
  const base = w.where(isZero, w.scalar(1), y);
  return w.where(isZero, w.scalar(0), w.pow(base, w.scalar(1 - integerOf(at, 'p', 2))));
}

/** sgn x·|x|^(p − 1). */
function slopeOfTerm(at: Differentiation): Value {
  const { writer: w } = at;
  const x = at.operand(0);
  return w.mul(w.unary('Sign', x), w.pow(w.unary('Abs', x), w.scalar(integerOf(at, 'p', 2) - 1)));
}

/** Values were written to the places that indices name, as MaxPool gives them: those of the whole tensor. */
const maxUnpool: Rule = (at) => {
  const { writer: w } = at;
  const g = upstreamOf(at);
  const flat = w.reshape(g, [sizeOf(g.shape)]);
  return [w.node('Gather', [flat, at.indices(1)], at.inputShape(0))];
};

export const POOLING_RULES: Readonly<Record<string, Rule>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  LpPool: lpPool,
  GlobalLpPool: globalLpPool,
  MaxUnpool: maxUnpool,
};
