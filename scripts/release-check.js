// `npm run release:check`: builds from nothing, packs, installs the package in an empty folder and goes through the tutorial with it.
// Needs npm's registry and a compiler. Publishes nothing.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'neurofuzz-release-'));

/** Most megabytes of the packed and of the unpacked package: what grows beyond is looked at before it is published. */
const MAX_PACKED_MB = 15;
const MAX_UNPACKED_MB = 40;

/** What no user of the package needs; the figures of bench/README.md are linked from the pages. */
const UNWANTED =
  /^(?:test|bench|src|scripts|node_modules|\.ci)\/(?!README\.md$)|\.(?:log|tsbuildinfo|cpuprofile)$|neurofuzz-out/;

// ONNX Runtime's package would download its CUDA libraries.
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
// npm hands its own settings on, of which another version knows nothing.
for (const key of Object.keys(env)) if (/^npm_/i.test(key)) delete env[key];

function fail(step, text) {
  process.stderr.write(`release check: ${step} failed\n${text}\nleft for a look: ${work}\n`);
  process.exit(1);
}

/** Runs a command; returns its standard output. */
function run(step, cwd, [command, ...args], exitCode = 0) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    shell: process.platform === 'win32',
  });
  if (status !== exitCode)
    fail(
      step,
      `${[command, ...args].join(' ')}\nexit code ${status}, not ${exitCode}\n${error?.message ?? ''}${stdout}${stderr}`,
    );
  process.stdout.write(`ok  ${step}\n`);
  return stdout;
}

function expect(step, condition, text) {
  if (!condition) fail(step, text);
}

const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
expect(
  'CHANGELOG.md',
  changelog.includes(`## [${version}] - `) || changelog.includes('## [Unreleased]'),
  `it has neither a section [${version}] with a date nor [Unreleased]`,
);

rmSync(join(root, 'dist'), { recursive: true, force: true });
run('build', root, [process.execPath, 'scripts/setup.js']);
const [packed] = JSON.parse(run('pack', root, ['npm', 'pack', '--json', '--pack-destination', work]));
const unwanted = packed.files.map(({ path }) => path).filter((path) => UNWANTED.test(path));
expect('contents', unwanted.length === 0, `not for users:\n${unwanted.join('\n')}`);
const [packedMB, unpackedMB] = [packed.size / 1e6, packed.unpackedSize / 1e6];
process.stdout.write(
  `    ${packed.files.length} files, ${packedMB.toFixed(1)} MB packed, ${unpackedMB.toFixed(1)} MB unpacked\n`,
);
expect('size', packedMB < MAX_PACKED_MB && unpackedMB < MAX_UNPACKED_MB, 'the package is too large');

const archive = join(work, packed.filename);
const project = join(work, 'project');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
run('install in an empty folder', project, ['npm', 'install', '--no-audit', '--no-fund', archive]);
const bundled = join(project, 'node_modules', name, 'corpora', 'nan-digits');
cpSync(join(bundled, 'nan-digits.onnx'), join(project, 'model.onnx'));
cpSync(join(bundled, 'seeds.npz'), join(project, 'digits.npz'));

/** The tutorial, with the exit codes that it tells of. */
const TUTORIAL = [
  ['doctor'],
  ['inspect', 'model.onnx'],
  ['init', 'model.onnx', '--seeds', 'digits.npz'],
  ['fuzz', '--config', 'campaign.yaml', '--execs', '20000', '--until-finding', '--seed', '1', 1],
  ['replay', 'neurofuzz-out/model', 1],
  ['triage', 'neurofuzz-out/model', 1],
  ['minimize', '--all', 'neurofuzz-out/model', '--tries', '500'],
  ['report', 'neurofuzz-out/model'],
  ['nightly', 'nightly.yaml', 1],
];
writeFileSync(
  join(project, 'nightly.yaml'),
  'time: 15s\nminimize: 0\ncampaigns:\n  model:\n    config: campaign.yaml\n    seed: "1"\n',
);
const bin = join(project, 'node_modules', '.bin', name);
for (const step of TUTORIAL) {
  const exitCode = typeof step.at(-1) === 'number' ? step.at(-1) : 0;
  const args = step.filter((part) => typeof part === 'string');
  run(`${name} ${args.join(' ')}`, project, [bin, ...args], exitCode);
}
const faults = readdirSync(join(project, 'neurofuzz-out/model/findings'));
expect('fault', faults.includes('nonfinite-inf-log'), `found ${faults.join(', ') || 'nothing'}`);

const uses =
  "fuzz({ model: 'model.onnx', seeds: 'digits.npz', execs: 64, out: OUT }).then((result) => console.log(result.execs))";
writeFileSync(
  join(project, 'import.mjs'),
  `import { fuzz } from '${name}';\n${uses.replace('OUT', "'a'")};\n`,
);
writeFileSync(
  join(project, 'require.cjs'),
  `const { fuzz } = require('${name}');\n${uses.replace('OUT', "'b'")};\n`,
);
for (const file of ['import.mjs', 'require.cjs'])
  expect(
    file,
    run(`node ${file}`, project, [process.execPath, file]).trim() === '64',
    'it ran other mutants',
  );

const elsewhere = join(work, 'elsewhere');
mkdirSync(elsewhere);
const shown = run('npx of the package', elsewhere, ['npx', '--yes', `${name}@file:${archive}`, '--version']);
expect('npx', shown.trim() === version, `it says ${shown}`);
expect('npx', !existsSync(join(elsewhere, 'node_modules')), 'it left packages behind');

rmSync(work, { recursive: true, force: true });
process.stdout.write(`${name} ${version} can be published: npm publish\n`);
