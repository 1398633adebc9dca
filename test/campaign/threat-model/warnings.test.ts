import { describe, expect, test } from '@jest/globals';
import { threatWarnings } from '../../../src/campaign/threat-model/warnings.ts';
import { checkSettings } from '../../../src/config/load.ts';
import { traitsOf } from '../../support/mutators.ts';

const warn = (threatModel: object | undefined, others: object = {}): string[] =>
  threatWarnings(checkSettings({ model: 'net.onnx', threatModel, ...others }, {}, 'c.yaml'), undefined);

const UNTARGETED = { goal: { kind: 'untargeted' } };

describe('warnings', () => {
  test('are none without a threat model, nor for a plausible one', () => {
    expect(warn(undefined, { linf: 0.1 })).toEqual([]);
    expect(warn({ ...UNTARGETED, limits: { linf: 0.1 } }, { labels: 'labels.npy', execs: 5 })).toEqual([]);
  });

  test.each([
    [
      { ...UNTARGETED, starts: 'own', limits: { l2: 1 } },
      { labels: 'l.npy' },
      /starts: own with a limit on l2/,
    ],
    [{ ...UNTARGETED, limits: { linf: 0.1 } }, {}, /a limit on linf without labels/],
    [{ ...UNTARGETED, population: { share: 0, cost: 9 } }, {}, /population\.share is 0/],
    [{ ...UNTARGETED, turn: 'before' }, { execs: 9, time: '1m' }, /turn: before with execs, time/],
  ])('%j', (threatModel, others, message) => {
    expect(warn(threatModel, others)).toEqual([expect.stringMatching(message)]);
  });

  test('name a picture in which the largest change is visible', () => {
    const picture = { ...traitsOf(), name: 'image', range: { low: -1, high: 1 } };
    const inputs = { descriptors: [picture], mutators: [['gaussian']] };
    const format = { channelsFirst: false } as never;
    const visible = (linf: number, imageFormats: never[], may = 'indistinguishable') =>
      threatWarnings(
        checkSettings(
          { model: 'm', labels: 'l.npy', threatModel: { ...UNTARGETED, may, limits: { linf } } },
          {},
          'c',
        ),
        { ...inputs, imageFormats },
      );
    expect(visible(16 / 255, [format])).toEqual([]);
    expect(visible(0.0627451, [format])).toEqual([]);
    expect(visible(0.07, [format])).toEqual([
      expect.stringMatching(/linf 0\.07 on the picture image: .* 0\.0627/),
    ]);
    expect(visible(0.07, [undefined as never])).toEqual([]);
    expect(visible(0.07, [format], 'unconstrained')).toEqual([]);
  });
});
