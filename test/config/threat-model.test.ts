import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkSettings, readCampaignFile } from '../../src/config/load.ts';
import {
  needsLabels,
  presetSteps,
  presetThreatModel,
  THREAT_PRESET_NAMES,
} from '../../src/config/threat-presets.ts';
import { loadOptions } from '../../src/storage/load-options.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

const UNTARGETED = { kind: 'untargeted' };

const check = (threatModel: unknown, others: object = {}, flags: object = {}) =>
  checkSettings({ model: 'net.onnx', threatModel, ...others }, flags, 'c.yaml');

describe('a threat model', () => {
  test('has defaults beside its goal', () => {
    expect(check({ goal: { kind: 'reliability' } }).threatModel).toEqual({
      goal: { kind: 'reliability', from: 'any' },
      starts: 'given',
      may: 'unconstrained',
      limits: {},
      knows: { model: 'weights', outputs: 'scores', defence: true, randomness: true },
      queries: {},
      repeats: true,
      turn: 'after',
    });
  });

  test.each([
    [
      { goal: UNTARGETED, stats: 'own' },
      /c\.yaml: threatModel must not have the unknown setting stats \(did you mean starts\?\)/,
    ],
    [
      { goal: { kind: 'untargeted', form: [1] } },
      /c\.yaml: threatModel\.goal must not have the unknown setting form \(did you mean from\?\)/,
    ],
    [
      { goal: UNTARGETED, limits: { inf: 1 } },
      /threatModel\.limits must not have the unknown setting inf \(did you mean linf\?\)/,
    ],
    [{ starts: 'own' }, /c\.yaml: threatModel must have goal, not \{"starts":"own"\}/],
    [{ gaol: UNTARGETED }, /threatModel must not have the unknown setting gaol \(did you mean goal\?\)/],
    [{ goal: { kind: 'targeted' } }, /threatModel\.goal must have to, the classes that the attacker wants/],
    [{ goal: { kind: 'untargeted', to: [1] } }, /threatModel\.goal must have kind: targeted if it has to/],
    [
      { goal: { kind: 'text', confident: 0.5 } },
      /threatModel\.goal must have kind: untargeted or targeted if it has confident/,
    ],
    [
      { goal: { kind: 'targeted', to: [-1] } },
      /threatModel\.goal\.to must be numbers of classes, from 0, not \[-1\]/,
    ],
    [
      { goal: UNTARGETED, population: { share: 2, cost: 1 } },
      /threatModel\.population\.share must be from 0 to 1, not 2/,
    ],
    [
      { goal: UNTARGETED, knows: { outputs: 'labels' } },
      /knows\.outputs: labels is for an attacker who sees nothing else: set threatModel\.knows\.model to outputs/,
    ],
    [
      { goal: { kind: 'reliability' }, knows: { model: 'outputs', outputs: 'labels' } },
      /knows\.outputs: labels is for goals of classes/,
    ],
    [
      { goal: { kind: 'untargeted', confident: 0.5 }, knows: { model: 'outputs', outputs: 'labels' } },
      /knows\.outputs: labels shows no confidence/,
    ],
    [{ goal: UNTARGETED, may: 'invisible' }, /threatModel\.may must be one of indistinguishable/],
    [
      { goal: UNTARGETED, may: 'indistinguishable' },
      /threatModel\.may: indistinguishable needs a distance: set linf, l2 or l0/,
    ],
    [
      { goal: UNTARGETED, may: 'content-constrained' },
      /threatModel\.may: content-constrained needs what stays: set fixed/,
    ],
  ])('%j is refused in one line', (threatModel, message) => {
    expect(() => check(threatModel)).toThrow(message);
  });

  test('accepts what each kind of change rests on', () => {
    expect(check({ goal: UNTARGETED, may: 'indistinguishable', limits: { l2: 1 } }).l2).toBe(1);
    expect(check({ goal: UNTARGETED, may: 'content-preserving', limits: { edits: 2 } }).edits).toBe(2);
    expect(check({ goal: UNTARGETED, may: 'content-preserving' }).linf).toBeUndefined();
    expect(
      check({ goal: UNTARGETED, may: 'content-constrained', limits: { valid: 'sum(x) > 0' } }).valid,
    ).toBe('sum(x) > 0');
    expect(check({ goal: UNTARGETED, may: 'content-constrained', limits: { fixed: 'm.npy' } }).fixed).toBe(
      'm.npy',
    );
    const table = [{ kind: 'range' }, { kind: 'fixed' }];
    expect(check({ goal: UNTARGETED, may: 'content-constrained', limits: { table } }).table).toEqual(table);
  });
});

