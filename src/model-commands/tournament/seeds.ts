import { join } from 'node:path';
import { type ResolvedInputs, resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { readCampaignFile } from '../../config/load.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { NO_CLASS } from '../../inputs/class-label.ts';
import { type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import type { ModelInfo } from '../../model/model.ts';
import { CAMPAIGN_FILE } from '../../storage/campaign-store.ts';
import type { PlayedSeeds } from './opponents.ts';
import type { WinRule } from './win-rule.ts';

/** In place of a source of labels: those that the campaigns of `--corpus` record. */
const LABELS_OF_CAMPAIGNS = 'seeds';

/** All seeds, before those are left out that no model gets right. */
export interface TournamentInputs {
  readonly resolved: ResolvedInputs;
  readonly played: PlayedSeeds;
}

/**
 * Reads seeds and labels.
 *
 * @param info the first model: all others have the same inputs
 * @throws UserError where there are none, or they do not fit
 */
export async function readTournamentInputs(
  info: ModelInfo,
  config: CampaignConfig,
  rule: WinRule,
  masterSeed: string,
  notices: Notices,
): Promise<TournamentInputs> {
  const isLabelled = rule.kind === 'correct';
  const corpora = [config.corpus ?? []].flat();
  if (isLabelled && config.labels === undefined)
    throw new UserError(
      'without --labels nobody knows which answers are right: set --labels, or --win agrees=<model> or "assert:…"',
    );
  const isOfCampaigns = config.labels === LABELS_OF_CAMPAIGNS;
  if (isOfCampaigns && corpora.length === 0)
    throw new UserError('--labels seeds takes the labels of the campaigns of --corpus, and there are none');
  if (isOfCampaigns && config.seeds !== undefined)
    throw new UserError('--labels seeds takes the seeds of the campaigns of --corpus: leave --seeds out');
  const configs = isOfCampaigns ? await Promise.all(corpora.map(withRecordedSeeds)) : [config];
  const { coverageReference: _reference, threatModel: _threat, corpus: _corpus, ...plain } = config;
  const all: ResolvedInputs[] = [];
  for (const { seeds, labels } of configs)
    all.push(
      await resolveInputs(info, { ...plain, seeds, labels }, masterSeed, notices, {
        keepsLabels: isLabelled,
      }),
    );
  const byId = new Map<string, { readonly data: TestcaseData; readonly label: number }>();
  for (const { seeds, labels } of all)
    for (const data of seeds) {
      const label = labels?.get(data) ?? NO_CLASS;
      const id = testcaseId(data);
      if (!byId.has(id) && (!isLabelled || label >= 0)) byId.set(id, { data, label });
    }
  if (byId.size === 0) throw new UserError('no seed has a label: set other --labels');
  const [resolved] = all;
  const played = {
    ...resolved,
    masterSeed,
    seeds: [...byId.values()].map(({ data }) => data),
    labels: [...byId.values()].map(({ label }) => label),
    ids: [...byId.keys()],
  };
  return { resolved, played };
}

async function withRecordedSeeds(folder: string) {
  const { seeds, labels } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  if (seeds === undefined || labels === undefined)
    throw new UserError(
      `--labels seeds: the campaign ${folder} records no ${seeds === undefined ? 'seeds' : 'labels'}: give them with --seeds and --labels`,
    );
  return { seeds: seeds as CampaignConfig['seeds'], labels: String(labels) };
}

/**
 * The seeds of a list, in its order.
 *
 * @throws UserError where some are not there any more
 */
export function seedsWithIds(played: PlayedSeeds, ids: readonly string[]): PlayedSeeds {
  const places = new Map(played.ids.map((id, place) => [id, place]));
  const kept = ids.map((id) => places.get(id) ?? -1);
  const missing = kept.filter((place) => place < 0).length;
  if (missing > 0)
    throw new UserError(
      `--resume: ${missing} of the ${ids.length} seeds that were played on are no longer among --seeds: bring them back, or choose another folder with --out`,
    );
  return {
    ...played,
    ids,
    seeds: kept.map((place) => played.seeds[place]),
    labels: kept.map((place) => played.labels[place]),
  };
}
