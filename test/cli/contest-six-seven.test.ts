import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { amid, neurofuzz, start } from '../support/command.ts';
import { contestIn } from '../support/contest.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const contest = contestIn(folder);

describe('on the bundled sixes and sevens', () => {
  const corpus = 'corpora/six-seven';
  const campaign = ['--config', `${corpus}/campaign.yaml`, '--inputs', '10', '--queries', '60'];

  test('the undefended net is wrong and sure, on inputs that obey the limits of their attacks', async () => {
    const page = join(folder, 'six-seven.html');
    const { code, report, out } = await contest([
      ...campaign,
      '--attack',
      'spatial',
      'square',
      'pgd:steps=20',
      '--html',
      page,
    ]);
    expect(code).toBe(1);
    const [clean, spatial, square, pgd] = report.attacks;
    expect(clean).toMatchObject({ accuracyAtCoverage: 1, confidentMistakes: 0 });
    expect(spatial.accuracyAtCoverage).toBeLessThanOrEqual(0.05);
    expect(square.accuracyAtCoverage).toBeLessThan(clean.accuracyAtCoverage);
    expect(pgd.accuracyAtCoverage).toBeLessThanOrEqual(0.05);
    expect(report.worst.confidentMistakes).toBeGreaterThan(0);
    // The seed, the finding and the difference of each mistake.
    const html = readFileSync(page, 'utf8');
    const shown = Math.min(9, report.findings);
    expect(html.match(/<h3>/g)).toHaveLength(shown);
    expect(html.match(/data:image\/png/g)).toHaveLength(3 * shown);
    for (const path of findingFolders(out)) {
      const { reproduced, signature, ancestor } = readJson(path, 'finding.json');
      expect(reproduced).toBe('10/10');
      const [values, seed] = [join(path, 'input.npz'), join(out, 'corpus', `${ancestor}.npz`)].map((file) => {
        const [[, { data }]] = decodeNpz(readFileSync(file), file);
        return Array.from(data, Number);
      });
      const [sum, before] = [values, seed].map((all) => all.reduce((total, value) => total + value, 0));
      const largest = Math.max(...values.map((value, i) => Math.abs(value - seed[i])));
      expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
      // 20 of 28 pixels a side hold the shrunk picture, half of its light; a tenth may leave.
      if (signature.endsWith('spatial')) expect(Math.abs(sum / before - (20 / 28) ** 2)).toBeLessThan(0.1);
      else expect(largest).toBeLessThanOrEqual(0.3);
    }
  });

  test('rounding hides gradients from exact ones alone', async () => {
    const attacks = ['--attack', 'pgd:gradient=exact,steps=10', 'pgd:steps=30'];
    const { report } = await contest([`${corpus}/rounded.onnx`, ...campaign, ...attacks]);
    const [clean, exact, through] = report.attacks;
    expect(exact.accuracyAtAll).toBeGreaterThanOrEqual(clean.accuracyAtAll - 0.2);
    expect(through.accuracyAtAll).toBeLessThan(0.3);
  });

  test('goes on where it was interrupted, to the same table', async () => {
    const out = join(folder, 'interrupted');
    const args = ['contest', ...campaign, '--attack', 'spatial', 'square:queries=1000,linf=0.01', '--json'];
    const command = [...args, '-s', '1', '-j', '1'];
    const running = start([...command, '-o', out]);
    const finished = () => (existsSync(`${out}.part`) ? readdirSync(`${out}.part`) : []);
    await amid(
      running,
      'two finished parts',
      () => finished().filter((name) => /^[0-9a-f]+\.bin$/.test(name)).length >= 2,
    );
    running.child.kill('SIGKILL');
    await running.ended;
    expect(existsSync(out)).toBe(false);
    const resumed = await neurofuzz([...command, '-o', out]);
    expect(resumed.stderr).toMatch(/\d parts of the attacks were done by an earlier run/);
    expect(existsSync(`${out}.part`)).toBe(false);
    const whole = join(folder, 'whole');
    const uninterrupted = await neurofuzz([...command, '-o', whole]);
    expect(JSON.parse(resumed.stdout)).toEqual({ ...JSON.parse(uninterrupted.stdout), campaign: out });
    expect(digests(out, 'findings')).toEqual(digests(whole, 'findings'));
  });
});
