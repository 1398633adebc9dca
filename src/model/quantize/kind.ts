/** Kinds of copies that can be derived from a model; the campaign file's list is the same. */
export type Quantization = 'float16' | 'bfloat16' | 'int8';

/** The least and the greatest value that a tensor came to on the seeds. */
export type CalibrationRange = readonly [low: number, high: number];

/** Files of a model by their names; the first one is what is loaded. */
export type ModelFiles = ReadonlyMap<string, Uint8Array>;
