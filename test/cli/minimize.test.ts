import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { VALUE_ROLES } from '../../src/storage/value-roles.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { findingFolders, readJson, writeFinding } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** Findings of a campaign that were made smaller, each with the one that it comes from. */
function pairs(campaign: string) {
  const all = findingFolders(campaign).map((path) => ({ path, finding: readJson(path, 'finding.json') }));
  return all.flatMap(({ path, finding }) => {
    if (finding.minimized === undefined) return [];
    const from = all.find(
      (one) => one.finding.id === finding.minimized.from && one.finding.signature === finding.signature,
    );
    return [{ path, small: finding, large: from?.finding }];
  });
}

describe('numbers', () => {
  const out = join(folder, 'digits');

  beforeAll(async () => {
    await neurofuzz([
      'fuzz',
      '-c',
      'corpora/nan-digits/campaign.yaml',
      '-n',
      '15000',
      '-s',
      '3',
      '--keep',
      '2',
      '--quiet',
      '-o',
      out,
    ]);
  });

  test('findings differ from their seeds in few values, break in the same way, and come up again', async () => {
    const before = findingFolders(out).length;
    expect(before).toBeGreaterThan(0);
    const { code, stdout } = await neurofuzzProcess(['minimize', '--all', relative('.', out), '--json']);
    expect(code).toBe(0);
    const { findings: minimized } = JSON.parse(stdout);
    expect(minimized).toHaveLength(before);
    const small = pairs(out);
    // Paths are written as the campaign's was given: relative to the working folder. Two findings may have one smaller one.
    const paths = minimized.flatMap(({ smaller }: { smaller: { path: string }[] }) =>
      smaller.map(({ path }) => path),
    );
    expect([...new Set(paths)].sort()).toEqual(small.map(({ path }) => relative('.', path)).sort());
    expect(small.length).toBeGreaterThan(0);
    for (const { path, small: own, large } of small) {
      expect(own.signature).toBe(large.signature);
      expect(own.reproduced).toBe('10/10');
      expect(own.distance.l0).toBeLessThan(large.distance.l0 / 3);
      // Few values may each have to change further, but not all together.
      expect(own.distance.l2).toBeLessThan(large.distance.l2);
      expect(own).toMatchObject({
        ancestor: large.ancestor,
        parent: large.id,
        minimized: { goal: 'values' },
      });
      expect(readdirSync(path)).toContain('input.png');
      // The smaller one is judged by itself: fewer of its values lie outside what the seeds span.
      expect(own.severity.outsideSeeds).toBeLessThan(large.severity.outsideSeeds);
      expect(Object.keys(own.severity)).toEqual(Object.keys(large.severity));
      const { free, needed, unknown, runs, stayed } = own.freeValues;
      expect(free).toBeGreaterThan(0);
      expect(free + needed + unknown).toBe(28 * 28 + 1);
      expect(stayed).toBe(runs);
      const [roles] = [...decodeNpz(readFileSync(join(path, 'value-roles.npz')), 'value-roles.npz')];
      expect(roles).toMatchObject(['image', { type: 'uint8', shape: [28, 28, 1] }]);
      expect(roles[1].data.filter((role) => role === VALUE_ROLES.free)).toHaveLength(free);
    }
    // What minimize adds are no hits.
    const { stdout: triaged } = await neurofuzz(['triage', out, '--json']);
    const { hits } = readJson(out, 'stats.json');
    expect(
      JSON.parse(triaged).faults.reduce((sum: number, fault: { hits: number }) => sum + fault.hits, 0),
    ).toBe(hits);
    const replayed = await neurofuzz(['replay', ...small.map(({ path }) => path)]);
    expect(replayed.stdout).not.toMatch(/fixed|flaky/);
    // Nothing is kept twice.
    const again = await neurofuzz(['minimize', '--all', out]);
    expect(again.stdout).toMatch(/it is already minimized/);
    expect(findingFolders(out)).toHaveLength(before + small.length);
  });

  test('what is no finding is refused, and so is a budget that makes no sense', async () => {
    expect(await neurofuzz(['minimize', out])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/use --all/),
    });
    expect(await neurofuzz(['minimize', '--all', folder, '--tries', '0'])).toMatchObject({ code: 2 });
    const other = join(folder, 'of-another-model');
    cpSync(out, other, { recursive: true });
    const [finding] = findingFolders(other).filter(
      (path) => readJson(path, 'finding.json').minimized === undefined,
    );
    for (const path of findingFolders(other)) if (path !== finding) rmSync(path, { recursive: true });
    const recorded = readJson(finding, 'finding.json');
    const changed = { ...recorded, model: { ...recorded.model, sha256: '0'.repeat(64) } };
    writeFinding(finding, changed);
    const left = await neurofuzz(['minimize', finding, '--tries', '300']);
    expect(left.stdout).toMatch(/the model has changed since it was found: --force/);
    expect(findingFolders(other)).toHaveLength(1);
    await neurofuzz(['minimize', finding, '--tries', '300', '--force']);
    expect(findingFolders(other)).toHaveLength(2);
    const alone = join(folder, 'alone');
    const found =
      findingFolders(out).find((path) => readJson(path, 'finding.json').minimized === undefined) ?? '';
    cpSync(found, alone, { recursive: true });
    expect(await neurofuzz(['minimize', alone])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is not in a campaign/),
    });
  });
});

test('prompts come down to few edits and to few characters', async () => {
  const out = join(folder, 'texts');
  const campaign = [
    '-c',
    'corpora/char-lm/campaign.yaml',
    '-O',
    'text:repeated-word',
    '-n',
    '400',
    '-s',
    '4',
    '--keep',
    '2',
  ];
  await neurofuzz(['fuzz', ...campaign, '--quiet', '-o', out]);
  const { code } = await neurofuzz(['minimize', '--all', out, '--tries', '400']);
  expect(code).toBe(0);
  const small = pairs(out);
  expect(small.length).toBeGreaterThan(0);
  for (const { path, small: own, large } of small) {
    expect(own).toMatchObject({ signature: 'text-repeated-word', reproduced: '10/10' });
    const { prompt, answer, from, to } = own.violation.details;
    expect(readFileSync(join(path, 'input.txt'), 'utf8')).toBe(prompt);
    expect(readFileSync(join(path, 'answer.txt'), 'utf8')).toContain(`»${answer.slice(from, to)}«`);
    if (own.minimized.goal === 'edits') expect(own.distance.edits).toBeLessThan(large.distance.edits);
    else expect(prompt.length).toBeLessThan(large.violation.details.prompt.length);
  }
});
