import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { confirmedFindings, digests, findingFolders, readJson } from '../support/campaign.ts';
import { amid, neurofuzz, neurofuzzProcess, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { CHARACTERS, writeSumOnnx, writeVocabulary } from '../support/language.ts';

const folder = testFolder();
const BUNDLED = ['-c', 'corpora/char-lm/campaign.yaml'];

let runs = 0;
const fresh = (): string => join(folder, `out-${runs++}`);

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Runs `fuzz` and returns its JSON with the exit code and the folder; a plug-in needs a process of its own. */
async function fuzz(...args: string[]) {
  const out = fresh();
  const run = args.some((arg) => arg.endsWith('.js')) ? neurofuzzProcess : neurofuzz;
  const { code, stdout, stderr } = await run(['fuzz', ...args, '-o', out, '--json', '--quiet']);
  if (stdout === '') throw new Error(stderr);
  const json = JSON.parse(stdout);
  return {
    code,
    out,
    json,
    found: json.findings.signatures.map((one: { signature: string }) => one.signature),
  };
}

/** The one line with which `fuzz` refuses. */
async function refusal(...args: string[]): Promise<string> {
  const out = fresh();
  const { code, stderr } = await neurofuzz(['fuzz', ...args, '-o', out, '--quiet']);
  expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
  expect(existsSync(out)).toBe(false);
  return stderr;
}

describe('the bundled character model', () => {
  test('says forbidden words and repeats itself; findings show where, and come up again', async () => {
    const { code, out, found, json } = await fuzz(...BUNDLED, '-n', '2500', '-s', '1', '--keep', '1');
    expect(code).toBe(1);
    expect(found).toContain('text-repeated-word');
    expect(found.some((signature: string) => signature.startsWith('text-words-'))).toBe(true);
    expect(json.coverage.tensors).toHaveLength(1);
    for (const finding of findingFolders(out)) {
      const { summary, violation, signature, distance, generation, reproduced } = readJson(
        finding,
        'finding.json',
      );
      const { prompt, answer, from, to } = violation.details;
      const span = answer.slice(from, to);
      expect(reproduced).toBe('10/10');
      expect(readFileSync(join(finding, 'input.txt'), 'utf8')).toBe(prompt);
      expect(readFileSync(join(finding, 'answer.txt'), 'utf8')).toContain(`»${span}«`);
      expect(summary).toContain('»');
      expect(distance.edits > 0).toBe(generation > 0);
      if (!signature.startsWith('text-words-')) continue;
      const word = signature.slice('text-words-'.length);
      expect(span.toLowerCase()).toBe(word);
      expect(prompt.toLowerCase()).not.toContain(word);
    }
    const replayed = await neurofuzz(['replay', out]);
    expect(replayed.code).toBe(1);
    expect(replayed.stdout.trim().split('\n')).toHaveLength(findingFolders(out).length);
    expect(replayed.stdout).not.toMatch(/fixed|flaky/);
    // A finding's prompt is a seed for the next campaign, and breaks the rule at once.
    const [first] = findingFolders(out);
    const prompts = file('again.txt', readFileSync(join(first, 'input.txt'), 'utf8'));
    const again = await fuzz(...BUNDLED, '-i', prompts, '-n', '64', '-s', '2', '-j', '1');
    expect(readdirSync(join(again.out, 'findings'))).toContain(readJson(first, 'finding.json').signature);
  });

  test('does the same on one worker and on three, and killed and resumed', async () => {
    const flags = [...BUNDLED, '-n', '1600', '-s', '5', '--keep', '2'];
    const [one, three] = await Promise.all([fuzz(...flags, '-j', '1'), fuzz(...flags, '-j', '3')]);
    const own = digests(one.out, 'corpus', 'findings');
    expect(Object.keys(own).length).toBeGreaterThan(50);
    expect(digests(three.out, 'corpus', 'findings')).toEqual(own);
    const out = fresh();
    const killed = start(['fuzz', ...flags, '-j', '2', '-o', out, '--quiet']);
    await amid(killed, 'a finding', () => confirmedFindings(out).length > 0);
    killed.child.kill('SIGKILL');
    expect((await killed.ended).code).toBe(null);
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', out, '--quiet']);
    expect(resumed.code).toBe(1);
    expect(digests(out, 'corpus', 'findings')).toEqual(own);
  });

  test('the control keeps nothing and finds what is easy', async () => {
    const { found, json } = await fuzz(...BUNDLED, '-n', '600', '-s', '1', '--guidance', 'none', '-j', '1');
    expect(found).toContain('text-repeated-word');
    expect(json.corpus.count).toBe(json.corpus.seeds);
  });
});

describe('models of other kinds', () => {
  const sums = [
    '-i',
    file('prompts.txt', 'the cat sat\na dog.\n'),
    '--generate',
    `vocabulary=${writeVocabulary(folder)}`,
  ];

  test('a transformer with a cache and a tokenizer.json', async () => {
    const tiny = 'test/fixtures/tiny-gpt';
    const prompts = file('rain.txt', 'The cat sat on the mat\nWho let the dog out?');
    const generate = [
      '--generate',
      `vocabulary=${tiny}/tokenizer.json`,
      'length=16',
      'temperature=1.2',
      'topK=20',
      'end=<|end|>',
    ];
    const { code, out } = await fuzz(
      `${tiny}/model.onnx`,
      '-i',
      prompts,
      ...generate,
      '-O',
      'text:regex,name=dog,dog',
      '-n',
      '600',
      '-s',
      '1',
      '-j',
      '2',
    );
    expect(code).toBe(1);
    const [finding] = findingFolders(out);
    expect(readJson(finding, 'finding.json')).toMatchObject({ signature: 'text-dog', reproduced: '10/10' });
    expect(readFileSync(join(finding, 'answer.txt'), 'utf8')).toContain('»dog«');
  });

  test('a folder of prompts holds one a file, and other objectives see answers as outputs', async () => {
    const model = writeSumOnnx(folder, 'every place');
    const { code, json } = await fuzz(
      model,
      ...sums,
      'length=8',
      '-O',
      'assert:max(answer) < 30',
      'nonfinite',
      '-n',
      '300',
      '-s',
      '1',
      '-j',
      '1',
    );
    expect(code).toBe(0);
    expect(json.execs).toBe(300);
    const broken = await fuzz(
      model,
      ...sums,
      'length=8',
      '-O',
      'assert:name=low,max(answer) < 29',
      '-n',
      '300',
      '-s',
      '1',
      '-j',
      '1',
    );
    expect(broken.found).toEqual(['assert-low']);
  });

  test('a model that says no number goes on and is found', async () => {
    const holes = Float32Array.from({ length: CHARACTERS.length ** 2 }, (_, i) =>
      i % 41 === 0 ? Number.NaN : (i * 7) % 5,
    );
    const model = writeSumOnnx(folder, 'recurrent', holes);
    const { code, found } = await fuzz(
      model,
      ...sums,
      'length=8',
      '-O',
      'nonfinite',
      '-n',
      '300',
      '-s',
      '1',
      '-j',
      '1',
      '--threshold',
      '1',
    );
    expect({ code, found }).toEqual({ code: 1, found: ['nonfinite-nan-chosen'] });
  });

  test('a rule of your own, in a plug-in', async () => {
    const loud = Float32Array.from({ length: CHARACTERS.length ** 2 }, (_, i) => (i * 31) % 17);
    const capitals = writeVocabulary(
      folder,
      CHARACTERS.map((character, i) => (i < 26 ? character.toUpperCase() : character)),
    );
    const model = writeSumOnnx(folder, 'recurrent', loud);
    const prompts = file('loud.txt', 'THE NILE\nIN A LAND\n');
    const { code, found, out } = await fuzz(
      model,
      '-i',
      prompts,
      '--generate',
      `vocabulary=${capitals}`,
      'length=20',
      '-O',
      'examples/shouting.js',
      '-n',
      '400',
      '-s',
      '1',
      '-j',
      '1',
    );
    expect({ code, found }).toEqual({ code: 1, found: ['shouting'] });
    const [finding] = findingFolders(out);
    expect(readFileSync(join(finding, 'answer.txt'), 'utf8')).toMatch(/^prompt:/);
  });

  test('nothing that a model says acts on the terminal', async () => {
    const nasty = CHARACTERS.map((character, i) => ['\u001b', '\u202e', '\u0007', '\u0085'][i] ?? character);
    const vocabulary = writeVocabulary(folder, nasty);
    const logits = Float32Array.from(
      { length: CHARACTERS.length ** 2 },
      (_, i) => (i % CHARACTERS.length < 4 ? 5 : 0) + ((i * 17) % 13) / 4,
    );
    const model = writeSumOnnx(folder, 'recurrent', logits);
    const prompts = file('nasty.txt', 'kelp it is\n');
    const out = fresh();
    const flags = [
      '--generate',
      `vocabulary=${vocabulary}`,
      'length=24',
      '-O',
      'text:regex,.',
      '-n',
      '200',
      '-s',
      '1',
      '-j',
      '1',
      '--keep',
      '3',
    ];
    const { code, stdout, stderr } = await neurofuzz(['fuzz', model, '-i', prompts, ...flags, '-o', out]);
    const replayed = await neurofuzz(['replay', out]);
    expect(code).toBe(1);
    const answers = findingFolders(out).map((finding) => readFileSync(join(finding, 'answer.txt'), 'utf8'));
    expect(answers.join()).toMatch(/\\u\{(?:1B|202E|7|85)\}/);
    for (const text of [stdout, stderr, replayed.stdout, ...answers])
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test.each([
    [
      ['length=8', '-i', file('odd.txt', 'the cat\nthe çat\n')],
      /odd.txt, line 2, holds "ç" \(U\+00E7\), for which the vocabulary has no token/,
    ],
    [['length=8', '-i', file('none.txt', '\n\n')], /has no text/],
    [['length=0'], /--generate length must be 1 or more/],
    [['temperature=-1'], /--generate temperature must be 0 or more/],
    [['lenght=8'], /--generate/],
    [['length'], /give settings as length=64/],
    [['end=§'], /no token "§"/],
    [['-O', 'text:words,file=nowhere.txt'], /nowhere.txt: no such file/],
    [['-O', 'text:regex,('], /fix the regular expression/],
    [['--against', 'corpora/char-lm/char-lm.onnx', '-O', 'differential'], /--generate works with one model/],
  ])('%j is refused', async (flags, message) => {
    const model = writeSumOnnx(folder, 'recurrent');
    expect(await refusal(model, ...sums, ...flags, '-n', '10')).toMatch(message);
  });

  test('what does not fit is refused', async () => {
    const prompts = ['-i', join(folder, 'prompts.txt')];
    const vocabulary = writeVocabulary(folder, CHARACTERS.slice(1));
    const model = writeSumOnnx(folder, 'recurrent');
    expect(await refusal(model, ...prompts, '--generate', `vocabulary=${vocabulary}`)).toMatch(
      /has 29 tokens, and output logits is \[1, 30\]/,
    );
    expect(await refusal(model, ...prompts, '--generate', 'vocabulary=gpt2')).toMatch(
      /no vocabulary gpt2 on disk/,
    );
    expect(await refusal(model, ...prompts, '-O', 'text')).toMatch(/--generate/);
    expect(
      await refusal(
        'corpora/nan-digits/nan-digits.onnx',
        ...prompts,
        '--generate',
        `vocabulary=${vocabulary}`,
      ),
    ).toMatch(/nan-digits.onnx/);
    expect(await refusal(model, ...sums.slice(2))).toMatch(/needs prompts/);
    const ids = file('ids.json', '[[1, 2, 30]]');
    expect(await refusal(model, '-i', ids, ...sums.slice(2))).toMatch(
      /seed 0 has 30 at position 2 of input prompt, outside its range/,
    );
  });
});
