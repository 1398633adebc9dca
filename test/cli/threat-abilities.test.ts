import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import {
  writeBiasedOnnx,
  writeGreatestOnnx,
  writeMaximumOnnx,
  writeNoisyOnnx,
  writeSeeds,
  writeSoftmaxOnnx,
} from '../support/models.ts';

const folder = testFolder();
const model = writeGreatestOnnx(folder, false);

/** Twelve rows whose class is the place of their greatest value, with gaps from 0.03 to 0.25 to the next one. */
const GAPS = Array.from({ length: 12 }, (_, i) => 0.03 + 0.02 * i);
const rows = GAPS.map((gap, i) =>
  Array.from({ length: 4 }, (_, k) => (k === i % 4 ? 0.3 + gap : k === (i + 1) % 4 ? 0.3 : 0.25 - 0.02 * k)),
);
writeSeeds(folder, rows, 'rows.npz');
writeFileSync(join(folder, 'labels.txt'), GAPS.map((_, i) => `${i % 4}\n`).join(''));

const NEAR = {
  goal: { kind: 'untargeted' },
  may: 'indistinguishable',
  limits: { linf: 0.1, range: [0, 1] },
};

let files = 0;
async function fuzz(threatModel: object, flags: readonly string[] = [], others: object = {}) {
  const name = `campaign-${files++}`;
  const path = join(folder, `${name}.yaml`);
  const settings = { model, seeds: 'rows.npz', labels: 'labels.txt', execs: 2500, seed: 'abilities' };
  writeFileSync(path, JSON.stringify({ ...settings, threatModel, ...others }));
  const out = join(folder, name);
  // Each worker is a process more.
  const jobs = flags.includes('--jobs') ? [] : ['--jobs', '1'];
  const all = ['fuzz', '-c', path, '-o', out, '--json', ...flags, ...jobs];
  const { code, stdout, stderr } = await neurofuzz(all);
  return { code, out, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
}

const records = (out: string) => findingFolders(out).map((finding) => readJson(finding, 'finding.json'));

describe('an attacker without the model', () => {
  // It takes class 1 for less likely than the model does, so that some of what is found on it fails.
  const knows = { model: 'nothing', surrogate: writeBiasedOnnx(folder, [0.02, -0.06, 0.05, 0]) };

  let seedsOfOneTry: number;
  let folderOfOneTry: string;

  test('has one try for each seed, on any number of workers and after a stop', async () => {
    const block = { ...NEAR, knows, repeats: false };
    const one = await fuzz(block, ['--jobs', '1']);
    expect(one.code).toBe(1);
    const { submitted, success, outside } = one.result.threatModel;
    const [{ seeds, of }] = success;
    expect({ outside, of }).toEqual({ outside: 0, of: 12 });
    [seedsOfOneTry, folderOfOneTry] = [seeds, one.out];
    expect(submitted).toBeLessThanOrEqual(12);
    expect(seeds).toBeGreaterThan(0);
    // Some try failed, and ended its seed.
    expect(seeds).toBeLessThan(submitted);
    for (const { threat, model: tested } of records(one.out)) {
      expect(threat).toMatchObject({ obeys: true, queries: 1, success: { of: 12 } });
      expect(threat.clauses).toContain('repeats');
      expect(tested.path).toMatch(/greatest\.onnx$/);
    }
    const four = await fuzz(block, ['--jobs', '4']);
    expect(digests(four.out, 'findings', 'corpus')).toEqual(digests(one.out, 'findings', 'corpus'));
    const halved = await fuzz(block, ['-n', '100']);
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', halved.out, '-n', '2500', '--json']);
    expect(JSON.parse(resumed.stdout)).toMatchObject({
      stopped: 'execs',
      threatModel: { submitted, success: [{ seeds }] },
    });
    expect(digests(halved.out, 'findings')).toEqual(digests(one.out, 'findings'));
  });

  test('may try again where the threat model says so', async () => {
    const often = await fuzz({ ...NEAR, knows, queries: { each: 8 } }, ['--keep', '20']);
    expect(often.result.threatModel.success[0].seeds).toBeGreaterThan(seedsOfOneTry);
    expect(often.stderr).toMatch(/warning: threat model: queries with knows\.model: nothing/);
    const queries = records(often.out).map(({ threat }) => threat.queries);
    expect(Math.max(...queries)).toBeGreaterThan(1);
    expect(Math.max(...queries)).toBeLessThanOrEqual(8);
  });

  test('leaves findings that replay on the model, and not as another try', async () => {
    const [finding] = findingFolders(folderOfOneTry);
    expect((await neurofuzz(['replay', finding])).stdout).toMatch(/^still broken 10\/10/m);
    const path = join(finding, 'finding.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"queries": 1', '"queries": 2'));
    const replayed = await neurofuzz(['replay', finding]);
    expect(replayed.stdout + replayed.stderr).toMatch(/damaged|repeats: it is try 2 for its seed/);
  });

  test('counts the errors of the model, not those of the surrogate', async () => {
    const poor = { model: 'nothing', surrogate: writeBiasedOnnx(folder, [0, 0, 0, 9]) };
    const { stderr, result } = await fuzz({ ...NEAR, knows: poor, repeats: false });
    expect(stderr).toMatch(
      /surrogate: right on 3 of the 12 seeds that the model gets right: it is hardly like/,
    );
    expect(result.threatModel.success).toMatchObject([{ of: 12, errors: 0 }]);
  });

  test('needs a surrogate with the same inputs, and with as many classes', async () => {
    const other = { model: 'nothing', surrogate: resolve('corpora/quantized-digits/digits.onnx') };
    const { code, stderr } = await fuzz({ ...NEAR, knows: other }, ['--quiet']);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(/threatModel\.knows\.surrogate takes .*, and the model takes x float32\[\?, 4\]/);
    const few = await fuzz({ ...NEAR, knows: { ...other, surrogate: writeSoftmaxOnnx(folder) } }, [
      '--quiet',
    ]);
    expect(few).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/knows 3 classes .* a label says 3/),
    });
    const gone = await fuzz({ ...NEAR, knows: { ...other, surrogate: 'gone.onnx' } }, ['--quiet']);
    expect(gone).toMatchObject({ code: 2, stderr: expect.stringMatching(/gone\.onnx/) });
  });
});

