/** Kinds of copies that can be derived from a model. */
export const QUANTIZATIONS = ['float16', 'bfloat16', 'int8'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];
