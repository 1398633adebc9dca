import type { CampaignConfig } from '../config/schema.ts';
import { modelPath } from '../storage/load-options.ts';
import { type ModelSession, withModelSession } from '../workers/model-session.ts';

/** Opens sessions of one model, at least one, and closes them once `use` is done. */
export async function withSessions<T>(
  config: CampaignConfig,
  count: number,
  use: (sessions: readonly [ModelSession, ...ModelSession[]]) => Promise<T>,
): Promise<T> {
  const absolute = { ...config, model: modelPath(config).absolute };
  const open = (first: ModelSession, others: readonly ModelSession[]): Promise<T> =>
    others.length + 1 >= count
      ? use([first, ...others])
      : withModelSession(absolute, (session) => open(first, [...others, session]));
  return withModelSession(absolute, (session) => open(session, []));
}
