import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { BUNDLED, digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const [first, second] = ['first', 'second'].map((name) => join(folder, name));

/** Ids of a corpus in order, and what coverage compares of each. */
function corpusOf(path: string) {
  const lines = readFileSync(join(path, 'corpus/journal.jsonl'), 'utf8').trim().split('\n');
  const bytes = readFileSync(join(path, 'state/activations.f32'));
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const width = all.length / lines.length;
  return lines.map((line, i) => ({
    ...(JSON.parse(line) as { id: string; ancestor: string }),
    vector: [...all.subarray(i * width, (i + 1) * width)],
  }));
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);

beforeAll(async () => {
  const args = [...BUNDLED, '-n', '20000', '--keep', '2'];
  await Promise.all(
    [first, second].map((out, i) => neurofuzz([...args, '-j', '1', '-s', String(i), '-o', out])),
  );
});

describe('distilling two campaigns', () => {
  const out = join(folder, 'distilled');
  let before: Record<string, string>;

  beforeAll(async () => {
    before = { ...digests(first, '.'), ...digests(second, '.') };
    const { code, stdout } = await neurofuzz(['distill', first, second, '-o', out]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/kept [\d,]+ of [\d,]+ testcases of 2 corpora/);
  });

  test('keeps far fewer, each of the others within the threshold of one of them', () => {
    const { threshold, kept, testcases, keptFor } = readJson(out, 'distilled.json');
    const some = corpusOf(out);
    const all = [...corpusOf(first), ...corpusOf(second)];
    expect(some).toHaveLength(kept);
    expect(new Set(all.map(({ id }) => id)).size).toBe(testcases);
    expect(kept).toBeLessThan(testcases / 2);
    expect(keptFor.margins).toBeGreaterThan(0);
    expect(keptFor.coverage + keptFor.margins + keptFor.ancestors).toBe(kept);
    for (const { vector } of all)
      expect(Math.min(...some.map((one) => distance(vector, one.vector)))).toBeLessThanOrEqual(threshold);
  });

  test('keeps the testcase that came nearest by each margin', () => {
    const ids = new Set(corpusOf(out).map(({ id }) => id));
    const least = new Map<string, { id: string; margin: number }>();
    for (const campaign of [first, second]) {
      const journal = corpusOf(campaign);
      const { climbs } = readJson(campaign, 'state/checkpoint.json').state.climbs.search;
      climbs.forEach(
        ({ targets }: { targets: { lanes: { entry: number; margin: number }[] }[] }, p: number) => {
          targets.forEach(({ lanes }, t) => {
            for (const { entry, margin } of lanes)
              if (entry >= 0 && margin < (least.get(`${p} ${t}`)?.margin ?? Number.POSITIVE_INFINITY))
                least.set(`${p} ${t}`, { id: journal[entry].id, margin });
          });
        },
      );
    }
    expect(least.size).toBeGreaterThan(0);
    for (const { id } of least.values()) expect(ids.has(id)).toBe(true);
  });

  test('keeps the seeds that others are measured from, and the findings', () => {
    const some = corpusOf(out);
    const ids = new Set(some.map(({ id }) => id));
    for (const { ancestor } of some) expect(ids.has(ancestor)).toBe(true);
    expect(readdirSync(join(out, 'corpus'))).toHaveLength(ids.size + 1);
    expect(findingFolders(out)).toHaveLength(findingFolders(first).length + findingFolders(second).length);
  });

  test('leaves its sources as they are', () => {
    expect({ ...digests(first, '.'), ...digests(second, '.') }).toEqual(before);
  });

  test('does nothing the second time, and refuses another one there', async () => {
    const again = await neurofuzz(['distill', first, second, '-o', out]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('already complete: ') });
    const other = await neurofuzz(['distill', first, '-o', out]);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('holds another distilled corpus'),
    });
  });

  test('goes on where it was killed', async () => {
    const killed = join(folder, 'killed');
    // Its own clock would be faster than ours: it dies as it puts the twentieth file in its place.
    const deadly = join(folder, 'deadly.mjs');
    writeFileSync(
      deadly,
      `import files from 'node:fs/promises';
      import { syncBuiltinESMExports } from 'node:module';
      const { rename } = files;
      let left = 20;
      files.rename = (...args) => --left > 0 ? rename(...args) : process.kill(process.pid, 'SIGKILL');
      syncBuiltinESMExports();`,
    );
    const env = { NODE_OPTIONS: `--import=${pathToFileURL(deadly).href}` };
    const { code, stderr } = await start(['distill', first, second, '-o', killed], undefined, env).ended;
    expect([code, stderr]).toEqual([null, '']);
    expect(existsSync(join(killed, 'distilled.json'))).toBe(false);
    const there = readdirSync(join(killed, 'corpus')).filter((name) => !name.startsWith('.'));
    expect(there.length).toBeGreaterThan(0);
    expect((await neurofuzz(['distill', first, second, '-o', killed])).code).toBe(0);
    expect(digests(killed, '.')).toEqual(digests(out, '.'));
  });

  test('a larger distance keeps no more than --max', async () => {
    const small = join(folder, 'small');
    const most = Math.ceil(readJson(out, 'distilled.json').kept * 0.8);
    expect((await neurofuzz(['distill', out, '-o', small, '--max', String(most)])).code).toBe(0);
    const report = readJson(small, 'distilled.json');
    expect(report.kept).toBeLessThanOrEqual(most);
    expect(report.threshold).toBeGreaterThan(readJson(out, 'distilled.json').threshold);
    const few = await neurofuzz(['distill', out, '-o', join(folder, 'few'), '--max', '1']);
    expect(few).toMatchObject({ code: 2, stderr: expect.stringMatching(/--max 1 is too few: \d+/) });
    expect(existsSync(join(folder, 'few'))).toBe(false);
  });
});

