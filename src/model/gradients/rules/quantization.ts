import { type Rule, upstreamOf } from '../rule.ts';

/**
 * Quantizing and dequantizing are the identity but for rounding and saturation, in units of the scale: the gradient is
 * taken at the values that the integers stand for.
 */
const straightThrough: Rule = (at) => (at.straightThrough ? [upstreamOf(at)] : undefined);

export const QUANTIZATION_RULES: Readonly<Record<string, Rule>> = {
  QuantizeLinear: straightThrough,
  DequantizeLinear: straightThrough,
};
