import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { digests, eventsOf, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { flipBit } from '../support/damage.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const whole = join(folder, 'whole');
const FUZZ = ['fuzz', '-c', 'corpora/broken-loss/campaign.yaml', '--quiet', '-s', '1', '--keep', '3'];
const EXECS = ['-n', '1500'];

beforeAll(async () => {
  await neurofuzz([...FUZZ, ...EXECS, '-o', whole]);
});

let copies = 0;

function copy(): string {
  const path = join(folder, `copy-${copies++}`);
  cpSync(whole, path, { recursive: true });
  return path;
}

const resume = (out: string, execs = EXECS) => neurofuzz(['fuzz', '--resume', '-o', out, ...execs]);

/** Takes all checksums out of a campaign's folder, as older versions wrote it. */
function withoutChecksums(path: string): void {
  for (const finding of findingFolders(path)) rmSync(join(finding, 'SHA256SUMS'));
  const strip = (file: string, pattern: RegExp, replacement = ''): void =>
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(pattern, replacement));
  const checksum = /,\s*"(?:crc32|fileCrc32|activationsCrc32)":\s*"[0-9a-f]{8}"/g;
  for (const name of Object.keys(digests(path, '.')))
    if (/\.jsonl?$/.test(name)) strip(join(path, name), checksum);
  strip(join(path, 'corpus/journal.jsonl'), /^\{"v":2/gm, '{"v":1');
  strip(join(path, 'campaign.yaml'), /^# crc32 .*\n/gm);
}

describe('a campaign with damaged files', () => {
  test('is resumed without them: each is named, set aside and in the events', async () => {
    const path = copy();
    const [first, second] = findingFolders(path);
    const damaged = [
      join('state', 'checkpoint.json'),
      join('state', 'activations.f32'),
      relative(path, join(first, 'finding.json')),
      relative(path, join(second, 'input.npz')),
      relative(path, join(first, '..', 'signature.json')),
    ];
    for (const file of damaged) flipBit(join(path, file), 100);
    const { code, stderr } = await resume(path);
    expect(code).toBe(1);
    const events = eventsOf(path).filter(({ event }) => event === 'damage');
    for (const file of damaged) {
      expect(stderr).toContain(`${file} is damaged`);
      expect(events).toContainEqual(expect.objectContaining({ what: expect.stringContaining(file) }));
    }
    expect(readdirSync(join(path, 'state/damaged'))).toEqual(['checkpoint.json']);
    // A finding that came after the checkpoint is found again, and written anew.
    for (const finding of [first, second]) {
      const name = relative(join(path, 'findings'), finding);
      expect(existsSync(join(path, 'findings', 'damaged', name))).toBe(true);
    }
    const { stderr: silence } = await resume(path);
    expect(silence).not.toContain('damaged');
  });

  test('ends as an undamaged one where the checkpoint is the only one that is', async () => {
    const [path, other] = [copy(), copy()];
    flipBit(join(path, 'state', 'checkpoint.json'), 2000);
    const further = ['-n', '2500'];
    expect((await resume(path, further)).stderr).toContain('checkpoint.json is damaged');
    await resume(other, further);
    expect(digests(path, 'corpus', 'findings')).toEqual(digests(other, 'corpus', 'findings'));
  });

  test('is read without them: triage, report and replay name them, show the others, and move nothing', async () => {
    const path = copy();
    const [first, second, ...others] = findingFolders(path);
    flipBit(join(first, 'finding.json'), 700);
    flipBit(join(second, 'input.npz'), 700);
    flipBit(join(path, 'stats.json'), 100);
    flipBit(join(path, 'corpus', 'journal.jsonl'), 100);
    const before = digests(path, 'corpus', 'findings', 'state');
    const triaged = await neurofuzz(['triage', path, '--json']);
    const { faults } = JSON.parse(triaged.stdout) as { faults: readonly { findings: number }[] };
    expect(faults.reduce((sum, { findings }) => sum + findings, 0)).toBe(1 + others.length);
    const reported = await neurofuzz(['report', path]);
    expect([triaged.code, reported.code]).toEqual([1, 0]);
    for (const { stderr } of [triaged, reported]) {
      expect(stderr).toContain(`${join(first, 'finding.json')} is damaged`);
      expect(stderr).toContain(`${join(second, 'input.npz')} is damaged`);
    }
    expect(reported.stderr).toMatch(/stats\.json is damaged/);
    expect(reported.stderr).toMatch(/line 1 of corpus\/journal\.jsonl is damaged/);
    expect(readFileSync(join(path, 'report.html'), 'utf8')).toContain('stats.json is damaged');
    const { stdout, code } = await neurofuzz(['replay', second, others[0]]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^still broken/m);
    expect(stdout).toMatch(/^cannot run.*input\.npz is damaged/m);
    expect(digests(path, 'corpus', 'findings', 'state')).toEqual(before);
  });

  test('whose campaign.yaml is damaged is refused with what to do', async () => {
    const path = copy();
    writeFileSync(join(path, 'campaign.yaml'), '{ model: ');
    const { code, stderr } = await resume(path);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^neurofuzz: --resume: .*campaign\.yaml.*restore it from a copy, or .*--corpus .*\n$/,
    );
    rmSync(join(path, 'campaign.yaml'));
    mkdirSync(join(path, 'campaign.yaml'));
    expect(await resume(path)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/campaign\.yaml: it is a folder, not a file/),
    });
  });
});

test('a campaign whose checkpoints are gone starts over, and its corpus is set aside', async () => {
  const path = copy();
  for (const name of ['checkpoint.json', 'checkpoint-previous.json']) rmSync(join(path, 'state', name));
  const testcases = readdirSync(join(path, 'corpus')).filter((name) => name.endsWith('.npz'));
  const { code, stderr } = await resume(path);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('state/checkpoint.json is missing: the campaign starts over'),
  ]);
  const kept = [...readdirSync(join(path, 'corpus')), ...readdirSync(join(path, 'corpus/damaged'))];
  expect(kept).toEqual(expect.arrayContaining(testcases));
});

test('a campaign of an older version, without checksums, is read and resumed as ever', async () => {
  const path = copy();
  withoutChecksums(path);
  expect(readJson(path, 'state/checkpoint.json').crc32).toBeUndefined();
  for (const command of ['triage', 'report']) {
    const { stderr } = await neurofuzz([command, path]);
    expect(stderr).toBe('');
  }
  const further = ['-n', '2500'];
  const { code, stderr } = await resume(path, further);
  expect([code, /damaged|missing/.test(stderr)]).toEqual([1, false]);
  const other = copy();
  await resume(other, further);
  const kept = (campaign: string) => Object.keys(digests(campaign, 'corpus', 'findings'));
  expect(kept(path)).toEqual(
    kept(other).filter(
      (file) => !findingFolders(whole).some((old) => file === join(relative(whole, old), 'SHA256SUMS')),
    ),
  );
});
