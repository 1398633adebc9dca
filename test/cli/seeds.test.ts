import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { SeedStatistics } from '../../src/campaign/monitor/seed-statistics.ts';
import { digests, readJson, savedExecs } from '../support/campaign.ts';
import { amid, neurofuzz, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx, writeSeeds } from '../support/models.ts';

const folder = testFolder();

/** The class of a row is the place of its greatest value, so that it turns where every value moves by half of the gap to the next. */
const GAPS = [0.05, 0.1, 0.15, 0.25, 0.5];
const LINF = 0.1;
const BREAKABLE = GAPS.filter((gap) => gap < 2 * LINF);
const rows = GAPS.map((gap, i) =>
  Array.from({ length: 4 }, (_, k) => (k === i % 4 ? 0.3 + gap : 0.3 - 0.02 * k)),
);
// The class beside the greatest has the value 0.3, so that the gap is as said.
rows.forEach((row, i) => {
  row[(i + 1) % 4] = 0.3;
});
const seeds = writeSeeds(folder, rows, 'rows.npz');
const labels = join(folder, 'labels.txt');
writeFileSync(labels, GAPS.map((_, i) => `${i % 4}\n`).join(''));

const FLAGS = [
  ...['fuzz', writeGreatestOnnx(folder, false), '-i', seeds, '--labels', labels, '--range', '0,1'],
  ...['--linf', String(LINF), '-O', 'misclassified', '-s', 'seeds', '--quiet'],
];

const accountOf = (out: string): SeedStatistics => readJson(out, 'stats.json').seedAccounts[0];

describe('a campaign on five seeds, three of which can be broken', () => {
  const out = join(folder, 'first');
  const flags = [...FLAGS, '-n', '20000'];
  let summary: string;

  beforeAll(async () => {
    const { stdout, code } = await neurofuzz(
      [...flags, '-j', '1', '-o', out].filter((flag) => flag !== '--quiet'),
    );
    expect(code).toBe(1);
    summary = stdout;
  });

  test('breaks these and no others, and tells after how many mutants', () => {
    const { seeds: count, broken, share, curve, accounts, medianQueries } = accountOf(out);
    expect({ count, broken, share }).toEqual({ count: 5, broken: BREAKABLE.length, share: 0.6 });
    expect(accounts.map((row) => row.broken)).toEqual([true, true, true, false, false]);
    accounts.slice(0, 3).forEach(({ linf, firstQuery, queries }, i) => {
      expect(linf).toBeGreaterThan(GAPS[i] / 2);
      expect(linf).toBeLessThanOrEqual(LINF);
      expect(firstQuery).toBeLessThanOrEqual(queries);
      expect(firstQuery).toBeGreaterThan(0);
    });
    expect(medianQueries).toBeLessThan(1000);
    expect(curve[curve.length - 1].share).toBe(0.6);
  });

  test('gives the budget to those that are not broken', () => {
    const spent = accountOf(out).accounts.map(({ queries }) => queries);
    expect(spent.reduce((sum, queries) => sum + queries)).toBe(20_000);
    for (const queries of spent.slice(0, 3)) expect(queries).toBeLessThan(2000);
    for (const queries of spent.slice(3)) expect(queries).toBeGreaterThan(7000);
  });

  test('says so in its summary, in the report and as JSON', async () => {
    expect(summary).toMatch(
      /misclassified: 3 of 5 seeds broken \(60 %\), after a median of \d+ mutants \(90 % within \d+\)/,
    );
    expect(summary).toMatch(/broken within L∞ of 0\.0\d+: 20 %/);
    expect(summary).toMatch(/chance that the next mutant shows a new fault: at most 0\.005 %/);
    const page = join(folder, 'first.html');
    await neurofuzz(['report', out, '--out', page]);
    const html = await readFile(page, 'utf8');
    expect(html).toContain('Seeds by misclassified');
    expect(html).toContain('Share of seeds broken (%)');
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', out, '--json', '--quiet']);
    expect(JSON.parse(resumed.stdout).seedAccounts).toEqual([accountOf(out)]);
    expect(JSON.parse(resumed.stdout).newFaults).toMatchObject({ singletons: 0, isUpperBound: true });
  });

  test('minimizing a finding lowers the distance of its seed in the report', async () => {
    await neurofuzz(['minimize', '--all', out]);
    const { stdout } = await neurofuzz(['report', out, '--out', join(folder, 'less.html'), '--json']);
    const [before, after] = [
      accountOf(out),
      JSON.parse(stdout).campaigns[0].seedAccounts[0] as SeedStatistics,
    ];
    // Of five findings that are kept, none need be the nearest one.
    const distances = ({ curve }: SeedStatistics): number =>
      curve.reduce((sum, { epsilon }) => sum + epsilon, 0);
    expect(after.curve).toHaveLength(before.curve.length);
    expect(distances(after)).toBeLessThan(distances(before));
    expect(after.broken).toBe(before.broken);
  });

  test('comes to the same bytes and accounts on two workers, and killed and resumed', async () => {
    const two = join(folder, 'two');
    await neurofuzz([...flags, '-j', '2', '-o', two]);
    const killed = join(folder, 'killed');
    const running = start([...flags, '-j', '2', '-o', killed]);
    await amid(running, 'a checkpoint on the way', () => savedExecs(killed) > 0);
    running.child.kill('SIGKILL');
    await running.ended;
    await neurofuzz(['fuzz', '--resume', '-o', killed, '-j', '1', '--quiet']);
    for (const other of [two, killed]) {
      expect(digests(other, 'corpus')).toEqual(digests(out, 'corpus'));
      expect(accountOf(other)).toEqual(accountOf(out));
      const [saved, expected] = [other, two].map((path) => readJson(path, 'state', 'checkpoint.json').state);
      expect(saved.seeds).toEqual(expected.seeds);
      expect(saved.climbs).toEqual(expected.climbs);
    }
    expect(digests(killed, 'findings')).toEqual(digests(two, 'findings'));
  });
});

test('--per-seed least goes on to the least distance, and is the same when killed and resumed', async () => {
  const flags = [...FLAGS, '-n', '30000', '--per-seed', 'least'];
  const out = join(folder, 'least');
  await neurofuzz([...flags, '-j', '2', '-o', out]);
  const { accounts, broken } = accountOf(out);
  expect(broken).toBe(3);
  accounts.slice(0, 3).forEach(({ linf }, i) => {
    expect(linf).toBeGreaterThan(GAPS[i] / 2);
    expect(linf).toBeLessThan((1.25 * GAPS[i]) / 2);
  });
  const parts = join(folder, 'least-parts');
  await neurofuzz([...flags, '-n', '11000', '-j', '1', '-o', parts]);
  await neurofuzz(['fuzz', '--resume', '-o', parts, '-n', '30000', '--quiet']);
  expect(accountOf(parts)).toEqual(accountOf(out));
  expect(digests(parts, 'corpus', 'findings')).toEqual(digests(out, 'corpus', 'findings'));
});

test('the control keeps accounts and does not go by them', async () => {
  const out = join(folder, 'control');
  await neurofuzz([...FLAGS, '-n', '5000', '--guidance', 'none', '-o', out]);
  const { accounts, broken } = accountOf(out);
  expect(broken).toBeGreaterThan(0);
  for (const { queries } of accounts) expect(queries).toBeGreaterThan(700);
});
