import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import {
  encodeWithinLimit,
  readTokenizer,
  unencodableCharacters,
} from '../../../src/model/language/tokenizer.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const FOLDER = 'test/fixtures/tiny-gpt';
const vocabulary = `${FOLDER}/tokenizer.json`;
const known = JSON.parse(readFileSync(`${FOLDER}/answers.json`, 'utf8')) as {
  readonly answers: readonly { readonly prompt: string; readonly ids: number[]; readonly text: string }[];
  readonly encoded: readonly { readonly text: string; readonly ids: number[] }[];
};

test('a tokenizer.json writes and reads texts as the tokenizers library does', async () => {
  const language = await readTokenizer(vocabulary);
  for (const { text, ids } of known.encoded) {
    expect(language.encode(text)).toEqual(ids);
    expect(language.decode(ids)).toBe(text);
  }
  expect(unencodableCharacters('é☕', language)).toEqual([]);
  expect(language.idOf('<|end|>')).toBe(0);
  expect(language.special).toEqual([0]);
  expect(language.tokens[0]).toBeNull();
  expect(language.decode([0, ...(language.encode('on') ?? [])])).toBe('on');
});

test('a transformer with a cache, exported by torch, says what it says in torch', async () => {
  const generate = { vocabulary, length: 24, temperature: 0, seed: '1', start: [], end: [] };
  const model = await loadModel(`${FOLDER}/model.onnx`, { runtime: 'auto', generate });
  const encoded = known.answers.map(
    ({ prompt }) => model.capabilities.textGeneration?.tokenizer.encode(prompt) ?? [],
  );
  const width = Math.max(...encoded.map(({ length }) => length));
  const ids = Int32Array.from(
    encoded.flatMap((own) => [...own, ...new Array<number>(width - own.length).fill(-1)]),
  );
  const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [width])]);
  const { texts = [] } = await new BatchedModel(model).run({ form, inputs: [ids] }, encoded.length, []);
  expect(texts.map((said) => said.ids)).toEqual(known.answers.map((one) => one.ids));
  expect(texts.map(({ prompt, answer }) => [prompt, answer])).toEqual(
    known.answers.map(({ prompt, text }) => [prompt, text]),
  );
  expect(model.capabilities.textGeneration?.description).toMatch(/a cache carried from step to step/);
  await model.dispose();
});

test('a tokenizer whose pattern comes to no end is refused with the text', async () => {
  const json = JSON.parse(readFileSync(vocabulary, 'utf8'));
  json.pre_tokenizer = {
    type: 'Split',
    pattern: { Regex: '^(?:a+)+$' },
    behavior: 'Isolated',
    invert: false,
  };
  const path = join(folder, 'tokenizer.json');
  writeFileSync(path, JSON.stringify(json));
  const language = await readTokenizer(path);
  expect(() => encodeWithinLimit(language, `${'a'.repeat(50)}b`, 'prompts.txt, line 1,', 200)).toThrow(
    /^prompts\.txt, line 1, cannot be turned into tokens: the tokenizer does not finish within 0\.2 s; /,
  );
});

test('a vocabulary that is a pipe is refused and not waited for', async () => {
  const pipe = join(folder, 'pipe.json');
  execFileSync('mkfifo', [pipe]);
  await expect(readTokenizer(pipe)).rejects.toThrow(/pipe\.json: it is a pipe, not a file/);
});
