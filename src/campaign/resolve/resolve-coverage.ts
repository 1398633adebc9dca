import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { resolveWatchedTensors, type WatchedTensors, watchOutput } from '../../model/coverage-tensors.ts';
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
  { coverage }: Pick<CampaignConfig, 'coverage'>,
  probeWorker: ProbeWorker,
  seed: TestcaseData,
  notices: Notices,
): Promise<ResolvedCoverage> {
  const watched = resolveWatchedTensors(model, coverage);
  if (coverage === 'auto') return resolveAutoCoverage(model, watched, probeWorker, seed);
  const probed = await probeWorker.probe(seed, watched.tensors);
  const namedTensors = new Set([coverage].flat());
  const dropped = probed.unbatchedTensors.filter((name) => !namedTensors.has(name));
  const tensors = watched.tensors.filter((name) => !dropped.includes(name));
  if (dropped.length === 0 || tensors.length === 0) return { watched, ...probed };
  notices.warn(
    `--coverage: ${dropped.length} of the tensors that match have no row for each testcase and are left out, such as ${dropped[0]}`,
  );
  return { watched: { ...watched, tensors }, ...(await probeWorker.probe(seed, tensors)) };
}

/** Falls back to the output where the tensor that `auto` selects is not numeric or has no row for each testcase. */
async function resolveAutoCoverage(
  model: ModelInfo,
  watched: WatchedTensors,
  probeWorker: ProbeWorker,
  seed: TestcaseData,
): Promise<ResolvedCoverage> {
  const probed = await probeWorker.probe(seed, watched.tensors).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  });
  if (probed !== undefined && probed.batchLimitReason === undefined) return { watched, ...probed };
  const output = watchOutput(model);
  const probedOutput = await probeWorker.probe(seed, output.tensors);
  const isNoBetter = probedOutput.batchLimitReason !== undefined && probed !== undefined;
  return isNoBetter ? { watched, ...probed } : { watched: output, ...probedOutput };
}
