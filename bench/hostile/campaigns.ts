import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../../src/core/errors.ts';

/** A small campaign that hostile things are done to. */
export interface SmallCampaign {
  readonly name: string;
  readonly config: string;
  readonly execs: number;
}

/** Of pictures, pairs, tables and text: what lies in their folders differs. */
export const CAMPAIGNS: readonly SmallCampaign[] = [
  { name: 'nan-digits', config: 'corpora/nan-digits/campaign.yaml', execs: 3000 },
  { name: 'quantized-digits', config: 'corpora/quantized-digits/campaign.yaml', execs: 2000 },
  { name: 'broken-loss', config: 'corpora/broken-loss/campaign.yaml', execs: 3000 },
  { name: 'char-lm', config: 'corpora/char-lm/campaign.yaml', execs: 96 },
];

/** Arguments that begin a campaign in a folder. */
export function beginning({ config, execs }: SmallCampaign, out: string, jobs = 1): string[] {
  return [
    'fuzz',
    '-c',
    config,
    '-n',
    String(execs),
    '-s',
    'hostile',
    '-j',
    String(jobs),
    '--keep',
    '2',
    '-o',
    out,
  ];
}

/** Digests of the files that are the same in every run of a campaign, by path: those below corpus/ and findings/, but for what is exempt. */
export function digestsOf(campaign: string): Map<string, string> {
  const digests = new Map<string, string>();
  const walk = (path: string): void => {
    if (!existsSync(join(campaign, path))) return;
    for (const entry of readdirSync(join(campaign, path), { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.name === 'unrepeatable') continue;
      if (entry.isDirectory()) walk(inner);
      else digests.set(inner, digestOf(join(campaign, inner)));
    }
  };
  for (const part of ['corpus', 'findings']) walk(part);
  return digests;
}

function digestOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return errorMessage(error);
  }
}

/**
 * The first file that differs between two campaigns.
 *
 * @param except a file that does not count
 */
export function differingFile(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
  except = '',
): string | undefined {
  return [...new Set([...a.keys(), ...b.keys()])].find(
    (file) => file !== except && a.get(file) !== b.get(file),
  );
}
