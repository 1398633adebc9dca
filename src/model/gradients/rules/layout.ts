import { type Differentiation, integerOf, listOf, type Rule, textOf, upstreamOf } from '../rule.ts';
import { positiveAxis, type Value } from '../tensor-writer.ts';

/** Operations that only give a tensor another shape. */
const reshape: Rule = (at) => [at.writer.reshape(upstreamOf(at), at.inputShape(0))];

const transpose: Rule = (at) => {
  const rank = at.inputShape(0).length;
  const perm = listOf(at, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [
    at.writer.transpose(
      upstreamOf(at),
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ];
};

export const concat: Rule = (at) => {
  const axis = positiveAxis(integerOf(at, 'axis', 0), at.outputShape(0).length);
  let start = 0;
  return at.node.inputs.map((_, i) => {
    const end = start + at.inputShape(i)[axis];
    const part = at.wants(i) ? at.writer.slice(upstreamOf(at), axis, start, end) : undefined;
    start = end;
    return part;
  });
};

/** Parts that no gradient arrives at have the gradient 0. */
const split: Rule = (at) => {
  const { writer: w } = at;
  const axis = positiveAxis(integerOf(at, 'axis', 0), at.inputShape(0).length);
  const parts = at.node.outputs.map((name, i): Value | undefined =>
    name === '' ? undefined : (at.upstream(i) ?? w.zeros(at.outputShape(i))),
  );
  if (parts.includes(undefined)) return undefined;
  return [w.concat(parts as Value[], axis)];
};

/** A range of an axis as a Slice takes it, with limits within the axis. */
interface AxisSlice {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  /** Number of values taken. */
  readonly count: number;
}

function slicesOf(at: Differentiation): readonly AxisSlice[] | undefined {
  const shape = at.inputShape(0);
  const part = (name: string, input: number): readonly number[] | undefined =>
    listOf(at, name) ?? (at.hasInput(input) ? at.numbers(input) : undefined);
  const [starts, ends] = [part('starts', 1), part('ends', 2)];
  const axes = part('axes', 3) ?? (at.hasInput(3) ? undefined : starts?.map((_, i) => i));
  const steps = at.hasInput(4) ? at.numbers(4) : starts?.map(() => 1);
  if (starts === undefined || ends === undefined || axes === undefined || steps === undefined)
    return undefined;
  return starts.map((begin, i) => {
    const axis = positiveAxis(axes[i], shape.length);
    const size = shape[axis];
    const step = steps[i];
    const clamp = (value: number): number => {
      const position = value < 0 ? value + size : value;
      return step > 0 ? Math.min(size, Math.max(0, position)) : Math.min(size - 1, Math.max(-1, position));
    };
    const start = clamp(begin);
    return { axis, start, step, count: Math.max(0, Math.ceil((clamp(ends[i]) - start) / step)) };
  });
}

/** The part of the gradient goes back to where it was taken from, with zeros around it, or between where steps are larger. */
const slice: Rule = (at) => {
  const { writer: w } = at;
  const slices = slicesOf(at);
  if (slices === undefined) return undefined;
  let g = upstreamOf(at);
  for (const { axis, start, step, count } of slices) {
    const size = at.inputShape(0)[axis];
    if (step === 1) {
      const around = (value: number): number[] => g.shape.map((_, i) => (i === axis ? value : 0));
      g = w.pad(g, around(start), around(size - start - count));
    } else {
      const positions = Array.from({ length: count }, (_, i) => start + i * step);
      g = w.scatterAdd(g, axis, w.integers(positions), size);
    }
  }
  return [g];
};

/** The index along an axis of the value that each position holds after padding. */
function paddedIndices(mode: string, size: number, before: number, after: number): number[] {
  return Array.from({ length: size + before + after }, (_, position) => {
    const index = position - before;
    if (mode === 'edge') return Math.min(size - 1, Math.max(0, index));
    if (mode === 'wrap') return ((index % size) + size) % size;
    const period = Math.max(1, 2 * (size - 1));
    const folded = ((index % period) + period) % period;
    return folded < size ? folded : period - folded;
  });
}

const pad: Rule = (at) => {
  const { writer: w } = at;
  const rank = at.inputShape(0).length;
  const pads = listOf(at, 'pads') ?? (at.hasInput(1) ? at.numbers(1) : undefined);
  const axes = at.hasInput(3) ? at.numbers(3) : Array.from({ length: rank }, (_, i) => i);
  if (pads === undefined || axes === undefined) return undefined;
  const mode = textOf(at, 'mode', 'constant');
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    before[positiveAxis(axis, rank)] = pads[i];
    after[positiveAxis(axis, rank)] = pads[axes.length + i];
  });
  const g = upstreamOf(at);
  if (mode === 'constant')
    return [
      w.pad(
        g,
        before.map((count) => -count),
        after.map((count) => -count),
      ),
    ];
  return [
    before.reduce((rest, count, axis) => {
      if (count === 0 && after[axis] === 0) return rest;
      const size = at.inputShape(0)[axis];
      return w.scatterAdd(rest, axis, w.integers(paddedIndices(mode, size, count, after[axis])), size);
    }, g),
  ];
};

const expand: Rule = (at) => [at.writer.reduceTo(upstreamOf(at), at.inputShape(0))];

/** Adds up the copies. */
const tile: Rule = (at) => {
  const { writer: w } = at;
  const shape = at.inputShape(0);
  const output = at.outputShape(0);
  const tiled = shape.flatMap((size, i) => [size === 0 ? 0 : output[i] / size, size]);
  const copies = shape.map((_, i) => 2 * i);
  return [w.reshape(w.reduceSum(w.reshape(upstreamOf(at), tiled), copies), shape)];
};

/** Blocks of channels that become blocks of space, taken back. */
const depthToSpace: Rule = (at) => {
  const { writer: w } = at;
  const [batch, channels, height, width] = at.inputShape(0);
  const block = integerOf(at, 'blocksize', 1);
  const outer = channels / (block * block);
  const tiled = w.reshape(upstreamOf(at), [batch, outer, height, block, width, block]);
  const perm = textOf(at, 'mode', 'DCR') === 'DCR' ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
  return [w.reshape(w.transpose(tiled, perm), at.inputShape(0))];
};

const spaceToDepth: Rule = (at) => {
  const { writer: w } = at;
  const [batch, channels, height, width] = at.inputShape(0);
  const block = integerOf(at, 'blocksize', 1);
  const tiled = w.reshape(upstreamOf(at), [batch, block, block, channels, height / block, width / block]);
  return [w.reshape(w.transpose(tiled, [0, 3, 4, 1, 5, 2]), at.inputShape(0))];
};

/** The same triangle of the gradient. */
const triangle: Rule = (at) => {
  const offset = at.hasInput(1) ? at.numbers(1) : [];
  if (offset === undefined) return undefined;
  const names = [upstreamOf(at), ...(offset.length > 0 ? [at.writer.integers(offset, [])] : [])];
  return [at.writer.node('Trilu', names, at.inputShape(0), { upper: integerOf(at, 'upper', 1) })];
};

export const LAYOUT_RULES: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: triangle,
};
