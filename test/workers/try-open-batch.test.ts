import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { tryOpenBatch } from '../../src/workers/try-open-batch.ts';
import { fixedBatchOnnx, mixingOnnx } from '../support/fixed-batch.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const loaded: Model[] = [];
afterAll(() => Promise.all(loaded.map((model) => model.dispose())));

async function tryOn(bytes: Uint8Array, shape: readonly number[]) {
  const path = join(folder, `model-${loaded.length}.onnx`);
  writeFileSync(path, bytes);
  const original = await loadModel(path, { runtime: 'onnx' });
  loaded.push(original);
  const form = shapeSignatureOf([makeTestcaseInput(original.inputs[0], shape)]);
  const [{ size }] = form.inputs;
  const seeds = [1, 2].map((n) => ({
    form,
    inputs: [Float32Array.from({ length: size }, (_, i) => Math.sin(n * i))],
  }));
  const opening = await tryOpenBatch(original, { runtime: 'onnx' }, seeds);
  if ('model' in opening) loaded.push(opening.model);
  return { original, opening };
}

test('a copy with a free batch is taken where two seeds give the same alone and together', async () => {
  const { original, opening } = await tryOn(fixedBatchOnnx(), [3, 8, 8]);
  if (!('model' in opening)) throw new Error(opening.refusal);
  expect(opening.model.inputs[0].shape).toEqual([null, 3, 8, 8]);
  // Findings are of the file, whatever it was run in.
  expect(opening.model.sha256).toBe(original.sha256);
  expect(original.inputs[0].shape).toEqual([1, 3, 8, 8]);
});

test('where rows would mix, the reason is a clause without the file', async () => {
  const { opening } = await tryOn(mixingOnnx(), [6]);
  expect(opening).toEqual({ refusal: 'ReduceMean m may not compute each row by itself' });
});
