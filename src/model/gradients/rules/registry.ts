import type { Rule } from '../rule.ts';
import { ARITHMETIC_RULES } from './arithmetic.ts';
import { CONVOLUTION_RULES } from './convolution.ts';
import { ELEMENTWISE_RULES } from './elementwise.ts';
import { INDEXING_RULES } from './indexing.ts';
import { LAYOUT_RULES } from './layout.ts';
import { NORMALIZATION_RULES } from './normalization.ts';
import { POOLING_RULES } from './pooling.ts';
import { PRODUCT_RULES } from './products.ts';
import { QUANTIZATION_RULES } from './quantization.ts';
import { RECURRENT_RULES } from './recurrent.ts';
import { REDUCTION_RULES } from './reductions.ts';
import { RESIZE_RULES } from './resize.ts';

/** Operations of Microsoft's domain that are defined as those of the same name in the default domain. */
const MICROSOFT_DOMAIN = 'com.microsoft';
const MICROSOFT_OPS: ReadonlySet<string> = new Set(['Gelu', 'QuickGelu']);

/** The rule of each operation of ONNX's default domain. */
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
    QUANTIZATION_RULES,
  ].flatMap((rules) => Object.entries(rules)),
);

/** The rule of an operation; undefined where there is none. */
export function ruleOf(op: string, domain: string | undefined): Rule | undefined {
  if (domain !== undefined && !(domain === MICROSOFT_DOMAIN && MICROSOFT_OPS.has(op))) return undefined;
  return GRADIENT_RULES.get(op);
}
