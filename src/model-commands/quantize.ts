import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../config/schema.ts';
import { fileError, UserError } from '../core/errors.ts';
import { modelName } from '../core/model-name.ts';
import type { OnProgress, Progress } from '../core/progress.ts';
import { halfSettings } from '../model/half.ts';
import { MODEL_JSON } from '../model/model.ts';
import { needsCalibration } from '../model/quantize/derive.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { mainFile, modelPath } from '../storage/load-options.ts';
import { withModelSession } from '../workers/model-session.ts';
import { readSeeds } from './read-seeds.ts';

/** Steps of quantizing: loading the model, deriving the copy, writing it. */
const STEPS = 3;

/** A quantized copy on disk. */
export interface WrittenModel {
  /** Path to load it by. */
  readonly path: string;
  readonly bytes: number;
  /** Seeds that it was calibrated on; undefined where it needed none. */
  readonly seeds: number | undefined;
}

/**
 * Writes a quantized copy of a model. Existing files are never overwritten.
 *
 * @param out the file, or the folder of a TensorFlow.js model; named after model and kind by default
 * @throws UserError where the model can't be quantized, or something is in the way
 */
export async function writeQuantizedModel(
  config: ModelConfig & InputConfig,
  kind: Quantization,
  out: string | undefined,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<WrittenModel> {
  const { asGiven, absolute } = modelPath(config);
  const steps = (done: number, inner?: Progress): void =>
    onProgress({ label: `quantizing to ${kind}`, done, total: STEPS, unit: 'step', inner });
  steps(0);
  return withModelSession({ ...config, model: absolute }, async (session) => {
    steps(1);
    const calibrates = await needsCalibration(session.info.path, kind);
    if (calibrates && config.seeds === undefined)
      throw new UserError('int8 is calibrated on seeds, but there are no seeds: set --seeds');
    const seeds = calibrates ? (await readSeeds(session.info, config, notices)).seeds : [];
    const files = await session.quantize(kind, seeds, halfSettings(config.half), (share) =>
      steps(1, {
        label: 'calibrating',
        done: Math.round(share * seeds.length),
        total: seeds.length,
        unit: 'seed',
      }),
    );
    steps(2);
    const destination = out ?? `${modelName(asGiven)}-${kind}${files.has(MODEL_JSON) ? '' : '.onnx'}`;
    return {
      path: await writeModelFiles(files, destination),
      bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
      seeds: calibrates ? seeds.length : undefined,
    };
  });
}

async function writeModelFiles(files: ModelFiles, destination: string): Promise<string> {
  const isFolder = files.has(MODEL_JSON);
  const existing = await stat(destination).catch(() => undefined);
  if (existing !== undefined)
    throw new UserError(
      `${destination} already exists: choose another ${isFolder ? 'folder' : 'file'} with --out`,
    );
  const folder = isFolder ? destination : dirname(destination);
  const main = mainFile([...files.keys()]);
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of files)
      await writeFile(join(folder, name === main && !isFolder ? basename(destination) : name), content, {
        flag: 'wx',
      });
  } catch (error) {
    throw fileError(error, 'write the copy to', destination);
  }
  return isFolder ? join(destination, main) : destination;
}
