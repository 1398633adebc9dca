import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { BUNDLED } from '../support/campaign.ts';
import { amid, neurofuzz, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
let onnx: string;

beforeAll(() => {
  onnx = writeSoftmaxOnnx(folder);
});

/** Mounts a small file system; false where this machine does not let us. */
function mountSmall(path: string, size: string): boolean {
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A test that mounts; left out where this machine does not let us. */
function mountingTest(): typeof test | typeof test.skip {
  const trial = join(folder, 'trial');
  if (!mountSmall(trial, '64k')) return test.skip;
  execFileSync('umount', [trial]);
  return test;
}

const onMount = mountingTest();
const disk = join(folder, 'disk');

onMount('a full disk exits with 3, names the folder, and what was kept loads', async () => {
  mountSmall(disk, '512k');
  try {
    const out = join(disk, 'out');
    const { code, stderr } = await neurofuzz([
      'fuzz',
      '-c',
      'corpora/nan-digits/campaign.yaml',
      '-s',
      '1',
      '-n',
      '400000',
      '-o',
      out,
      '--quiet',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^neurofuzz: cannot write to the campaign folder \S+disk\/out: the disk is full; [^\n]+\n$/,
    );
    const whole = readdirSync(join(out, 'corpus')).filter(
      (name) => name.endsWith('.npz') && !name.startsWith('.'),
    );
    expect(whole.length).toBeGreaterThan(10);
    for (const name of whole) expect(decodeNpz(readFileSync(join(out, 'corpus', name)), name).size).toBe(2);
  } finally {
    execFileSync('umount', [disk]);
  }
});

/** Runs a line of shell, in which `neurofuzz` is the command line as it is built. */
function shell(line: string) {
  const launcher = `neurofuzz() { '${process.execPath}' '${resolve('bin/neurofuzz.js')}' "$@"; }`;
  const { status, stderr } = spawnSync('bash', ['-c', `${launcher}; ${line}`], { encoding: 'utf8' });
  return { code: status, stderr };
}

/** A failure of the machine: 3, and one line on standard error. */
const failsWith = (line: RegExp) => ({ code: 3, stderr: expect.stringMatching(line) });

describe('standard output that is full exits with 3', () => {
  test.each([
    ['--help'],
    ['inspect --json MODEL'],
    ['mutators'],
    ['fuzz MODEL --range=-1,1 -n 300 -j 1 --json --quiet -o FOLDER/full'],
  ])('of %s', (command) => {
    const line = command.replace('MODEL', `'${onnx}'`).replace('FOLDER', folder);
    expect(shell(`neurofuzz ${line} >/dev/full`)).toEqual(
      failsWith(/^neurofuzz: cannot write to standard output: the disk is full; [^\n]+\n$/),
    );
  });

  test('also where nobody reads it any more', () => {
    expect(shell(`set -o pipefail; neurofuzz inspect '${onnx}' | exec true`)).toEqual(
      failsWith(/^neurofuzz: cannot write to standard output: its reader has closed it\n$/),
    );
  });
});

test('a campaign whose log can not be written runs to its end, and exits with 3', () => {
  const out = join(folder, 'unlogged');
  const flags = '--range=-1,1 --seed 1 -n 300 -j 1';
  expect(shell(`neurofuzz fuzz '${onnx}' ${flags} -o '${out}' 2>/dev/full`)).toEqual({ code: 3, stderr: '' });
  expect(JSON.parse(readFileSync(join(out, 'stats.json'), 'utf8'))).toMatchObject({ execs: 300 });
});

test.each([
  // Modules can't be opened; then other processes can't be started.
  [24, /^neurofuzz: [^\n]*too many open files[^\n]*\n$/],
  [40, /^neurofuzz: [^\n]*too many open files[^\n]*\n$/],
])('with %d descriptors a command exits with 3', (descriptors, line) => {
  expect(shell(`ulimit -n ${descriptors}; neurofuzz inspect '${onnx}'`)).toEqual(failsWith(line));
});

/** Code that runs once the command line has said what becomes of errors. */
const onceGuarded = (code: string): string =>
  `process.on('newListener', (event) => { if (event === 'beforeExit') setTimeout(() => { ${code} }); })`;

test.each([
  [
    'an exception that nobody caught',
    onceGuarded("throw new Error('so it is')"),
    /^neurofuzz: [a-z ]+: so it is/,
  ],
  [
    'a rejection that nobody caught',
    onceGuarded("Promise.reject(new Error('so it is'))"),
    /^neurofuzz: [a-z ]+: so it is/,
  ],
  // The command waits until all is written.
  [
    'a promise that nobody settles',
    'process.stdout.write = () => true',
    /nothing is left to run, and the command has not ended/,
  ],
])('%s is one line and exits with 3', (_, code, line) => {
  const module = join(folder, 'unforeseen.mjs');
  writeFileSync(module, code);
  const { code: exitCode, stderr } = shell(`NODE_OPTIONS=--import='${module}' neurofuzz inspect '${onnx}'`);
  expect({ code: exitCode, stderr }).toEqual(failsWith(/^neurofuzz: [^\n]+\n$/));
  expect(stderr).toMatch(line);
});

test('a working folder that was removed exits with 3', () => {
  const gone = join(folder, 'gone');
  expect(shell(`mkdir '${gone}'; cd '${gone}'; rmdir '${gone}'; neurofuzz inspect '${onnx}'`)).toEqual(
    failsWith(/^neurofuzz: cannot use the working folder: no such file or folder; [^\n]+\n$/),
  );
});

/** Starts a campaign that has no end, and waits until it is under way. */
async function startCampaign(out: string) {
  const running = start([...BUNDLED, '-s', '1', '-o', out, '--quiet']);
  await amid(running, 'the first statistics', () => existsSync(join(out, 'stats.json')));
  return running;
}

test('a campaign whose folder is removed exits with 3', async () => {
  const out = join(folder, 'removed');
  const running = await startCampaign(out);
  // At once: what is written meanwhile would keep it from being removed.
  renameSync(out, join(folder, 'away'));
  expect(await running.ended).toMatchObject(
    failsWith(/^neurofuzz: cannot [^\n]+removed\S*: [^\n]*no such file or (folder|directory)[^\n]*\n$/),
  );
});

const readOnly = join(folder, 'read-only');

onMount('a campaign whose disk becomes read-only exits with 3 and is resumed after', async () => {
  mountSmall(readOnly, '50m');
  try {
    const out = join(readOnly, 'out');
    const running = await startCampaign(out);
    await amid(running, 'no file open for writing', () => {
      const { status } = spawnSync('mount', ['-o', 'remount,ro', readOnly]);
      return status === 0;
    });
    expect(await running.ended).toMatchObject(
      failsWith(/^neurofuzz: cannot write to the campaign folder \S+out: the file system is read-only\n$/),
    );
    const { code, stderr } = await neurofuzz(['distill', out, '-o', join(readOnly, 'a', 'b')]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^neurofuzz: cannot create the folder \S+: the file system is read-only\n$/,
      ),
    });
    execFileSync('mount', ['-o', 'remount,rw', readOnly]);
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', out, '-n', '1', '--quiet', '--exit-zero']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
  } finally {
    execFileSync('umount', [readOnly]);
  }
});
