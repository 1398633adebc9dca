import { beforeAll, expect, test } from '@jest/globals';
import type { CompareConfig, compareModels } from '../../src/model-commands/compare.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSeeds, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';
import { NO_NOTICES } from '../support/notices.ts';

const folder = testFolder();
const LIMITS = { worst: 1, bound: 20 };
let compare: typeof compareModels;
let config: CompareConfig;

beforeAll(async () => {
  ({ compareModels: compare } = await built<{ compareModels: typeof compareModels }>(
    'model-commands/compare.js',
  ));
  const rows = [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
    [0, 1, 0, 1],
  ];
  config = {
    model: writeSoftmaxOnnx(folder),
    against: writeSoftmaxTfjs(folder),
    againstRuntime: 'cpu',
    runtime: 'auto',
    timeout: '30s',
    seeds: writeSeeds(folder, rows),
    objective: 'differential:atol=1e-4',
  };
});

test('a network in two formats gives the same on the seeds', async () => {
  const report = await compare(config, LIMITS, NO_NOTICES);
  expect(report).toMatchObject({
    formatVersion: 1,
    reference: { path: config.model, format: 'onnx', runtime: 'onnx' },
    copy: { path: config.against, format: 'tfjs-graph', runtime: 'cpu' },
    objective: 'differential:atol=1e-4',
    testcases: 3,
    violations: 0,
  });
  expect(report.worst).toHaveLength(1);
  expect(report.outputs[0]?.difference.most).toBeLessThan(1e-6);
});

test('needs seeds, an objective that compares, and a model of the same inputs and outputs', async () => {
  const { seeds: _seeds, ...without } = config;
  await expect(compare(without, LIMITS, NO_NOTICES)).rejects.toThrow('set --seeds');
  await expect(compare({ ...config, objective: 'nonfinite' }, LIMITS, NO_NOTICES)).rejects.toThrow(
    '--objective: use quantization or differential',
  );
  const other = { ...config, against: writeLogOnnx(folder), againstRuntime: 'onnx' } as const;
  await expect(compare(other, LIMITS, NO_NOTICES)).rejects.toThrow(
    "the outputs cannot be matched: probabilities is 1×3 and the copy's y 1×4",
  );
});
