import type { ParameterValues } from '../../extensions/parameters.ts';
import type { ExtensionKind } from '../../extensions/registry.ts';
import type { HalfSettings } from '../half.ts';
import type { CalibrationRange, ModelFiles } from './kind.ts';

/** Measures the ranges of a model's tensors on the seeds. */
export type Calibrator = (tensors: readonly string[]) => Promise<ReadonlyMap<string, CalibrationRange>>;

/** An ONNX model whose weights all lie in its bytes. */
export interface OnnxSource {
  readonly bytes: Uint8Array;
  /** For messages. */
  readonly path: string;
  /** How a copy in half precision adds up. */
  readonly half?: HalfSettings | undefined;
}

/** Derives quantized copies of models. Both methods throw a `UserError` if the model is quantized already, or can't be. */
export interface Quantizer {
  quantizeOnnx(model: OnnxSource, calibrate: Calibrator): Promise<Uint8Array>;
  /** @param path of the model.json */
  quantizeTfjs(path: string): Promise<ModelFiles>;
}

/** A kind of quantizer. */
export interface QuantizerKind extends ExtensionKind<Quantizer> {
  /** Whether copies of ONNX models need calibration on seeds. */
  readonly calibratesOnnx?: boolean;
  make(values: ParameterValues): Quantizer;
}
