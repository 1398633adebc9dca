import { expect, test } from '@jest/globals';
import { describeModel } from '../../src/analysis/describe-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { readSeeds } from '../../src/model-commands/read-seeds.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';
import { NO_NOTICES } from '../support/notices.ts';

const folder = testFolder();
const CONFIG = { runtime: 'auto', timeout: '30s' } as const;

test('seeds are read for a model from settings of model and inputs alone', async () => {
  const model = await loadModel(writeSoftmaxOnnx(folder), { runtime: 'auto' });
  const rows = [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
  ];
  const { seeds, inputs, descriptors } = await readSeeds(
    describeModel(model).model,
    { ...CONFIG, seeds: writeSeeds(folder, rows) },
    NO_NOTICES,
  );
  await model.dispose();
  expect(seeds.map((seed) => [...(seed.inputs[0] ?? [])])).toEqual(rows);
  expect(inputs.map(({ name, shape }) => [name, shape])).toEqual([['x', [null, 4]]]);
  expect(descriptors[0]?.range).toMatchObject({ low: 0, high: 3 });
});
