import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { type FloatLimits, type Hazard, limitsOf, type ProxyTensor } from './hazard.ts';
import { isPointwise, type PointwiseHazard, throughAffine, throughMonotone } from './pointwise-hazard.ts';
import { numericAttribute } from './site.ts';

/** Limit on the operations that are followed back. */
const MAX_HOPS = 12;

/** An operand of an operation, and its unsafe region. */
interface BackwardStep {
  readonly tensor: string;
  readonly hazard: PointwiseHazard;
  /** True if the operation saturates: operands far apart give the same result. */
  readonly saturates: boolean;
}

/**
 * Follows an unsafe region back through operations that saturate (Sigmoid, Tanh, Relu, Clip): behind one, the operand no
 * longer changes when its source does, and a search would stand still. Returns the region before the first of them;
 * undefined if there is none.
 *
 * @param producers the node that computes each tensor
 */
export function findProxyTensor(
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
  operand: string,
  hazard: Hazard,
): ProxyTensor | undefined {
  if (!isPointwise(hazard)) return undefined;
  let proxy: ProxyTensor | undefined;
  let step: BackwardStep | undefined = { tensor: operand, hazard, saturates: false };
  for (let hops = 0; hops < MAX_HOPS && step !== undefined; hops++) {
    const node = producers.get(step.tensor);
    step = node === undefined ? undefined : stepBack(graph, node, step.hazard);
    if (step?.saturates) proxy = { tensor: step.tensor, hazard: step.hazard };
  }
  return proxy !== undefined && producers.has(proxy.tensor) ? proxy : undefined;
}

/** Operations that give the same values, in the same order. */
const VALUE_PRESERVING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast']);

/** The unsafe region of a node's operand, given that of its result; undefined if it cannot be expressed. */
function stepBack(graph: Graph, node: GraphNode, hazard: PointwiseHazard): BackwardStep | undefined {
  const { op, inputs } = node;
  const [tensor] = inputs;
  if (VALUE_PRESERVING_OPS.has(op)) return { tensor, hazard, saturates: false };
  const rule = Object.hasOwn(UNARY_RULES, op) ? UNARY_RULES[op] : undefined;
  if (rule === undefined) return stepBackThroughBinary(graph, node, hazard);
  const limits = limitsOf(graph.types.get(tensor));
  const before = rule(hazard, limits, () => clipBounds(graph, node));
  return before && { tensor, hazard: before, saturates: SATURATING_OPS.has(op) };
}

/** Inverts an operation with one operand: the operand's unsafe region, given that of the result. */
type UnaryRule = (
  hazard: PointwiseHazard,
  limits: FloatLimits,
  bounds: () => readonly [low: number, high: number],
) => PointwiseHazard | undefined;

const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;

/** exp(x) is zero in single precision below. */
const EXP_UNDERFLOW = -104;

const identity = (y: number): number => y;

const relu: UnaryRule = (hazard, limits) => throughMonotone(hazard, 0, POSITIVE_INFINITY, identity, limits);
const zeroOnly: UnaryRule = (hazard, limits) => atZero(hazard, limits);
const clip: UnaryRule = (hazard, limits, bounds) => throughMonotone(hazard, ...bounds(), identity, limits);

const UNARY_RULES: Readonly<Record<string, UnaryRule>> = {
  Neg: (hazard, limits) => throughAffine(hazard, -1, 0, limits),
  Relu: relu,
  Relu6: relu,
  Sigmoid: (hazard, limits) =>
    throughMonotone(hazard, 0, 1, (y) => Math.log(y / (1 - y)), limits, EXP_UNDERFLOW, 17),
  Tanh: (hazard, limits) => throughMonotone(hazard, -1, 1, Math.atanh, limits, -9.02, 9.02),
  Softplus: (hazard, limits) =>
    throughMonotone(hazard, 0, POSITIVE_INFINITY, (y) => Math.log(Math.expm1(y)), limits, EXP_UNDERFLOW),
  Exp: (hazard, limits) => throughMonotone(hazard, 0, POSITIVE_INFINITY, Math.log, limits, EXP_UNDERFLOW),
  Sqrt: (hazard, limits) => throughMonotone(hazard, 0, POSITIVE_INFINITY, (y) => y * y, limits),
  Abs: zeroOnly,
  Square: zeroOnly,
  Clip: clip,
  ClipByValue: clip,
};

const SATURATING_OPS: ReadonlySet<string> = new Set([
  'Relu',
  'Relu6',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Exp',
  'Clip',
  'ClipByValue',
]);

function clipBounds(graph: Graph, node: GraphNode): readonly [low: number, high: number] {
  const [, low = '', high = ''] = node.inputs;
  return [
    scalarConstant(graph, low) ?? numericAttribute(node, 'min') ?? NEGATIVE_INFINITY,
    scalarConstant(graph, high) ?? numericAttribute(node, 'max') ?? POSITIVE_INFINITY,
  ];
}

/** Steps back through an operation of a tensor and a constant number. */
function stepBackThroughBinary(
  graph: Graph,
  { op, inputs, attributes = {} }: GraphNode,
  hazard: PointwiseHazard,
): BackwardStep | undefined {
  const [left, right] = inputs;
  // TensorFlow's Max and Min reduce a tensor.
  if (inputs.length !== 2 || 'keep_dims' in attributes) return undefined;
  const limits = limitsOf(graph.types.get(left));
  if (op === 'Mul' && left === right) {
    const before = atZero(hazard, limits);
    return before && { tensor: left, hazard: before, saturates: false };
  }
  const rightNumber = scalarConstant(graph, right);
  const number = rightNumber ?? scalarConstant(graph, left);
  if (number === undefined) return undefined;
  const isLeft = rightNumber === undefined;
  const before = throughConstant(op, number, isLeft, hazard, limits);
  return (
    before && {
      tensor: isLeft ? right : left,
      hazard: before,
      saturates: LIMITING_OPS.has(op),
    }
  );
}

const LIMITING_OPS: ReadonlySet<string> = new Set(['Max', 'Maximum', 'Min', 'Minimum']);

/** @param isLeft true if the number is the left operand */
function throughConstant(
  op: string,
  number: number,
  isLeft: boolean,
  hazard: PointwiseHazard,
  limits: FloatLimits,
): PointwiseHazard | undefined {
  switch (op) {
    case 'Add':
    case 'AddV2':
      return throughAffine(hazard, 1, number, limits);
    case 'Sub':
      return isLeft ? throughAffine(hazard, -1, number, limits) : throughAffine(hazard, 1, -number, limits);
    case 'Mul':
      return number === 0 ? undefined : throughAffine(hazard, number, 0, limits);
    case 'Div':
    case 'RealDiv':
      return isLeft || number === 0 ? undefined : throughAffine(hazard, 1 / number, 0, limits);
    case 'Max':
    case 'Maximum':
      return throughMonotone(hazard, number, POSITIVE_INFINITY, identity, limits);
    case 'Min':
    case 'Minimum':
      return throughMonotone(hazard, NEGATIVE_INFINITY, number, identity, limits);
    default:
      return undefined;
  }
}

/** The value of a constant of one number. */
function scalarConstant(graph: Graph, name: string): number | undefined {
  const values = graph.values.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/** The operand is unsafe at zero if the result, a magnitude, is. */
function atZero(hazard: PointwiseHazard, limits: FloatLimits): PointwiseHazard | undefined {
  const isZeroUnsafe =
    hazard.bound === 0 && (hazard.kind === 'at' || (hazard.kind === 'below' && hazard.strict !== true));
  return isZeroUnsafe ? { kind: 'at', bound: 0, unit: limits.tiny } : undefined;
}
