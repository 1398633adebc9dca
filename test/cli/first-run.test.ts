/** The loop of a first run: init, fuzz, edit the file, fuzz again. Each refusal names the next step, and each step named works. */
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { digests, eventsOf, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const model = join(folder, 'digits.onnx');
const seeds = join(folder, 'digits.npz');
copyFileSync('corpora/nan-digits/nan-digits.onnx', model);
copyFileSync('corpora/nan-digits/seeds.npz', seeds);
const file = join(folder, 'campaign.yaml');
/** Few mutants that find no fault: a finding names its model by the path that was given. */
const LIMITS = ['-s', '1', '-n', '200', '--gradients', 'off', '--quiet'];

test('what init writes from seeds runs and does what fuzz does with the same flags', async () => {
  const written = await neurofuzz(['init', model, '--seeds', seeds, '--out', file]);
  expect(written).toMatchObject({ code: 0, stderr: '' });
  expect(written.stdout).toMatch(/^wrote \S+ for 2 inputs; run it with: [^\n]+\n$/);
  expect(parse(readFileSync(file, 'utf8'))).toEqual({
    model: 'digits.onnx',
    seeds: 'digits.npz',
    mutator: { label: 'none' },
    coverage: 'auto',
    preset: 'quick',
  });
  expect(readFileSync(file, 'utf8')).toMatch(
    /# {3}image: the values of 40 seeds\n# range:\n# {3}image: \[-1, 1\]\n[\s\S]*label: label stays .*\nmutator:\n {2}label: none\n# {3}image: \[numbers, images\]/,
  );
  const [byFile, byFlags] = [join(folder, 'by-file'), join(folder, 'by-flags')];
  await neurofuzz(['fuzz', '--config', file, '-o', byFile, ...LIMITS]);
  await neurofuzz(['fuzz', model, '-i', seeds, '-m', 'label=none', '-o', byFlags, ...LIMITS]);
  const left = digests(byFile, 'corpus', 'findings');
  expect(Object.keys(left).length).toBeGreaterThan(60);
  expect(left).toEqual(digests(byFlags, 'corpus', 'findings'));
});

test('settings that init wrote are no campaign', async () => {
  const project = join(folder, 'project');
  mkdirSync(project);
  const init = await neurofuzz(['init', model, '-o', join(project, 'campaign.yaml')]);
  expect(init.code).toBe(0);
  for (const command of ['triage', 'view'])
    expect(await neurofuzz([command, project])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^neurofuzz: \S+project is (?:not a campaign, though it has|neither a campaign nor)/,
      ),
    });
});

