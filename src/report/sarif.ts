import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { escapeControl } from '../core/escape-control.ts';
import { OBJECTIVES } from '../objectives/registry.ts';
import type { Finding } from '../storage/finding.ts';
import type { KnownFault } from '../triage/baseline.ts';
import type { TriagedFault } from '../triage/triage.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

const SCHEMA_URL = 'https://json.schemastore.org/sarif-2.1.0.json';

/** What fingerprints are made of: a fault keeps its own as long as signatures read the same. */
const FINGERPRINT_KEY = 'neurofuzzSignature/v1';

/** A campaign's faults, each with the finding that stands for it where there is one. */
export interface SarifCampaign {
  readonly name: string;
  /** Model's file as the campaign names it. */
  readonly model: string;
  readonly faults: readonly { readonly fault: TriagedFault; readonly finding: Finding }[];
  /** Known before, and not found any more. */
  readonly fixed: readonly KnownFault[];
}

/** Faults as SARIF 2.1.0 (OASIS): a rule for each objective, a result for each fault, fingerprints that stay. */
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
          driver: { name: 'neurofuzz', semanticVersion: version, rules: rules.map(ruleOf) },
        },
        columnKind: 'utf16CodeUnits',
        results: campaigns.flatMap((campaign) => resultsOf(campaign, rules)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(id: string) {
  // A rule of text or an expression is told by its own name.
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
    level: fault.findings > fault.flaky ? 'error' : 'note',
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
      finding: fault.path,
      replay: finding.replay,
    },
  }));
  const gone = fixed.map((fault) => ({
    ...common(fault),
    baselineState: 'absent',
    level: 'none',
    properties: { signature: fault.signature },
  }));
  return [...found, ...gone];
}

/** A path as a relative reference, or with its scheme where it is absolute. */
function uriOf(path: string): string {
  if (path.startsWith('/')) return pathToFileURL(path).href;
  return path.split(/[/\\]/).map(encodeURIComponent).join('/');
}
