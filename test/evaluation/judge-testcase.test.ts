import { expect, test } from '@jest/globals';
import { judgeTestcase } from '../../src/evaluation/judge-testcase.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { makeObjectives } from '../../src/objectives/registry.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx } from '../support/models.ts';

const folder = testFolder();
const form = shapeSignatureOf([makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, 4] }, [4])]);

async function judge(values: readonly number[], label: number | undefined, spec = 'misclassified') {
  const model = await loadModel(writeGreatestOnnx(folder, false), { runtime: 'auto' });
  const testcase = { form, inputs: [Float32Array.from(values)] };
  const verdict = await judgeTestcase(new BatchedModel(model), await makeObjectives([spec]), testcase, label);
  await model.dispose();
  return verdict;
}

test('tells a violation, and why a seed with it is left out', async () => {
  expect(await judge([0.1, 0.9, 0, 0], 0)).toMatchObject({
    violation: { objective: 'misclassified', details: { class: 1, label: 0 } },
    exemption: 'are misclassified before any mutation',
  });
  expect(await judge([0.9, 0.1, 0, 0], 0)).toEqual({});
});

test('judges nothing that is not known, and what an objective refuses', async () => {
  expect(await judge([0.1, 0.9, 0, 0], undefined)).toEqual({});
  expect(await judge([0.1, 0.9, 0, 0], 7)).toEqual({
    refusal: 'misclassified knows 4 classes from logits, and a label says 7',
  });
});

test('takes a violation that is not a tie of a seed for one of the model', async () => {
  const { violation, exemption } = await judge([Number.NaN, 0, 0, 0], undefined, 'nonfinite');
  expect({ signature: violation?.signature, exemption }).toEqual({
    signature: expect.stringMatching(/^nonfinite-nan/),
    exemption: undefined,
  });
});
