import { readNumber, sizeOf } from '../../tensor/tensor.ts';
import { numericAttribute } from '../numerical-sites/site.ts';
import type { AffineForm } from './affine-form.ts';
import { type ElementBounds, isFloat, stridesOf } from './element-bounds.ts';
import { type AffineRule, hasInput, listAttribute, type NodeContext } from './node-context.ts';

/** Windows of a convolution or pooling over the axes behind the channels. */
export interface Windows {
  /** Number of positions along each axis. */
  readonly sizes: readonly number[];
  readonly kernel: readonly number[];
  /** Calls back for each place of the kernel at a position; the source is −1 in padding. */
  readonly visit: (position: number, visitor: (tap: number, source: number) => void) => void;
}

/** ONNX's windows; undefined where an attribute is not understood, or the window leaves the padding. */
function windowsOf(
  { node }: Pick<NodeContext, 'node'>,
  spatial: readonly number[],
  kernel: readonly number[],
): Windows | undefined {
  const rank = spatial.length;
  const strides = listAttribute(node, 'strides') ?? new Array<number>(rank).fill(1);
  const dilations = listAttribute(node, 'dilations') ?? new Array<number>(rank).fill(1);
  const spans = kernel.map((size, d) => dilations[d] * (size - 1) + 1);
  const automatic = node.attributes?.auto_pad ?? 'NOTSET';
  if (numericAttribute(node, 'ceil_mode') === 1 || kernel.length !== rank) return undefined;
  let pads = listAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  if (automatic === 'SAME_UPPER' || automatic === 'SAME_LOWER') {
    const totals = spatial.map((size, d) =>
      Math.max(0, (Math.ceil(size / strides[d]) - 1) * strides[d] + spans[d] - size),
    );
    const begins = totals.map((total) => (automatic === 'SAME_UPPER' ? Math.floor : Math.ceil)(total / 2));
    pads = [...begins, ...totals.map((total, d) => total - begins[d])];
  } else if (automatic === 'VALID') pads = new Array<number>(2 * rank).fill(0);
  else if (automatic !== 'NOTSET') return undefined;
  if (strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank) return undefined;
  const sizes = spatial.map(
    (size, d) => Math.floor((size + pads[d] + pads[d + rank] - spans[d]) / strides[d]) + 1,
  );
  if (sizes.some((size) => !(size > 0))) return undefined;
  const sourceStrides = stridesOf(spatial);
  const taps = sizeOf(kernel);
  const visit: Windows['visit'] = (position, visitor) => {
    for (let tap = 0; tap < taps; tap++) {
      let source = 0;
      let tapLeft = tap;
      let left = position;
      for (let d = rank - 1; d >= 0; d--) {
        const at = (left % sizes[d]) * strides[d] - pads[d] + (tapLeft % kernel[d]) * dilations[d];
        left = Math.floor(left / sizes[d]);
        tapLeft = Math.floor(tapLeft / kernel[d]);
        source = source < 0 || at < 0 || at >= spatial[d] ? -1 : source + at * sourceStrides[d];
      }
      visitor(tap, source);
    }
  };
  return { sizes, kernel, visit };
}

