import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { decodeStrings } from '../../src/tensor/strings.ts';
import { findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const FIXTURES = 'test/fixtures/sklearn';

/** The strings of an input in a file of a campaign. */
function stringsIn(path: string, input: string): string[] {
  const tensor = decodeNpz(readFileSync(path), path).get(input);
  return tensor?.isString ? decodeStrings(tensor.data, tensor.shape[tensor.shape.length - 1]) : [];
}

describe('a classifier of texts', () => {
  const out = join(folder, 'tfidf');

  beforeAll(async () => {
    const model = `${FIXTURES}/tfidf.onnx`;
    await neurofuzz([
      'fuzz',
      model,
      '-i',
      `${FIXTURES}/tfidf.txt`,
      '-n',
      '600',
      '-s',
      '1',
      '--quiet',
      '-o',
      out,
    ]);
  });

  test('has no vector for a text without a known word, and the finding shows the text', async () => {
    const folders = findingFolders(out);
    expect(folders.length).toBeGreaterThan(0);
    const known = readFileSync(`${FIXTURES}/tfidf.txt`, 'utf8').split(/\s+/);
    for (const path of folders) {
      const finding = readJson(path, 'finding.json');
      expect(finding).toMatchObject({ signature: 'nonfinite-nan-features', reproduced: '10/10' });
      expect(finding.distance.edits).toBeGreaterThan(0);
      const text = readFileSync(join(path, 'input.txt'), 'utf8');
      expect(stringsIn(join(path, 'input.npz'), 'text')).toEqual([text]);
      expect(
        text
          .toLowerCase()
          .match(/[a-z]+/g)
          ?.filter((word) => known.includes(word)) ?? [],
      ).toEqual([]);
    }
    const { code, stdout } = await neurofuzz(['replay', folders[0]]);
    expect(code).toBe(1);
    expect(stdout).toContain('still broken 10/10');
  });

  test('is fuzzed without seeds, on texts of the words that it lists', async () => {
    const args = ['fuzz', `${FIXTURES}/tfidf.onnx`, '-n', '600', '-s', '1', '--json', '--quiet'];
    const { stdout, code } = await neurofuzz([...args, '-o', join(folder, 'drawn')]);
    expect(code).toBe(1);
    const { execs, corpus } = JSON.parse(stdout);
    expect(execs).toBe(600);
    expect(corpus.seeds).toBeGreaterThan(8);
  });

  test('triage lists one fault, and a finding is made smaller', async () => {
    const { stdout } = await neurofuzz(['triage', out]);
    expect(stdout).toMatch(/nonfinite-nan-features .* edits? /);
    const [path] = findingFolders(out);
    expect((await neurofuzz(['minimize', path])).code).toBe(0);
  });
});

describe('a table of strings and a number', () => {
  const out = join(folder, 'pipeline');
  const model = `${FIXTURES}/pipeline.onnx`;

  test('its columns come from .csv, and mutants have listed and unlisted categories', async () => {
    const args = ['-i', `${FIXTURES}/pipeline.csv`, '-n', '400', '-s', '1', '--threshold', '0.000001'];
    const { stdout, code } = await neurofuzz(['fuzz', model, ...args, '--quiet', '--json', '-o', out]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).corpus.seeds).toBe(24);
    const entries = readdirSync(join(out, 'corpus')).filter((name) => name.endsWith('.npz'));
    const colours = new Set(entries.flatMap((name) => stringsIn(join(out, 'corpus', name), 'colour')));
    for (const colour of ['blue', 'green', 'red']) expect(colours).toContain(colour);
    expect(colours.size).toBeGreaterThan(3);
  });

  test('two models that part name the classes', async () => {
    const second = join(folder, 'second.onnx');
    const bytes = readFileSync(model);
    // The same model with two labels exchanged in all lists: it says review where the first one says reject.
    const swapped = bytes
      .toString('latin1')
      .replaceAll('reject', 'rev_ect')
      .replaceAll('review', 'reject')
      .replaceAll('rev_ect', 'review');
    writeFileSync(second, swapped, 'latin1');
    const args = ['--against', second, '-i', `${FIXTURES}/pipeline.csv`, '-n', '50', '-s', '1'];
    const { stdout, code } = await neurofuzz([
      'fuzz',
      model,
      ...args,
      '--json',
      '--quiet',
      '-o',
      join(folder, 'pair'),
    ]);
    expect(code).toBe(1);
    const [{ summary }] = JSON.parse(stdout).findings.signatures;
    expect(summary).toMatch(
      /Models disagree on \S+: first model (reject|review) .*, second model (review|reject) |is (reject|review) in the first model and (review|reject) in the second model/,
    );
  });

  test('init writes a file that runs, and inspect shows strings, classes and no code points', async () => {
    const file = join(folder, 'campaign.yaml');
    await neurofuzz(['init', model, '-o', file]);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('colour: strings');
    expect(text).not.toContain('1114111');
    const { code } = await neurofuzz([
      'fuzz',
      '-c',
      file,
      '-n',
      '64',
      '-s',
      '1',
      '--quiet',
      '-o',
      join(folder, 'init'),
    ]);
    expect(code).toBe(0);
    const { stdout } = await neurofuzz(['inspect', model]);
    expect(stdout).toMatch(
      /colour +string +\?×1 +strings: its type is string +strings, of which the model lists 3/,
    );
    expect(stdout).toMatch(/output_label .* classes accept, reject, review/);
  });
});

test.each(['forest', 'boosted', 'regressor'])('the trees of %s are fuzzed', async (name) => {
  const out = join(folder, name);
  const { stdout, code } = await neurofuzz([
    'fuzz',
    `${FIXTURES}/${name}.onnx`,
    '-n',
    '300',
    '-s',
    '1',
    '--json',
    '--quiet',
    '-o',
    out,
  ]);
  expect(code).toBe(0);
  const { execs, corpus, coverage } = JSON.parse(stdout);
  expect(execs).toBe(300);
  expect(corpus.seeds).toBe(32);
  expect(coverage.tensors).toEqual([name === 'regressor' ? 'variable' : 'output_probability']);
});
