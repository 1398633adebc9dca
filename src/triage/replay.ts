import { join } from 'node:path';
import { CHANGED_FILE, REFERENCE_FILE } from '../campaign/outputs.ts';
import { CAMPAIGN_FILE } from '../campaign/store.ts';
import { decodeTestcase } from '../campaign/testcase.ts';
import { reason, UserError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import type { Rows } from '../models/rows.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import type { Reproduction } from '../objectives/reproduce.ts';
import { openCampaign } from './campaign.ts';
import { exists, findingsIn, readFinding, readOrRefuse } from './findings.ts';

export type Verdict = 'still broken' | 'fixed' | 'flaky';

/** How running one finding again went. */
export interface Replayed {
  readonly path: string;
  readonly id: string;
  readonly signature: string;
  readonly verdict: Verdict;
  /** Such as `10/10`. */
  readonly reproduced: string;
  /** What came up instead, or what else is worth knowing. */
  readonly note: string;
}

/**
 * Runs findings again, one after the other, each in a fresh session of the model.
 *
 * @param paths findings, folders of them or campaigns
 * @throws UserError where a path holds no finding, or a finding or its campaign can't be read
 */
export async function* replay(paths: readonly string[]): AsyncGenerator<Replayed> {
  for (const path of paths) {
    const folders = await findingsIn(path);
    if (folders.length === 0) {
      if (await exists(join(path, CAMPAIGN_FILE))) continue;
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    }
    for (const folder of folders) yield await replayOne(folder);
  }
}

async function replayOne(folder: string): Promise<Replayed> {
  const finding = await readFinding(folder);
  const campaign = await openCampaign(folder, finding);
  const { config, inputs, model, load, sha256, copySha256, reproducer } = campaign;
  try {
    const rows = finding.batch?.rows;
    const file = join(folder, rows === undefined ? 'input.npz' : 'batch.npz');
    const data = decodeTestcase(inputs, await readOrRefuse(file), file, rows);
    const again = await reproducer.reproduce(finding.objective, {
      model,
      load,
      objectives: objectiveSpecs(config.objective),
      suspect: { signature: finding.signature, tensors: finding.violation.tensors },
      // What was not traced bears the name of what was seen.
      traces: finding.violation.details.origin !== undefined,
      block: data,
      rows: rows ?? 1,
      row: finding.batch?.row ?? 0,
      label: finding.label,
      changed: await testcaseIn(join(folder, CHANGED_FILE), inputs),
      reference: await testcaseIn(join(folder, REFERENCE_FILE), inputs),
    });
    const changed = sha256 === finding.model.sha256 ? [] : ['the model has changed since'];
    if (copySha256 !== finding.copy?.sha256) changed.push('the second model has changed since');
    const others = again.others.length > 0 ? [`breaks as ${again.others.join(', ')}`] : [];
    return {
      path: folder,
      id: finding.id,
      signature: finding.signature,
      verdict: verdictOf(again),
      reproduced: `${again.times}/${again.of}`,
      note: [...others, ...changed].join('; '),
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder} cannot be run: ${reason(error)}`);
  } finally {
    reproducer.close();
  }
}

/** A testcase that may lie beside a finding. */
async function testcaseIn(path: string, inputs: readonly InputSpec[]): Promise<Rows | undefined> {
  return (await exists(path)) ? decodeTestcase(inputs, await readOrRefuse(path), path) : undefined;
}

/** A finding that now breaks in another way is not fixed. */
function verdictOf({ times, of, others }: Reproduction): Verdict {
  if (times === of || (times === 0 && others.length > 0)) return 'still broken';
  return times === 0 ? 'fixed' : 'flaky';
}
