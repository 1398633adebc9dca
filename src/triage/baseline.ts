import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.ts';
import { verifyChecksum, withChecksum } from '../core/checksum.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readText } from '../core/read-bounded.ts';
import { isTie, SIGNATURE_VERSION } from '../objectives/objective.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { exists, readFindings, readFirstSeen } from './findings.ts';

/** A fault as recorded in a baseline. */
export interface KnownFault {
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** Time of the first finding, in ISO 8601; null if unknown. */
  readonly firstSeen: string | null;
}

/** Faults that are already known, to tell new ones from them. */
export interface Baseline {
  readonly faults: readonly KnownFault[];
  /** Whether it is a campaign with signatures of another version: a fault may have another name there. */
  readonly hasOtherSignatures?: boolean;
  /** Of a campaign: a description of each finding that is damaged. */
  readonly damage?: readonly string[];
}

/** The baseline of a first run: no fault is known. */
export const EMPTY_BASELINE: Baseline = { faults: [] };

/** Value of `kind` in a baseline file. */
const BASELINE_KIND = 'neurofuzz-baseline';

/**
 * Loads a baseline from a file, or derives one from the confirmed findings of an older campaign.
 *
 * @param path a baseline file or a campaign's folder
 * @throws UserError if it is neither
 */
export async function loadBaseline(path: string): Promise<Baseline> {
  const stats = await stat(path).catch((error: unknown) => {
    throw fileError(error, 'read the baseline', path);
  });
  if (!stats.isDirectory()) return readBaselineFile(path);
  if (!(await exists(join(path, CAMPAIGN_FILE))))
    throw new UserError(
      `--against: ${path} is neither a campaign nor a baseline: name one that --update-baseline wrote`,
    );
  const firstSeen = await readFirstSeen(path);
  const faults = new Map<string, KnownFault>();
  let hasOtherSignatures = false;
  const damage: string[] = [];
  for (const { finding } of readFindings(path, damage)) {
    const { signature, objective, summary, status, signatureVersion } = finding;
    if (signatureVersion !== SIGNATURE_VERSION) hasOtherSignatures = true;
    if (status === 'flaky' || isTie(signature) || faults.has(signature)) continue;
    faults.set(signature, { signature, objective, summary, firstSeen: firstSeen.get(signature) ?? null });
  }
  return { faults: [...faults.values()], hasOtherSignatures, damage };
}

async function readBaselineFile(path: string): Promise<Baseline> {
  const text = readText(path, 'read the baseline', MAX_TEXT_BYTES);
  if (verifyChecksum(text) === 'damaged')
    throw new UserError(
      `--against: ${path} was changed since it was written: write it anew with --update-baseline, or take its last line crc32 out to use it as it is`,
    );
  let json: { kind?: unknown; formatVersion?: unknown; signatureVersion?: unknown; faults?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError(`--against: ${path} is no baseline: ${errorMessage(error)}`);
  }
  if (json?.kind !== BASELINE_KIND || !Array.isArray(json.faults) || !json.faults.every(isKnownFault))
    throw new UserError(
      `--against: ${path} is no baseline: name one that --update-baseline wrote, or a campaign`,
    );
  if (json.formatVersion !== FORMAT_VERSION || json.signatureVersion !== SIGNATURE_VERSION)
    throw new UserError(
      `--against: ${path} is of another version of neurofuzz, whose signatures read otherwise: write it anew with --update-baseline`,
    );
  return { faults: json.faults };
}

function isKnownFault(fault: unknown): fault is KnownFault {
  const { signature, objective, summary, firstSeen }: Partial<Record<keyof KnownFault, unknown>> =
    fault ?? {};
  const isTime = firstSeen === null || typeof firstSeen === 'string';
  return [signature, objective, summary].every((text) => typeof text === 'string') && isTime;
}

/** Replaces a baseline file atomically. @throws UserError if it can't be written */
export async function writeBaseline(path: string, faults: readonly KnownFault[]): Promise<void> {
  // A tie is no fault, and none is fixed when it does not come up.
  const known = faults
    .filter(({ signature }) => !isTie(signature))
    .sort((a, b) => (a.signature < b.signature ? -1 : 1))
    .map(({ signature, objective, summary, firstSeen }) => ({ signature, objective, summary, firstSeen }));
  const json = {
    kind: BASELINE_KIND,
    formatVersion: FORMAT_VERSION,
    signatureVersion: SIGNATURE_VERSION,
    faults: known,
  };
  try {
    await writeAtomically(path, withChecksum(`${JSON.stringify(json, null, 2)}\n`));
  } catch (error) {
    throw fileError(error, 'write the baseline', path);
  }
}
