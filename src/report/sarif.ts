import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { escapeControl, escapeControlInJson } from '../core/escape-control.ts';
import { VERSION } from '../core/package-files.ts';
import { isAbsorbed, isTie } from '../objectives/objective.ts';
import { OBJECTIVES } from '../objectives/registry.ts';
import type { Finding } from '../storage/finding.ts';
import type { KnownFault } from '../triage/baseline.ts';
import { statusOf, type TriagedFault } from '../triage/triage.ts';

const SCHEMA_URL = 'https://json.schemastore.org/sarif-2.1.0.json';

/** Name of the fingerprint. A fault keeps its fingerprint as long as the signature format does not change. */
const FINGERPRINT_KEY = 'neurofuzzSignature/v1';

/** A campaign's faults, each with its representative finding. */
export interface SarifCampaign {
  readonly name: string;
  /** Path of the model in the campaign's settings. */
  readonly model: string;
  readonly faults: readonly { readonly fault: TriagedFault; readonly finding: Finding }[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly KnownFault[];
}

/** Formats faults as SARIF 2.1.0 (OASIS): one rule per objective, one result per fault, with stable fingerprints. */
export function sarifText(campaigns: readonly SarifCampaign[]): string {
  const names = campaigns.flatMap(({ faults, fixed }) => [
    ...faults.map(({ fault }) => fault.objective),
    ...fixed.map(({ objective }) => objective),
  ]);
  const rules = [...new Set(names)].sort();
  const log = {
    $schema: SCHEMA_URL,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'neurofuzz', semanticVersion: VERSION, rules: rules.map(ruleOf) },
        },
        columnKind: 'utf16CodeUnits',
        results: campaigns.flatMap((campaign) => resultsOf(campaign, rules)),
      },
    ],
  };
  return `${escapeControlInJson(JSON.stringify(log, null, 2))}\n`;
}

function ruleOf(id: string) {
  // Objectives with a name of their own, such as `text-insult`, begin with that of their kind.
  const kind = OBJECTIVES.list().find(({ name }) => id === name || id.startsWith(`${name}-`));
  const help = kind?.help ?? `objective ${id}`;
  return { id, shortDescription: { text: escapeControl(help) } };
}

function resultsOf({ name, model, faults, fixed }: SarifCampaign, rules: readonly string[]) {
  const common = ({ signature, objective, summary }: KnownFault) => ({
    ruleId: objective,
    ruleIndex: rules.indexOf(objective),
    message: { text: escapeControl(`${summary} (${name})`) },
    partialFingerprints: {
      [FINGERPRINT_KEY]: createHash('sha256').update(`${name}\n${signature}`).digest('hex').slice(0, 32),
    },
  });
  const found = faults.map(({ fault, finding }) => ({
    ...common(fault),
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
      signature: fault.signature,
      reproduced: fault.reproduced,
      status: statusOf(fault),
      finding: fault.path,
      replay: finding.replay,
    },
  }));
  const absent = fixed.map((fault) => ({
    ...common(fault),
    baselineState: 'absent',
    level: 'none',
    properties: { signature: fault.signature },
  }));
  return [...found, ...absent];
}

/** `warning` for an infinity that comes to no output; `note` for a fault that does not reproduce, and for a tie, which is none. */
function levelOf(fault: TriagedFault): 'error' | 'warning' | 'note' {
  if (statusOf(fault) === 'flaky' || isTie(fault.signature)) return 'note';
  return isAbsorbed(fault.signature) ? 'warning' : 'error';
}

/** A path as a URI: a relative reference, or a `file:` URI if it is absolute. */
function uriOf(path: string): string {
  if (path.startsWith('/')) return pathToFileURL(path).href;
  return path.split(/[/\\]/).map(encodeURIComponent).join('/');
}
