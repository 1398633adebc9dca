import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { explainInputs } from '../../src/saliency/explain.ts';
import { pictureTraits } from '../support/mutators.ts';

interface Recorded {
  readonly side: number;
  readonly x: readonly (readonly number[])[];
  readonly classes: readonly number[];
  readonly maps: Readonly<Record<string, readonly (readonly number[])[]>>;
}

// By test/fixtures/saliency/make-captum.py.
const recorded = JSON.parse(readFileSync('test/fixtures/saliency/captum.json', 'utf8')) as Recorded;
const shape = [1, recorded.side, recorded.side];
const form = shapeSignatureOf([
  makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, ...shape] }, shape),
]);
const inputs = recorded.x.map((values, index) => ({
  index,
  classIndex: recorded.classes[index],
  data: { form, inputs: [Float32Array.from(values)] },
}));
const context = {
  seed: 'captum',
  descriptor: pictureTraits(recorded.side, recorded.side, { channelsFirst: true }),
  position: 0,
  scores: 'logits',
  baseline: undefined,
};

let model: Model;
beforeAll(async () => {
  model = await loadModel('test/fixtures/saliency/captum.onnx', { runtime: 'auto' });
});
afterAll(() => model.dispose());

test.each(Object.keys(recorded.maps))('%s is within 1e-4 of the largest value by Captum', async (name) => {
  // Without known steps they would be doubled where 50 leave a gap above 5 %.
  const steps = { [name]: inputs.map(() => 50) };
  const request = { inputs, methods: [name], context, draws: 'first', steps };
  const { [name]: explanations } = await explainInputs(new BatchedModel(model), request, 64, () => {});
  explanations.forEach((explanation, i) => {
    if (!('map' in explanation)) throw new Error(explanation.refusal);
    const expected = recorded.maps[name][i];
    const largest = Math.max(...expected.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-3);
    const errors = expected.map((value, place) => Math.abs(explanation.map.signed[place] - value));
    expect(Math.max(...errors) / largest).toBeLessThan(1e-4);
  });
});

test('seven methods are recorded', () => {
  expect(Object.keys(recorded.maps)).toHaveLength(7);
});
