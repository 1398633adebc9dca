import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { collectStatistics } from '../../src/report/collect-statistics.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

function campaign(name: string, stats: string, lines: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'stats.json'), stats);
  writeFileSync(join(path, 'stats.jsonl'), lines);
  return path;
}

const POINT = {
  execs: 100,
  elapsedSeconds: 2,
  execsPerSecond: 50,
  execsPerSecondNow: 60,
  corpus: 7,
  threshold: 0.5,
  hits: 3,
};
const MUTATOR = { input: 'x', mutator: 'gaussian', mutants: 90, entries: 4, signatures: 1 };

test('a point of the history has the number of signatures as its faults', async () => {
  const path = campaign(
    'whole',
    JSON.stringify({ ...POINT, seeds: 5, mutators: [MUTATOR], sites: [] }),
    `${JSON.stringify({ ...POINT, signatures: ['a', 'b'] })}\n`,
  );
  const { latest, history, mutators, sites } = await collectStatistics(path, []);
  expect(latest).toMatchObject({ execs: 100, seeds: 5, threshold: 0.5 });
  expect(history).toEqual([{ ...POINT, faults: 2 }]);
  expect([mutators, sites]).toEqual([[MUTATOR], []]);
});

test('damaged statistics are absent, and a single damaged one is not drawn', async () => {
  const path = campaign(
    'damaged',
    '{"execs": 1',
    `${JSON.stringify({ ...POINT, threshold: null, signatures: [] })}\n{"execs":"x","signatures":[]}\n{"exe`,
  );
  const damage: string[] = [];
  const { latest, history, mutators } = await collectStatistics(path, damage);
  expect(damage).toEqual([expect.stringMatching(/stats.json is damaged: its figures are left out/)]);
  expect([latest, mutators]).toEqual([undefined, []]);
  expect(history).toEqual([{ ...POINT, threshold: Number.NaN, faults: 0 }]);
  expect(await collectStatistics(join(folder, 'nowhere'), [])).toEqual({
    latest: undefined,
    history: [],
    mutators: [],
    newFaults: undefined,
    seedAccounts: [],
    sites: [],
  });
});
