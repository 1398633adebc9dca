import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeModel } from '../../src/analysis/describe-model.ts';
import { canExposeTensors } from '../../src/model/can-expose-tensors.ts';
import { chooseWatchedTensors, resolveWatchedTensors } from '../../src/model/coverage-tensors.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { testFolder } from '../support/folder.ts';
import { writeSoftmaxOnnx } from '../support/models.ts';

const path = writeSoftmaxOnnx(testFolder());
const FEEDS = [{ type: 'float32', shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) }] as const;

describe('a model that hides its tensors', () => {
  let hidden: Model;
  let shown: Model;

  beforeAll(async () => {
    hidden = await loadModel(path, { runtime: 'auto', hidesTensors: true });
    shown = await loadModel(path, { runtime: 'auto' });
  });
  afterAll(async () => {
    await hidden.dispose();
    await shown.dispose();
  });

  test('gives the same outputs, and throws when an inner tensor is asked for', async () => {
    const [own, all] = [await hidden.run(FEEDS, []), await shown.run(FEEDS, ['logits'])];
    expect(own.outputs).toEqual(all.outputs);
    expect((await hidden.run(FEEDS, ['probabilities'])).activations).toHaveLength(1);
    await expect(hidden.run(FEEDS, ['logits'])).rejects.toThrow('the tensor logits is hidden');
  });

  test('has no gradients, no sites and no sessions that expose tensors', () => {
    expect(shown.capabilities.gradients).toBeDefined();
    expect(describeModel(shown)).toMatchObject({ model: { isDifferentiable: true } });
    expect(hidden.capabilities).not.toHaveProperty('gradients');
    expect(hidden.capabilities).not.toHaveProperty('nonFiniteFlags');
    const { model, sites } = describeModel(hidden);
    expect(sites).toEqual([]);
    expect(model).not.toHaveProperty('isDifferentiable');
    expect([canExposeTensors(model), canExposeTensors(describeModel(shown).model)]).toEqual([false, true]);
  });

  test('has coverage of its outputs alone', () => {
    const { model } = describeModel(hidden);
    expect(chooseWatchedTensors(describeModel(shown).model).tensors).toEqual(['logits']);
    expect(chooseWatchedTensors(model).tensors).toEqual(['probabilities']);
    expect(() => resolveWatchedTensors(model, 'logits')).toThrow('the model has no tensor logits');
    expect(() => resolveWatchedTensors(model, 'layers')).toThrow('no layer with weights');
  });
});
