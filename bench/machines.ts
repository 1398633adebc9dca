/**
 * Compares a campaign on three hosts, simulated by network namespaces, with the same campaign without faults on one
 * host: Redis and the coordinator on one host, a worker node on each of the others; one node is cut off for a minute,
 * the other one is killed meanwhile, and the coordinator is killed and resumed. Exits with 1 unless both campaigns
 * are byte-equal. Needs root, iproute2 and a redis-server.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { line, withFolder } from './campaign.ts';
import { disturbed } from './disturbed.ts';

const { values: options } = parseArgs({
  options: {
    execs: { type: 'string', default: '8000000' },
    epoch: { type: 'string', default: '64' },
    jobs: { type: 'string', default: '1' },
    cut: { type: 'string', default: '60' },
  },
});

const FLAGS = [
  ...['fuzz', 'corpora/nan-digits/nan-digits.onnx', '--seeds', 'corpora/nan-digits/seeds.npz'],
  ...['--range', 'image=-1,1', '--mutator', 'label=none', '--seed', 'machines'],
  ...['--execs', options.execs, '--epoch', options.epoch, '--quiet'],
];

/** Digest of the files of a campaign. */
function digestOf(out: string): string {
  const hash = createHash('sha256');
  for (const part of ['corpus', 'findings'])
    for (const name of (readdirSync(join(out, part), { recursive: true }) as string[]).sort()) {
      const path = join(out, part, name);
      if (statSync(path).isFile()) hash.update(`${part}/${name}\n`).update(readFileSync(path));
    }
  return hash.digest('hex');
}

await withFolder(async (folder) => {
  const began = Date.now();
  const alone = join(folder, 'alone');
  spawnSync(process.execPath, ['bin/neurofuzz.js', ...FLAGS, '--jobs', '2', '--out', alone]);
  const seconds = (): number => Math.round((Date.now() - began) / 1000);
  const out = join(folder, 'disturbed');
  const { code } = await disturbed(out, join(folder, 'caches'), {
    flags: FLAGS,
    jobs: Number(options.jobs),
    cut: Number(options.cut),
    killAfter: Number(options.cut) / 2,
    cutAt: 120,
    killLater: 10,
    onFault: (what) => line({ bench: 'machines', seconds: seconds(), what }),
  });
  const same = digestOf(alone) === digestOf(out);
  line({ bench: 'machines', seconds: seconds(), code, digest: digestOf(out), same });
  if (!same) process.exitCode = 1;
});
