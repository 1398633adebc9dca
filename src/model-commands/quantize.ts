import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { modelName } from '../campaign/manifest.ts';
import { resolveInputs } from '../campaign/resolve/inputs.ts';
import { modelPath, type Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { fileError, UserError } from '../core/errors.ts';
import { MODEL_JSON } from '../model/model.ts';
import { needsCalibration } from '../model/quantize/derive.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { loadOptions, mainFile } from '../storage/load-options.ts';
import { ProbeWorker } from '../workers/probe-worker.ts';
import { memoryShare } from '../workers/resource-limits.ts';

/** A copy that was written. */
export interface WrittenModel {
  /** What to name to load it. */
  readonly path: string;
  readonly bytes: number;
  /** Seeds that it was calibrated on; undefined where it needed none. */
  readonly seeds: number | undefined;
}

/**
 * Writes a quantized copy of a model. What is there already is never overwritten.
 *
 * @param config model, seeds and what says how those are read
 * @param out the file, or the folder of a TensorFlow.js model; named after model and kind where it is not given
 * @throws UserError where the model can't be quantized, or something is in the way
 */
export async function writeQuantizedModel(
  config: CampaignConfig,
  kind: Quantization,
  out: string | undefined,
  notes: Notices,
): Promise<WrittenModel> {
  const { asGiven, absolute } = modelPath(config);
  const memory = config.memory === undefined ? memoryShare(1) : parseSize(config.memory);
  const scout = new ProbeWorker(
    { timeout: parseDuration(config.timeout), memory },
    { path: absolute, options: loadOptions(config) },
  );
  try {
    const model = await scout.load();
    const calibrates = await needsCalibration(model.path, kind);
    if (calibrates && config.seeds === undefined)
      throw new UserError('int8 is calibrated on seeds, and there are none: give some with --seeds');
    const seeds = calibrates ? (await resolveInputs(model, config, '', notes)).seeds : [];
    const files = await scout.deriveQuantizedModel(kind, seeds);
    const place = out ?? `${modelName(asGiven)}-${kind}${files.has(MODEL_JSON) ? '' : '.onnx'}`;
    return {
      path: await writeModelFiles(files, place),
      bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
      seeds: calibrates ? seeds.length : undefined,
    };
  } finally {
    scout.close();
  }
}

async function writeModelFiles(files: ModelFiles, place: string): Promise<string> {
  const isFolder = files.has(MODEL_JSON);
  const there = await stat(place).catch(() => undefined);
  if (there !== undefined)
    throw new UserError(
      `${place} is there already: choose another ${isFolder ? 'folder' : 'file'} with --out`,
    );
  const folder = isFolder ? place : dirname(place);
  const main = mainFile([...files.keys()]);
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of files)
      await writeFile(join(folder, name === main && !isFolder ? basename(place) : name), content, {
        flag: 'wx',
      });
  } catch (error) {
    throw fileError(error, 'write the copy to', place);
  }
  return isFolder ? join(place, main) : place;
}