describe('a campaign that begins with a distilled corpus', () => {
  const distilled = join(folder, 'to-begin-with');
  const args = [...BUNDLED, '-s', 'next', '--corpus', distilled];

  beforeAll(async () => {
    expect((await neurofuzz(['distill', first, '-o', distilled])).code).toBe(0);
  });

  test('holds it from the start, with its ancestors, and comes to the same on any number of workers and resumed', async () => {
    const [one, two] = ['one', 'two'].map((name) => join(folder, name));
    await neurofuzz([...args, '-n', '20000', '-j', '1', '-o', one]);
    await neurofuzz([...args, '-n', '9000', '-j', '2', '-o', two]);
    await neurofuzz(['fuzz', '--resume', '-n', '20000', '-j', '2', '--quiet', '-o', two]);
    expect(digests(two, 'corpus', 'findings')).toEqual(digests(one, 'corpus', 'findings'));
    const ancestors = new Map(corpusOf(one).map(({ id, ancestor }) => [id, ancestor]));
    for (const { id, ancestor } of corpusOf(distilled)) expect(ancestors.get(id)).toBe(ancestor);
  });

  test('measures from the old seeds, and leaves out what its own limits forbid', async () => {
    const out = join(folder, 'near');
    const { stderr } = await neurofuzz([
      ...args.filter((arg) => arg !== '--quiet'),
      ...['--linf', '0.1', '-n', '5000', '--log-level', 'warn', '-o', out],
    ]);
    expect(stderr).toMatch(
      /\d+ of the testcases in .* violate the constraints of this campaign and are left out/,
    );
    for (const path of findingFolders(out))
      expect(readJson(path, 'finding.json').distance.linf).toBeLessThanOrEqual(0.1 + 1e-6);
  });

  test('finds again what was found before', async () => {
    const out = join(folder, 'again');
    await neurofuzz([...args, '-n', '1', '-o', out]);
    const known = findingFolders(distilled).map((path) => readJson(path, 'finding.json'));
    const found = findingFolders(out).map((path) => readJson(path, 'finding.json'));
    for (const { id, signature, ancestor, distance: from } of known)
      expect(found).toContainEqual(expect.objectContaining({ id, signature, ancestor, distance: from }));
  });
});

describe('is refused or survived', () => {
  test('what is not a campaign, or of another model', async () => {
    const none = await neurofuzz(['distill', folder]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a campaign') });
    const other = join(folder, 'other');
    await neurofuzz(['fuzz', '-c', 'corpora/broken-loss/campaign.yaml', '-n', '200', '--quiet', '-o', other]);
    const mixed = await neurofuzz(['distill', first, other, '-o', join(folder, 'mixed')]);
    expect(mixed).toMatchObject({ code: 2, stderr: expect.stringContaining('have different models') });
    const corpus = await neurofuzz([...BUNDLED, '--corpus', 'docs', '-o', join(folder, 'x')]);
    expect(corpus).toMatchObject({ code: 2, stderr: expect.stringContaining('docs has no corpus') });
  });

  test('a damaged testcase: it is named and left out, and the source stays as it is', async () => {
    const hurt = join(folder, 'hurt');
    await cp(first, hurt, { recursive: true });
    const out = join(folder, 'mended');
    expect((await neurofuzz(['distill', hurt, '-o', out])).code).toBe(0);
    const kept = corpusOf(out).filter(({ id, ancestor }) => id !== ancestor);
    const file = join(hurt, 'corpus', `${kept[0].id}.npz`);
    writeFileSync(file, 'no archive');
    rmSync(out, { recursive: true });
    const { code, stderr } = await neurofuzz(['distill', hurt, '-o', out]);
    expect(code).toBe(0);
    expect(stderr).toContain(`corpus/${kept[0].id}.npz is damaged or missing: it is left out`);
    expect(corpusOf(out).map(({ id }) => id)).not.toContain(kept[0].id);
    expect(readFileSync(file, 'utf8')).toBe('no archive');
  });
});
