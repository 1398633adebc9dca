import { describe, expect, test } from '@jest/globals';
import { checkSettings } from '../../src/config/load.ts';
import { rebaseThreatModel } from '../../src/config/rebase-paths.ts';
import { parsePlausible } from '../../src/config/threat-model.ts';

const UNTARGETED = { kind: 'untargeted' };

const check = (threatModel: unknown, others: object = {}) =>
  checkSettings({ model: 'net.onnx', threatModel, ...others }, {}, 'c.yaml');

describe('an attacker without the model', () => {
  const knows = { model: 'nothing', surrogate: 'other.onnx' } as const;

  test('has one try where it does not repeat', () => {
    expect(check({ goal: UNTARGETED, knows, repeats: false, limits: { linf: 0.1 } })).toMatchObject({
      objective: ['misclassified'],
      threatModel: { repeats: false, knows: { surrogate: 'other.onnx' } },
    });
  });

  test.each([
    [
      { goal: UNTARGETED, knows: { model: 'nothing' } },
      /knows\.model: nothing needs threatModel\.knows\.surrogate/,
    ],
    [
      { goal: UNTARGETED, knows: { surrogate: 'other.onnx' } },
      /knows\.surrogate is for an attacker without the model/,
    ],
    [{ goal: UNTARGETED, repeats: false }, /repeats: false leaves no room for a search on the model/],
    [{ goal: { kind: 'reliability' }, knows }, /knows\.model: nothing is for goals of classes/],
    [{ goal: UNTARGETED, knows, turn: 'before' }, /nothing is searched with turn: before/],
    [
      { goal: UNTARGETED, knows: { ...knows, outputs: 'top:2' } },
      /outputs: top:2 is for an attacker who sees nothing else/,
    ],
  ] as const)('%j is refused', (threatModel, message) => {
    expect(() => check({ limits: { linf: 0.1 }, ...threatModel })).toThrow(message);
  });

  test('is refused with another objective, and with testcases of older campaigns', () => {
    const threatModel = { goal: UNTARGETED, knows, limits: { linf: 0.1 } };
    expect(() => check(threatModel, { objective: 'confident-error' })).toThrow(
      /only misclassified can judge on the model/,
    );
    expect(() => check(threatModel, { corpus: 'older' })).toThrow(/leave corpus out/);
    expect(() => check(threatModel, { perSeed: 'least' })).toThrow(/leave perSeed: least out/);
  });
});

describe('what is plausible', () => {
  test.each([
    ['judge.onnx < 0.5', { path: 'judge.onnx', index: 0, comparison: '<', bound: 0.5 }],
    [
      'models/is it.onnx[3] >= -1e-3',
      { path: 'models/is it.onnx', index: 3, comparison: '>=', bound: -0.001 },
    ],
    ['saved-model/ > .25', { path: 'saved-model/', index: 0, comparison: '>', bound: 0.25 }],
  ])('%s', (text, parts) => {
    expect(check({ goal: UNTARGETED, may: 'non-suspicious', plausible: text })).toBeDefined();
    expect(parsePlausible(text)).toEqual(parts);
  });

  test.each([
    [{ may: 'non-suspicious' }, /non-suspicious needs what is suspicious/],
    [{ plausible: 'judge.onnx < 1' }, /plausible is for may: non-suspicious/],
    [{ may: 'non-suspicious', plausible: 'judge.onnx' }, /must be a model and a bound, such as/],
    [{ may: 'non-suspicious', plausible: '< 0.5' }, /must be a model and a bound, such as/],
  ] as const)('%j is refused', (block, message) => {
    expect(() => check({ goal: UNTARGETED, ...block })).toThrow(message);
  });

  test('moves with the campaign file', () => {
    const moved = rebaseThreatModel(
      {
        plausible: 'judge.onnx[1] < 0.5',
        knows: { model: 'nothing', surrogate: 'other.onnx' },
        limits: { fixed: 'mask.npy', linf: 0.1 },
      },
      (path) => `up/${path}`,
    );
    expect(moved).toEqual({
      plausible: 'up/judge.onnx[1] < 0.5',
      knows: { model: 'nothing', surrogate: 'up/other.onnx' },
      limits: { fixed: 'up/mask.npy', linf: 0.1 },
    });
  });
});
