import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { UserError } from '../../../src/core/errors.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { GenerationSettings } from '../../../src/model/language/generation.ts';
import type { Model } from '../../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { testFolder } from '../../support/folder.ts';
import { CHARACTERS, KINDS, type Kind, writeSumOnnx, writeVocabulary } from '../../support/language.ts';

const folder = testFolder();
const vocabulary = writeVocabulary(folder);
const open: Model[] = [];

const SETTINGS: GenerationSettings = {
  vocabulary,
  length: 12,
  temperature: 0,
  seed: '1',
  start: [],
  end: [],
};

async function load(kind: Kind, own: Partial<GenerationSettings> = {}): Promise<Model> {
  const model = await loadModel(writeSumOnnx(folder, kind), {
    runtime: 'auto',
    generate: { ...SETTINGS, ...own },
  });
  open.push(model);
  return model;
}

afterAll(async () => {
  for (const model of open) await model.dispose();
});

/** Prompts as the model takes them, in one block, the shorter ones with places that hold no token behind them. */
async function run(model: Model, prompts: readonly string[], watched: readonly string[] = []) {
  const width = Math.max(...prompts.map(({ length }) => length));
  const ids = prompts.flatMap((prompt) => [
    ...[...prompt].map((character) => CHARACTERS.indexOf(character)),
    ...new Array<number>(width - prompt.length).fill(-1),
  ]);
  const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [width])]);
  return new BatchedModel(model).run({ form, inputs: [Int32Array.from(ids)] }, prompts.length, watched);
}

const answers = async (model: Model, prompts: readonly string[]) =>
  ((await run(model, prompts)).texts ?? []).map(({ answer }) => answer);

const PROMPTS = ['the cat', 'a', 'once upon a time', 'no. no.', 'xyz!'];

/** What the sum of the ids so far leads to. */
function expected(prompt: string, length: number): string {
  let sum = [...prompt].reduce((all, character) => all + CHARACTERS.indexOf(character), 0);
  let answer = '';
  for (let i = 0; i < length; i++) {
    const id = ((sum % CHARACTERS.length) * 7 + 3) % CHARACTERS.length;
    answer += CHARACTERS[id];
    sum += id;
  }
  return answer;
}

describe.each(KINDS)('a model that takes texts by %s', (kind) => {
  test('goes on as it should, with prompts of several lengths in one batch', async () => {
    const model = await load(kind);
    expect(await answers(model, PROMPTS)).toEqual(PROMPTS.map((prompt) => expected(prompt, 12)));
  });

  test('draws the same alone, in a batch and in another order', async () => {
    const model = await load(kind, { temperature: 1.5, length: 20 });
    const all = await answers(model, PROMPTS);
    expect(new Set(all).size).toBe(PROMPTS.length);
    for (const [i, prompt] of PROMPTS.entries()) expect(await answers(model, [prompt])).toEqual([all[i]]);
    expect(await answers(model, [...PROMPTS].reverse())).toEqual([...all].reverse());
    const other = await load(kind, { temperature: 1.5, length: 20, seed: '2' });
    expect(await answers(other, PROMPTS)).not.toEqual(all);
  });

  test('ends at an end token, and the others go on', async () => {
    const whole = PROMPTS.map((prompt) => expected(prompt, 12));
    const end = whole[0][4];
    const model = await load(kind, { end: [end] });
    const texts = (await run(model, PROMPTS)).texts ?? [];
    expect(texts.map(({ answer }) => answer)).toEqual(whole.map((answer) => answer.split(end)[0]));
    expect(texts.map(({ ended }) => ended)).toEqual(whole.map((answer) => answer.includes(end)));
  });

  test('tells how likely it is to go on with a text', async () => {
    const model = await load(kind, { temperature: 1 });
    const { prefilled } = await run(model, PROMPTS);
    const said = PROMPTS.map((prompt) =>
      [...expected(prompt, 3)].map((character) => CHARACTERS.indexOf(character)),
    );
    const wanted = said.map((ids, i) =>
      i === 1 ? undefined : { ids: i === 3 ? ids.slice(0, 1) : ids, scoredFrom: 0 },
    );
    const shares = await prefilled?.scoreContinuations(wanted);
    const logit = (row: number, column: number): number =>
      column === (row * 7 + 3) % CHARACTERS.length ? 4 : ((row * 31 + column * 17) % 13) / 4;
    PROMPTS.forEach((prompt, i) => {
      let sum = [...prompt].reduce((all, character) => all + CHARACTERS.indexOf(character), 0);
      let share = 0;
      for (const id of wanted[i]?.ids ?? []) {
        const row = sum % CHARACTERS.length;
        share +=
          logit(row, id) -
          Math.log(CHARACTERS.reduce((all, _, column) => all + Math.exp(logit(row, column)), 0));
        sum += id;
      }
      if (i === 1) expect(shares?.[i]).toBeNaN();
      else expect(shares?.[i]).toBeCloseTo(share, 4);
    });
    // What comes next, and parts that do not count.
    const [first] = said;
    const least = await prefilled?.scoreContinuations(
      said.map((ids, i) => ({ ids, scoredFrom: 0, minLogProb: (shares?.[0] ?? 0) + (i === 0 ? -1e-6 : 50) })),
    );
    // What falls below the least that matters is followed no further.
    expect(least?.[0]).toBe(shares?.[0]);
    expect(least?.slice(1)).toEqual(Float64Array.from(PROMPTS.slice(1), () => Number.NaN));
    const whole = await prefilled?.scoreContinuations(
      said.map(() => ({ ids: first, scoredFrom: 1, followedBy: () => true })),
    );
    const parts = await prefilled?.scoreContinuations(said.map(() => ({ ids: first, scoredFrom: 1 })));
    expect(whole?.[0]).toBeCloseTo(parts?.[0] ?? Number.NaN, 5);
  });
});

