import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from '../../core/errors.ts';
import { listFindingFolders, OUTSIDE_FOLDER, outsideFolder } from '../../storage/finding.ts';
import { damagedFiles } from '../../storage/finding-checksums.ts';
import type { ThreatChecker } from '../obeys.ts';

/** Findings of a campaign that were checked against its threat model. */
export interface ThreatAudit {
  readonly checked: number;
  /** Those that do not obey; they are in `findings/outside/`. */
  readonly outside: number;
  /** The first clause that each of them breaks, and how many do. */
  readonly byClause: Readonly<Record<string, number>>;
}

/**
 * Checks all findings of a campaign as they are on disk, and moves those that do not obey its threat model to
 * `findings/outside/`. Damaged findings are named where they are read.
 */
export async function auditFindings(folder: string, checker: ThreatChecker): Promise<ThreatAudit> {
  let obeying = 0;
  for (const name of await listFindingFolders(folder)) {
    const path = join(folder, 'findings', name);
    if (damagedFiles(path).length > 0) continue;
    if (checker.check(path).broken.length === 0) obeying++;
    else await moveOutside(folder, path);
  }
  const byClause = new Map<string, number>();
  let outside = 0;
  for (const path of await outsideFindings(folder)) {
    const [first] = damagedFiles(path).length > 0 ? [] : checker.check(path).broken;
    if (first === undefined) continue;
    outside++;
    byClause.set(first.clause, (byClause.get(first.clause) ?? 0) + 1);
  }
  const sorted = [...byClause].sort(([a], [b]) => (a < b ? -1 : 1));
  return { checked: obeying + outside, outside, byClause: Object.fromEntries(sorted) };
}

/** Folders of the findings that were found not to obey, sorted. */
export async function outsideFindings(folder: string): Promise<string[]> {
  const root = join(folder, 'findings', OUTSIDE_FOLDER);
  const below = async (path: string): Promise<string[]> =>
    (await readdir(path).catch((): string[] => [])).sort().map((name) => join(path, name));
  return (await Promise.all((await below(root)).map(below))).flat();
}

/** Moves a finding; it stays where it is if one of the same id is outside already. */
async function moveOutside(folder: string, path: string): Promise<void> {
  const target = join(folder, outsideFolder(basename(dirname(path)), basename(path)));
  if (existsSync(target)) return;
  try {
    await mkdir(dirname(target), { recursive: true });
    await rename(path, target);
  } catch (error) {
    throw fileError(error, 'write to the campaign folder', folder);
  }
}
