import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CampaignReader } from '../../../src/view/server/campaign-reader.ts';
import { fingerprint } from '../../../src/view/server/fingerprint.ts';
import { listCampaigns } from '../../../src/view/server/sources.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

async function readerOf(name: string): Promise<CampaignReader> {
  mkdirSync(join(folder, name, 'findings'), { recursive: true });
  writeFileSync(join(folder, name, 'campaign.yaml'), '');
  const [source] = await listCampaigns({ folders: [join(folder, name)] });
  return new CampaignReader(source, (path) => path);
}

test("a pipe in a stranger's folder is named, and not waited for", async () => {
  const reader = await readerOf('pipes');
  for (const name of ['stats.json', 'lock', 'baseline.json'])
    execFileSync('mkfifo', [join(folder, 'pipes', name)]);
  const { damage, isRunning } = await reader.status();
  expect(damage).toEqual([expect.stringMatching(/is a pipe, a socket or a device/)]);
  expect(isRunning).toBe(false);
});

test('a baseline that is damaged is named, and every fault is new', async () => {
  const reader = await readerOf('damaged');
  writeFileSync(join(folder, 'damaged', 'baseline.json'), '{');
  const { damage, faults } = await reader.status();
  expect([damage, faults]).toEqual([[expect.stringMatching(/baseline\.json is not a baseline/)], []]);
});

test('a folder whose files changed is told by its fingerprint', async () => {
  const { source } = await readerOf('changing');
  const before = await fingerprint(source);
  expect(await fingerprint(source)).toBe(before);
  writeFileSync(join(source.folder, 'stats.json'), '{}');
  const after = await fingerprint(source);
  expect(after).not.toBe(before);
  mkdirSync(join(source.folder, 'findings', 'nonfinite-nan-log'));
  expect(await fingerprint(source)).not.toBe(after);
});
