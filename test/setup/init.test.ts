import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkSettings, readCampaignFile } from '../../src/config/load.ts';
import type { init } from '../../src/setup/init.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';
import { guessIn } from '../support/guesses.ts';
import { writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const CONFIG = { runtime: 'auto', timeout: '30s' } as const;
const SILENT = { info: () => {}, warn: () => {} };
let initCampaign: typeof init;

beforeAll(async () => {
  ({ init: initCampaign } = await built<{ init: typeof init }>('setup/init.js'));
});

test('the file is a campaign of the model, its paths relative to it', async () => {
  const model = writeSoftmaxOnnx(folder);
  const file = join(folder, 'campaign.yaml');
  const { inputs } = await initCampaign({ ...CONFIG, model }, file, SILENT);
  expect(inputs.map(({ name }) => name)).toEqual(['x']);
  expect(parse(readFileSync(file, 'utf8'))).toMatchObject({
    model: 'softmax.onnx',
    coverage: 'auto',
    preset: 'quick',
  });
  expect(checkSettings(await readCampaignFile(file), {}, file).time).toBe('60s');
  expect(guessIn(readFileSync(file, 'utf8'), 'mutator')).toEqual({ x: ['tables', 'numbers'] });
});

test('an existing file is never overwritten', async () => {
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, 'mine');
  await expect(initCampaign({ ...CONFIG, model: writeSoftmaxOnnx(folder) }, file, SILENT)).rejects.toThrow(
    /mine\.yaml already exists: name another file with --out/,
  );
  expect(readFileSync(file, 'utf8')).toBe('mine');
});
