import type { GraphNode } from '../../model/graph/graph.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { above, at, below, type FloatLimits, type Hazard, limitsOf, outside } from './hazard.ts';
import { findCountProxy, findDeadUnitsProxy } from './masks.ts';
import { findProducer, isSum } from './patterns.ts';
import {
  constantValuesOf,
  floatLimitsOf,
  type HazardTarget,
  isInteger,
  numericAttribute,
  type SiteContext,
} from './site.ts';

/** Targets at the first operand, by the limits of its type. */
export const firstOperandTargets =
  (hazards: (limits: FloatLimits) => Hazard | readonly Hazard[]) =>
  ({ inputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] =>
    [hazards(floatLimitsOf(context, tensor))].flat().map((hazard) => ({ tensor, hazard }));

/** One target for each of a tensor's hazards. */
function targetsAt(tensor: string, hazards: readonly Hazard[]): HazardTarget[] {
  return hazards.map((hazard) => ({ tensor, hazard }));
}

/** Targets for an operation whose result overflows. */
export const overflowTargets = ({ outputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] => {
  const limits = floatLimitsOf(context, tensor);
  return targetsAt(tensor, outside(limits.max, limits, true));
};

export const expOverflowHazard = (limits: FloatLimits): Hazard => above(Math.log(limits.max), limits);

/** Targets of an operation by itself, whatever pattern it is part of. */
export function plainTargets(node: GraphNode, context: SiteContext): readonly HazardTarget[] {
  const [tensor, second] = node.inputs;
  const limits = floatLimitsOf(context, tensor);
  switch (node.op) {
    case 'Log':
    case 'Rsqrt':
      return [{ tensor, hazard: below(0, limits) }];
    case 'Log1p':
      return [{ tensor, hazard: below(-1, limits) }];
    case 'Exp':
    case 'Expm1':
      return [{ tensor, hazard: expOverflowHazard(limits) }];
    case 'Sqrt':
      return [{ tensor, hazard: below(0, limits, true) }];
    case 'Reciprocal':
    case 'Inv':
      return [{ tensor, hazard: at(0, limits) }];
    case 'Pow':
      return powerTargets(node, context);
    default:
      return second === undefined || isInteger(context, second)
        ? []
        : [{ tensor: second, hazard: at(0, limits), ...findCountProxy(second, context) }];
  }
}

function powerTargets({ inputs: [base, exponent] }: GraphNode, context: SiteContext): HazardTarget[] {
  const limits = floatLimitsOf(context, base);
  const powers = constantValuesOf(context, exponent);
  const bases = constantValuesOf(context, base);
  if (powers !== undefined && powers.length > 0) {
    const targets: HazardTarget[] = [];
    if (powers.some((p) => p < 0))
      targets.push({
        tensor: base,
        hazard: powers.some((p) => !Number.isInteger(p)) ? below(0, limits) : at(0, limits),
      });
    else if (powers.some((p) => !Number.isInteger(p)))
      targets.push({ tensor: base, hazard: below(0, limits, true) });
    const largest = Math.max(...powers);
    if (largest > 1) targets.push(...targetsAt(base, outside(limits.max ** (1 / largest), limits)));
    return targets;
  }
  if (bases !== undefined && bases.length > 0) {
    const largest = Math.max(...bases);
    const smallest = Math.min(...bases);
    const targets: HazardTarget[] = [];
    if (largest > 1)
      targets.push({ tensor: exponent, hazard: above(Math.log(limits.max) / Math.log(largest), limits) });
    if (smallest > 0 && smallest < 1)
      targets.push({ tensor: exponent, hazard: below(Math.log(limits.max) / Math.log(smallest), limits) });
    return targets;
  }
  return [{ tensor: base, hazard: below(0, limits) }];
}

export function castTargets({ op, inputs, outputs }: GraphNode, context: SiteContext): HazardTarget[] {
  const { types } = context.graph;
  const from = types.get(inputs[0]);
  const to = types.get(outputs[0]);
  if (op === 'CastLike' && to === undefined) return [];
  if (from === undefined || to === undefined || DTYPES[from].kind !== 'float') return [];
  const limits = limitsOf(from);
  const [tensor] = inputs;
  if (to === 'float16') return from === 'float16' ? [] : targetsAt(tensor, outside(65520, limits));
  if (to === 'float32')
    return from === 'float64' ? targetsAt(tensor, outside(limitsOf('float32').max, limits, true)) : [];
  if (DTYPES[to].kind !== 'int') return [];
  const { min, max } = DTYPES[to];
  return [
    { tensor, hazard: above(max + 1, limits) },
    { tensor, hazard: below(min, limits, true) },
  ];
}

/** Normalisations of com.microsoft that add up several operands first. */
const SUMMING_NORMALISATIONS: ReadonlySet<string> = new Set([
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
  'EmbedLayerNormalization',
  'SkipGroupNorm',
  'GroupNorm',
]);

/** A variance below which a normalisation's quotient overflows. */
export const TINY_VARIANCE = 1e-30;

export function normalisationTargets(node: GraphNode, context: SiteContext): HazardTarget[] {
  const { op, inputs } = node;
  const epsilon = numericAttribute(node, 'epsilon') ?? (op === 'MeanVarianceNormalization' ? 1e-9 : 1e-5);
  if (epsilon >= TINY_VARIANCE) return [];
  // What these normalise is a sum that they compute themselves.
  if (SUMMING_NORMALISATIONS.has(op)) return overflowTargets(node, context);
  const [tensor] = inputs;
  const flat = (hazard: Hazard): HazardTarget[] => {
    const proxy = findDeadUnitsProxy(tensor, context);
    return [{ tensor, hazard }, ...(proxy === undefined ? [] : [{ tensor, hazard, proxy }])];
  };
  if (op === 'LayerNormalization' || op === 'SimplifiedLayerNormalization' || op === 'RMSNormalization')
    return flat({ kind: 'flat', from: numericAttribute(node, 'axis') ?? -1 });
  const groups =
    op === 'GroupNormalization'
      ? numericAttribute(node, 'num_groups')
      : constantValuesOf(context, inputs[1])?.length;
  return flat({ kind: 'flat', from: 1, ...(groups === undefined ? {} : { groups }) });
}

export function logSoftmaxTargets({ inputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] {
  const limits = floatLimitsOf(context, tensor);
  const softmax = findProducer(tensor, context);
  if (softmax === undefined) return [];
  const bound = -Math.log(limits.tiny) + Math.LN2;
  const gap = (logits: string, axis: number): HazardTarget => ({
    tensor,
    hazard: below(0, limits),
    proxy: { tensor: logits, hazard: { kind: 'gap', bound, unit: bound * limits.epsilon, axis } },
  });
  if (softmax.op === 'Softmax') return [gap(softmax.inputs[0], numericAttribute(softmax, 'axis') ?? -1)];
  if (softmax.op !== 'Div' && softmax.op !== 'RealDiv') return [];
  const [exponential, sum] = softmax.inputs.map((name) => findProducer(name, context));
  if (exponential?.op !== 'Exp' || !isSum(sum) || findProducer(sum.inputs[0], context) !== exponential)
    return [];
  const axes = sum.attributes?.axes ?? constantValuesOf(context, sum.inputs[1]);
  return [gap(exponential.inputs[0], typeof axes === 'object' && axes.length === 1 ? axes[0] : -1)];
}
