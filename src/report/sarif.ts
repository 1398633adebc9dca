import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { escapeControl, escapeControlInJson } from '../core/escape-control.ts';
import { VERSION } from '../core/package-files.ts';
import { isAbsorbed, isNoFault } from '../objectives/objective.ts';
import { OBJECTIVES } from '../objectives/registry.ts';
import type { KnownFault } from '../triage/baseline.ts';
import { compareFaults, isCounted, statusOf } from '../triage/triage.ts';
import { type FailedCampaign, failureText } from './fault-groups.ts';
import { type FaultRecord, inputText, type ReportedFault } from './reported-fault.ts';

const SCHEMA_URL = 'https://json.schemastore.org/sarif-2.1.0.json';

/** Name of the fingerprint. A fault keeps its fingerprint as long as the signature format does not change. */
const FINGERPRINT_KEY = 'neurofuzzSignature/v1';

/** A campaign's faults, each with its representative finding. */
export interface SarifCampaign {
  readonly name: string;
  /** Path of the model in the campaign's settings. */
  readonly model: string;
  readonly faults: readonly FaultRecord[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly KnownFault[];
}

/**
 * Formats faults as SARIF 2.1.0 (OASIS): one rule per objective, one result per fault, with stable fingerprints. New faults come
 * first, then known and fixed ones; campaigns that failed are notifications of the invocation.
 *
 * @param threats threat models in sentences, by the campaign's name
 */
export function sarifText(
  campaigns: readonly SarifCampaign[],
  failures: readonly FailedCampaign[] = [],
  threats: ReadonlyMap<string, readonly string[]> = new Map(),
): string {
  const names = campaigns.flatMap(({ faults, fixed }) => [
    ...faults.map(({ fault }) => fault.objective),
    ...fixed.map(({ objective }) => objective),
  ]);
  const rules = [...new Set(names)].sort();
  const found = campaigns
    .flatMap(({ faults, ...campaign }) => faults.map((record) => ({ ...record, campaign })))
    .sort(
      (a, b) => Number(isCounted(b.fault)) - Number(isCounted(a.fault)) || compareFaults(a.fault, b.fault),
    );
  const log = {
    $schema: SCHEMA_URL,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'neurofuzz', semanticVersion: VERSION, rules: rules.map(ruleOf) },
        },
        columnKind: 'utf16CodeUnits',
        ...(threats.size === 0 ? {} : { properties: { threatModel: Object.fromEntries(threats) } }),
        ...(failures.length === 0 ? {} : { invocations: [failedInvocation(failures)] }),
        results: [
          ...found.map(({ campaign, ...record }) => foundResult(campaign, record, rules)),
          ...campaigns.flatMap(({ name, fixed }) => fixed.map((fault) => fixedResult(name, fault, rules))),
        ],
      },
    ],
  };
  return `${escapeControlInJson(JSON.stringify(log, null, 2))}\n`;
}

function failedInvocation(failures: readonly FailedCampaign[]) {
  return {
    executionSuccessful: false,
    toolExecutionNotifications: failures.map((failure) => ({
      level: 'error',
      message: { text: escapeControl(failureText(failure)) },
    })),
  };
}

function ruleOf(id: string) {
  // Objectives with a name of their own, such as `text-insult`, begin with that of their kind.
  const kind = OBJECTIVES.list().find(({ name }) => id === name || id.startsWith(`${name}-`));
  const help = kind?.help ?? `objective ${id}`;
  return { id, shortDescription: { text: escapeControl(help) } };
}

/** What results of faults have in common, whatever their state. */
function commonResult(campaign: string, { signature, objective }: KnownFault, rules: readonly string[]) {
  const fingerprint = createHash('sha256').update(`${campaign}\n${signature}`).digest('hex').slice(0, 32);
  return {
    ruleId: objective,
    ruleIndex: rules.indexOf(objective),
    partialFingerprints: { [FINGERPRINT_KEY]: fingerprint },
  };
}

/** The message: what fails in which campaign, and of a fault that counts its input and its replay command. */
function messageText(campaign: string, fault: ReportedFault): string {
  const lines = [`${fault.summary} (${campaign})`];
  if (isCounted(fault)) lines.push(`${inputText(fault)}: ${fault.input}`, `Replay: ${fault.replay}`);
  return lines.map(escapeControl).join('\n');
}

function foundResult(
  { name, model }: Pick<SarifCampaign, 'name' | 'model'>,
  { fault, finding }: FaultRecord,
  rules: readonly string[],
) {
  return {
    ...commonResult(name, fault, rules),
    message: { text: messageText(name, fault) },
    level: levelOf(fault),
    ...(fault.state === undefined ? {} : { baselineState: fault.state === 'new' ? 'new' : 'unchanged' }),
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(model) } },
        ...(finding.origin === undefined
          ? {}
          : { logicalLocations: [{ name: escapeControl(finding.origin.operation), kind: 'function' }] }),
      },
    ],
    occurrenceCount: Math.max(1, fault.hits),
    properties: {
      campaign: name,
      signature: fault.signature,
      reproduced: fault.reproduced,
      status: statusOf(fault),
      finding: fault.path,
      input: fault.input,
      replay: fault.replay,
    },
  };
}

function fixedResult(name: string, fault: KnownFault, rules: readonly string[]) {
  return {
    ...commonResult(name, fault, rules),
    message: { text: escapeControl(`${fault.summary} (${name})`) },
    baselineState: 'absent',
    level: 'none',
    properties: { campaign: name, signature: fault.signature },
  };
}

/** `warning` for an infinity that comes to no output; `note` for a fault that does not reproduce, and for a tie, which is none. */
function levelOf(fault: ReportedFault): 'error' | 'warning' | 'note' {
  if (statusOf(fault) === 'flaky' || isNoFault(fault.signature)) return 'note';
  return isAbsorbed(fault.signature) ? 'warning' : 'error';
}

/** A path as a URI: a relative reference, or a `file:` URI if it is absolute. */
function uriOf(path: string): string {
  if (path.startsWith('/')) return pathToFileURL(path).href;
  return path.split(/[/\\]/).map(encodeURIComponent).join('/');
}
