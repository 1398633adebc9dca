import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as z from 'zod';
import { type FlagText, parseFlag, parseText } from '../../../src/cli/arguments/flag-value.ts';
import { campaignSchema, flagSettings, type SettingName } from '../../../src/config/schema.ts';

function parse(setting: SettingName, given: FlagText): unknown {
  const found = flagSettings().find(({ name }) => name === setting);
  if (found === undefined) throw new Error(`${setting} has no flag`);
  return parseFlag(found.schema, found.meta, given);
}

describe('a flag is read as its setting needs it', () => {
  test.each<[SettingName, FlagText, unknown]>([
    ['out', '1234', '1234'],
    ['seed', '007', '007'],
    ['execs', '1e6', 1_000_000],
    ['linf', '0.25', 0.25],
    ['untilFinding', true, true],
    ['threshold', 'auto', 'auto'],
    ['threshold', '0.5', 0.5],
    ['seeds', ['image=a.npz', '12'], ['image=a.npz', '12']],
    ['tags', ['serve', '1'], ['serve', '1']],
    ['match', ['logits=y'], ['logits=y']],
    ['mutator', ['label=none'], ['label=none']],
    ['range', ['-1,1'], [-1, 1]],
    ['range', ['image=-1,1', 'label=0,9'], { image: [-1, 1], label: [0, 9] }],
    ['range', ['a=b=0,1'], { 'a=b': [0, 1] }],
    ['shape', ['1,128'], [1, 128]],
    ['shape', ['tokens=1,12'], { tokens: [1, 12] }],
    ['table', ['auto'], 'auto'],
    ['table', ['x=none', 'y=auto'], { x: 'none', y: 'auto' }],
    ['half', ['off'], 'off'],
    ['half', ['accumulate=float16', 'lanes=4'], { accumulate: 'float16', lanes: 4 }],
    ['deephunter', true, {}],
    ['deephunter', '0.1,0.3', { alpha: 0.1, beta: 0.3 }],
    ['generate', ['vocabulary=codepoints', 'logits=1234'], { vocabulary: 'codepoints', logits: '1234' }],
    ['generate', ['vocabulary=7', 'tokens=1', 'seed=007'], { vocabulary: '7', tokens: '1', seed: '007' }],
    ['generate', ['length=64', 'temperature=0.7', 'topK=40'], { length: 64, temperature: 0.7, topK: 40 }],
    ['generate', ['end=5', 'end=</s>', 'end=a,b'], { end: [5, '</s>', 'a,b'] }],
    ['generate', ['end=\\n', 'start=\\\\n'], { end: ['\n'], start: ['\\n'] }],
    ['generate', ['promptLength=1,128'], { promptLength: [1, 128] }],
    ['generate', ['states=h=h_out', 'states=c=1'], { states: { h: 'h_out', c: '1' } }],
    ['generate', ['prompts=files'], { prompts: 'files' }],
  ])('%s %j', (setting, given, expected) => {
    expect(parse(setting, given)).toEqual(expected);
  });
});

describe('text that fits nothing is left for the schema to refuse as it was typed', () => {
  test.each<[SettingName, FlagText, unknown]>([
    ['execs', 'ten', 'ten'],
    ['execs', '', ''],
    ['threshold', 'often', 'often'],
    ['threshold', '-1', -1],
    ['range', ['5,1'], [5, 1]],
    ['range', ['x=1'], { x: [1] }],
    ['shape', ['a,b'], ['a', 'b']],
    ['deephunter', '0.1,a', { alpha: 0.1, beta: 'a' }],
    ['generate', ['length=a', 'nokey=3'], { length: 'a', nokey: '3' }],
    ['generate', ['states=h'], { states: 'h' }],
    ['generate', ['__proto__=1'], JSON.parse('{"__proto__":"1"}')],
  ])('%s %j', (setting, given, expected) => {
    const value = parse(setting, given);
    expect(value).toEqual(expected);
    expect(campaignSchema.safeParse({ [setting]: value }).success).toBe(false);
  });
});

describe('text that is not laid out as the setting needs it is refused by the name of the flag', () => {
  test.each<[SettingName, FlagText, string]>([
    [
      'range',
      ['0,1', 'x=0,1'],
      '--range: give one for all inputs, or one for each as name=lo,hi; not 0,1 x=0,1',
    ],
    ['shape', ['1', '2'], '--shape: give one for all inputs, or one for each as name=1,128; not 1 2'],
    [
      'table',
      ['auto', 'none'],
      '--table: give one for all inputs, or one for each as name=auto; not auto none',
    ],
    ['deephunter', '1,2,3', '--deephunter: give alpha,beta such as 0.02,0.2; not 1,2,3'],
    [
      'generate',
      ['net.onnx'],
      '--generate: give settings as length=64, and the model before the flag; not "net.onnx"',
    ],
    ['generate', ['=1'], '--generate: give settings as length=64, and the model before the flag; not "=1"'],
  ])('%s %j', (setting, given, message) => {
    expect(() => parse(setting, given)).toThrow(message);
  });
});

test('of several types, text becomes the first that takes it', () => {
  const idOrText = z.union([z.int(), z.string().min(1)]);
  expect(['7', '7.5', 'seven'].map((text) => parseText(idOrText, text))).toEqual([7, '7.5', 'seven']);
  expect(parseText(z.union([z.string(), z.number()]), '7')).toBe('7');
  expect(parseText(z.array(z.number()), '1,2')).toEqual([1, 2]);
});

test('settings written as pairs come back as they were', () => {
  const name = fc.string({ minLength: 1 }).filter((text) => !text.includes('\\'));
  const stateName = name.filter((text) => !text.includes('='));
  const settings = fc.record(
    {
      vocabulary: name,
      length: fc.integer({ min: 1, max: 65_536 }),
      temperature: fc.double({ min: 0, max: 10, noNaN: true }),
      tokens: name,
      logits: name,
      seed: name,
      end: fc.array(
        fc.oneof(
          fc.integer(),
          name.filter((text) => !Number.isInteger(Number(text))),
        ),
        {
          minLength: 1,
        },
      ),
      states: fc.dictionary(stateName, name, { minKeys: 1, noNullPrototype: true }),
    },
    { requiredKeys: ['vocabulary'] },
  );
  fc.assert(
    fc.property(settings, (given) => {
      const { end = [], states = {}, ...single } = given;
      const pairs = [
        ...Object.entries(single).map(([key, value]) => `${key}=${value}`),
        ...end.map((token) => `end=${token}`),
        ...Object.entries(states).map(([input, output]) => `states=${input}=${output}`),
      ];
      expect(parse('generate', pairs)).toEqual(given);
    }),
  );
});
