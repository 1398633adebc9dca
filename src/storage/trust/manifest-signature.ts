import { createHmac, timingSafeEqual } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { crc32Hex } from '../../core/checksum.ts';
import { isWithin } from '../../model/formats/confined-path.ts';
import { moduleDigest } from './module-digest.ts';
import { ensureUserKey, readUserKey } from './user-key.ts';

/** Comments at the end of campaign.yaml: the checksum of the text before them, and where plug-ins are named, the signatures. */
const CHECKSUM = /^# crc32 ([0-9a-f]{8})$/m;
const SIGNATURES = /^# signed ([0-9a-f]{64}) ([0-9a-f]{64})$/m;
/** In place of the signature of contents, where code that a plug-in runs can't be told from its text. */
const NOT_SIGNED = '0'.repeat(64);

const COMMENTS = /# crc32 [^\n]*\n(?:# signed [^\n]*\n)?$/;

/**
 * Adds a checksum to the text of campaign.yaml, and where it names plug-ins, signatures with the user's key: by these a folder is known as
 * the user's own, see `isOwnManifest`. Without a key there are no signatures.
 *
 * @param plugins absolute paths of the plug-ins
 */
export async function signManifest(text: string, plugins: readonly string[]): Promise<string> {
  const withChecksum = `${text}# crc32 ${crc32Hex(text)}\n`;
  const key = plugins.length === 0 ? undefined : await ensureUserKey();
  if (key === undefined) return withChecksum;
  const { byPlace, byContent } = await signaturesOf(key, text, plugins);
  return `${withChecksum}# signed ${byPlace} ${byContent}\n`;
}

/** Whether the text of a campaign.yaml is as it was written; texts of older versions have no checksum. */
export function verifyManifest(text: string): 'intact' | 'changed' | 'absent' {
  const end = COMMENTS.exec(text);
  if (end === null) return /^# (?:crc32|signed) /m.test(text) ? 'changed' : 'absent';
  const recorded = CHECKSUM.exec(end[0]);
  return recorded?.[1] === crc32Hex(text.slice(0, end.index)) ? 'intact' : 'changed';
}

/**
 * Whether campaign.yaml was written by this user on this machine, unchanged, and names the same code as then: plug-ins that lie where they
 * lay, outside of the campaign's folder, or plug-ins with the same content.
 *
 * @param folder the campaign's folder
 * @param plugins absolute paths of the plug-ins
 */
export async function isOwnManifest(
  text: string,
  folder: string,
  plugins: readonly string[],
): Promise<boolean> {
  const key = await readUserKey();
  const end = COMMENTS.exec(text);
  const recorded = end && SIGNATURES.exec(end[0]);
  if (key === undefined || end === null || recorded === null) return false;
  const { byPlace, byContent } = await signaturesOf(key, text.slice(0, end.index), plugins);
  if (byContent !== NOT_SIGNED && isEqual(recorded[2], byContent)) return true;
  return isEqual(recorded[1], byPlace) && plugins.every((path) => !liesIn(path, folder));
}

async function signaturesOf(
  key: Buffer,
  text: string,
  plugins: readonly string[],
): Promise<{ readonly byPlace: string; readonly byContent: string }> {
  const sign = (purpose: string, code: readonly string[]): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([purpose, code]))
      .update(text)
      .digest('hex');
  const digests = await Promise.all(plugins.map(moduleDigest));
  const isComplete = digests.every((digest) => digest !== undefined);
  return {
    byPlace: sign('place', plugins),
    byContent: isComplete ? sign('content', digests) : NOT_SIGNED,
  };
}

function isEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** Whether a file lies in a folder, symbolic links resolved; one that can't be read counts as inside, and so is not trusted. */
function liesIn(path: string, folder: string): boolean {
  try {
    return isWithin(realpathSync(folder), realpathSync(path));
  } catch {
    return true;
  }
}
