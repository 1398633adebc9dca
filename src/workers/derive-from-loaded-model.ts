import type { TestcaseData } from '../inputs/testcase.ts';
import { BatchedModel } from '../model/batched-model.ts';
import type { HalfSettings } from '../model/half.ts';
import type { Model } from '../model/model.ts';
import { calibrateRanges } from '../model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../model/quantize/derive.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { heartbeat } from './rpc-server.ts';

/**
 * Derives a quantized copy of a model that this process has loaded, calibrated on testcases where the copy needs that.
 *
 * @throws UserError where the model is quantized already, or can't be
 */
export function deriveFromLoadedModel(
  model: Model,
  kind: Quantization,
  seeds: readonly TestcaseData[],
  half?: HalfSettings,
): Promise<ModelFiles> {
  // A model not yet probed runs one batch after the other as it declares itself.
  const batched = new BatchedModel(model);
  return deriveQuantizedModel(
    model.path,
    kind,
    (tensors) => calibrateRanges(batched, seeds, tensors, heartbeat),
    half,
  );
}
