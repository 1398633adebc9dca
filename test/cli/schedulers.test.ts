import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { readNightlyFile } from '../../src/config/nightly.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { matchesPath } from '../support/matches-path.ts';

const EXAMPLES = 'examples/nightly';
const folder = testFolder();
const shims = join(folder, 'bin');

/** A shell script on the path. */
function shim(name: string, command: string): void {
  mkdirSync(shims, { recursive: true });
  const path = join(shims, name);
  writeFileSync(path, `#!/bin/sh\n${command}\n`);
  chmodSync(path, 0o755);
}

const example = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');

/** Where all nights of these tests are. */
const home = join(folder, 'home');

/** The example's campaigns and names, and a short night: bounded by mutants, since machines differ. */
function writeNight(execs: number): void {
  const text = example('nightly.yaml')
    .replace('time: 6h', 'time: 10m\nminimize: 50')
    .replaceAll('../../corpora', resolve('corpora'))
    .replace(/^ +config: .*$/gm, `$&\n    execs: ${execs}\n    jobs: 1\n    seed: '5'`);
  writeFileSync(join(home, 'fuzzing', 'nightly.yaml'), text);
}

beforeAll(() => {
  shim('neurofuzz', `exec '${process.execPath}' '${resolve('bin/neurofuzz.js')}' "$@"`);
  shim('npx', 'exec "$@"');
  mkdirSync(join(home, 'fuzzing'), { recursive: true });
  writeNight(4000);
});

/** Runs a line as its scheduler does. */
function run(line: string, env: Record<string, string> = {}) {
  return spawnSync('sh', ['-c', line], {
    cwd: join(home, 'fuzzing'),
    encoding: 'utf8',
    env: { ...process.env, ...env, HOME: home, PATH: `${shims}${delimiter}${process.env.PATH}` },
  });
}

test('the nightly file is one', async () => {
  const { campaigns, time, keep } = await readNightlyFile(join(EXAMPLES, 'nightly.yaml'));
  expect(campaigns.map(({ name, share }) => [name, share])).toEqual([
    ['digits', 2],
    ['quantized', 1],
    ['loss', 1],
  ]);
  expect([time, keep]).toEqual([6 * 3_600_000, 14]);
});

test('all files parse, name existing flags and settings, and use the default folder, as the tutorial does', async () => {
  const files = readdirSync(EXAMPLES);
  expect(files.length).toBeGreaterThanOrEqual(7);
  for (const name of files) {
    const text = example(name);
    if (/\.ya?ml$/.test(name))
      for (const document of parseAllDocuments(text)) expect([name, document.errors]).toEqual([name, []]);
    // systemd's files: sections, comments, and a setting a line.
    if (/\.(?:service|timer)$/.test(name)) expect(text).toMatch(/^(?:(?:\[\w+\]|#.*|[A-Z]\w+=.*|)\n)+$/);
    expect([name, text.match(/(?<!neurofuzz-)nights\//)]).toEqual([name, null]);
  }
  const { stdout: help } = await neurofuzz(['nightly', '--help']);
  const commands =
    files
      .map(example)
      .join('\n')
      .match(/(?:neurofuzz|args:).*nightly.*/g) ?? [];
  const flags = commands.flatMap((command) => command.match(/--[a-z-]+/g) ?? []);
  expect(flags.length).toBeGreaterThanOrEqual(3);
  for (const flag of flags) expect(help).toMatch(new RegExp(`${flag}(?![\\w-])`));
  const { out } = await readNightlyFile(join(EXAMPLES, 'nightly.yaml'));
  expect(out).toBe(join(EXAMPLES, 'neurofuzz-nights'));
  for (const page of ['nightly', 'tutorial']) {
    const text = readFileSync(`docs/${page}.md`, 'utf8');
    const [, settings] = /```yaml\n(# (?:yaml-language-server|nightly\.yaml)[\s\S]*?)```/.exec(text) ?? [];
    expect([page, parse(settings ?? '').out]).toEqual([page, undefined]);
  }
});

test('cron: what is new is printed, and nothing the night after', () => {
  const line = example('crontab')
    .split('\n')
    .find((one) => /^\d/.test(one));
  const command = line?.split(/ +/).slice(5).join(' ') ?? '';
  const first = run(command);
  expect(first.stdout).toMatch(/## neurofuzz nightly, .*: [1-9] new fault/);
  writeNight(1000);
  const second = run(command);
  expect([second.status, second.stdout, second.stderr]).toEqual([0, '', '']);
});

describe('systemd', () => {
  const setting = (file: string, key: string): string =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(example(file))?.[1] ?? '';

  test('the unit runs a night', () => {
    rmSync(join(home, 'fuzzing/neurofuzz-nights/report.html'));
    const { status, stdout } = run(setting('neurofuzz-nightly.service', 'ExecStart'));
    expect([status, stdout]).toEqual([0, expect.stringContaining('known')]);
    expect(existsSync(join(home, 'fuzzing/neurofuzz-nights/report.html'))).toBe(true);
    expect(setting('neurofuzz-nightly.timer', 'OnCalendar')).toBe('*-*-* 01:00:00');
  });
});

test('GitHub Actions: the steps leave a summary, and the files that later steps take are there', () => {
  const { jobs } = parse(example('github-actions.yml'));
  const steps: { name?: string; run?: string; uses?: string; with?: Record<string, string> }[] =
    jobs.nightly.steps;
  const summary = join(home, 'summary.md');
  const step = (name: string) =>
    run(steps.find((one) => one.name === name)?.run ?? '', { GITHUB_STEP_SUMMARY: summary });
  expect(step('fuzz').status).toBe(0);
  expect(step('summary').status).toBe(0);
  expect(readFileSync(summary, 'utf8')).toMatch(/\| known \| \w+ \|/);
  const taken = steps.flatMap(({ uses = '', with: given = {} }) =>
    /artifact|sarif|cache/.test(uses) ? (given.path ?? given.sarif_file).trim().split(/\s+/) : [],
  );
  expect(taken.length).toBeGreaterThanOrEqual(4);
  // Only a campaign with a quantized copy has one.
  expect(taken.filter((path) => !matchesPath(join(home, 'fuzzing', path)))).toEqual([
    'neurofuzz-nights/campaigns/*/*/copy',
  ]);
});

test('Kubernetes: the container runs a night on its volume, one at a time', () => {
  const [claim, job] = parseAllDocuments(example('kubernetes.yaml')).map((document) => document.toJS());
  expect(job.spec.concurrencyPolicy).toBe('Forbid');
  const pod = job.spec.jobTemplate.spec.template.spec;
  expect(pod.volumes[0].persistentVolumeClaim.claimName).toBe(claim.metadata.name);
  const entry: string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(example('Dockerfile'))?.[1] ?? '[]');
  const { status, stdout } = run([...entry, ...pod.containers[0].args].join(' '));
  expect([status, stdout]).toEqual([0, expect.stringContaining('report: neurofuzz-nights/report.html')]);
});
