import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerDivergences } from '../analysis/layer-divergence.ts';
import type { OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { Distance } from '../constraints/distance.ts';
import type { VariantOutcome } from '../evaluation/rerun-testcase.ts';
import type { Lineage } from '../inputs/testcase.ts';
import type { RuntimeKind } from '../model/model.ts';
import type { Violation } from '../objectives/objective.ts';

/** Version of every file of a campaign. */
export const FORMAT_VERSION = 1;

/** How often a finding came up again, and how it has to be run for that. */
export interface Confirmation {
  /** Such as `10/10`. */
  readonly reproduced: string;
  /** `batch-dependent` shows only in the batch that it was found in, which is kept as batch.npz. */
  readonly status: 'confirmed' | 'batch-dependent' | 'flaky';
  /** Of a flaky disagreement of two models: what it hangs on. */
  readonly why?: string;
}

/** How much a finding has to do with inputs as they come up. */
export interface Severity {
  /** Share of its values that lie outside what the seeds span at their position. */
  readonly outsideSeeds: number;
  /** What is left of it when its values are brought into that span, where some lie outside. */
  readonly withinSeeds: VariantOutcome;
  /** What is left of it when its floating-point values are rounded to 256 levels of their range. */
  readonly in8Bit?: VariantOutcome;
}

/** `finding.json`: a testcase with its violation. */
export interface Finding extends Lineage, Confirmation {
  readonly formatVersion: number;
  readonly signature: string;
  readonly signatureVersion: number;
  readonly objective: string;
  readonly summary: string;
  readonly violation: Pick<Violation, 'tensors' | 'details'>;
  readonly model: { readonly path: string; readonly sha256: string; readonly runtime: RuntimeKind };
  /** The second model, where two are compared; a derived one by its place in the campaign's folder. */
  readonly copy?: Finding['model'];
  /** Master seed of the campaign. */
  readonly seed: string;
  readonly distance: Distance;
  /** Where it begins and what the operation there was given; only where that is known. */
  readonly origin?: OriginDetails;
  /** Of two models, layer by layer, how far they differ there. */
  readonly departures?: LayerDivergences;
  readonly severity?: Severity;
  /** Of one that was made smaller: the finding that it comes from, and what it is small in. */
  readonly minimized?: { readonly from: string; readonly goal: 'values' | 'edits' | 'length' };
  /** The class that its seed shows, where its objective needs to know. */
  readonly label?: number;
  readonly task: number;
  /** Number of this mutant in the campaign, from 1; 0 for a seed. */
  readonly execs: number;
  /** Its row in batch.npz and the rows there; only where it is batch-dependent. */
  readonly batch?: { readonly row: number; readonly rows: number };
  /** The command to paste, from the campaign's folder. */
  readonly replay: string;
}

/** `signature.json`: one fault. */
export interface SignatureRecord {
  readonly formatVersion: number;
  readonly signatureVersion: number;
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** Task and mutant number of the first hit. */
  readonly firstTask: number;
  readonly firstExecs: number;
  /** All hits, kept or not, confirmed or not. */
  readonly hits: number;
}

/** Folder of what may differ between equal runs. */
const UNREPEATABLE_FOLDER = 'unrepeatable';

/** Folder of a finding within the campaign's; what may differ between equal runs lies apart. */
export function findingFolder(signature: string, id: string, apart: boolean): string {
  return ['findings', ...(apart ? [UNREPEATABLE_FOLDER] : []), signature, id].join('/');
}

/** Folders of findings within `findings/`, as `<signature>/<id>`, in the order of their names; those that lie apart last. */
export async function listFindingFolders(campaign: string): Promise<string[]> {
  const within = async (path: string): Promise<string[]> =>
    (await readdir(path, { withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  const root = join(campaign, 'findings');
  const sound = (await within(root)).filter((name) => name !== UNREPEATABLE_FOLDER);
  const apart = (await within(join(root, UNREPEATABLE_FOLDER))).map(
    (name) => `${UNREPEATABLE_FOLDER}/${name}`,
  );
  const lists = await Promise.all(
    [...sound, ...apart].map(async (name) => (await within(join(root, name))).map((id) => `${name}/${id}`)),
  );
  return lists.flat();
}
