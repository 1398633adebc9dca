/** The name of a kind of quantizer, as the registry lists it. */
export type Quantization = string;

/** The least and the greatest value that a tensor came to on the seeds. */
export type CalibrationRange = readonly [low: number, high: number];

/** Files of a model by their names; the first one is what is loaded. */
export type ModelFiles = ReadonlyMap<string, Uint8Array>;
