import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkTarget, listCampaigns } from '../../../src/view/server/sources.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

function campaignAt(...parts: string[]): string {
  const path = join(folder, ...parts);
  mkdirSync(join(path, 'findings'), { recursive: true });
  writeFileSync(join(path, 'campaign.yaml'), '');
  return path;
}

const [a, b] = [campaignAt('runs', 'a'), campaignAt('runs', 'b')];
const nights = join(folder, 'nights-of-models');
const second = campaignAt('nights-of-models', 'campaigns', 'digits', '0002');
campaignAt('nights-of-models', 'campaigns', 'digits', '0001');
mkdirSync(join(nights, 'campaigns', 'unbegun'));
mkdirSync(join(a, 'findings', 'x'), { recursive: true });
writeFileSync(join(folder, 'file.yaml'), '');
mkdirSync(join(folder, 'empty'));

describe('folders that are shown', () => {
  test('are campaigns with a baseline of their own', async () => {
    await checkTarget({ folders: [a, b] });
    const sources = await listCampaigns({ folders: [a, b, a] });
    expect(sources.map(({ name, against, isWritable }) => [name, against, isWritable])).toEqual([
      ['a', join(a, 'baseline.json'), true],
      ['b', join(b, 'baseline.json'), true],
    ]);
  });

  test('are nightly folders, of which the newest folder of each campaign that has begun is shown', async () => {
    await checkTarget({ folders: [nights] });
    const [first, ...others] = await listCampaigns({ folders: [nights] });
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      name: 'digits',
      folder: second,
      against: join(nights, 'baselines', 'digits.json'),
      nightly: nights,
    });
    campaignAt('nights-of-models', 'campaigns', 'digits', '0003');
    const [later] = await listCampaigns({ folders: [nights] });
    expect([later.folder, later.key]).toEqual([join(nights, 'campaigns', 'digits', '0003'), first.key]);
  });

  test('are compared with the baseline that is named, and with an older campaign, which is only read', async () => {
    const file = join(folder, 'baseline.json');
    writeFileSync(file, '');
    expect(await listCampaigns({ folders: [a], against: file })).toMatchObject([
      { against: file, isWritable: true },
    ]);
    expect(await listCampaigns({ folders: [a], against: b })).toMatchObject([
      { against: b, isWritable: false },
    ]);
  });
});

describe('what is refused, and what to name instead', () => {
  test.each([
    ['a folder that does not exist', 'gone', /gone does not exist: name the folder of a campaign/],
    ['a file', 'file.yaml', /file\.yaml is a file: name the folder/],
    [
      'a folder of campaigns',
      'runs',
      /runs holds several campaigns: name one or more of them, such as .*runs\/a$/,
    ],
    ['a part of a campaign', 'runs/a/findings/x', /is part of a campaign: name the folder .*runs\/a$/],
    ['an empty folder', 'empty', /is neither a campaign nor a nightly folder/],
  ])('%s', async (_, name, message) => {
    await expect(checkTarget({ folders: [a, join(folder, name)] })).rejects.toThrow(message);
  });

  test('a baseline that does not exist', async () => {
    await expect(checkTarget({ folders: [a], against: join(folder, 'none.json') })).rejects.toThrow(
      /^--against: \S+none\.json does not exist/,
    );
  });
});