/** A convolution with a constant kernel `[outputs, inputs / groups, ...]`. */
const convolution: AffineRule = (context) => {
  const { node, boundsOf, constant, typeOf } = context;
  const x = boundsOf(node.inputs[0]);
  const kernel = constant(node.inputs[1]);
  const bias = hasInput(node, 2) ? constant(node.inputs[2]) : undefined;
  if (x === undefined || kernel === undefined || x.shape.length !== kernel.shape.length || x.shape.length < 3)
    return undefined;
  if ((hasInput(node, 2) && bias === undefined) || !isFloat(typeOf(node.outputs[0]))) return undefined;
  const [rows, channels, ...spatial] = x.shape;
  const [outputs, groupChannels, ...taps] = kernel.shape;
  const groups = numericAttribute(node, 'group') ?? 1;
  const windows = windowsOf(context, spatial, taps);
  if (windows === undefined || groupChannels * groups !== channels || outputs % groups !== 0)
    return undefined;
  const positions = sizeOf(windows.sizes);
  const area = sizeOf(taps);
  const size = rows * outputs * positions;
  const most = size * groupChannels * area;
  if (!context.canAfford(most)) return undefined;
  const starts = new Int32Array(size + 1);
  const columns = new Int32Array(most);
  const weights = new Float64Array(most);
  const sourceArea = sizeOf(spatial);
  let at = 0;
  for (let j = 0; j < size; j++) {
    const row = Math.floor(j / (outputs * positions));
    const output = Math.floor(j / positions) % outputs;
    const group = Math.floor(output / (outputs / groups));
    for (let channel = 0; channel < groupChannels; channel++) {
      const base = (row * channels + group * groupChannels + channel) * sourceArea;
      const weightBase = (output * groupChannels + channel) * area;
      windows.visit(j % positions, (tap, source) => {
        if (source < 0) return;
        columns[at] = base + source;
        weights[at++] = readNumber(kernel.type, kernel.data, weightBase + tap);
      });
    }
    starts[j + 1] = at;
  }
  const offset =
    bias &&
    Float64Array.from({ length: size }, (_, j) =>
      readNumber(bias.type, bias.data, Math.floor(j / positions) % outputs),
    );
  if (!weights.every(Number.isFinite) || offset?.every(Number.isFinite) === false) return undefined;
  const matrix = { starts, columns: columns.subarray(0, at), weights: weights.subarray(0, at) };
  const form: AffineForm = {
    shape: [rows, outputs, ...windows.sizes],
    isBatched: x.isBatched,
    terms: [{ tensor: node.inputs[0], matrix }],
    offset,
    isExact: false,
  };
  return [form];
};

/** The elements that each window of a pooling covers, by the window's index; undefined where that is not known. */
export function pooledElements(
  context: NodeContext,
  x: ElementBounds,
):
  | { readonly shape: readonly number[]; readonly windows: readonly Int32Array[]; readonly area: number }
  | undefined {
  const kernel = listAttribute(context.node, 'kernel_shape');
  if (kernel === undefined || x.shape.length < 3) return undefined;
  const [rows, channels, ...spatial] = x.shape;
  const windows = windowsOf(context, spatial, kernel);
  if (windows === undefined) return undefined;
  const positions = sizeOf(windows.sizes);
  const area = sizeOf(kernel);
  if (!context.canAfford(rows * channels * positions * area)) return undefined;
  const sourceArea = sizeOf(spatial);
  const all = Array.from({ length: rows * channels * positions }, (_, j) => {
    const sources: number[] = [];
    windows.visit(j % positions, (_tap, source) => {
      if (source >= 0) sources.push(Math.floor(j / positions) * sourceArea + source);
    });
    return Int32Array.from(sources);
  });
  return { shape: [rows, channels, ...windows.sizes], windows: all, area };
}

const averagePool: AffineRule = (context) => {
  const { node, boundsOf, typeOf } = context;
  const x = boundsOf(node.inputs[0]);
  const pooled = x && isFloat(typeOf(node.outputs[0])) ? pooledElements(context, x) : undefined;
  if (x === undefined || pooled === undefined) return undefined;
  const countsPadding = numericAttribute(node, 'count_include_pad') === 1;
  const { windows, shape, area } = pooled;
  if (windows.some(({ length }) => length === 0)) return undefined;
  const starts = new Int32Array(windows.length + 1);
  windows.forEach(({ length }, j) => {
    starts[j + 1] = starts[j] + length;
  });
  const columns = new Int32Array(starts[windows.length]);
  const weights = new Float64Array(columns.length);
  windows.forEach((sources, j) => {
    columns.set(sources, starts[j]);
    weights.fill(1 / (countsPadding ? area : sources.length), starts[j], starts[j + 1]);
  });
  const terms = [{ tensor: node.inputs[0], matrix: { starts, columns, weights } }];
  return [{ shape, isBatched: x.isBatched, terms, offset: undefined, isExact: false, partialScale: area }];
};

/** Rules of operations that move a window over their operand. */
export const WINDOW_RULES: Readonly<Record<string, AffineRule>> = {
  Conv: convolution,
  AveragePool: averagePool,
};
