import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { resolveInputs } from '../../../src/campaign/resolve/inputs.ts';
import type { CampaignConfig } from '../../../src/config/schema.ts';
import type { ModelInfo, StringInput } from '../../../src/model/model.ts';
import { decodeStrings } from '../../../src/tensor/strings.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

function modelWith(strings: StringInput): ModelInfo {
  return {
    path: 'model.onnx',
    runtime: { kind: 'onnx' },
    inputs: [
      { name: 's', type: 'uint32', shape: [null, 2, null], strings },
      { name: 'x', type: 'float32', shape: [null, 1] },
    ],
    classes: new Map([['label', ['no', 'yes']]]),
    outputs: [],
    graph: {
      nodes: [],
      inputs: [],
      outputs: [],
      constants: new Map(),
      values: new Map(),
      shapes: new Map(),
      types: new Map(),
    },
  } as unknown as ModelInfo;
}

async function resolve(strings: StringInput, config: Partial<CampaignConfig>) {
  const messages: string[] = [];
  const notices = {
    info: (text: string) => messages.push(text),
    warn: (text: string) => messages.push(text),
  };
  const model = modelWith(strings);
  return { ...(await resolveInputs(model, config as CampaignConfig, 'seed', notices)), messages };
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const COLOURS: StringInput = { pool: ['blue', 'red'], areTexts: false };

test('without seeds, strings are drawn from those that the graph lists', async () => {
  const { seeds, descriptors, mutators, messages } = await resolve(COLOURS, { range: [-1, 1] });
  const drawn = seeds.flatMap(({ inputs, form }) => decodeStrings(inputs[0], form.inputs[0].shape[1]));
  expect([...new Set(drawn)].sort()).toEqual(['blue', 'red']);
  expect(messages[0]).toContain('s out of 2 listed strings, x in [-1, 1]');
  expect(descriptors[0]).toMatchObject({ domains: ['strings'], range: { low: 0, high: 0x10ffff } });
  expect(mutators[0]).toEqual(['category', 'misspell', 'unusual', 'blend', 'permute']);
});

test('of texts, a few listed words are drawn, and words are mutated', async () => {
  const { seeds, mutators } = await resolve({ pool: ['good', 'bad'], areTexts: true }, {});
  const drawn = seeds.flatMap(({ inputs, form }) => decodeStrings(inputs[0], form.inputs[0].shape[1]));
  expect(drawn.some((text) => text.split(' ').length > 2)).toBe(true);
  expect(new Set(drawn.flatMap((text) => text.split(' ')))).toEqual(new Set(['good', 'bad']));
  expect(mutators[0]).toContain('phrase');
});

test('mutators get the strings of graph, seeds and dictionary, and room for longer ones than any', async () => {
  const long = 'a'.repeat(40);
  const seeds = file(
    'seeds.json',
    JSON.stringify({
      s: [
        ['red', long],
        ['pink', 'red'],
      ],
      x: [[1], [2]],
    }),
  );
  const dictionary = file('words.txt', 'mauve\n');
  const resolved = await resolve(COLOURS, { seeds, dictionary });
  const [{ strings, size }] = resolved.descriptors;
  const texts = strings?.words.map((word) => String.fromCodePoint(...word)).sort();
  expect(texts).toEqual([long, 'blue', 'mauve', 'pink', 'red']);
  expect(strings?.width).toBe(60);
  expect(size).toBe(120);
  expect(new Set(resolved.seeds.map(({ form }) => form.key))).toEqual(new Set(['2,60;1']));
  const [seed] = resolved.seeds;
  expect(JSON.parse(resolved.textOf(seed) ?? '')).toEqual({ s: ['red', long] });
});

test('a seed has the class that its label names', async () => {
  const seeds = file(
    'labelled.json',
    JSON.stringify({
      s: [
        ['a', 'b'],
        ['c', 'd'],
      ],
      x: [[1], [2]],
    }),
  );
  const labels = file('labels.txt', 'yes\nno\n');
  const resolved = await resolve(COLOURS, { seeds, labels });
  expect(resolved.seeds.map((seed) => resolved.labels?.get(seed))).toEqual([1, 0]);
  await expect(resolve(COLOURS, { seeds, labels: file('wrong.txt', 'yes\nmaybe\n') })).rejects.toThrow(
    /label 1 is NaN; labels are numbers of classes from 0, or no, yes/,
  );
});

test('limits of numbers are refused where only strings are mutated, and edits are not', async () => {
  const onlyStrings = { mutator: { s: ['strings'], x: ['none'] } };
  await expect(resolve(COLOURS, { ...onlyStrings, linf: 1 })).rejects.toThrow(
    '--linf is for numbers, but only strings are mutated: use --edits',
  );
  expect((await resolve(COLOURS, { ...onlyStrings, edits: 2 })).limits.edits).toBe(2);
  expect((await resolve(COLOURS, { linf: 1 })).limits.linf).toBe(1);
});

test('a mutator of listed strings is refused where none are listed', async () => {
  const none: StringInput = { pool: [], areTexts: false };
  const seeds = file('empty.json', JSON.stringify({ s: [['', '']], x: [[1]] }));
  await expect(resolve(none, { seeds, range: { x: [0, 1] }, mutator: { s: ['category'] } })).rejects.toThrow(
    /category needs strings, and neither the model nor the seeds list any/,
  );
});
