import { expect, test } from '@jest/globals';
import { loadModel } from '../../src/model/formats/registry.ts';
import { deriveFromLoadedModel } from '../../src/workers/derive-from-loaded-model.ts';
import { testFolder } from '../support/folder.ts';
import { writeSoftmaxOnnx } from '../support/models.ts';
import { testcaseOf } from '../support/tasks.ts';

const folder = testFolder();

test('a loaded model is calibrated on testcases and comes back as the files of a copy', async () => {
  const model = await loadModel(writeSoftmaxOnnx(folder), { runtime: 'auto' });
  const seeds = [testcaseOf([0, 1, 2, 3]), testcaseOf([-1, 0, 1, 0])];
  const files = await deriveFromLoadedModel(model, 'int8', seeds);
  expect([...files.keys()]).toEqual(['softmax-int8.onnx']);
  expect(
    (await deriveFromLoadedModel(model, 'int8', [testcaseOf([9, 9, 9, 9])])).get('softmax-int8.onnx'),
  ).not.toEqual(files.get('softmax-int8.onnx'));
  await model.dispose();
});
