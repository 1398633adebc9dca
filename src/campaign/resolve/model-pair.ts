import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { HALF_MAX, halfSettings, halfText } from '../../model/half.ts';
import type { ModelInfo, SecondModelOptions } from '../../model/model.ts';
import { modelText } from '../../model/model-text.ts';
import { needsCalibration } from '../../model/quantize/derive.ts';
import type { Quantization } from '../../model/quantize/kind.ts';
import { secondModelOptions } from '../../storage/load-options.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';
import type { DerivedModel } from '../derived-model.ts';
import type { Notices } from './model-settings.ts';

/** A model pair, once its second model is loaded. */
export interface ModelPair {
  /** The first model, which describes the second one in `secondModel`. */
  readonly model: ModelInfo;
  /** How the second model was loaded. */
  readonly loading: SecondModelOptions;
}

/**
 * Loads the second model that the settings name, or the model itself once more; undefined where they name none.
 *
 * @throws UserError where it is the model itself on the same runtime
 */
export async function loadNamedModel(
  config: CampaignConfig,
  { path }: ModelInfo,
  probeWorker: ProbeWorker,
): Promise<ModelPair | undefined> {
  const options = secondModelOptions(config);
  if (options === undefined) return undefined;
  const loading = config.against === undefined ? { ...options, path } : options;
  const model = await probeWorker.loadSecondModel(loading);
  if (config.against === undefined && model.secondModel?.runtime.kind === model.runtime.kind)
    throw new UserError(sameRuntimeText(model));
  return { model, loading };
}

/** Why a model can't be compared with itself on the runtime that it runs on. */
function sameRuntimeText({ runtime: { kind }, format }: ModelInfo): string {
  const others = format === 'onnx' ? 'which is the only one for ONNX models' : 'so name another one';
  return `--against-runtime ${kind}: the model would be compared with itself, because it already runs on ${kind}, ${others}; --against and --quantize name or derive another model`;
}

/**
 * Loads the campaign's quantized copy of the model. The copy is derived unless the campaign has it already.
 *
 * @param seeds calibrate the quantization
 */
export async function loadDerivedModel(
  kind: Quantization,
  config: CampaignConfig,
  seeds: Seeds,
  probeWorker: ProbeWorker,
  derived: DerivedModel,
): Promise<ModelPair> {
  const file =
    (await derived.find()) ??
    (await derived.stage(await probeWorker.deriveQuantizedModel(kind, seeds, halfSettings(config.half))));
  const loading = secondModelOptions(config, file);
  if (loading === undefined) throw new Error(`${file} has no load options`);
  return { model: await probeWorker.loadSecondModel(loading), loading };
}

/** @throws UserError where quantization needs seeds to calibrate it and there are none */
export async function checkCalibrationSeeds(
  { quantize, seeds }: Pick<CampaignConfig, 'quantize' | 'seeds'>,
  { path }: ModelInfo,
): Promise<void> {
  if (quantize === undefined || seeds !== undefined) return;
  if (await needsCalibration(path, quantize))
    throw new UserError(
      `--quantize ${quantize} is calibrated on the seeds, but there are no seeds: set --seeds`,
    );
}

/** @throws UserError where settings of half precision are given and nothing computes in it */
export function checkHalfSettings(
  { half, quantize }: Pick<CampaignConfig, 'half' | 'quantize'>,
  { path, half: arithmetic, secondModel }: ModelInfo,
): void {
  const isHalfCopy = quantize !== undefined && Object.hasOwn(HALF_MAX, quantize);
  if (
    half === undefined ||
    typeof half === 'string' ||
    arithmetic !== undefined ||
    secondModel?.half !== undefined ||
    isHalfCopy
  )
    return;
  throw new UserError(
    `--half: ${path} does not compute in half precision: name an ONNX model of float16 or bfloat16 tensors, or derive a copy with --quantize float16`,
  );
}

/** Reports what the model is compared with, and which outputs of the two are paired. */
export function reportSecondModel(
  { quantize, against }: Pick<CampaignConfig, 'quantize' | 'against'>,
  { secondModel, sha256, runtime: ownRuntime }: ModelInfo,
  notices: Notices,
): void {
  if (secondModel === undefined) return;
  const { format, runtime, outputs, half } = secondModel;
  const name = quantize === undefined ? (against ?? 'itself') : `${quantize} copy`;
  const pairs = [...outputs].map(([output, second]) => (output === second ? output : `${output}=${second}`));
  notices.info(
    `Second model: ${modelText(name, { format, runtime: { ...runtime, why: '' } })}; compared outputs: ${pairs.join(', ')}${half === undefined ? '' : `; ${halfText(half)}`}`,
  );
  if (secondModel.sha256 === sha256 && runtime.kind === ownRuntime.kind)
    notices.warn('both models are the same file on the same runtime: they can differ only by noise');
}
