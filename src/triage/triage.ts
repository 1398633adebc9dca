import { join } from 'node:path';
import type { Finding } from '../campaign/finding.ts';
import { decodeOutputs, OUTPUTS_FILE } from '../campaign/outputs.ts';
import { CAMPAIGN_FILE } from '../campaign/store.ts';
import { UserError } from '../errors.ts';
import type { NamedTensor } from '../models/model.ts';
import type { RowTensor } from '../models/rows.ts';
import { comparesModels, makeObjective } from '../objectives/registry.ts';
import { exists, findingsIn, readFinding, readOrRefuse } from './findings.ts';

/** One fault: the findings of one signature in one campaign. */
export interface TriagedFault {
  readonly campaign: string;
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** Findings on disk, and those that are flaky among them. */
  readonly findings: number;
  readonly flaky: number;
  /** Findings that break the rules that were given; null where they can't be judged without running a model. */
  readonly broken: number | null;
  /** The folder of the first one that counts. */
  readonly path: string;
}

/**
 * Lists the faults of campaigns, in the order of their names.
 *
 * @param rules of a comparing objective, as in its spec; with them findings of two models are judged anew by what both
 *   gave, and no model is run
 * @throws UserError where a folder is no campaign, a finding can't be read, or the rules make no sense
 */
export async function triage(campaigns: readonly string[], rules?: string): Promise<TriagedFault[]> {
  const faults: TriagedFault[] = [];
  for (const campaign of campaigns) {
    if (!(await exists(join(campaign, CAMPAIGN_FILE))))
      throw new UserError(`${campaign} is no campaign: name a folder that holds a ${CAMPAIGN_FILE}`);
    const bySignature = new Map<string, Judged[]>();
    for (const folder of await findingsIn(campaign)) {
      const finding = await readFinding(folder);
      const broken = rules === undefined ? null : await isBroken(folder, finding, rules);
      const judged = bySignature.get(finding.signature) ?? [];
      judged.push({ folder, finding, broken });
      bySignature.set(finding.signature, judged);
    }
    for (const [signature, judged] of [...bySignature].sort(([a], [b]) => (a < b ? -1 : 1)))
      faults.push(faultOf(campaign, signature, judged));
  }
  return faults;
}

interface Judged {
  readonly folder: string;
  readonly finding: Finding;
  readonly broken: boolean | null;
}

function faultOf(campaign: string, signature: string, judged: readonly Judged[]): TriagedFault {
  const known = judged.filter(({ broken }) => broken !== null);
  const sound = judged.filter(({ finding }) => finding.status !== 'flaky');
  const first = sound.find(({ broken }) => broken !== false) ?? sound[0] ?? judged[0];
  return {
    campaign,
    signature,
    objective: first.finding.objective,
    summary: first.finding.summary,
    findings: judged.length,
    flaky: judged.length - sound.length,
    broken: known.length === 0 ? null : known.filter(({ broken }) => broken).length,
    path: first.folder,
  };
}

/** Whether a finding's outputs break the rules; null where it has none. */
async function isBroken(folder: string, { objective }: Finding, rules: string): Promise<boolean | null> {
  const path = join(folder, OUTPUTS_FILE);
  if (!(await exists(path))) return null;
  // Of a testcase and the same one changed, the rules are those of two models.
  const judge = await makeObjective(`${comparesModels(objective) ? objective : 'differential'}:${rules}`);
  const { reference, copy } = decodeOutputs(await readOrRefuse(path), path);
  const outputs = reference.map(rowOf);
  const result = { rows: 1, inputs: [], outputs, activations: [], copy: copy.map(rowOf) };
  const refused = judge.refuses?.(result);
  if (refused !== undefined) throw new UserError(`${path}: ${objective} ${refused}`);
  let broken = false;
  judge.judge(result, () => {
    broken = true;
  });
  return broken;
}

function rowOf({ name, type, shape, data }: NamedTensor): RowTensor {
  return { name, type, shape, size: data.length, data };
}
