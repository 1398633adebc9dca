import type { GraphNode } from '../../graph/graph.ts';
import type { Rule } from '../rule.ts';
import { ARITHMETIC_RULES } from './arithmetic.ts';
import { ATTENTION_RULES } from './attention.ts';
import { CLASSICAL_RULES } from './classical.ts';
import { COLUMN_RULES } from './columns.ts';
import { CONVOLUTION_RULES } from './convolution.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { FUSED_RULES } from './fused.ts';
import { INDEXING_RULES } from './indexing.ts';
import { LAYOUT_RULES } from './layout.ts';
import { NORMALIZATION_RULES } from './normalization.ts';
import { POOLING_RULES } from './pooling.ts';
import { PRODUCT_RULES } from './products.ts';
import { QUANTIZATION_RULES } from './quantization.ts';
import { RECURRENT_RULES } from './recurrent.ts';
import { REDUCTION_RULES } from './reductions.ts';
import { RESIZE_RULES } from './resize.ts';
import { SAMPLING_RULES } from './sampling.ts';

/** Operations of Microsoft's domain that are defined as those of the same name in the default domain. */
const SAME_IN_MICROSOFT_DOMAIN = ['Gelu', 'QuickGelu', 'SimplifiedLayerNormalization'];

/** The rule of each operation, by its name; outside ONNX's default domain after the domain, as in `com.microsoft.FusedConv`. */
export const GRADIENT_RULES: ReadonlyMap<string, Rule> = new Map(
  [
    ELEMENTWISE_RULES,
    ARITHMETIC_RULES,
    PRODUCT_RULES,
    CONVOLUTION_RULES,
    POOLING_RULES,
    NORMALIZATION_RULES,
    REDUCTION_RULES,
    LAYOUT_RULES,
    INDEXING_RULES,
    RESIZE_RULES,
    RECURRENT_RULES,
    ATTENTION_RULES,
    SAMPLING_RULES,
    FUSED_RULES,
    CLASSICAL_RULES,
    COLUMN_RULES,
    QUANTIZATION_RULES,
  ].flatMap((rules) => Object.entries(rules)),
);

/** Operations whose results are steps of their operands, or depend on shapes alone: their gradient is 0 by definition. */
export const FLAT_OPS: ReadonlySet<string> = new Set([
  ...['Shape', 'Size', 'ConstantOfShape', 'NonZero', 'OneHot', 'EyeLike', 'Range', 'RandomNormalLike'],
  ...['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Not', 'And', 'Or', 'Xor'],
  ...['ArgMax', 'ArgMin', 'IsNaN', 'IsInf', 'Sign', 'Hardmax', 'NonMaxSuppression'],
  ...['TreeEnsemble', 'TreeEnsembleClassifier', 'TreeEnsembleRegressor', 'Binarizer', 'LabelEncoder'],
]);

/** Whether an operation has the gradient 0 by definition. */
export function isFlat({ op }: Pick<GraphNode, 'op'>): boolean {
  return FLAT_OPS.has(op);
}

/** Conversions, whose rule depends on types; see `BackwardBuilder`. */
const CASTS: ReadonlySet<string> = new Set(['Cast', 'CastLike']);

/** Whether it is known how a gradient goes through an operation, be it 0. */
export function hasRule(node: Pick<GraphNode, 'op' | 'domain'>): boolean {
  return CASTS.has(node.op) || isFlat(node) || ruleOf(node.op, node.domain) !== undefined;
}

/** The rule of an operation; undefined where there is none. */
export function ruleOf(op: string, domain: string | undefined): Rule | undefined {
  if (domain === undefined) return GRADIENT_RULES.get(op);
  const isSame = domain === 'com.microsoft' && SAME_IN_MICROSOFT_DOMAIN.includes(op);
  return GRADIENT_RULES.get(isSame ? op : `${domain}.${op}`);
}
