import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import type { inspect } from '../../src/setup/inspect.ts';
import { built } from '../support/built.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const CONFIG = { runtime: 'auto', timeout: '30s' } as const;
let inspectModel: typeof inspect;

beforeAll(async () => {
  ({ inspect: inspectModel } = await built<{ inspect: typeof inspect }>('setup/inspect.js'));
});

test('a model is described with the shapes that a run on zeros shows', async () => {
  const model = writeSoftmaxOnnx(folder);
  const inspection = await inspectModel({ ...CONFIG, model });
  expect(inspection).toMatchObject({
    formatVersion: 1,
    model: { path: model, format: 'onnx' },
    inputs: [{ name: 'x', type: 'float32', shape: ['batch', 4], kind: 'features' }],
    outputs: [{ name: 'probabilities', shape: ['batch', 3] }],
    parameters: 12,
    operations: { MatMul: 1, Softmax: 1 },
    coverage: { auto: ['logits'] },
    notes: [],
  });
  expect(inspection.tensors.map(({ name, op, shape }) => [name, op, shape])).toEqual([
    ['logits', 'MatMul', [null, 3]],
    ['probabilities', 'Softmax', ['batch', 3]],
  ]);
});

test('tensors for coverage are those that a campaign takes: not one whose values in a run are huge', async () => {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 2]);
  graph.node(
    'MatMul',
    [x, graph.constant('w', 'float32', [2, 2], Float32Array.of(1e20, 0, 0, 1e20))],
    'huge',
  );
  graph.node('Sigmoid', ['huge'], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  const model = join(folder, 'huge.onnx');
  writeFileSync(model, graph.finish('huge'));
  const { coverage } = await inspectModel({ ...CONFIG, model });
  expect(coverage.auto).toEqual(['y']);
  const args = ['fuzz', model, '-o', join(folder, 'out'), '--execs', '64', '--json', '--quiet'];
  const { stdout } = await neurofuzz(args);
  expect(JSON.parse(stdout).coverage.tensors).toEqual(['y']);
});

test('operations that can produce NaN or infinity are listed', async () => {
  const { sites } = await inspectModel({ ...CONFIG, model: writeLogOnnx(folder) });
  expect(sites.map(({ op, kind }) => [op, kind])).toEqual([['Log', 'log']]);
  expect(sites[0]).not.toHaveProperty('targets');
});

test('a file that is no model is refused', async () => {
  await expect(inspectModel({ ...CONFIG, model: 'package.json' })).rejects.toThrow(/^package\.json /);
});