describe('a campaign in the folder', () => {
  const out = join(folder, 'loop');
  const fuzz = (...flags: string[]) =>
    neurofuzz(['fuzz', model, '-i', seeds, '-o', out, ...LIMITS, ...flags]);
  const small = ['-n', '64'];

  test('is refused with the three ways on, and renamed by --overwrite', async () => {
    expect((await fuzz(...small)).code).toBe(0);
    // As neurofuzz view writes it: the states and notes of faults.
    writeFileSync(join(out, 'baseline.json'), '{}');
    const before = digests(out, '.');
    expect((await fuzz(...small)).stderr).toMatch(
      /loop already contains a campaign: resume it with --resume, choose another folder with --out, or start over with --overwrite/,
    );
    for (const n of [1, 2]) {
      const again = await fuzz(...small, '--overwrite', '-s', String(n));
      expect(again).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(folder).filter((name) => name.startsWith('loop.old-')).length).toBe(n);
      expect(eventsOf(out).map(({ event }) => event)).toEqual(['start', 'stop']);
      expect(readFileSync(join(out, 'baseline.json'), 'utf8')).toBe('{}');
    }
    expect(digests(`${out}.old-1`, '.')).toEqual(before);
    expect(readdirSync(`${out}.old-1`)).not.toContain('lock');
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', `${out}.old-1`, '-n', '80', '--quiet']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(readJson(`${out}.old-1`, 'stats.json').execs).toBe(80);
  });

  test('has its quantized copy renamed with it: the new campaign has one of its own', async () => {
    const pair = join(folder, 'pair');
    const numbers = writeSeeds(folder, [[0, 0.5, 0.2, 1]], 'pair.npz');
    const flags = ['fuzz', writeSoftmaxOnnx(folder), '-i', numbers, '-o', pair, '--range=0,1', '-n', '64'];
    const kinds = ['float16', 'bfloat16'];
    for (const kind of kinds) {
      const ended = await neurofuzz([...flags, '--quantize', kind, '-s', '1', '--overwrite', '--quiet']);
      // With a disagreement, or without one.
      expect([0, 1]).toContain(ended.code);
      expect(ended.stderr).toBe('');
    }
    expect([`${pair}.old-1`, pair].map((path) => readdirSync(join(path, 'copy')))).toEqual(
      kinds.map((kind) => [expect.stringContaining(`-${kind}.onnx`)]),
    );
  });

  test('is not renamed where the new campaign reads from it, or could not start', async () => {
    const refusals = [
      [['--corpus', out], /--overwrite would rename .*loop, and --corpus reads .*loop in it: choose another/],
      [['--resume'], /--resume continues the campaign in --out and --overwrite starts over/],
      [['--linf', '-1'], /--linf/],
      [['-i', join(folder, 'missing.npz')], /missing\.npz/],
    ] as const;
    for (const [flags, message] of refusals) {
      const { code, stderr } = await fuzz('--overwrite', ...small, ...flags);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    }
    expect(readdirSync(folder)).not.toContain('loop.old-3');
    // The file that init wrote does not make a project's folder a campaign's.
    const project = await neurofuzz(['fuzz', model, '-i', seeds, '-o', folder, '--overwrite', ...LIMITS]);
    expect(project.stderr).toMatch(
      /is not empty and contains no campaign: .*--overwrite renames campaigns only/,
    );
  });

  test('that is resumed with other seeds, settings or a preset says how to go on', async () => {
    const others = writeSeeds(folder, [[0, 0, 0, 0]]);
    const small = writeSoftmaxOnnx(folder);
    const first = ['fuzz', small, '-o', join(folder, 'small'), '--range=0,1', '-n', '64', '--quiet'];
    expect((await neurofuzz([...first, '-i', others, '-s', '1'])).code).toBe(0);
    const changed = writeSeeds(folder, [[0, 0, 0, 1]], 'changed.npz');
    expect((await neurofuzz([...first, '-i', changed, '--resume'])).stderr).toMatch(
      /--resume: the seeds have changed since; give the seeds and labels that the campaign began with, start over with --overwrite, or start another campaign with --out <dir> --corpus \S+small,/,
    );
    expect((await neurofuzz([...first, '--resume', '--preset', 'deep'])).stderr).toMatch(
      /keep was 5 and is now 20; .*undo this, start over with --overwrite, or start another campaign with --out/,
    );
    expect((await neurofuzz([...first, '--resume', '--preset', 'quick', '-n', '80'])).code).toBe(0);
    expect(parse(readFileSync(join(folder, 'small', 'campaign.yaml'), 'utf8'))).not.toHaveProperty('preset');
  });
});

test('a file edited into a dead end says how to leave it', async () => {
  appendFileSync(file, 'range: [0, 1]\n');
  const { code, stderr } = await neurofuzz(['fuzz', '-c', file, '-o', join(folder, 'edited'), ...LIMITS]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(
      /all 40 seeds contain values outside the range of input image, \[0, 1\] \(lowest: -1\): set it to \[-1, 1\] .*or remove it/,
    ),
  });
});

test('a campaign that has stopped at its first finding says why it does not continue', async () => {
  const out = join(folder, 'stopped');
  const found = await neurofuzz([
    'fuzz',
    model,
    '-i',
    seeds,
    '-o',
    out,
    '-s',
    '1',
    '--until-finding',
    '--quiet',
  ]);
  expect(found.code).toBe(1);
  const resumed = await neurofuzz(['fuzz', '--resume', '-o', out]);
  expect(resumed).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /to continue the search, start over with --overwrite and without --until-finding/,
    ),
  });
});
