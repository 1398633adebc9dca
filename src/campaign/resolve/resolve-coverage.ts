import type { CampaignConfig } from '../../config/schema.ts';
import { tensorChoice } from '../../coverage/registry.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import {
  coverageCandidates,
  resolveWatchedTensors,
  selectCandidate,
  type WatchedTensors,
} from '../../model/coverage-tensors.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';
import type { ProbeResult } from '../../workers/worker-setup.ts';
import type { Notices } from './model-settings.ts';

/** The tensors that coverage observes, and how the model takes batches while it exposes them. */
export interface ResolvedCoverage extends ProbeResult {
  readonly watched: WatchedTensors;
}

/** Resolves the `coverage` setting to tensors, and probes the model with them on one seed. */
export async function resolveCoverage(
  model: ModelInfo,
  { coverage, measure }: Pick<CampaignConfig, 'coverage' | 'measure'>,
  probeWorker: ProbeWorker,
  seed: TestcaseData,
  notices: Notices,
): Promise<ResolvedCoverage> {
  const chooseTensors = tensorChoice(measure);
  if (coverage === 'auto' && chooseTensors !== undefined) {
    const watched = chooseTensors(model);
    return { watched, ...(await probeWorker.probe(seed, watched.tensors)) };
  }
  if (coverage === 'auto') {
    const chosen = await selectCandidate(coverageCandidates(model), (tensors) =>
      probeWorker.probe(seed, tensors),
    );
    return { watched: chosen.watched, ...chosen.probed };
  }
  const watched = resolveWatchedTensors(model, coverage);
  const probed = await probeWorker.probe(seed, watched.tensors);
  const namedTensors = new Set([coverage].flat());
  const dropped = probed.unbatchedTensors.filter((name) => !namedTensors.has(name));
  const tensors = watched.tensors.filter((name) => !dropped.includes(name));
  if (dropped.length === 0 || tensors.length === 0) return { watched, ...probed };
  notices.warn(
    `--coverage: ${dropped.length} of the matching tensors do not have one row per testcase and are left out, such as ${dropped[0]}`,
  );
  return { watched: { ...watched, tensors }, ...(await probeWorker.probe(seed, tensors)) };
}