describe('a model that draws', () => {
  test('has findings that hold in nine of ten reruns', async () => {
    const others = { model: writeNoisyOnnx(folder, 0.01) };
    const block = { ...NEAR, limits: { linf: 0.15, range: [0, 1] }, knows: { randomness: false } };
    const { code, out, result } = await fuzz(block, ['-n', '600'], others);
    expect(code).toBe(1);
    expect(result.threatModel.outside).toBe(0);
    const found = records(out);
    expect(found.map(({ status }) => status)).toContain('confirmed');
    // What does not hold breaks no seed.
    const held = new Set(found.flatMap(({ status, ancestor }) => (status === 'confirmed' ? [ancestor] : [])));
    expect(result.threatModel.success[0].seeds).toBeGreaterThanOrEqual(held.size);
    for (const { reproduced, status, threat } of found) {
      const [held, runs] = reproduced.split('/').map(Number);
      expect(runs).toBe(30);
      expect(held >= 27).toBe(status === 'confirmed');
      expect(threat.clauses.includes('knows.randomness')).toBe(status === 'confirmed');
    }
    const { stdout } = await neurofuzz(['replay', '--json', out]);
    for (const { verdict, reproduced } of JSON.parse(stdout).findings)
      expect(verdict).toBe(Number.parseInt(reproduced, 10) >= 27 ? 'still broken' : 'flaky');
  });
});

