import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import {
  listNights,
  newestGeneration,
  newNightName,
  removeOldNights,
} from '../../src/nightly/generations.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
let out: string;
let count = 0;

beforeEach(() => {
  out = join(folder, String(count++));
});

function night(name: string, ...campaigns: string[]): void {
  const path = join(out, 'nights', name);
  mkdirSync(path, { recursive: true });
  const summary = { campaigns: campaigns.map((place) => ({ folder: join(out, 'campaigns', place) })) };
  writeFileSync(join(path, 'summary.json'), JSON.stringify(summary));
}

function campaign(place: string, corpus?: string): void {
  const path = join(out, 'campaigns', place);
  mkdirSync(path, { recursive: true });
  const from = corpus === undefined ? '' : `corpus: ../${corpus}\n`;
  writeFileSync(join(path, 'campaign.yaml'), `model: net.onnx\n${from}`);
}

test('a night is called by its day, and the second one of a day by its number', async () => {
  const today = new Date(2026, 10, 8, 1);
  expect(await newNightName(out, today)).toBe('2026-11-08');
  night('2026-11-08');
  expect(await newNightName(out, today)).toBe('2026-11-08-2');
  for (let n = 2; n <= 10; n++) night(`2026-11-08-${n}`);
  night('2026-11-09');
  expect(await newNightName(out, today)).toBe('2026-11-08-11');
  expect((await listNights(out)).slice(-3)).toEqual(['2026-11-08-9', '2026-11-08-10', '2026-11-09']);
});

test('the newest generation goes on; the first one is there before it has begun', async () => {
  const first = await newestGeneration(out, 'net');
  expect(first).toMatchObject({ folder: join(out, 'campaigns/net/0001'), hasBegun: false });
  campaign('net/0001');
  campaign('net/0002');
  mkdirSync(join(out, 'campaigns/net/0002-distilled'));
  const newest = await newestGeneration(out, 'net');
  expect(newest).toEqual({
    folder: join(out, 'campaigns/net/0002'),
    distilled: join(out, 'campaigns/net/0002-distilled'),
    next: join(out, 'campaigns/net/0003'),
    hasBegun: true,
  });
});

test('old nights go, and generations that nobody needs any more', async () => {
  campaign('net/0001');
  campaign('net/0002', '0001');
  campaign('net/0003', '0002-distilled');
  mkdirSync(join(out, 'campaigns/net/0002-distilled'));
  mkdirSync(join(out, 'campaigns/net/notes'));
  night('2026-11-01', 'net/0001');
  night('2026-11-02', 'net/0002');
  night('2026-11-03', 'net/0003');
  const left = (): string[] =>
    ['0001', '0002', '0002-distilled', '0003', 'notes'].filter((name) =>
      existsSync(join(out, 'campaigns/net', name)),
    );
  await removeOldNights(out, 2);
  expect(await listNights(out)).toEqual(['2026-11-02', '2026-11-03']);
  // The second night speaks of 0002, which began with 0001.
  expect(left()).toEqual(['0001', '0002', '0002-distilled', '0003', 'notes']);
  await removeOldNights(out, 1);
  expect(left()).toEqual(['0002-distilled', '0003', 'notes']);
  expect(await removeOldNights(out, 1)).toEqual([]);
});
