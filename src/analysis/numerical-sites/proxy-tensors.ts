import type { Graph, GraphNode } from '../../model/graph/graph.ts';
import { LAYOUT_OPS } from '../../model/graph/layout-ops.ts';
import { type FloatLimits, type Hazard, limitsOf, spacing } from './hazard.ts';

/** What to watch instead of an operand, and what is hazardous there. */
export interface ProxyTensor {
  readonly tensor: string;
  readonly hazard: Hazard;
}

/** Operations up to which is looked. */
const MAX_HOPS = 12;

/** Hazards of one value that a monotone operation maps to hazards of one value. */
type PointwiseHazard = Extract<Hazard, { readonly kind: 'below' | 'above' | 'at' }>;

interface BackwardStep {
  readonly tensor: string;
  readonly hazard: PointwiseHazard;
  /** Whether values far apart before come to the same after. */
  readonly saturates: boolean;
}

/**
 * Looks through operations whose results saturate (Sigmoid, Tanh, Relu, Clip): behind one the operand no longer
 * changes when what it comes from does, and a search would stand still. Returns what is hazardous before the
 * farthest of them; undefined where there is none.
 *
 * @param made the node that makes each tensor
 */
export function findProxyTensor(
  graph: Graph,
  made: ReadonlyMap<string, GraphNode>,
  operand: string,
  hazard: Hazard,
): ProxyTensor | undefined {
  if (!isPointwise(hazard)) return undefined;
  let found: ProxyTensor | undefined;
  let step: BackwardStep | undefined = { tensor: operand, hazard, saturates: false };
  for (let hops = 0; hops < MAX_HOPS && step !== undefined; hops++) {
    const node = made.get(step.tensor);
    step = node === undefined ? undefined : hazardBefore(graph, node, step.hazard);
    if (step?.saturates) found = { tensor: step.tensor, hazard: step.hazard };
  }
  return found !== undefined && made.has(found.tensor) ? found : undefined;
}

function isPointwise(hazard: Hazard): hazard is PointwiseHazard {
  return ['below', 'above', 'at'].includes(hazard.kind);
}

/** exp(−x) is zero in single precision beyond. */
const EXP_UNDERFLOW = -104;

/** Operations that give the same values, in the same order. */
const VALUE_PRESERVING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast']);

/** The hazard before an operation that gives what follows; undefined where there is no such one. */
function hazardBefore(graph: Graph, node: GraphNode, hazard: PointwiseHazard): BackwardStep | undefined {
  const { op, inputs } = node;
  const limits = limitsOf(graph.types.get(inputs[0]));
  const [first, second] = inputs;
  const to = (
    next: PointwiseHazard | undefined,
    saturates = false,
    tensor = first,
  ): BackwardStep | undefined => (next === undefined ? undefined : { tensor, hazard: next, saturates });
  if (VALUE_PRESERVING_OPS.has(op)) return to(hazard);
  switch (op) {
    case 'Neg':
      return to(throughAffine(hazard, -1, 0, limits));
    case 'Relu':
    case 'Relu6':
      return to(
        throughMonotone(hazard, 0, Number.POSITIVE_INFINITY, (y) => y, limits),
        true,
      );
    case 'Sigmoid':
      return to(
        throughMonotone(hazard, 0, 1, (y) => Math.log(y / (1 - y)), limits, EXP_UNDERFLOW, 17),
        true,
      );
    case 'Tanh':
      return to(throughMonotone(hazard, -1, 1, Math.atanh, limits, -9.02, 9.02), true);
    case 'Softplus':
      return to(
        throughMonotone(
          hazard,
          0,
          Number.POSITIVE_INFINITY,
          (y) => Math.log(Math.expm1(y)),
          limits,
          EXP_UNDERFLOW,
        ),
        true,
      );
    case 'Exp':
      return to(throughMonotone(hazard, 0, Number.POSITIVE_INFINITY, Math.log, limits, EXP_UNDERFLOW), true);
    case 'Sqrt':
      return to(throughMonotone(hazard, 0, Number.POSITIVE_INFINITY, (y) => y * y, limits));
    case 'Abs':
    case 'Square':
      return isAtZero(hazard) ? to({ kind: 'at', bound: 0, unit: limits.tiny }) : undefined;
    case 'Clip':
    case 'ClipByValue': {
      const low =
        scalarConstant(graph, inputs[1] ?? '') ?? numericAttribute(node, 'min') ?? Number.NEGATIVE_INFINITY;
      const high =
        scalarConstant(graph, inputs[2] ?? '') ?? numericAttribute(node, 'max') ?? Number.POSITIVE_INFINITY;
      return to(
        throughMonotone(hazard, low, high, (y) => y, limits),
        true,
      );
    }
    default:
  }
  // TensorFlow's Max and Min reduce.
  if (second === undefined || inputs.length !== 2 || 'keep_dims' in (node.attributes ?? {})) return undefined;
  if (op === 'Mul' && first === second)
    return isAtZero(hazard) ? to({ kind: 'at', bound: 0, unit: limits.tiny }) : undefined;
  const right = scalarConstant(graph, second);
  const left = scalarConstant(graph, first);
  const number = right ?? left;
  if (number === undefined) return undefined;
  const tensor = right === undefined ? second : first;
  switch (op) {
    case 'Add':
    case 'AddV2':
      return to(throughAffine(hazard, 1, number, limits), false, tensor);
    case 'Sub':
      return to(
        right === undefined
          ? throughAffine(hazard, -1, number, limits)
          : throughAffine(hazard, 1, -number, limits),
        false,
        tensor,
      );
    case 'Mul':
      return to(number === 0 ? undefined : throughAffine(hazard, number, 0, limits), false, tensor);
    case 'Div':
    case 'RealDiv':
      return right === undefined || right === 0
        ? undefined
        : to(throughAffine(hazard, 1 / right, 0, limits), false, tensor);
    case 'Max':
    case 'Maximum':
      return to(
        throughMonotone(hazard, number, Number.POSITIVE_INFINITY, (y) => y, limits),
        true,
        tensor,
      );
    case 'Min':
    case 'Minimum':
      return to(
        throughMonotone(hazard, Number.NEGATIVE_INFINITY, number, (y) => y, limits),
        true,
        tensor,
      );
    default:
      return undefined;
  }
}

