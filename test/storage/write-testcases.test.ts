import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { encodeTestcase, type TestcaseData, testcaseId } from '../../src/inputs/testcase.ts';
import { shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { writeTestcases } from '../../src/storage/write-testcases.ts';
import { testcase } from '../support/engine.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

const identified = (data: TestcaseData) => ({ id: testcaseId(data), data });

function largeTestcase(value: number): TestcaseData {
  const size = 20_000;
  const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [size], size }]);
  return { form, inputs: [new Float32Array(size).fill(value)] };
}

function emptyCampaign(name: string): string {
  const campaign = join(folder, name);
  mkdirSync(join(campaign, 'corpus'), { recursive: true });
  return campaign;
}

test('writes small and large testcases as they are encoded, and leaves nothing beside', async () => {
  const campaign = emptyCampaign('mixed');
  const all = Array.from({ length: 60 }, (_, i) => identified(i % 3 === 0 ? largeTestcase(i) : testcase(i)));
  const told: string[] = [];
  await writeTestcases(campaign, all, ({ id }) => told.push(id));
  expect(told).toEqual(all.map(({ id }) => id));
  expect(readdirSync(join(campaign, 'corpus')).sort()).toEqual(all.map(({ id }) => `${id}.npz`).sort());
  for (const { id, data } of all)
    expect(readFileSync(join(campaign, 'corpus', `${id}.npz`)).equals(encodeTestcase(data))).toBe(true);
});

test('keeps up with a main process that is always busy', async () => {
  const campaign = emptyCampaign('busy');
  const all = Array.from({ length: 400 }, (_, i) => identified(testcase(i)));
  let turns = 0;
  let isDone = false;
  const keepBusy = (): void => {
    turns++;
    for (const until = performance.now() + 20; performance.now() < until; );
    if (!isDone) setImmediate(keepBusy);
  };
  setImmediate(keepBusy);
  await writeTestcases(campaign, all, () => {});
  isDone = true;
  // With a turn for each step of sixteen files it would be more than a hundred.
  expect(turns).toBeLessThan(80);
  expect(readdirSync(join(campaign, 'corpus'))).toHaveLength(400);
});

test('fails with the error of a file that cannot be written', async () => {
  const all = [identified(largeTestcase(1)), identified(testcase(1))];
  await expect(writeTestcases(join(folder, 'nowhere'), all, () => {})).rejects.toThrow(/ENOENT/);
});
