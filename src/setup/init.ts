import { open, rm } from 'node:fs/promises';
import { resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../config/schema.ts';
import { needsLabels, presetSteps } from '../config/threat-presets.ts';
import { fileError, UserError } from '../core/errors.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { NO_MUTATOR } from '../mutators/registry.ts';
import { type ModelSession, withModelSession } from '../workers/model-session.ts';
import { campaignText, type GivenSettings, sentBy } from './campaign-file.ts';
import { guessInputs, type InputGuess, labelInputs } from './input-guesses.ts';
import { type Inspection, inspectLoaded } from './inspect.ts';

/** Settings from which a campaign file is written. */
export type InitConfig = ModelConfig & InputConfig & Pick<GivenSettings, 'preset' | 'threatPreset'>;

/** A model as a campaign file describes it. */
export interface InitializedModel {
  readonly inspection: Inspection;
  readonly inputs: readonly InputGuess[];
}

/**
 * Writes a campaign file for a model. What was given is in it as settings; what neurofuzz infers from model and seeds, as comments. The
 * file runs as it is, and does what `fuzz` does with the same flags; inputs of labels stay as well.
 *
 * @param file path to write to; an existing file is never overwritten
 * @throws UserError where the model can't be loaded, the seeds do not fit it, the file exists, or a threat model needs labels
 */
export async function init(config: InitConfig, file: string, notices: Notices): Promise<InitializedModel> {
  const { threatPreset, labels } = config;
  if (threatPreset !== undefined && labels === undefined && needsLabels(threatPreset))
    throw new UserError(
      `--threat-model ${threatPreset} counts answers that are wrong, which labels tell: set --labels labels.npy or --labels folders`,
    );
  const { inspection, inputs } = await withModelSession(config, (session) =>
    describeInputs(session, config, notices),
  );
  await writeNewFile(file, campaignText(inspection, inputs, file, config));
  if (threatPreset !== undefined)
    for (const step of presetSteps(threatPreset, sentBy(inputs))) notices.warn(step);
  return { inspection, inputs };
}

async function describeInputs(
  session: ModelSession,
  config: InitConfig,
  notices: Notices,
): Promise<InitializedModel> {
  const { info } = session;
  const testcaseInputs = stripBatchDimension(info.inputs);
  const resolve = (mutator?: Record<string, string>) =>
    resolveInputs(info, { ...config, mutator }, '', mutator === undefined ? notices : SILENT);
  const read = config.seeds === undefined ? undefined : await resolve();
  const inspection = await inspectLoaded(session, read?.seeds[0]);
  const labels = labelInputs(testcaseInputs, inspection.inputs, read?.seeds);
  // What stays decides which seeds are legal, and which inputs that are the same in all seeds may stay as well.
  const resolved =
    read === undefined || labels.size === 0
      ? read
      : await resolve(Object.fromEntries([...labels.keys()].map((name) => [name, NO_MUTATOR])));
  const inputs = guessInputs(inspection, resolved).map((guess): InputGuess => {
    const reason = labels.get(guess.name);
    if (reason === undefined) return guess;
    return { ...guess, kind: 'label', kindWhy: reason, staysWhy: 'label stays as its seeds have it' };
  });
  return { inspection, inputs };
}

const SILENT: Notices = { info: () => {}, warn: () => {} };

async function writeNewFile(file: string, text: string): Promise<void> {
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(text);
    } catch (error) {
      // Half a file would run as another campaign.
      await rm(file, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError(`${file} already exists: name another file with --out, or remove it first`);
    }
    throw fileError(error, 'write the campaign file', file);
  }
}
