import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { campaignText } from '../../src/setup/campaign-file.ts';
import type { Inspection } from '../../src/setup/inspect.ts';
import { guessIn } from '../support/guesses.ts';

/** An inspection of a model with one input of a name. */
function inspectionOf(name: string): Inspection {
  return {
    formatVersion: 1,
    model: {
      path: 'models/net.onnx',
      format: 'onnx',
      sha256: '',
      runtime: { kind: 'onnx', version: '', device: 'CPU', threads: 1, why: '' },
    },
    inputs: [
      {
        name,
        type: 'float32',
        shape: ['batch', 'length', 3],
        kind: 'sequence',
        kindWhy: `by ${name}`,
        range: [0, 1],
        isRangeByChannel: false,
        why: `as ${name}`,
        drawnShape: [1, 16, 3],
      },
    ],
    outputs: [],
    parameters: 0,
    operations: {},
    tensors: [],
    coverage: { auto: [name], why: name },
    sites: [],
    hiddenBodies: 0,
    notes: [],
  };
}

/** The campaign file of such a model. */
function textOf(name: string, file: string, given: Parameters<typeof campaignText>[3]): string {
  const inspection = inspectionOf(name);
  return campaignText(inspection, inspection.inputs, file, given);
}

test('names out of a model stay names and comments, whatever is in them', () => {
  for (const name of [
    'x\nobjective: evil.js',
    'x\robjective: evil.js',
    'x\u2028objective: evil',
    "a: 'b' # {c}",
    '',
  ]) {
    const text = textOf(name, 'campaign.yaml', { runtime: 'auto' });
    expect(parse(text)).toEqual({ model: 'models/net.onnx', coverage: 'auto', preset: 'quick' });
    expect(guessIn(text, 'shape')).toEqual({ [name]: [1, 16, 3] });
    expect(guessIn(text, 'range')).toEqual({ [name]: [0, 1] });
    expect(guessIn(text, 'mutator')).toEqual({ [name]: 'numbers' });
  }
});

test('what is given is in force, and its paths are relative to the file', () => {
  const given = { runtime: 'onnx' as const, signature: 'served', tags: ['a'], preset: 'deep' as const };
  const placed = { seeds: ['x=a.npy'], range: [0, 2] as [number, number], table: 'none' as const };
  const settings = parse(textOf('x', 'campaigns/night.yaml', { ...given, ...placed }));
  expect(settings).toEqual({
    model: '../models/net.onnx',
    ...given,
    seeds: { x: '../a.npy' },
    range: [0, 2],
    table: 'none',
    coverage: 'auto',
  });
  const seedsOf = (seeds: string[]) => parse(textOf('x', 'campaigns/night.yaml', { seeds })).seeds;
  expect(seedsOf(['digits.npz'])).toBe('../digits.npz');
  expect(seedsOf(['a=b.npy', 'photos'])).toEqual(['../a=b.npy', '../photos']);
  expect(seedsOf(['photos', 'x=a.npy'])).toEqual(['../photos', 'x=../a.npy']);
});

test('of a setting that is in force for one input, the guesses of the others are one # away', () => {
  const { inputs, ...inspection } = inspectionOf('picture');
  const label = { ...inputs[0], name: 'label', kind: 'label', staysWhy: 'label stays' } as const;
  const text = campaignText({ ...inspection }, [...inputs, label], 'campaign.yaml', {});
  expect(parse(text).mutator).toEqual({ label: 'none' });
  expect(parse(text.replace('#   picture: numbers', '  picture: numbers')).mutator).toEqual({
    picture: 'numbers',
    label: 'none',
  });
});