describe('limits of a threat model', () => {
  const threatModel = { goal: UNTARGETED, limits: { linf: 0.1, range: [-1, 1] } };

  test('become the settings of the same names', () => {
    expect(check(threatModel, { l0: 3 })).toMatchObject({ linf: 0.1, range: [-1, 1], l0: 3 });
    expect(check(threatModel, {}, { linf: 0.1 })).toMatchObject({ linf: 0.1 });
  });

  test('refuse a flag and a setting that contradict them', () => {
    expect(() => check(threatModel, {}, { linf: 0.2 })).toThrow(
      '--linf 0.2 contradicts threatModel.limits.linf 0.1: leave the flag out, or change the threat model',
    );
    expect(() => check(threatModel, { range: [0, 1] })).toThrow(
      'c.yaml: range [0,1] contradicts threatModel.limits.range [-1,1]: leave the setting out',
    );
  });

  test('have paths that are relative to the file; those that a campaign records beside them are not read', async () => {
    const path = join(folder, 'campaign.yaml');
    const text =
      'fixed: [x=mask.npy]\nl0: 3\nthreatModel: { goal: { kind: untargeted }, limits: { fixed: mask.npy } }\n';
    writeFileSync(path, text);
    const mask = relative('.', join(folder, 'mask.npy'));
    const file = await readCampaignFile(path);
    expect(file).toMatchObject({ fixed: [`x=${mask}`], threatModel: { limits: { fixed: mask } } });
    expect(() => checkSettings(file, {}, path)).toThrow(/fixed .* contradicts threatModel\.limits\.fixed/);
    writeFileSync(path, `${text}resolved: { threshold: 1 }\n`);
    const recorded = await readCampaignFile(path);
    expect(recorded).not.toHaveProperty('fixed');
    expect(checkSettings(recorded, {}, path)).toMatchObject({ fixed: mask, l0: 3 });
  });
});

describe('the goal of a threat model', () => {
  test.each([
    ['untargeted', 'misclassified'],
    ['reliability', 'nonfinite'],
    ['text', 'text'],
  ])('%s has the objective %s by default', (kind, objective) => {
    expect(check({ goal: { kind } }).objective).toEqual([objective]);
  });

  test('leaves the default of a second model as it is', () => {
    expect(check({ goal: UNTARGETED }, { quantize: 'float16' }).objective).toEqual(['quantization']);
  });

  test.each([
    [
      'untargeted',
      'nonfinite',
      'misclassified, confident-error, defence, universal, quantization, differential, metamorphic',
    ],
    ['targeted', 'quantization', 'misclassified'],
    ['abstain', 'nonfinite', 'assert'],
    ['reliability', 'misclassified', 'nonfinite, slow, consistent, assert'],
    ['text', 'nonfinite', 'text'],
  ])('%s refuses the objective %s', (kind, objective, allowed) => {
    const goal = kind === 'targeted' ? { kind, to: [1] } : { kind };
    expect(() => check({ goal }, { objective: [objective] })).toThrow(
      `c.yaml: threatModel.goal.kind: ${kind} is not shown by the objective ${objective}: set objective to ${allowed} or a module`,
    );
  });

  test('takes a module, whatever it is', () => {
    expect(check({ goal: UNTARGETED }, { objective: './own.js' }).objective).toBe('./own.js');
  });

  test('passes classes and confidence to the objective, once', () => {
    const goal = { kind: 'targeted', to: [7, 3], confident: 0.8 };
    const { objective } = check({ goal }, { objective: 'misclassified:top=2' });
    expect(objective).toBe('misclassified:confident=0.8,to=7+3,top=2');
    expect(check({ goal }, { objective }).objective).toBe(objective);
    expect(check({ goal }, { objective: { seven: 'misclassified' } }).objective).toEqual({
      seven: 'misclassified:confident=0.8,to=7+3',
    });
    expect(() => check({ goal }, { objective: 'misclassified:confident=0.5' })).toThrow(
      '--objective: misclassified:confident=0.5 contradicts threatModel.goal.confident 0.8',
    );
  });
});