/** The one number of a constant. */
function scalarConstant(graph: Graph, name: string): number | undefined {
  const values = graph.values.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

function numericAttribute({ attributes }: GraphNode, name: string): number | undefined {
  const value = attributes?.[name];
  return typeof value === 'number' ? value : undefined;
}

function isAtZero(hazard: PointwiseHazard): boolean {
  return hazard.bound === 0 && (hazard.kind === 'at' || (hazard.kind === 'below' && hazard.strict !== true));
}

/** The hazard of x where factor · x + offset is hazardous. */
function throughAffine(
  hazard: PointwiseHazard,
  factor: number,
  offset: number,
  limits: FloatLimits,
): PointwiseHazard | undefined {
  const bound = (hazard.bound - offset) / factor;
  const unit = spacing(bound, limits);
  if (hazard.kind === 'at' || factor > 0) return { ...hazard, bound, unit };
  return { ...hazard, kind: hazard.kind === 'below' ? 'above' : 'below', bound, unit };
}

/**
 * The hazard before an increasing operation whose values lie between a least and a most one, which it comes to at
 * the ends given; undefined where the hazard is out of its reach.
 */
function throughMonotone(
  hazard: PointwiseHazard,
  least: number,
  most: number,
  inverse: (y: number) => number,
  limits: FloatLimits,
  lowEnd = least,
  highEnd = most,
): PointwiseHazard | undefined {
  const { bound, kind } = hazard;
  const place = (y: number): number => (y <= least ? lowEnd : y >= most ? highEnd : inverse(y));
  const of = (made: 'below' | 'above' | 'at'): PointwiseHazard => {
    const x = place(bound);
    const strict = hazard.kind !== 'at' && hazard.strict === true ? { strict: true } : {};
    return {
      kind: made,
      bound: x,
      unit: spacing(x, limits),
      ...(made === 'at' ? {} : strict),
    } as PointwiseHazard;
  };
  switch (kind) {
    case 'below':
      return bound < least || (bound === least && hazard.strict === true) ? undefined : of('below');
    case 'above':
      return bound > most || (bound === most && hazard.strict === true) ? undefined : of('above');
    case 'at':
      if (bound < least || bound > most) return undefined;
      return of(bound === least ? 'below' : bound === most ? 'above' : 'at');
  }
}