describe('what is plausible', () => {
  const detector = writeMaximumOnnx(folder);
  const block = { ...NEAR, may: 'non-suspicious', limits: { range: [0, 1] }, plausible: `${detector} < 0.5` };

  test('holds for all findings, those of minimize included, and leaves out seeds that raise suspicion', async () => {
    const { code, out, stderr, result } = await fuzz(block, ['-n', '600', '--keep', '2']);
    expect(code).toBe(1);
    // Gaps of 0.21 and more reach a value above 0.5.
    expect(stderr).toMatch(/3 of 12 seeds raise suspicion themselves/);
    expect(result.threatModel).toMatchObject({ outside: 0, success: [{ of: 9 }] });
    expect((await neurofuzz(['minimize', findingFolders(out)[0], '--tries', '60'])).code).toBe(0);
    for (const { threat } of records(out)) {
      expect(threat.plausible).toBeLessThan(0.5);
      expect(threat.clauses).toContain('plausible');
    }
    const again = await fuzz(block, ['-n', '600', '--keep', '2', '--jobs', '3']);
    const testcases = (of: string) => digests(of, 'corpus');
    expect(testcases(again.out)).toEqual(testcases(out));
  });

  test('is asked again when a finding is replayed', async () => {
    const judge = join(folder, 'judge.onnx');
    copyFileSync(detector, judge);
    const { out } = await fuzz({ ...block, plausible: `${judge} < 0.5` }, ['-n', '300', '--keep', '1']);
    const [finding] = findingFolders(out);
    expect((await neurofuzz(['replay', finding])).stdout).toMatch(/^still broken 10\/10/);
    copyFileSync(writeMaximumOnnx(folder, 1), judge);
    const { code, stderr } = await neurofuzz(['replay', finding]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/outside the threat model: plausible: its value is 1\./),
    });
  });

  test.each([
    [`${detector}[1] < 0.5`, /has 1 values? for an input, and none at \[1\]/],
    [`${detector} < 0.1`, /holds for none of 12 seeds: check the bound/],
    ['gone.onnx < 0.5', /gone\.onnx/],
  ])('%s is refused in one line', async (plausible, message) => {
    const { code, stderr } = await fuzz({ ...block, plausible }, ['--quiet']);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(message);
  });
});

describe('an attacker who sees the greatest scores', () => {
  test('finds what the model gets wrong', async () => {
    const { code, result } = await fuzz({ ...NEAR, knows: { model: 'outputs', outputs: 'top:2' } });
    expect(code).toBe(1);
    expect(result.threatModel.success[0].seeds).toBeGreaterThan(2);
  });
});

describe('init --threat-model', () => {
  const flags = ['-i', join(folder, 'rows.npz'), '--range', '0,1'];

  test('camera needs labels, and runs with the model in place of a surrogate', async () => {
    const file = join(folder, 'camera.yaml');
    const init = ['init', model, ...flags, '--threat-model', 'camera', '-o', file];
    expect(await neurofuzz(init)).toMatchObject({ code: 2, stderr: expect.stringMatching(/set --labels/) });
    const { code, stdout } = await neurofuzz([...init, '--labels', join(folder, 'labels.txt')]);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/surrogate is the model/),
    });
    const run = await neurofuzz(['fuzz', '-c', file, '-o', join(folder, 'camera'), '-n', '600', '--json']);
    const { submitted, success } = JSON.parse(run.stdout).threatModel;
    // All that is found on the model itself holds.
    expect(success[0].seeds).toBe(submitted);
    expect(run.stderr).toMatch(/warning: threat model: knows\.surrogate is the model itself/);
  });

  test('spam says which file to write', async () => {
    const file = join(folder, 'spam.yaml');
    const { stdout } = await neurofuzz(['init', model, ...flags, '--threat-model', 'spam', '-o', file]);
    expect(stdout).toMatch(/threatModel\.limits\.fixed names payload\.npy: write it/);
    expect(await neurofuzz(['fuzz', '-c', file, '-o', join(folder, 'spam')])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/payload\.npy/),
    });
    writeSeeds(folder, [[1, 0, 0, 0]], 'payload.npz');
    writeFileSync(file, readFileSync(file, 'utf8').replace('payload.npy', 'payload.npz'));
    const run = await neurofuzz(['fuzz', '-c', file, '-o', join(folder, 'spam'), '-n', '500', '--quiet']);
    expect(run).toMatchObject({ stderr: '' });
    expect([0, 1]).toContain(run.code);
  });
});
