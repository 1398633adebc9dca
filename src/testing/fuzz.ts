import type { FuzzOptions, FuzzResult } from './api.ts';
import type { CampaignOutcome } from './protocol.ts';
import { readCampaignFindings } from './read-findings.ts';
import { type ServiceProcess, withService } from './service-process.ts';

/** Options of `fuzz` that are no settings of the campaign. */
const OTHER_OPTIONS = ['config', 'overwrite', 'signal', 'onFault', 'onProgress'];

/** See `fuzz` of the package. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { signal, onFault, onProgress } = options;
  return withService(signal, { onFault, onProgress }, (service) => fuzzInService(service, options));
}

/**
 * Runs a campaign in a service that is there.
 *
 * @param otherOptions options of the caller that are no settings: what is misspelt may be one of them
 */
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
  otherOptions: readonly string[] = OTHER_OPTIONS,
): Promise<FuzzResult> {
  const start = overwrite ? 'overwrite' : 'new';
  const outcome = await service.call('fuzz', { settings, config, start, otherOptions });
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
