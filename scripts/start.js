// `npm start`: runs the bundled campaign, in a new folder each time.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

let out = 'neurofuzz-out/demo';
for (let n = 2; existsSync(out); n++) out = `neurofuzz-out/demo-${n}`;

const campaign = [
  'fuzz',
  '--config',
  'corpora/nan-digits/campaign.yaml',
  '--until-finding',
  '--exit-zero',
  '--out',
  out,
];
const { status } = spawnSync(process.execPath, ['bin/neurofuzz.js', ...campaign, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 3;
