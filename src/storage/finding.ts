import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerDivergences } from '../analysis/layer-divergence.ts';
import type { OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { Distance } from '../constraints/distance.ts';
import type { VariantOutcome } from '../evaluation/test-variants.ts';
import type { Lineage } from '../inputs/testcase.ts';
import type { RuntimeKind } from '../model/model.ts';
import type { Violation } from '../objectives/objective.ts';
import { DAMAGED_FOLDER } from './set-aside.ts';

/** Version of the format of all files in a campaign's folder. */
export const FORMAT_VERSION = 1;

/** How reliably a finding reproduces, and under which conditions. */
export interface Confirmation {
  /** Matching runs out of all reruns, such as `10/10`. */
  readonly reproduced: string;
  /** A `batch-dependent` finding reproduces only in the batch in which it was found, stored as batch.npz. */
  readonly status: 'confirmed' | 'batch-dependent' | 'flaky';
  /** For a flaky disagreement of two models: the condition on which it depends. */
  readonly why?: string;
}

/** How close a finding is to realistic inputs. */
export interface Severity {
  /** Share of its values outside the range of the seeds at the same position, from 0 to 1. */
  readonly outsideSeeds: number;
  /** Outcome after clipping the values to the range of the seeds. */
  readonly withinSeeds: VariantOutcome;
  /** Outcome after rounding floating-point values to 256 levels of their range. */
  readonly in8Bit?: VariantOutcome;
}

/** How many values of a minimized finding may vary without losing the fault; value-roles.npz says which. */
export interface FreeValueCounts {
  readonly free: number;
  /** Values without which the fault is lost. */
  readonly needed: number;
  /** Values of which it was not told. */
  readonly unknown: number;
  /** Runs in which all free values were drawn at random together, and those of them in which the fault stayed. */
  readonly runs: number;
  readonly stayed: number;
}

/** How a finding obeys the threat model of its campaign, as finding.json has it. */
export interface ThreatRecord {
  readonly obeys: boolean;
  /** Clauses that were checked. */
  readonly clauses: readonly string[];
  /** Where the attacker starts. */
  readonly starts: 'given' | 'chosen' | 'own';
  /** Digest of the threat model under which it was written. */
  readonly block: string;
  /**
   * Queries spent on its seed until it was found, those of its pick included; where the search runs on a surrogate, which input
   * submitted for its seed it is. Present where the threat model limits either.
   */
  readonly queries?: number;
  /** Seeds that had given way when it was found, its own included, of all seeds. Present where objectives count per seed. */
  readonly success?: { readonly seeds: number; readonly of: number };
  /** The value that says how plausible it is. Present where the threat model asks. */
  readonly plausible?: number;
  /** The clauses that it breaks, such as `limits.linf`; absent if it obeys. */
  readonly broken?: readonly { readonly clause: string; readonly breach: string }[];
}

/**
 * The measure that is minimized: changed values and their size, the distance from the seed, edits of a prompt, the length of a prompt, or
 * what a program for all inputs writes.
 */
export type MinimizeGoal = 'values' | 'distance' | 'edits' | 'length' | 'program';

/** `finding.json`: a testcase with its violation. */
export interface Finding extends Lineage, Confirmation {
  readonly formatVersion: number;
  readonly signature: string;
  readonly signatureVersion: number;
  readonly objective: string;
  readonly summary: string;
  readonly violation: Pick<Violation, 'tensors' | 'details'>;
  /** What the judges of the campaign say of it; absent without `--judge`. */
  readonly judges?: Violation['judges'];
  readonly model: { readonly path: string; readonly sha256: string; readonly runtime: RuntimeKind };
  /** The second model of a pair. The path of a derived model is relative to the campaign's folder. */
  readonly copy?: Finding['model'];
  /** Master seed of the campaign. */
  readonly seed: string;
  readonly distance: Distance;
  /** The first operation that produced a non-finite value, and its operands; only if it was located. */
  readonly origin?: OriginDetails;
  /** For a pair of models: their difference at each layer. */
  readonly departures?: LayerDivergences;
  readonly severity?: Severity;
  /** For a minimized finding: the original, and the measure that was minimized. */
  readonly minimized?: { readonly from: string; readonly goal: MinimizeGoal };
  readonly freeValues?: FreeValueCounts;
  /** Present in a campaign with a threat model. */
  readonly threat?: ThreatRecord;
  /** The label of its seed, if the objective needs one. */
  readonly label?: number;
  readonly task: number;
  /** This mutant's number in the campaign, counted from 1; 0 for a seed. */
  readonly execs: number;
  /** Its row in batch.npz and the number of rows; only if it is batch-dependent. */
  readonly batch?: { readonly row: number; readonly rows: number };
  /** The command that reproduces it, to be run in the folder that `replayFrom` names. */
  readonly replay: string;
  /** Says that the command is relative to the campaign's folder; absent in findings of earlier versions. */
  readonly replayFrom?: string;
}

/**
 * The command that reproduces a finding, and the folder to run it in. The command is relative to the campaign's folder, since
 * findings of equal campaigns are equal byte for byte, wherever the campaigns are.
 *
 * @param path the finding's folder, relative to the campaign's
 */
export function replayRecord(path: string): Required<Pick<Finding, 'replay' | 'replayFrom'>> {
  return { replay: `neurofuzz replay ${path}`, replayFrom: "the campaign's folder" };
}

/** `signature.json`: one fault, i.e. all findings of one signature. */
export interface SignatureRecord {
  readonly formatVersion: number;
  readonly signatureVersion: number;
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** Task and mutant number of the first hit. */
  readonly firstTask: number;
  readonly firstExecs: number;
  /** Number of violating mutants, including unconfirmed ones and those not stored. */
  readonly hits: number;
}

/** Folder of findings that may differ between runs with the same seed. */
const UNREPEATABLE_FOLDER = 'unrepeatable';

/** Folder of findings that do not obey the threat model of their campaign. */
export const OUTSIDE_FOLDER = 'outside';

/** Path of the folder of a finding that does not obey the threat model, relative to the campaign's. */
export function outsideFolder(signature: string, id: string): string {
  return ['findings', OUTSIDE_FOLDER, signature, id].join('/');
}

/**
 * Path of a finding's folder relative to the campaign's.
 *
 * @param apart whether the finding may differ between runs with the same seed
 */
export function findingFolder(signature: string, id: string, apart: boolean): string {
  return ['findings', ...(apart ? [UNREPEATABLE_FOLDER] : []), signature, id].join('/');
}

/** Folders of faults relative to `findings/`, sorted by name; those under `unrepeatable/` last, those under `outside/` left out. */
export async function listSignatureFolders(campaign: string): Promise<string[]> {
  const root = join(campaign, 'findings');
  const sound = (await subfolders(root)).filter(
    (name) => name !== UNREPEATABLE_FOLDER && name !== OUTSIDE_FOLDER,
  );
  const apart = (await subfolders(join(root, UNREPEATABLE_FOLDER))).map(
    (name) => `${UNREPEATABLE_FOLDER}/${name}`,
  );
  return [...sound, ...apart];
}

/** Folders of findings relative to `findings/`, as `<signature>/<id>`, in the order of `listSignatureFolders`, then of their names. */
export async function listFindingFolders(campaign: string): Promise<string[]> {
  const lists = await Promise.all(
    (await listSignatureFolders(campaign)).map(async (name) =>
      (await subfolders(join(campaign, 'findings', name))).map((id) => `${name}/${id}`),
    ),
  );
  return lists.flat();
}

/** Names of folders in a folder, without hidden and damaged ones, sorted; none if it can't be read. */
async function subfolders(path: string): Promise<string[]> {
  return (await readdir(path, { withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== DAMAGED_FOLDER)
    .map(({ name }) => name)
    .sort();
}
