import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { modelName } from '../../core/model-name.ts';
import type { OnProgress } from '../../core/progress.ts';
import { checkFolder } from '../../storage/check-folder.ts';
import { modelPath } from '../../storage/load-options.ts';
import { availableCores } from '../../workers/resource-limits.ts';
import { withSessions } from '../with-sessions.ts';
import type { ReprogramOptions } from './prepare.ts';
import { findTaskProgram, type TaskResult } from './task-program.ts';
import { checkThreatModel } from './threat.ts';
import { findUniversal, type UniversalResult } from './universal.ts';

/** Results of `reprogram`, with what pages show of them. */
export type ReprogramResult = UniversalResult | TaskResult;

/**
 * Searches for a single change that sends inputs never seen to a class, or that has the model do another task.
 *
 * @throws UserError where settings, inputs and model do not fit each other
 */
export async function reprogram(
  config: CampaignConfig,
  options: ReprogramOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<ReprogramResult> {
  checkThreatModel(config, options);
  const folder = config.out ?? join('neurofuzz-out', `${modelName(modelPath(config).asGiven)}-reprogram`);
  await checkFolder(folder, options.overwrite, false);
  const seeded = { ...config, seed: config.seed ?? randomBytes(8).toString('hex') };
  const { task } = options;
  return withSessions(config, config.jobs ?? availableCores(), async (sessions) => {
    // An untrained copy is loaded in its place.
    const host = { info: sessions[0].info, folder };
    return task === undefined
      ? findUniversal(sessions, host, seeded, options, notices, onProgress)
      : findTaskProgram(sessions, host, seeded, { ...options, task }, notices, onProgress);
  });
}
