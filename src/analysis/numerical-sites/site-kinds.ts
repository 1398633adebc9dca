import type { GraphNode } from '../../model/graph/graph.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { above, at, below, type FloatLimits, type Hazard, limitsOf, outside } from './hazard.ts';
import { findCountProxy, findDeadUnitsProxy, findMaskProxy, isMasked } from './masks.ts';
import { findProducer, isDifferenceOfMoments, isNorm, isSoftplus, isSum } from './patterns.ts';
import {
  constantValuesOf,
  floatLimitsOf,
  type HazardTarget,
  isConstant,
  isInteger,
  numericAttribute,
  type SiteContext,
  type SiteKind,
} from './site.ts';

/** Hazards of the first operand, by the limits of its type. */
const firstOperandTargets =
  (hazards: (limits: FloatLimits) => Hazard | readonly Hazard[]) =>
  ({ inputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] =>
    [hazards(floatLimitsOf(context, tensor))].flat().map((hazard) => ({ tensor, hazard }));

/** An aim for each of a tensor's hazards. */
function targetsAt(tensor: string, hazards: readonly Hazard[]): HazardTarget[] {
  return hazards.map((hazard) => ({ tensor, hazard }));
}

/** A result that overflows. */
const overflowTargets = ({ outputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] => {
  const limits = floatLimitsOf(context, tensor);
  return targetsAt(tensor, outside(limits.max, limits, true));
};

const expOverflowHazard = (limits: FloatLimits): Hazard => above(Math.log(limits.max), limits);

const GRIST = 'GRIST (Yan et al., ICSE 2021), table of unsafe operators';
const IEEE = 'IEEE 754-2019, section 9.2';
const ONNX = 'ONNX operator specification';
const HIGHAM = 'Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 1.9';

/** Every kind of numerical site. The first one that knows what is hazardous to a node is its kind. */
export const SITE_KINDS: readonly SiteKind[] = [
  {
    name: 'softplus',
    ops: ['Exp'],
    unsafe: 'x ≥ ln max, where exp overflows although log(1 + exp(x)) would not',
    source: 'Mächler, log1mexp (2012), section 2',
    findTargets: (node, context) =>
      isSoftplus(node, context) ? firstOperandTargets(expOverflowHazard)(node, context) : [],
  },
  {
    name: 'log-softmax',
    ops: ['Log'],
    unsafe: 'max(z) − z ≥ 104 for the logits z behind the softmax, where it underflows to zero',
    source: 'Blanchard, Higham & Higham, Accurately computing the log-sum-exp and softmax functions (2021)',
    findTargets: logSoftmaxTargets,
  },
  {
    name: 'variance',
    ops: ['Sqrt', 'Rsqrt', 'Pow', 'Log', 'Div', 'RealDiv', 'Reciprocal'],
    unsafe: 'mean(x²) − mean(x)² below zero, where it cancels',
    source: HIGHAM,
    findTargets: (node, context) => {
      const operand = node.op === 'Div' || node.op === 'RealDiv' ? node.inputs[1] : node.inputs[0];
      return isDifferenceOfMoments(operand, context, 0) ? plainTargets(node, context) : [];
    },
  },
  {
    name: 'l2-norm',
    ops: ['Div', 'RealDiv'],
    unsafe: 'a norm of zero in the denominator',
    source: GRIST,
    findTargets: (node, context) => (isNorm(node.inputs[1], context) ? plainTargets(node, context) : []),
  },
  {
    name: 'integer-division',
    ops: ['Div', 'Mod', 'FloorDiv', 'FloorMod', 'TruncateMod'],
    unsafe: 'a divisor of zero, on which runtimes fail the run or end the process',
    source: 'ISO C11, 6.5.5',
    findTargets: ({ inputs }, context) =>
      isInteger(context, inputs[0]) || isInteger(context, inputs[1])
        ? [{ tensor: inputs[1], hazard: { kind: 'at', bound: 0, unit: 1 } }]
        : [],
  },
  { name: 'log', ops: ['Log'], unsafe: 'x ≤ 0', source: GRIST, findTargets: plainTargets },
  { name: 'log1p', ops: ['Log1p'], unsafe: 'x ≤ −1', source: IEEE, findTargets: plainTargets },
  {
    name: 'exp',
    ops: ['Exp'],
    unsafe: 'x ≥ ln max (88.72 in single, 11.09 in half precision)',
    source: GRIST,
    findTargets: plainTargets,
  },
  { name: 'expm1', ops: ['Expm1'], unsafe: 'x ≥ ln max', source: IEEE, findTargets: plainTargets },
  { name: 'sqrt', ops: ['Sqrt'], unsafe: 'x < 0', source: GRIST, findTargets: plainTargets },
  { name: 'rsqrt', ops: ['Rsqrt'], unsafe: 'x ≤ 0', source: GRIST, findTargets: plainTargets },
  {
    name: 'pow',
    ops: ['Pow'],
    unsafe: 'x ≤ 0 under a negative power, x < 0 under a broken one, |x| ≥ max^(1/p)',
    source: IEEE,
    findTargets: plainTargets,
  },
  {
    name: 'div',
    ops: ['Div', 'RealDiv'],
    unsafe: 'a denominator of zero',
    source: GRIST,
    findTargets: plainTargets,
  },
  {
    name: 'reciprocal',
    ops: ['Reciprocal', 'Inv'],
    unsafe: 'x = 0',
    source: GRIST,
    findTargets: plainTargets,
  },
  {
    name: 'mod',
    ops: ['Mod', 'FloorMod', 'FloorDiv'],
    unsafe: 'a divisor of zero',
    source: IEEE,
    findTargets: plainTargets,
  },
  {
    name: 'softmax-mask',
    ops: ['Softmax', 'LogSoftmax'],
    unsafe: 'all along the axis masked with −∞',
    source: 'Vaswani et al., Attention Is All You Need (2017), section 3.2.3, for what the mask is',
    findTargets: (node, context) =>
      isMasked(node.inputs[0], context, 0)
        ? [
            {
              tensor: node.inputs[0],
              hazard: { kind: 'masked', axis: numericAttribute(node, 'axis') ?? -1 },
              ...findMaskProxy(node.inputs[0], context, 0),
            },
          ]
        : [],
  },
  {
    name: 'log-softmax-range',
    ops: ['LogSoftmax'],
    unsafe: '|x| ≥ max / 2, where differences overflow',
    source: ONNX,
    findTargets: firstOperandTargets((limits) => outside(limits.max / 2, limits)),
  },
  {
    name: 'asin',
    ops: ['Asin', 'Acos'],
    unsafe: '|x| > 1',
    source: IEEE,
    findTargets: firstOperandTargets((limits) => outside(1, limits, true)),
  },
  {
    name: 'atanh',
    ops: ['Atanh'],
    unsafe: '|x| ≥ 1',
    source: IEEE,
    findTargets: firstOperandTargets((limits) => outside(1, limits)),
  },
  {
    name: 'acosh',
    ops: ['Acosh'],
    unsafe: 'x < 1',
    source: IEEE,
    findTargets: firstOperandTargets((limits) => below(1, limits, true)),
  },
  {
    name: 'sinh',
    ops: ['Sinh', 'Cosh'],
    unsafe: '|x| ≥ ln(2 max) (89.42 in single precision)',
    source: IEEE,
    findTargets: firstOperandTargets((limits) => outside(Math.log(limits.max) + Math.LN2, limits)),
  },
  {
    name: 'tan',
    ops: ['Tan'],
    unsafe: 'x = π/2 + kπ; no float is, but tan comes to 2·10⁷ beside one',
    source: IEEE,
    findTargets: ({ inputs: [tensor] }, context) => [
      { tensor, hazard: { kind: 'pole', unit: floatLimitsOf(context, tensor).epsilon } },
    ],
  },
  {
    name: 'normalisation',
    ops: [
      'LayerNormalization',
      'InstanceNormalization',
      'GroupNormalization',
      'MeanVarianceNormalization',
      'SimplifiedLayerNormalization',
    ],
    unsafe: 'a variance of zero where epsilon is none or below 10⁻³⁰',
    source: 'Ba, Kiros & Hinton, Layer Normalization (2016), for epsilon',
    findTargets: normalisationTargets,
  },
  {
    name: 'batch-norm',
    ops: ['BatchNormalization', 'FusedBatchNormV3'],
    unsafe: 'a result that overflows, since a running variance with its epsilon is not above zero, or tiny',
    source: 'Ioffe & Szegedy, Batch Normalization (2015), algorithm 1',
    findTargets: (node, context) => {
      const variance = constantValuesOf(context, node.inputs[4]);
      const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
      const least = variance === undefined ? undefined : Math.min(...variance) + epsilon;
      return least !== undefined && least < TINY_VARIANCE ? overflowTargets(node, context) : [];
    },
  },
  {
    name: 'lp-norm',
    ops: ['LpNormalization', 'L2Normalize'],
    unsafe: 'a norm that overflows',
    source: ONNX,
    findTargets: firstOperandTargets((limits) => outside(Math.sqrt(limits.max), limits)),
  },
  {
    name: 'product',
    ops: ['ReduceProd', 'Prod'],
    unsafe: 'a product beyond the largest number',
    source: HIGHAM,
    findTargets: overflowTargets,
  },
  {
    name: 'log-sum',
    ops: ['ReduceLogSum'],
    unsafe: 'a sum ≤ 0',
    source: ONNX,
    // The sum is not to be seen; its logarithm falls without end toward zero.
    findTargets: ({ outputs: [tensor] }, context) => [
      {
        tensor,
        hazard: below(Math.log(floatLimitsOf(context, tensor).tiny), floatLimitsOf(context, tensor)),
      },
    ],
  },
  {
    name: 'log-sum-exp',
    ops: ['ReduceLogSumExp'],
    unsafe: 'x ≥ max / 2',
    source: ONNX,
    findTargets: firstOperandTargets((limits) => above(limits.max / 2, limits)),
  },
  {
    name: 'sum-of-squares',
    ops: ['ReduceSumSquare', 'ReduceL2', 'Square'],
    unsafe: '|x| ≥ √max',
    source: HIGHAM,
    findTargets: firstOperandTargets((limits) => outside(Math.sqrt(limits.max), limits)),
  },
  {
    name: 'cast',
    ops: ['Cast', 'CastLike'],
    unsafe:
      'beyond the largest number of half precision (65520 and more round to infinity), or of the integer type',
    source: `${IEEE}; ISO C11, 6.3.1.4`,
    findTargets: castTargets,
  },
  {
    name: 'half-sum',
    ops: ['MatMul', 'Gemm', 'Conv', 'ConvTranspose', 'Add', 'Mul', 'ReduceSum', 'ReduceMean', 'FusedMatMul'],
    unsafe: 'a result beyond 65504 in half precision',
    source: 'Micikevicius et al., Mixed Precision Training (2018), section 3.3',
    findTargets: (node, context) =>
      context.graph.types.get(node.outputs[0]) === 'float16' ? overflowTargets(node, context) : [],
  },
  {
    name: 'activation',
    ops: ['Dense', 'Conv1D', 'Conv2D', 'Activation', 'DepthwiseConv2D'],
    unsafe: 'a result that overflows, of a layer that ends in an exponential',
    source: 'Keras documentation, activations.exponential',
    findTargets: (node, context) =>
      node.attributes?.activation === 'exponential' ? overflowTargets(node, context) : [],
  },
];

/** A variance below which a normalisation's quotient overflows. */
const TINY_VARIANCE = 1e-30;

const KINDS_BY_OP = new Map<string, SiteKind[]>();
for (const kind of SITE_KINDS)
  for (const op of kind.ops) KINDS_BY_OP.set(op, [...(KINDS_BY_OP.get(op) ?? []), kind]);

/** What is hazardous to a node, and what kind of site it is; undefined where it can't go wrong. */
export function classifySite(
  node: GraphNode,
  context: SiteContext,
): { readonly kind: SiteKind; readonly aims: readonly HazardTarget[] } | undefined {
  for (const kind of KINDS_BY_OP.get(node.op) ?? []) {
    const aims = kind
      .findTargets(node, context)
      .filter(({ tensor }) => tensor !== '' && !isConstant(context, tensor));
    if (aims.length > 0) return { kind, aims };
  }
  return undefined;
}

/** What is hazardous to an operation by itself, whatever it stands in. */
function plainTargets(node: GraphNode, context: SiteContext): readonly HazardTarget[] {
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
    default: {
      // A constant denominator is what it is; a power of two of one that is computed comes to zero.
      return second === undefined || isInteger(context, second)
        ? []
        : [{ tensor: second, hazard: at(0, limits), ...findCountProxy(second, context) }];
    }
  }
}

function powerTargets({ inputs: [base, exponent] }: GraphNode, context: SiteContext): HazardTarget[] {
  const limits = floatLimitsOf(context, base);
  const powers = constantValuesOf(context, exponent);
  const bases = constantValuesOf(context, base);
  if (powers !== undefined && powers.length > 0) {
    const aims: HazardTarget[] = [];
    if (powers.some((p) => p < 0))
      aims.push({
        tensor: base,
        hazard: powers.some((p) => !Number.isInteger(p)) ? below(0, limits) : at(0, limits),
      });
    else if (powers.some((p) => !Number.isInteger(p)))
      aims.push({ tensor: base, hazard: below(0, limits, true) });
    const most = Math.max(...powers);
    if (most > 1) aims.push(...targetsAt(base, outside(limits.max ** (1 / most), limits)));
    return aims;
  }
  if (bases !== undefined && bases.length > 0) {
    const most = Math.max(...bases);
    const least = Math.min(...bases);
    const aims: HazardTarget[] = [];
    if (most > 1)
      aims.push({ tensor: exponent, hazard: above(Math.log(limits.max) / Math.log(most), limits) });
    if (least > 0 && least < 1)
      aims.push({ tensor: exponent, hazard: below(Math.log(limits.max) / Math.log(least), limits) });
    return aims;
  }
  return [{ tensor: base, hazard: below(0, limits) }];
}

function castTargets({ op, inputs, outputs }: GraphNode, context: SiteContext): HazardTarget[] {
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

function normalisationTargets(node: GraphNode, context: SiteContext): HazardTarget[] {
  const { op, inputs } = node;
  const epsilon = numericAttribute(node, 'epsilon') ?? (op === 'MeanVarianceNormalization' ? 1e-9 : 1e-5);
  if (epsilon >= TINY_VARIANCE) return [];
  const [tensor] = inputs;
  const flat = (hazard: Hazard): HazardTarget[] => {
    const proxy = findDeadUnitsProxy(tensor, context);
    return [{ tensor, hazard }, ...(proxy === undefined ? [] : [{ tensor, hazard, proxy }])];
  };
  if (op === 'LayerNormalization' || op === 'SimplifiedLayerNormalization')
    return flat({ kind: 'flat', from: numericAttribute(node, 'axis') ?? -1 });
  const groups =
    op === 'GroupNormalization'
      ? numericAttribute(node, 'num_groups')
      : constantValuesOf(context, inputs[1])?.length;
  return flat({ kind: 'flat', from: 1, ...(groups === undefined ? {} : { groups }) });
}

const SOFTMAX_OPS = new Set(['Softmax']);

function logSoftmaxTargets({ inputs: [tensor] }: GraphNode, context: SiteContext): HazardTarget[] {
  const limits = floatLimitsOf(context, tensor);
  const operand: Omit<HazardTarget, 'proxy'> = { tensor, hazard: below(0, limits) };
  const softmax = findProducer(tensor, context);
  if (softmax === undefined) return [];
  const bound = -Math.log(limits.tiny) + Math.LN2;
  const gap = (logits: string, axis: number): HazardTarget => ({
    ...operand,
    proxy: { tensor: logits, hazard: { kind: 'gap', bound, unit: bound * limits.epsilon, axis } },
  });
  if (SOFTMAX_OPS.has(softmax.op)) return [gap(softmax.inputs[0], numericAttribute(softmax, 'axis') ?? -1)];
  if (softmax.op !== 'Div' && softmax.op !== 'RealDiv') return [];
  const [above, under] = softmax.inputs.map((name) => findProducer(name, context));
  if (above?.op !== 'Exp' || !isSum(under) || findProducer(under.inputs[0], context) !== above) return [];
  const axes = under.attributes?.axes ?? constantValuesOf(context, under.inputs[1]);
  return [gap(above.inputs[0], Array.isArray(axes) && axes.length === 1 ? (axes[0] as number) : -1)];
}
