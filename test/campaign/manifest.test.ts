import { describe, expect, test } from '@jest/globals';
import { checkResumable, type ResolvedSettings } from '../../src/campaign/manifest.ts';
import { modelName } from '../../src/core/model-name.ts';

const settings = (
  resolved: Readonly<Record<string, unknown>> = {},
  changes: Readonly<Record<string, unknown>> = {},
): ResolvedSettings => ({
  model: 'digits.onnx',
  jobs: 1,
  measure: './own.js',
  ...changes,
  resolved: { modelSha256: 'a', runtime: '1.0', ...resolved },
});
const resume = (recorded: ResolvedSettings, now: ResolvedSettings) => checkResumable('out', recorded, now);

describe('a campaign is resumed', () => {
  test('with equal settings, and with others that say how long and how fast', () => {
    expect(resume(settings(), settings())).toEqual([]);
    expect(resume(settings(), settings({}, { jobs: 4 }))).toEqual([]);
  });

  test('on another version of the runtime, with a warning', () => {
    expect(resume(settings(), settings({ runtime: '1.1' }))).toEqual(['runtime was 1.0 and is now 1.1']);
  });

  test('not with another setting, model or feedback', () => {
    expect(() => resume(settings(), settings({}, { measure: 'norm' }))).toThrow(
      'measure was "./own.js" and is now "norm"',
    );
    // The model comes first: settings that follow from it differ too.
    expect(() => resume(settings(), settings({ modelSha256: 'b' }, { measure: 'norm' }))).toThrow(
      'the model has changed since',
    );
    expect(() => resume(settings(), settings({ feedback: 'set' }))).toThrow(
      "the coverage criterion's feedback has changed since",
    );
    expect(() => resume(settings({ feedback: 'set' }), settings())).toThrow(/feedback has changed since/);
  });
});

test('a model is named by its file, a TensorFlow.js one by its folder', () => {
  expect(['a/digits.onnx', 'a/layers/model.json', 'a/saved'].map(modelName)).toEqual([
    'digits',
    'layers',
    'saved',
  ]);
});
