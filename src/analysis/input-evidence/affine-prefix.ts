import type { GraphNode } from '../../model/graph/graph.ts';
import type { Model } from '../../model/model.ts';
import { constantValues } from './first-readers.ts';
import type { PlacedNode } from './graph-flow.ts';

/**
 * Operations at the start of a model that scale and shift an input by constants: y = factor · x + shift, each one number
 * or one a channel.
 */
export interface AffinePrefix {
  readonly factor: readonly number[];
  readonly shift: readonly number[];
  /** Position of the channels, counted from the last dimension, which is 1; undefined for one number. */
  readonly axisFromEnd: number | undefined;
  /** The factor after the first of these operations. */
  readonly firstFactor: readonly number[];
  /** The operations on the way that scale or shift. */
  readonly steps: readonly GraphNode[];
  /** Whether values kept their places, so that channels of y are channels of x. */
  readonly keepsLayout: boolean;
  /** The node that reads y alone; undefined where several do. */
  readonly reader: PlacedNode | undefined;
  /** The tensor y. */
  readonly tensor: string;
}

const KEEPING_OPS: ReadonlySet<string> = new Set(['Identity', 'Cast']);
const MOVING_OPS: ReadonlySet<string> = new Set([
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'ExpandDims',
]);
const SCALING_OPS: ReadonlySet<string> = new Set(['Mul', 'Div', 'RealDiv', 'Add', 'AddV2', 'Sub']);

/** Operations followed from an input. */
const MAX_STEPS = 12;

/** Follows an input through operations that scale or shift it by constants. */
export function affinePrefix(
  model: Pick<Model, 'graph' | 'constant'>,
  readers: ReadonlyMap<string, readonly PlacedNode[]>,
  input: string,
): AffinePrefix {
  let prefix: AffinePrefix = {
    factor: [1],
    firstFactor: [1],
    shift: [0],
    axisFromEnd: undefined,
    steps: [],
    keepsLayout: true,
    reader: undefined,
    tensor: input,
  };
  for (let step = 0; step < MAX_STEPS; step++) {
    const { tensor } = prefix;
    const reading = (readers.get(tensor) ?? []).filter(({ node }) => node.op !== 'Shape');
    const reader = reading.length === 1 ? reading[0] : undefined;
    prefix = { ...prefix, reader };
    const next = reader && advance(model, prefix, reader, tensor);
    if (next === undefined) break;
    prefix = next;
  }
  return prefix;
}

function advance(
  model: Pick<Model, 'graph' | 'constant'>,
  prefix: AffinePrefix,
  { node, graph }: PlacedNode,
  tensor: string,
): AffinePrefix | undefined {
  const [output] = node.outputs;
  if (KEEPING_OPS.has(node.op)) return { ...prefix, tensor: output };
  if (MOVING_OPS.has(node.op) && node.inputs[0] === tensor)
    return { ...prefix, keepsLayout: false, tensor: output };
  if (!SCALING_OPS.has(node.op) || node.inputs.length !== 2) return undefined;
  const isFirst = node.inputs[0] === tensor;
  const other = node.inputs[isFirst ? 1 : 0];
  const values = constantValues(model, graph, other);
  if (values === undefined || values.length === 0) return undefined;
  const axisFromEnd =
    values.length === 1 ? prefix.axisFromEnd : channelAxis(graph, model, other, values.length);
  if (values.length > 1 && (axisFromEnd === undefined || !fits(prefix, values.length, axisFromEnd)))
    return undefined;
  const { factor, shift } = prefix;
  const length = Math.max(factor.length, values.length);
  const by = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i];
  const channels = Array.from({ length }, (_, i) =>
    applied(node.op, by(factor, i), by(shift, i), by(values, i), isFirst),
  );
  if (channels.some((channel) => channel === undefined)) return undefined;
  const known = channels.filter((channel) => channel !== undefined);
  return {
    ...prefix,
    factor: known.map(([a]) => a),
    ...(prefix.steps.length === 0 ? { firstFactor: known.map(([a]) => a) } : {}),
    shift: known.map(([, b]) => b),
    axisFromEnd,
    steps: [...prefix.steps, node],
    tensor: output,
  };
}

/** Factor and shift after one more operation; undefined where it is no scaling, as c / x. */
function applied(
  op: string,
  a: number,
  b: number,
  c: number,
  isFirst: boolean,
): readonly [factor: number, shift: number] | undefined {
  switch (op) {
    case 'Mul':
      return [a * c, b * c];
    case 'Div':
    case 'RealDiv':
      return isFirst && c !== 0 ? [a / c, b / c] : undefined;
    case 'Sub':
      return isFirst ? [a, b - c] : [-a, c - b];
    default:
      return [a, b + c];
  }
}

function fits({ factor, axisFromEnd }: AffinePrefix, length: number, axis: number): boolean {
  return factor.length === 1 || (factor.length === length && axisFromEnd === axis);
}

/** The dimension of a constant that has all its values, counted from the last; undefined where several share them. */
function channelAxis(
  graph: PlacedNode['graph'],
  model: Pick<Model, 'graph'>,
  name: string,
  length: number,
): number | undefined {
  const shape = graph.constants.get(name) ?? model.graph.constants.get(name) ?? [length];
  const axis = shape.indexOf(length);
  return axis < 0 ? undefined : shape.length - axis;
}
