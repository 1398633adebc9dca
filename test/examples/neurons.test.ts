import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { CoverageCriterionKind } from '../../src/coverage/criterion.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import { BUNDLED, digests, readJson, savedExecs } from '../support/campaign.ts';
import { amid, neurofuzzProcess, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { runOf, tensorOf } from '../support/observations.ts';

// Jest does not resolve a package by its own name.
jest.unstable_mockModule('neurofuzz', () => import('../../src/index.ts'), { virtual: true });
const { default: neurons } = (await import('../../examples/neurons.js' as string)) as {
  default: CoverageCriterionKind;
};
const settings = { seed: 'seed', varying: false };
const { observe } = neurons.make(parameterValues(), settings);

const folder = testFolder();

describe('neuron coverage', () => {
  test('covers the neurons beyond the threshold, scaled within their layer and row', () => {
    const layers = [
      tensorOf('hidden_1', [
        [0, 1, 2, 4],
        [10, 10, 30, 20],
      ]),
      tensorOf('hidden_2', [
        [-1, 1, 0.1],
        [5, 5, 5],
      ]),
    ];
    // Row 0: 0, 0.25, 0.5, 1 and 0, 1, 0.55. Row 1: 0, 0, 1, 0.5 and a layer that nothing in stands out of.
    expect([...observe(runOf(...layers))]).toEqual([0, 0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0]);
  });

  test('has a threshold that can be set', () => {
    const lenient = neurons.make(parameterValues(new Map([['threshold', 0.25]])), settings);
    expect([...lenient.observe(runOf(tensorOf('hidden', [[0, 1, 2, 4]])))]).toEqual([0, 0, 1, 1]);
  });

  test('takes a feature map for one neuron, by its mean', () => {
    const maps = tensorOf('conv', [[0, 0, 0, 2, 4, 4, 4, 2]], [2, 2, 2]);
    expect([...observe(runOf(maps))]).toEqual([0, 1]);
  });

  test('is a set, in one file of at most 60 lines', () => {
    expect(neurons.feedback).toBe('set');
    expect(readFileSync('examples/neurons.js', 'utf8').split('\n').length).toBeLessThanOrEqual(61);
  });
});

describe('a campaign by neuron coverage', () => {
  const flags = ['--coverage', 'hidden_1', 'hidden_2', '--measure', './examples/neurons.js', '-s', 'neurons'];
  const args = [...BUNDLED, ...flags, '-n', '4000'];
  const whole = join(folder, 'whole');

  /** The covered neurons of each entry, in the order of the journal. */
  function coverageOf(campaign: string) {
    const lines = readFileSync(join(campaign, 'corpus/journal.jsonl'), 'utf8').trim().split('\n');
    const bytes = readFileSync(join(campaign, 'state/activations.f32'));
    const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const width = all.length / lines.length;
    return lines.map((line, i) => ({
      ...(JSON.parse(line) as { parent: string | null; novelty: number | null; site?: string }),
      covered: [...all.subarray(i * width, (i + 1) * width)].flatMap((value, n) => (value === 0 ? [] : [n])),
    }));
  }

  beforeAll(async () => {
    await neurofuzzProcess([...args, '-j', '1', '-o', whole]);
  });

  test('keeps mutants with a neuron that no entry before them covers, and records how many', () => {
    const known = new Set<number>();
    let kept = 0;
    for (const { parent, novelty, site, covered } of coverageOf(whole)) {
      const fresh = covered.filter((neuron) => !known.has(neuron)).length;
      if (parent !== null) {
        expect(novelty).toBe(fresh);
        expect(fresh > 0).toBe(site === undefined);
        if (fresh > 0) kept++;
      }
      for (const neuron of covered) known.add(neuron);
    }
    expect(kept).toBeGreaterThan(0);
    expect(readFileSync(join(whole, 'campaign.yaml'), 'utf8')).toMatch(
      /threshold: 0\n(?: {2}[ ]*\S.*\n)* {2}feedback: set\n/,
    );
  });

  test('comes to the same with two workers, and killed and resumed', async () => {
    const [two, killed] = ['two', 'killed'].map((name) => join(folder, name));
    await neurofuzzProcess([...args, '-j', '2', '-o', two]);
    expect(digests(two, 'corpus', 'findings')).toEqual(digests(whole, 'corpus', 'findings'));
    const running = start([...args, '-j', '1', '-o', killed]);
    await amid(running, 'a checkpoint on the way', () => savedExecs(killed) > 0);
    running.child.kill('SIGKILL');
    expect((await running.ended).code).toBeNull();
    await neurofuzzProcess(['fuzz', '--resume', '-j', '1', '--quiet', '-o', killed]);
    expect(digests(killed, 'corpus', 'findings')).toEqual(digests(whole, 'corpus', 'findings'));
  });

  test('is distilled to fewer testcases that cover the same neurons', async () => {
    const distilled = join(folder, 'distilled');
    const { code, stdout } = await neurofuzzProcess(['distill', whole, '-o', distilled]);
    expect(code).toBe(0);
    expect(stdout).toContain('has no element that the kept testcases lack');
    const union = (campaign: string) => new Set(coverageOf(campaign).flatMap(({ covered }) => covered));
    expect(union(distilled)).toEqual(union(whole));
    const { kept, testcases, feedback } = readJson(distilled, 'distilled.json');
    expect(feedback).toBe('set');
    expect(kept).toBeLessThan(testcases / 2);
    // What is distilled already is as small as it gets.
    const again = join(folder, 'again');
    await neurofuzzProcess(['distill', distilled, '-o', again]);
    expect(readJson(again, 'distilled.json').kept).toBe(kept);
  });
});
