import { expect, test } from '@jest/globals';
import { explainGuesses, explainLengths } from '../../../src/campaign/resolve/explain-inputs.ts';
import type { InputSettings } from '../../../src/campaign/resolve/input-settings.ts';
import { requestedMutators } from '../../../src/campaign/resolve/requested-mutators.ts';
import type { InputConfig } from '../../../src/config/schema.ts';
import type { ListSetting } from '../../../src/config/values.ts';
import { inferInputs } from '../../../src/inputs/infer-input.ts';
import type { InputSpec } from '../../../src/model/model.ts';

const INPUTS: InputSpec[] = [
  { name: 'wave', type: 'float32', shape: [1, null] },
  { name: 'h0', type: 'float32', shape: [1, 16] },
  { name: 'rate', type: 'int64', shape: [] },
  { name: 'mask', type: 'int64', shape: [8] },
  { name: 'rest', type: 'float32', shape: [8] },
];
const EVIDENCE = [
  { readAs: { kind: 'signal', by: 'Conv c' } },
  { stateOf: 'GRU g' },
  { comparedWith: [16_000, 8000] },
  {},
  {},
] as const;

/** The lines on the inputs with settings. */
async function linesWith({
  areGiven = false,
  mutator,
  range = [],
  ...config
}: Pick<InputConfig, 'tokens' | 'preprocess'> & {
  areGiven?: boolean;
  mutator?: ListSetting;
  range?: readonly string[];
} = {}): Promise<string[]> {
  const inferredInputs = inferInputs(INPUTS, { evidence: EVIDENCE, outputs: ['y'] });
  const settings = {
    testcaseInputs: INPUTS,
    inferredInputs,
    requestedMutators: await requestedMutators(mutator, INPUTS, inferredInputs),
    declaredRanges: new Map(range.map((name) => [name, { low: 0, high: 1 }])),
  } as unknown as InputSettings;
  const lines: string[] = [];
  explainGuesses(settings, config, areGiven, { info: (line) => lines.push(line), warn() {} });
  return lines;
}

test('each guess is a line with its reason and the flags that overrule it; plain numbers have none', async () => {
  expect(await linesWith()).toEqual([
    'input wave looks like audio: Conv c reads it as a signal of one channel; --mutator wave=numbers overrides that; its range is -1 to 1: usual for audio samples; --range wave=lo,hi overrides that',
    'input h0 looks like a state of a recurrent network: it is the initial state of GRU g; it stays 0: --mutator h0=numbers mutates it',
    'input rate looks like a setting: the model compares it with 16000, 8000; it stays 16000: --mutator rate=numbers mutates it',
    'input mask looks like a mask: by its name and type int64; it stays 1: --mutator mask=flags mutates it',
  ]);
});

test('seeds decide ranges, and what stays', async () => {
  const [wave, state] = await linesWith({ areGiven: true });
  expect(wave).not.toContain('its range');
  expect(state).toContain('it stays as its seeds have it');
});

test('what the settings say is no guess', async () => {
  const lines = await linesWith({
    mutator: { wave: 'gaussian', h0: 'numbers', mask: 'none' },
    range: ['wave'],
  });
  expect(lines.map((line) => line.split(' ')[1])).toEqual(['rate', 'mask']);
});

const TOKENS: InputSpec = { name: 'tokens', type: 'int64', shape: [null] };

function linesOn(
  input: InputSpec,
  changes?: Parameters<typeof explainLengths>[1],
  tokens?: Parameters<typeof explainLengths>[2]['tokens'],
): string[] {
  const lines: string[] = [];
  explainLengths([input], changes, { tokens }, { info: (line) => lines.push(line), warn() {} });
  return lines;
}

test('the most tokens are named where they are those of the longest seed, and not where they are set', () => {
  const changes = { leader: 0, followers: [], minLength: 1, maxLength: 26 };
  expect(linesOn(TOKENS, changes)).toEqual([
    'input tokens has 1 to 26 tokens in mutants, at most as many as the longest seed; set tokens.tokens.length in the campaign file for other lengths',
  ]);
  expect(linesOn(TOKENS, changes, { tokens: { length: [1, 64] } })).toEqual([]);
  expect(linesOn(TOKENS)).toEqual([]);
});