test('what is watched is the same for each row, in a batch and alone, after the prompt and at the end', async () => {
  const model = await load('recurrent', { temperature: 1, end: ['e'] });
  const watched = ['prompt/h_out', 'h_out', 'prompt/logits', 'logits', 'prompt/rest'];
  const together = await run(model, PROMPTS, watched);
  for (const [row, prompt] of PROMPTS.entries()) {
    const alone = await run(model, [prompt], watched);
    watched.forEach((_, i) => {
      const { size, data } = together.activations[i];
      expect([...data.slice(row * size, (row + 1) * size)]).toEqual([...alone.activations[i].data]);
    });
    const sum = [...prompt].reduce((all, character) => all + CHARACTERS.indexOf(character), 0);
    expect(together.activations[0].data[row]).toBe(sum);
    expect(together.activations[4].data[row]).toBe(sum % CHARACTERS.length);
  }
});

test.each(KINDS)('looking ahead sees what a run sees, without an answer: %s', async (kind) => {
  const model = await load(kind, { temperature: 1 });
  const watched = ['prompt/logits', 'prompt/rest'];
  const whole = await run(model, PROMPTS, watched);
  const width = whole.inputs[0].size;
  const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [width])]);
  const looked = await new BatchedModel(model).prefill(
    { form, inputs: [whole.inputs[0].data] },
    PROMPTS.length,
    watched,
  );
  expect(looked.outputs).toEqual([]);
  expect(looked.activations).toEqual(whole.activations);
  expect(looked.texts?.map(({ prompt, answer }) => [prompt, answer])).toEqual(
    PROMPTS.map((prompt) => [prompt, '']),
  );
  const wanted = PROMPTS.map(() => ({ ids: [3, 5], scoredFrom: 0, followedBy: (id: number) => id > 9 }));
  const shares = await whole.prefilled?.scoreContinuations(wanted);
  expect(await looked.prefilled?.scoreContinuations(wanted)).toEqual(shares);
});

test('of the likeliest tokens alone one is drawn', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const model = await load('last place', { temperature: 50, topK: 1, length: 1, seed: String(seed) });
    for (const answer of await answers(model, ['the cat'])) seen.add(answer);
  }
  expect([...seen]).toEqual([expected('the cat', 1)]);
});

describe('refuses', () => {
  const refusal = async (kind: Kind, own: Partial<GenerationSettings>): Promise<string> => {
    const error = await load(kind, own).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  };

  test('a vocabulary of another size than the logits', async () => {
    const small = writeVocabulary(folder, CHARACTERS.slice(1));
    expect(await refusal('every place', { vocabulary: small })).toMatch(
      /29 tokens, and output logits is \[1, 1, 30\]/,
    );
  });

  test('names that the model does not have, and tokens that the vocabulary does not', async () => {
    expect(await refusal('recurrent', { states: { h_in: 'h_oot' } })).toMatch(
      /no output h_oot: did you mean h_out/,
    );
    expect(await refusal('recurrent', { tokens: 'ids' })).toMatch(/no input ids/);
    expect(await refusal('recurrent', { logits: 'logit' })).toMatch(/no output logit/);
    expect(await refusal('recurrent', { end: ['§'] })).toMatch(/no token "§"/);
    expect(await refusal('recurrent', { end: [30] })).toMatch(/no token 30: there are 30/);
  });

  test('a tokenizer that would have to be fetched, and files that are none', async () => {
    expect(await refusal('recurrent', { vocabulary: 'https://example.org/tokenizer.json' })).toMatch(
      /only read from disk/,
    );
    expect(await refusal('recurrent', { vocabulary: 'gpt2' })).toMatch(
      /no vocabulary gpt2 on disk, and neurofuzz downloads none/,
    );
    expect(await refusal('recurrent', { vocabulary: folder })).toMatch(/is a folder/);
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{"model": {"type": "Unheard"}}');
    expect(await refusal('recurrent', { vocabulary: broken })).toMatch(
      /tokenizer .*broken.json cannot be used/,
    );
  });
});
