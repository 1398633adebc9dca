import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FINDING_FILE, INPUT_FILE } from './finding-files.ts';

/** Checksums of the other files of a finding, as `sha256sum -c` takes them. */
export const CHECKSUM_FILE = 'SHA256SUMS';

/** A line of it. Files of a finding have plain names, so that none leads out of its folder. */
const LINE = /^([0-9a-f]{64}) {2}([A-Za-z0-9][\w.-]*)$/;

/** Levels from a finding up to its campaign: its signature, `unrepeatable/`, `findings/`. */
const MAX_DEPTH_IN_CAMPAIGN = 4;

/** The text of SHA256SUMS for files by name. */
export function checksumLines(files: ReadonlyMap<string, string | Uint8Array>): string {
  const names = [...files.keys()].sort();
  return names.map((name) => `${sha256(files.get(name) ?? '')}  ${name}\n`).join('');
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Names of a finding's files that are not as they were written, sorted. Findings of campaigns of older versions have no checksums: of
 * those, only a missing record is told. Reads synchronously, which is many times faster for many small files.
 */
export function damagedFiles(folder: string): string[] {
  const text = readFile(join(folder, CHECKSUM_FILE));
  if (text === undefined) {
    if (readFile(join(folder, FINDING_FILE)) === undefined) return [FINDING_FILE];
    return isOfCheckedCampaign(folder) ? [CHECKSUM_FILE] : [];
  }
  if (typeof text === 'string') return [CHECKSUM_FILE];
  const lines = text.toString('utf8').split('\n');
  const sums = lines.slice(0, -1).map((line) => LINE.exec(line));
  if (lines.at(-1) !== '' || sums.length === 0) return [CHECKSUM_FILE];
  const damaged = new Set<string>();
  const listed = new Set(sums.map((sum) => sum?.[2]));
  const isUnlisted = (name: string): boolean =>
    !listed.has(name) && readFile(join(folder, name)) !== undefined;
  if (!listed.has(FINDING_FILE) || isUnlisted(INPUT_FILE)) damaged.add(CHECKSUM_FILE);
  for (const sum of sums) {
    if (sum === null) {
      damaged.add(CHECKSUM_FILE);
      continue;
    }
    const content = readFile(join(folder, sum[2]));
    if (content === undefined || typeof content === 'string' || sha256(content) !== sum[1])
      damaged.add(sum[2]);
  }
  return [...damaged].sort();
}

/** Whether a finding lies in a campaign of a version that writes checksums, which its campaign.yaml has as well. */
function isOfCheckedCampaign(folder: string): boolean {
  let ancestor = resolve(folder);
  for (let level = 0; level < MAX_DEPTH_IN_CAMPAIGN; level++) {
    ancestor = dirname(ancestor);
    const manifest = readFile(join(ancestor, 'campaign.yaml'));
    if (manifest !== undefined) return typeof manifest === 'string' || manifest.includes('\n# crc32 ');
  }
  return false;
}

/** A file's bytes; undefined if there is none, and the error's code if it can't be read. */
function readFile(path: string): Buffer | string | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : code;
  }
}

/** Whether a folder is that of a finding, its record or another of its files being there. */
export function isFindingFolder(folder: string): boolean {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return false;
  }
  return [FINDING_FILE, CHECKSUM_FILE, INPUT_FILE].some((name) => names.includes(name));
}
