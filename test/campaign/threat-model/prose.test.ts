import { expect, test } from '@jest/globals';
import { threatProse } from '../../../src/campaign/threat-model/prose.ts';
import { checkSettings } from '../../../src/config/load.ts';

const prose = (threatModel: object | undefined, others: object = {}): string[] =>
  threatProse(checkSettings({ model: 'net.onnx', threatModel, ...others }, {}, 'c.yaml'));

test('a campaign without a threat model has no prose', () => {
  expect(prose(undefined)).toEqual([]);
});

test('every field is a sentence', () => {
  expect(
    prose({
      goal: { kind: 'targeted', to: [7], from: [1, 2], confident: 0.8 },
      starts: 'given',
      may: 'content-preserving',
      limits: { linf: 0.1, range: [-1, 1] },
      population: { share: 0.01, cost: 20 },
    }),
  ).toEqual([
    'The attacker wants an input of classes 1, 2 to get class 7, with a confidence of at least 0.8.',
    'The input is given to the attacker: success is a share of all seeds.',
    'The changed input must mean the same as the seed: mutators that may alter it are off.',
    'Limits: largest change of a value 0.1; legal values [-1,1].',
    'The attacker knows the model: all tensors, and gradients.',
    'The attacker moves after the model is fixed.',
    'Attackers send 1 % of the inputs, and one success costs as much as 20 ordinary errors.',
  ]);
});

test('an attacker without weights sees outputs, and without an attacker nobody knows anything', () => {
  const known = (kind: string) => prose({ goal: { kind }, knows: { model: 'outputs' } }).join(' ');
  expect(known('untargeted')).toMatch(/sees the outputs alone: no inner tensors and no gradients/);
  expect(known('reliability')).not.toMatch(/outputs alone/);
});

test('goals differ in their first sentence, and a frozen corpus is said', () => {
  const first = ['untargeted', 'reliability', 'text'].map((kind) => prose({ goal: { kind } })[0]);
  expect(new Set(first).size).toBe(3);
  expect(
    prose({ goal: { kind: 'abstain' }, turn: 'before' }, { objective: 'assert:max(y) > 0.5' }),
  ).toContain(
    'The attacker moves before the model is fixed: nothing is searched, the seeds are run as they are.',
  );
});
