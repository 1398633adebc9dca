import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { checksumLines } from '../../src/storage/finding-checksums.ts';

/** The bundled campaign with the flags that every test gives. */
export const BUNDLED = ['fuzz', '-c', 'corpora/nan-digits/campaign.yaml', '--quiet'];

/** Every file below some folders of a campaign with the digest of its bytes; what is exempt is left out. */
export function digests(campaign: string, ...parts: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const inner = join(path, name);
      if (name === 'unrepeatable') continue;
      if (statSync(inner).isDirectory()) walk(inner);
      else found[relative(campaign, inner)] = createHash('sha256').update(readFileSync(inner)).digest('hex');
    }
  };
  for (const part of parts) walk(join(campaign, part));
  return found;
}

/** Folders of a campaign's findings, unrepeatable ones included. */
export function findingFolders(campaign: string): string[] {
  const below = (path: string): string[] => {
    if (existsSync(join(path, 'finding.json'))) return [path];
    return readdirSync(path)
      .map((name) => join(path, name))
      .filter((inner) => statSync(inner).isDirectory())
      .flatMap(below);
  };
  return below(join(campaign, 'findings'));
}

/** A JSON file's content. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at what they know to be there
export function readJson(...path: string[]): any {
  return JSON.parse(readFileSync(join(...path), 'utf8'));
}

/** Replaces a finding's record, and its checksums by those of the files that are there. */
export function writeFinding(folder: string, finding: unknown): void {
  writeFileSync(join(folder, 'finding.json'), JSON.stringify(finding));
  const names = readdirSync(folder).filter(
    (name) => name !== 'SHA256SUMS' && statSync(join(folder, name)).isFile(),
  );
  const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  writeFileSync(join(folder, 'SHA256SUMS'), checksumLines(files));
}

/** The events of a campaign, in order. */
export function eventsOf(campaign: string): { readonly event: string; readonly [key: string]: unknown }[] {
  const lines = readFileSync(join(campaign, 'events.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Folders of the findings that came up again every time, while the campaign runs as well; none where it has not begun. */
export function confirmedFindings(campaign: string, signature?: string): string[] {
  const findings = join(campaign, 'findings');
  const below = (path: string): string[] =>
    existsSync(path) && statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [];
  const signatures = signature === undefined ? below(findings) : [join(findings, signature)];
  return signatures
    .filter((path) => basename(path) !== 'unrepeatable')
    .flatMap(below)
    .filter((path) => !basename(path).startsWith('.') && existsSync(join(path, 'finding.json')));
}

/** How often a campaign's processes have begun: told by its events. */
export function sessionsOf(campaign: string): number {
  const events = join(campaign, 'events.jsonl');
  if (!existsSync(events)) return 0;
  return readFileSync(events, 'utf8').match(/"event":"(?:start|resume)"/g)?.length ?? 0;
}

/** What a campaign would go on from, while it runs as well; undefined where it has not got that far. */
export function checkpointOf(
  campaign: string,
): { readonly elapsedSeconds: number; readonly state: { readonly execs: number } } | undefined {
  try {
    return readJson(campaign, 'state', 'checkpoint.json');
  } catch {
    // For a moment there is none: the one before has been moved away.
    return undefined;
  }
}

/** Mutants that a campaign would not have to run again if it were killed now. */
export function savedExecs(campaign: string): number {
  return checkpointOf(campaign)?.state.execs ?? 0;
}
