import type { GraphNode } from '../../model/graph/graph.ts';
import { BOUNDED_ACTIVATIONS } from './bounded-activations.ts';
import { halfSumTargets } from './half-sum-targets.ts';
import { above, below, outside } from './hazard.ts';
import { findMaskProxy, isMasked } from './masks.ts';
import { isDifferenceOfMoments, isNorm, isSoftplus } from './patterns.ts';
import {
  floatLimitsOf,
  type HazardTarget,
  isConstant,
  isInteger,
  numericAttribute,
  type SiteContext,
  type SiteKind,
} from './site.ts';
import {
  castTargets,
  expOverflowHazard,
  firstOperandTargets,
  logSoftmaxTargets,
  normalisationTargets,
  overflowTargets,
  plainTargets,
  TINY_VARIANCE,
} from './site-targets.ts';

const GRIST = 'GRIST (Yan et al., ICSE 2021), table of unsafe operators';
const IEEE = 'IEEE 754-2019, section 9.2';
const ONNX = 'ONNX operator specification';
const HIGHAM = 'Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 1.9';

/** All kinds of numerical sites. A node is of the first kind that finds an unsafe operand. */
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
    unsafe: 'a divisor of zero, at which runtimes refuse the run or end the process',
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
    unsafe: 'x ≤ 0 for a negative exponent, x < 0 for a fractional one, |x| ≥ max^(1/p)',
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
    unsafe: 'all elements along the axis masked with −∞',
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
    unsafe: 'x = π/2 + kπ; no float equals it, but tan reaches 2·10⁷ next to it',
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
      'RMSNormalization',
      'SkipLayerNormalization',
      'SkipSimplifiedLayerNormalization',
      'EmbedLayerNormalization',
      'SkipGroupNorm',
      'GroupNorm',
    ],
    unsafe: 'a variance of zero with an epsilon of 0 or below 10⁻³⁰',
    source: 'Ba, Kiros & Hinton, Layer Normalization (2016), for epsilon',
    findTargets: normalisationTargets,
  },
  {
    name: 'batch-norm',
    ops: ['BatchNormalization', 'FusedBatchNormV3'],
    unsafe: 'a result that overflows because the running variance plus epsilon is negative, zero or tiny',
    source: 'Ioffe & Szegedy, Batch Normalization (2015), algorithm 1',
    findTargets: (node, context) => {
      const [, , , , variance = ''] = node.inputs;
      const smallest = context.smallestValue(variance);
      const epsilon = numericAttribute(node, 'epsilon') ?? 1e-5;
      return smallest !== undefined && smallest + epsilon < TINY_VARIANCE
        ? overflowTargets(node, context)
        : [];
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
    // The sum is no tensor of its own; its logarithm falls without bound as the sum nears zero.
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
    unsafe: '|x| ≥ √max; in half precision, a partial sum of squares beyond max',
    source: HIGHAM,
    findTargets: (node, context) =>
      node.op === 'Square' || context.graph.types.get(node.outputs[0]) !== 'float16'
        ? firstOperandTargets((limits) => outside(Math.sqrt(limits.max), limits))(node, context)
        : halfSumTargets(node, context),
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
    ops: [
      'MatMul',
      'Gemm',
      'Conv',
      'ConvTranspose',
      'Add',
      'Sub',
      'Mul',
      'FusedMatMul',
      'FusedGemm',
      'FusedConv',
      'ReduceSum',
      'ReduceMean',
      'ReduceL1',
      'GlobalAveragePool',
      'LayerNormalization',
      'SimplifiedLayerNormalization',
      'RMSNormalization',
      'SkipLayerNormalization',
      'InstanceNormalization',
      'Softmax',
    ],
    unsafe:
      'a result beyond 65504 in half precision, or a partial sum beyond that in a mean, a norm or a normalisation',
    source: 'Micikevicius et al., Mixed Precision Training (2018), section 3.3',
    findTargets: halfSumTargets,
  },
  {
    name: 'attention',
    ops: [
      'Attention',
      'MultiHeadAttention',
      'GroupQueryAttention',
      'DecoderMaskedMultiHeadAttention',
      'PackedMultiHeadAttention',
      'QAttention',
    ],
    unsafe: '|x| ≥ √max for the inputs of queries and keys, whose products then overflow before the softmax',
    source: 'Vaswani et al., Attention Is All You Need (2017), section 3.2.1, for the scale that prevents it',
    findTargets: firstOperandTargets((limits) => outside(Math.sqrt(limits.max), limits)),
  },
  {
    name: 'recurrence',
    ops: ['SimpleRNN', 'LSTM', 'GRU'],
    unsafe:
      'a result that overflows, if the activation function is unbounded and each step adds to the state',
    source:
      'Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks (2013), section 2',
    findTargets: (node, context) => {
      const { activation } = node.attributes ?? {};
      return activation === undefined || BOUNDED_ACTIVATIONS.has(String(activation))
        ? []
        : overflowTargets(node, context);
    },
  },
];

/** The kinds of each operation type, in the order in which they are tried. */
export const KINDS_BY_OP: ReadonlyMap<string, readonly SiteKind[]> = kindsByOp();

function kindsByOp(): Map<string, SiteKind[]> {
  const kinds = new Map<string, SiteKind[]>();
  for (const kind of SITE_KINDS) for (const op of kind.ops) kinds.set(op, [...(kinds.get(op) ?? []), kind]);
  return kinds;
}

/** Whether operations of this type are sites, where their operands are not such that they cannot fail. */
export function isSiteOperation(op: string): boolean {
  return KINDS_BY_OP.has(op);
}

/** The kind of a node with its unsafe operands; undefined if it cannot fail numerically. */
export function classifySite(
  node: GraphNode,
  context: SiteContext,
): { readonly kind: SiteKind; readonly targets: readonly HazardTarget[] } | undefined {
  for (const kind of KINDS_BY_OP.get(node.op) ?? []) {
    const targets = kind
      .findTargets(node, context)
      .filter(({ tensor }) => tensor !== '' && !isConstant(context, tensor));
    if (targets.length > 0) return { kind, targets };
  }
  return undefined;
}
