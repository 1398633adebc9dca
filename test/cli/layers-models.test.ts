import { beforeAll, expect, test } from '@jest/globals';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { maskedSoftmax, normalizedUnits, writeLayersModel } from '../support/layers-model.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

async function run(...args: string[]) {
  const { stdout, stderr } = await neurofuzz([...args, '--json']);
  expect(stderr).not.toMatch(/error/i);
  return JSON.parse(stdout);
}

/** Runs 2,000 mutants. */
const fuzz = (path: string, ...flags: string[]) =>
  run('fuzz', path, '--out', `${path}-out`, '-n', '2000', '-j', '1', '-s', 'a', ...flags);

test('a layers model is watched at its logits, and a NaN is traced to the layer', async () => {
  const path = await writeLayersModel(folder, 'flat', normalizedUnits(0));
  const inspection = await run('inspect', path, '--sites');
  expect(inspection.sites).toMatchObject([
    { name: 'norm/LayerNormalization', op: 'LayerNormalization', kind: 'normalisation' },
  ]);
  expect(inspection.coverage.auto).toEqual(['classes/BiasAdd']);
  // The names of layers are those of their results, as ever.
  const { findings, coverage } = await fuzz(path, '--range=-1,1', '--coverage', 'hidden', 'classes/BiasAdd');
  expect(coverage.tensors).toEqual(['hidden', 'classes/BiasAdd']);
  expect(findings.signatures).toMatchObject([{ signature: 'nonfinite-nan-norm_LayerNormalization' }]);
});

test('a search toward a softmax that may be masked all along masks it', async () => {
  const path = await writeLayersModel(folder, 'masked', maskedSoftmax());
  const { findings } = await fuzz(path, '--coverage', 'weights', '--range', 'scores=-1,1');
  expect(findings.signatures).toMatchObject([
    {
      signature: 'nonfinite-nan-weights_Softmax',
      summary: expect.stringMatching(/^Softmax weights\/Softmax/),
    },
  ]);
});
