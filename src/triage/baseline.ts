import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { writeAtomically } from '../core/atomic-file.ts';
import { verifyChecksum, withChecksum } from '../core/checksum.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readText } from '../core/read-bounded.ts';
import { isNoFault, SIGNATURE_VERSION } from '../objectives/objective.ts';
import { OWN_BASELINE_FILE } from '../storage/campaign-store.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { Lock, LockedError } from '../storage/lock.ts';
import { type FaultCounts, type FaultState, isReproducible } from './fault-status.ts';
import { exists, isCampaign, readFindings, readFirstSeen } from './findings.ts';

/** A fault as recorded in a baseline. */
export interface KnownFault {
  readonly signature: string;
  readonly objective: string;
  readonly summary: string;
  /** Time of the first finding, in ISO 8601; null if unknown. */
  readonly firstSeen: string | null;
  /** How it stands. In a baseline it is what a person decided: see `DECIDED_STATES`; a fault without a state is known. */
  readonly state?: FaultState;
  /** What a person noted. */
  readonly note?: string;
}

/** States that a person may give to a fault. */
export const DECIDED_STATES = ['known', 'ignored', 'fixed'] as const;

/** Maximum number of characters of a note. */
export const MAX_NOTE_CHARACTERS = 4_000;

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
  if (!(await isCampaign(path)))
    throw new UserError(
      `--against: ${path} is neither a campaign nor a baseline: name a file written by --update-baseline`,
    );
  const firstSeen = await readFirstSeen(path);
  const faults = new Map<string, KnownFault>();
  let hasOtherSignatures = false;
  const damage: string[] = [];
  for (const { finding } of readFindings(path, damage)) {
    const { signature, objective, summary, status, signatureVersion } = finding;
    if (signatureVersion !== SIGNATURE_VERSION) hasOtherSignatures = true;
    if (status === 'flaky' || isNoFault(signature) || faults.has(signature)) continue;
    faults.set(signature, { signature, objective, summary, firstSeen: firstSeen.get(signature) ?? null });
  }
  return { faults: [...faults.values()], hasOtherSignatures, damage };
}

/** The baseline that a campaign has in its folder, as `neurofuzz view` writes it; undefined without one. */
export async function ownBaselineOf(campaign: string): Promise<string | undefined> {
  const path = join(campaign, OWN_BASELINE_FILE);
  return (await exists(path)) ? path : undefined;
}

