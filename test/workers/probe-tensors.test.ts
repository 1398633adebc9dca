import { expect, test } from '@jest/globals';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { probeTensors } from '../../src/workers/probe-tensors.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx } from '../support/models.ts';

const folder = testFolder();
const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [4], size: 4 }]);

test.each([
  [[1, 1, Math.fround(Math.exp(-3)), 2], 3],
  [[1, 0, 1, 1], Number.POSITIVE_INFINITY],
  [[1, -1, 1, 1], Number.POSITIVE_INFINITY],
])('a run of %j shows values up to %d, and that two testcases share a run', async (values, largest) => {
  const model = await loadModel(writeLogOnnx(folder), { runtime: 'auto' });
  const testcase = { form, inputs: [Float32Array.from(values)] };
  const probed = await probeTensors(new BatchedModel(model), [testcase, testcase], ['y']);
  expect(probed).toMatchObject({ batchLimitReason: undefined, unbatchedTensors: [] });
  expect(probed.largestBatch).toBe(Number.POSITIVE_INFINITY);
  if (Number.isFinite(largest)) expect(probed.largestMagnitude).toBeCloseTo(largest, 5);
  else expect(probed.largestMagnitude).toBe(largest);
  await model.dispose();
});
