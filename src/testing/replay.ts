import type { ReplayedFinding, ReplayOptions } from './api.ts';
import type { ReplayOutcome } from './protocol.ts';
import { readFuzzFinding } from './read-findings.ts';
import { type ServiceProcess, withService } from './service-process.ts';

/** See `replay` of the package. */
export async function replay(
  paths: string | readonly string[],
  options: ReplayOptions = {},
): Promise<ReplayedFinding[]> {
  const { signal } = options;
  const outcomes = await withService(signal, {}, (service) =>
    replayInService(service, [paths].flat(), options),
  ).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  return Promise.all(outcomes.map(withArrays));
}

/** Runs findings again in a service that is there. */
export function replayInService(
  service: ServiceProcess,
  paths: readonly string[],
  { model, trust }: ReplayOptions,
): Promise<readonly ReplayOutcome[]> {
  return service.call('replay', { paths, model, trust });
}

async function withArrays({ path, verdict, note }: ReplayOutcome): Promise<ReplayedFinding> {
  return { ...(await readFuzzFinding(path)), verdict, note };
}
