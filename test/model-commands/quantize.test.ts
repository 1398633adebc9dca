import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import type { writeQuantizedModel } from '../../src/model-commands/quantize.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';
import { NO_NOTICES } from '../support/notices.ts';

const folder = testFolder();
const CONFIG = { runtime: 'auto', timeout: '30s' } as const;
let write: typeof writeQuantizedModel;

beforeAll(async () => {
  ({ writeQuantizedModel: write } = await built<{ writeQuantizedModel: typeof writeQuantizedModel }>(
    'model-commands/quantize.js',
  ));
});

test('an ONNX copy is one file, calibrated on the seeds where it needs that', async () => {
  const model = writeSoftmaxOnnx(folder);
  const seeds = writeSeeds(folder, [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ]);
  const out = join(folder, 'deep', 'int8.onnx');
  const written = await write({ ...CONFIG, model, seeds }, 'int8', out, NO_NOTICES);
  expect(written).toEqual({ path: out, bytes: statSync(out).size, seeds: 2 });
  const half = await write({ ...CONFIG, model }, 'float16', join(folder, 'half.onnx'), NO_NOTICES);
  expect(half.seeds).toBeUndefined();
  await expect(write({ ...CONFIG, model }, 'int8', join(folder, 'x.onnx'), NO_NOTICES)).rejects.toThrow(
    'int8 is calibrated on seeds, but there are no seeds',
  );
});

test('a TensorFlow.js copy is a folder', async () => {
  const model = writeSoftmaxTfjs(folder);
  const out = join(folder, 'copy');
  const written = await write({ ...CONFIG, model }, 'int8', out, NO_NOTICES);
  expect(written.path).toBe(join(out, 'model.json'));
  expect(written.bytes).toBeGreaterThan(readFileSync(written.path).length);
});

test('an existing file is never overwritten', async () => {
  const model = writeSoftmaxOnnx(folder, 'kept.onnx');
  const before = readFileSync(model);
  await expect(write({ ...CONFIG, model }, 'float16', model, NO_NOTICES)).rejects.toThrow(
    /kept\.onnx already exists: choose another file with --out/,
  );
  expect(readFileSync(model)).toEqual(before);
});
