/**
 * Verifies at length that campaigns are reproducible: one campaign on one, two and five workers, and killed at random
 * times and resumed, is byte-equal. Exits with 1 otherwise.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { line, withFolder } from './campaign.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    execs: { type: 'string', default: '3000000' },
    kills: { type: 'string', default: '30' },
    config: { type: 'string', default: 'corpora/nan-digits/campaign.yaml' },
  },
});
const launcher = new URL('../../bin/neurofuzz.js', import.meta.url).pathname;

function run(args: readonly string[], killAfter?: number): Promise<{ code: number | null; seconds: number }> {
  const start = performance.now();
  const child = spawn(process.execPath, [launcher, ...args, '--quiet'], { stdio: 'ignore' });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  return new Promise((done) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code, seconds: (performance.now() - start) / 1000 });
    });
  });
}

/** Digest of all names and contents in corpus/ and findings/, except findings/unrepeatable/. */
function digest(campaign: string): { digest: string; files: number } {
  const hash = createHash('sha256');
  let files = 0;
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const inner = join(path, entry.name);
      if (entry.name === 'unrepeatable') continue;
      if (entry.isDirectory()) walk(inner);
      else {
        files++;
        hash.update(`${relative(campaign, inner)}\n`).update(readFileSync(inner));
      }
    }
  };
  for (const part of ['corpus', 'findings']) walk(join(campaign, part));
  return { digest: hash.digest('hex').slice(0, 16), files };
}

await withFolder(async (folder) => {
  const base = ['fuzz', '-c', options.config, '-s', 'long', '-n', options.execs, '--keep', '3'];
  const digests = new Set<string>();
  for (const jobs of tracked('reproducible', 'campaign', ['1', '2', '5'])) {
    const out = join(folder, `jobs-${jobs}`);
    const { code, seconds } = await run([...base, '-j', jobs, '-o', out]);
    const result = digest(out);
    digests.add(result.digest);
    line({
      bench: 'reproducible',
      jobs: Number(jobs),
      execs: Number(options.execs),
      code,
      seconds,
      ...result,
    });
  }
  const out = join(folder, 'killed');
  let kills = 0;
  let code: number | null = null;
  while (code === null) {
    const command = existsSync(join(out, 'campaign.yaml'))
      ? ['fuzz', '--resume', '-o', out, '-j', String(1 + (kills % 3))]
      : [...base, '-o', out];
    const last = kills >= Number(options.kills);
    ({ code } = await run(command, last ? undefined : 200 + 2800 * Math.random()));
    if (code === null) kills++;
  }
  const result = digest(out);
  digests.add(result.digest);
  line({
    bench: 'reproducible',
    kills,
    execs: Number(options.execs),
    code,
    ...result,
    same: digests.size === 1,
  });
  if (digests.size !== 1) process.exitCode = 1;
});