async function readBaselineFile(path: string): Promise<Baseline> {
  const text = readText(path, 'read the baseline', MAX_TEXT_BYTES);
  if (verifyChecksum(text) === 'damaged')
    throw new UserError(
      `${path} was changed since it was written: write it again with --update-baseline, or remove crc32 and the comma before it to use it as it is`,
    );
  let json: { kind?: unknown; formatVersion?: unknown; signatureVersion?: unknown; faults?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not a baseline: ${errorMessage(error)}`);
  }
  if (json?.kind !== BASELINE_KIND || !Array.isArray(json.faults) || !json.faults.every(isKnownFault))
    throw new UserError(`${path} is not a baseline: name a file written by --update-baseline, or a campaign`);
  if (json.formatVersion !== FORMAT_VERSION || json.signatureVersion !== SIGNATURE_VERSION)
    throw new UserError(
      `${path} is from another version of neurofuzz, whose signatures differ: write it again with --update-baseline`,
    );
  return { faults: json.faults };
}

function isKnownFault(fault: unknown): fault is KnownFault {
  const {
    signature,
    objective,
    summary,
    firstSeen,
    state,
    note,
  }: Partial<Record<keyof KnownFault, unknown>> = fault ?? {};
  const isTime = firstSeen === null || typeof firstSeen === 'string';
  const isDecided = state === undefined || DECIDED_STATES.some((decided) => decided === state);
  const isNote = note === undefined || typeof note === 'string';
  return (
    [signature, objective, summary].every((text) => typeof text === 'string') && isTime && isDecided && isNote
  );
}

/** The faults of a baseline that follows from a triage: those that came up, and those of which nothing can be told. */
export function nextBaseline({
  faults,
  lost,
  ignored,
}: {
  readonly faults: readonly (KnownFault & FaultCounts)[];
  readonly lost: readonly KnownFault[];
  readonly ignored: readonly KnownFault[];
}): KnownFault[] {
  return [...faults.filter(isReproducible), ...lost, ...ignored];
}

/**
 * Adds to the faults of a new baseline what people decided in the file that it replaces: notes and states. A fault that was fixed and is
 * found again, which is new, is known from now on.
 */
export function withDecisions(faults: readonly KnownFault[], replaced: readonly KnownFault[]): KnownFault[] {
  const decided = new Map(replaced.map((fault) => [fault.signature, fault]));
  const kept = faults.map(({ state: found, note: foundNote, ...fault }) => {
    const entry = decided.get(fault.signature);
    const state = entry === undefined ? undecided(found) : stillDecided(entry.state, found);
    const note = entry?.note ?? foundNote;
    return { ...fault, ...(state === undefined ? {} : { state }), ...(note === undefined ? {} : { note }) };
  });
  const signatures = new Set(faults.map(({ signature }) => signature));
  return [
    ...kept,
    ...replaced.filter(({ signature, state }) => state === 'ignored' && !signatures.has(signature)),
  ];
}

/** The state that an entry of another baseline decides: of one that is known, nobody may have decided anything. */
function undecided(found: FaultState | undefined): FaultState | undefined {
  return found === 'ignored' ? found : undefined;
}

/** What was decided, but for a fault that was fixed and is found to be new. */
function stillDecided(
  decided: FaultState | undefined,
  found: FaultState | undefined,
): FaultState | undefined {
  return decided === 'fixed' && found === 'new' ? undefined : decided;
}

/** How long another process may take to change a baseline, and the pause between attempts, in milliseconds. */
const LOCK_WAIT_MS = 10_000;
const LOCK_PAUSE_MS = 50;

/**
 * Changes a baseline file, one process at a time.
 *
 * @param change makes the new faults out of those in the file; of none, where there is no file
 * @param isReplaced whether a file that is no baseline is replaced, as if it were not there
 * @throws UserError if the file is no baseline, can't be written, or stays in use by another process
 */
export async function updateBaseline(
  path: string,
  change: (faults: readonly KnownFault[]) => readonly KnownFault[],
  isReplaced = false,
): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  // A device or a pipe, which holds no faults.
  if (stats !== undefined && !stats.isFile()) return writeBaseline(path, change([]));
  const lock = await acquireBaseline(path);
  try {
    await writeBaseline(path, change(await currentFaults(path, isReplaced)));
  } finally {
    await lock.release();
  }
}

async function currentFaults(path: string, isReplaced: boolean): Promise<readonly KnownFault[]> {
  if (!(await exists(path))) return [];
  try {
    return (await readBaselineFile(path)).faults;
  } catch (error) {
    if (isReplaced && error instanceof UserError) return [];
    throw error;
  }
}

async function acquireBaseline(path: string): Promise<Lock> {
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    try {
      return await Lock.acquire(dirname(path), `${basename(path)}.lock`, {
        action: 'write the baseline',
        path,
      });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      if (waitedMs >= LOCK_WAIT_MS)
        throw new UserError(`${path} is being changed by another process: try again`);
      await setTimeout(LOCK_PAUSE_MS);
    }
  }
}

/** Replaces a baseline file atomically. @throws UserError if it can't be written */
export async function writeBaseline(path: string, faults: readonly KnownFault[]): Promise<void> {
  // A tie is no fault, and none is fixed when it does not come up.
  const known = faults
    .filter(({ signature }) => !isNoFault(signature))
    .sort((a, b) => (a.signature < b.signature ? -1 : 1))
    .map(({ signature, objective, summary, firstSeen, state, note }) => ({
      signature,
      objective,
      summary,
      firstSeen,
      ...(state === undefined || state === 'new' ? {} : { state }),
      ...(note === undefined || note === '' ? {} : { note }),
    }));
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