describe('an attacker who sees outputs alone', () => {
  const threatModel = { goal: UNTARGETED, knows: { model: 'outputs' } };

  test.each([
    [
      { quantize: 'int8' },
      /knows\.model: outputs: quantize int8 looks at inner tensors: write the copy with neurofuzz quantize/,
    ],
    [{ coverage: 'layers' }, /knows\.model: outputs hides the layers: set coverage to auto/],
    [
      { generate: { vocabulary: 'codepoints' }, objective: './own.js' },
      /knows\.model: outputs is for models that answer with numbers/,
    ],
  ])('%j is refused', (others, message) => {
    expect(() => check(threatModel, others)).toThrow(message);
  });

  test('loads the model without its tensors', () => {
    expect(loadOptions(check(threatModel))).toMatchObject({ hidesTensors: true });
    expect(loadOptions(check({ goal: UNTARGETED }))).not.toHaveProperty('hidesTensors');
  });
});

describe('presets', () => {
  test.each(THREAT_PRESET_NAMES)('%s is a valid threat model', (name) => {
    expect(
      check(presetThreatModel(name, { kind: 'numbers', span: 2 }, 'model.onnx')).threatModel?.goal.kind,
    ).toBe(name === 'reliability' ? 'reliability' : 'untargeted');
  });

  test('api-client limits what is not mild by itself', () => {
    const limits = (kind: 'pictures' | 'numbers' | 'text') =>
      check(presetThreatModel('api-client', { kind, span: 2 }, 'model.onnx')).threatModel?.limits;
    expect([limits('pictures'), limits('numbers'), limits('text')]).toEqual([
      {},
      { linf: 0.2 },
      { edits: 3 },
    ]);
  });

  test('benchmark-linf is 8/255 of the span', () => {
    expect(
      check(presetThreatModel('benchmark-linf', { kind: 'numbers', span: 2 }, 'model.onnx')).linf,
    ).toBeCloseTo(16 / 255, 6);
    expect(
      check(presetThreatModel('benchmark-linf', { kind: 'numbers', span: 1 }, 'model.onnx')).linf,
    ).toBeCloseTo(8 / 255, 6);
  });

  test('camera searches on the model itself until there is a surrogate, and has one try', () => {
    const { threatModel } = check(presetThreatModel('camera', { kind: 'pictures', span: 1 }, 'model.onnx'));
    expect(threatModel).toMatchObject({
      knows: { model: 'nothing', surrogate: 'model.onnx' },
      repeats: false,
      limits: {},
    });
    expect(needsLabels('camera')).toBe(true);
    expect(presetSteps('camera', { kind: 'pictures', span: 1 })).toEqual([
      expect.stringMatching(/^threatModel\.knows\.surrogate is the model itself/),
    ]);
  });

  test('spam keeps a payload, which is to be written', () => {
    const { threatModel } = check(presetThreatModel('spam', { kind: 'text', span: 1 }, 'model.onnx'));
    expect(threatModel).toMatchObject({ starts: 'own', limits: { fixed: 'payload.npy' }, repeats: true });
    expect(presetSteps('spam', { kind: 'pictures', span: 1 })).toEqual([
      expect.stringMatching(/names payload\.png: write it/),
    ]);
  });
});
