import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { UserError } from '../../core/errors.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { ProgramMethod } from '../../reprogram/train-program.ts';
import { modelPath } from '../../storage/load-options.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { hidesWeights } from '../contest-threat.ts';
import type { PreparedProgram, SeededConfig } from './prepare.ts';
import type { ReprogramReport } from './report.ts';

/** Version of the object that `reprogram --json` prints. */
const REPROGRAM_VERSION = 2;

/** The model as it was loaded, before a copy takes its place, and the folder of what is found. */
export interface Host {
  readonly info: ModelInfo;
  readonly folder: string;
}

/** The method that is asked for, or gradients where there are any. @throws UserError where they are asked for, and the threat model hides the weights */
export async function methodOf(
  session: ModelSession,
  config: SeededConfig,
  asked: ProgramMethod | undefined,
  { train, descriptor, position, rule }: PreparedProgram,
  notices: Notices,
): Promise<ProgramMethod> {
  if (hidesWeights(config)) {
    if (asked === 'gradient')
      throw new UserError('--method: the threat model hides the weights, so there is no gradient: use nes');
    return 'nes';
  }
  if (asked !== undefined) return asked;
  const inputs = [{ index: 0, data: train[0], label: 0 }];
  const context = { seed: config.seed, descriptor, position, threshold: 0, queries: 1, linf: undefined };
  const refusal = await session.gradientRefusal({ inputs, rule, context });
  if (refusal === undefined) return 'gradient';
  notices.info(`no gradients (${refusal}): the search asks for outputs alone`);
  return 'nes';
}

/** What reports of all kinds have. */
export function commonReport(
  { info: { format, sha256 }, folder }: Host,
  config: SeededConfig,
  { placement, train, test, draws }: PreparedProgram,
  method: ProgramMethod,
): Omit<ReprogramReport, 'mode'> {
  return {
    formatVersion: REPROGRAM_VERSION,
    model: { path: modelPath(config).asGiven, format, sha256 },
    seed: config.seed,
    place: placement.mode,
    values: placement.mask.reduce((sum, isInside) => sum + isInside, 0),
    epsilon: placement.mode === 'add' ? placement.epsilon : null,
    method,
    draws,
    train: train.length,
    test: test.length,
    campaign: folder,
  };
}
