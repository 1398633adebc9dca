import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { HALF_MAX, halfSettings, halfText } from '../../model/half.ts';
import type { ModelInfo, SecondModelOptions } from '../../model/model.ts';
import { modelText } from '../../model/model-text.ts';
import { needsCalibration } from '../../model/quantize/derive.ts';
import type { ModelFiles } from '../../model/quantize/kind.ts';
import { type CopyKind, derivedCopy } from '../../objectives/registry.ts';
import { findWeightLayers } from '../../saliency/layers.ts';
import type { RandomizeRequest } from '../../saliency/randomize/randomize-model.ts';
import { halfOf } from '../../saliency/verdict.ts';
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

/** What a copy is derived from, beside the model's file. */
interface CopySource {
  /** Calibrate the quantization. */
  readonly seeds: Seeds;
  readonly masterSeed: string;
  readonly model: ModelInfo;
}

/**
 * Loads the copy of the model that is part of the campaign. It is derived unless the campaign has it already.
 *
 * @throws UserError where the model has no layers to randomise, or cannot be copied
 */
export async function loadDerivedModel(
  kind: CopyKind,
  config: CampaignConfig,
  source: CopySource,
  probeWorker: ProbeWorker,
  derived: DerivedModel,
): Promise<ModelPair> {
  const derive = (): Promise<ModelFiles> =>
    'quantize' in kind
      ? probeWorker.deriveQuantizedModel(kind.quantize, source.seeds, halfSettings(config.half))
      : probeWorker.randomize(randomLayers(kind.randomLayers, source));
  const file = (await derived.find()) ?? (await derived.stage(await derive()));
  const loading = secondModelOptions(config, file);
  if (loading === undefined) throw new Error(`${file} has no load options`);
  return { model: await probeWorker.loadSecondModel(loading), loading };
}

/** @param count of layers from the last one on; half of all where undefined */
function randomLayers(count: number | undefined, { model, masterSeed }: CopySource): RandomizeRequest {
  const layers = findWeightLayers(model.graph);
  if (layers.length === 0)
    throw new UserError(
      `${model.path} has no layer with constant weights of two or more dimensions: there is nothing to randomise`,
    );
  if (count !== undefined && count > layers.length)
    throw new UserError(
      `--objective: saliency-insensitive:layers is ${count}, and ${model.path} has ${plural(layers.length, 'layer')} with weights: set fewer`,
    );
  const constants = layers.slice(-(count ?? halfOf(layers))).flatMap((layer) => layer.constants);
  return { path: model.path, constants, draws: { kind: 'permute', seed: masterSeed, repeat: 0 } };
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
  config: Pick<CampaignConfig, 'quantize' | 'against' | 'againstRuntime' | 'objective'>,
  { secondModel, sha256, runtime: ownRuntime }: ModelInfo,
  notices: Notices,
): void {
  if (secondModel === undefined) return;
  const { format, runtime, outputs, half } = secondModel;
  const { quantize, against } = config;
  const copy = derivedCopy(config);
  const isRandom = copy !== undefined && 'randomLayers' in copy;
  const plain = isRandom ? 'copy with random layers' : (against ?? 'itself');
  const name = quantize === undefined ? plain : `${quantize} copy`;
  const pairs = [...outputs].map(([output, second]) => (output === second ? output : `${output}=${second}`));
  notices.info(
    `Second model: ${modelText(name, { format, runtime: { ...runtime, why: '' } })}; compared outputs: ${pairs.join(', ')}${half === undefined ? '' : `; ${halfText(half)}`}`,
  );
  if (secondModel.sha256 === sha256 && runtime.kind === ownRuntime.kind)
    notices.warn('both models are the same file on the same runtime: they can differ only by noise');
}
