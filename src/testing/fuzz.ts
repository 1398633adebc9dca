import type { FuzzOptions, FuzzResult } from './api.ts';
import type { CampaignOutcome } from './protocol.ts';
import { readCampaignFindings } from './read-findings.ts';
import { type ServiceProcess, withService } from './service-process.ts';

/** See `fuzz` of the package. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { signal, onFault, onProgress } = options;
  return withService(signal, { onFault, onProgress }, (service) => fuzzInService(service, options));
}

/** Runs a campaign in a service that is there. */
export async function fuzzInService(
  service: ServiceProcess,
  {
    config,
    overwrite = false,
    signal: _signal,
    onFault: _fault,
    onProgress: _progress,
    ...settings
  }: FuzzOptions,
): Promise<FuzzResult> {
  const start = overwrite ? 'overwrite' : 'new';
  const outcome = await service.call('fuzz', { settings, config, start });
  return { ...outcome, findings: await confirmedFindings(outcome) };
}

async function confirmedFindings({ campaign, faults }: CampaignOutcome): Promise<FuzzResult['findings']> {
  const order = new Map(faults.map(({ signature, confirmed }, i) => [signature, confirmed ? i : -1]));
  const rank = ({ signature }: { readonly signature: string }): number => order.get(signature) ?? -1;
  const findings = await readCampaignFindings(campaign);
  return findings
    .filter((finding) => rank(finding) >= 0 && finding.status !== 'flaky')
    .sort((a, b) => rank(a) - rank(b));
}
