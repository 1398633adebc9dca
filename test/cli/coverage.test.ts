import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { digests, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const model = writeSoftmaxOnnx(folder);
const DIGITS = 'corpora/nan-digits/nan-digits.onnx';
const DIGIT_SEEDS = 'corpora/nan-digits/seeds.npz';
let seeds: string;
let training: string;

beforeAll(() => {
  seeds = writeSeeds(folder, [
    [0, 0.5, 0.2, 1],
    [1, 0, 0.3, 0.1],
    [0.2, 0.9, 0.8, 0],
  ]);
  training = writeSeeds(
    folder,
    Array.from({ length: 40 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 3 * j) % 20) / 20)),
    'training.npz',
  );
});

describe('campaigns by a criterion of the literature', () => {
  test.each([
    ['k-multisection:sections=20', true],
    ['nlc', true],
    ['surprise:buckets=200', true],
    ['top-k-pattern', false],
  ])(
    '%s, with reference inputs: %s, ends in the same bytes in parts and on two workers',
    async (measure, hasReference) => {
      const reference = hasReference ? ['--coverage-reference', training] : [];
      const name = `${measure.replaceAll(/\W/g, '-')}-${hasReference}`;
      const [whole, parts] = [join(folder, name), join(folder, `${name}-parts`)];
      const args = [
        'fuzz',
        model,
        '-i',
        seeds,
        '--range=0,1',
        '-s',
        '1',
        '--measure',
        measure,
        ...reference,
        '--quiet',
      ];
      const first = await neurofuzz([...args, '-n', '1500', '-o', whole]);
      expect(first).toMatchObject({ code: 0, stderr: '' });
      await neurofuzz([...args, '-n', '600', '-j', '2', '-o', parts]);
      const resumed = await neurofuzz(['fuzz', '--resume', '-o', parts, '-n', '1500', '-j', '2', '--quiet']);
      expect(resumed).toMatchObject({ code: 0, stderr: '' });
      expect(digests(parts, 'corpus')).toEqual(digests(whole, 'corpus'));
      expect(readJson(whole, 'stats.json').corpus).toBeGreaterThan(3);
      const out = join(folder, `${name}-distilled`);
      const distilled = await neurofuzz(['distill', whole, '-o', out, '--json', '--quiet']);
      expect(distilled.code).toBe(0);
      const { testcases, kept } = JSON.parse(distilled.stdout);
      expect(kept).toBeLessThanOrEqual(testcases);
      expect(kept).toBeGreaterThan(0);
    },
  );

  test.each([
    ['fast', 'values'],
    ['rare', 'norm'],
    ['rare:among=3', 'k-multisection'],
  ])(
    'with the scheduler %s by %s ends in the same bytes on 1, 2 and 4 workers, and in parts',
    async (scheduler, measure) => {
      const campaign = (jobs: number): string =>
        join(folder, `${scheduler.replaceAll(/\W/g, '-')}-${measure}-${jobs}`);
      const args = [
        'fuzz',
        model,
        '-i',
        seeds,
        '--range=0,1',
        '-s',
        '2',
        '--scheduler',
        scheduler,
        '--quiet',
      ];
      for (const jobs of [1, 2, 4]) {
        const out = ['-j', `${jobs}`, '-o', campaign(jobs)];
        const begun = await neurofuzz([
          ...args,
          '--measure',
          measure,
          '-n',
          jobs === 2 ? '900' : '3000',
          ...out,
        ]);
        expect(begun).toMatchObject({ code: 0, stderr: '' });
      }
      await neurofuzz(['fuzz', '--resume', '-o', campaign(2), '-n', '3000', '-j', '2', '--quiet']);
      expect(readJson(campaign(1), 'stats.json').corpus).toBeGreaterThan(3);
      expect(digests(campaign(2), 'corpus')).toEqual(digests(campaign(1), 'corpus'));
      expect(digests(campaign(4), 'corpus')).toEqual(digests(campaign(1), 'corpus'));
    },
  );

  test('whose reference inputs differ are not distilled together', async () => {
    const run = async (name: string, reference: string) => {
      const out = join(folder, name);
      const args = [
        'fuzz',
        model,
        '-i',
        seeds,
        '--range=0,1',
        '-s',
        '1',
        '-n',
        '300',
        '--measure',
        'boundary',
      ];
      await neurofuzz([...args, '--coverage-reference', reference, '-o', out, '--quiet']);
      return out;
    };
    const [first, other] = [await run('by-training', training), await run('by-seeds', seeds)];
    const together = await neurofuzz(['distill', first, other, '-o', join(folder, 'both'), '--quiet']);
    expect(together).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${first} and ${other} have different reference inputs`),
    });
  });

  test('by a criterion whose elements are nearly all new keep few, and distill keeps the elements of all', async () => {
    const run = async (name: string, ...flags: string[]) => {
      const out = join(folder, name);
      const measure = ['--measure', 'k-multisection:sections=65535', '--coverage-reference', training];
      const args = ['fuzz', model, '-i', seeds, '--range=0,1', '-s', '1', ...measure, '-n', '4000'];
      expect(await neurofuzz([...args, ...flags, '-o', out, '--quiet'])).toMatchObject({ code: 0 });
      return { out, ...readJson(out, 'stats.json') };
    };
    const adaptive = await run('flooded');
    const fixed = await run('flooded-on-purpose', '--threshold', '0');
    expect(adaptive.thresholdChanges).toBeGreaterThan(0);
    expect(fixed.thresholdChanges).toBe(0);
    expect(adaptive.corpus).toBeLessThan(fixed.corpus / 3);
    const distilled = ['distill', adaptive.out, '-o', join(folder, 'flooded-distilled'), '--json', '--quiet'];
    expect(JSON.parse((await neurofuzz(distilled)).stdout).threshold).toBe(0);
  });

  test('with other reference inputs is another campaign, which --resume refuses', async () => {
    const out = join(folder, 'other-reference');
    const args = [
      'fuzz',
      model,
      '-i',
      seeds,
      '--range=0,1',
      '-s',
      '1',
      '--measure',
      'boundary',
      '-o',
      out,
      '--quiet',
    ];
    await neurofuzz([...args, '--coverage-reference', training, '-n', '200']);
    const other = await neurofuzz([...args, '--coverage-reference', seeds, '--resume', '-n', '400']);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the inputs of --coverage-reference have changed since/),
    });
  });

  test('names the flag whose file cannot be read', async () => {
    const missing = join(folder, 'nope.npz');
    const args = ['coverage', model, '-i', seeds, '--measure', 'boundary'];
    for (const flag of ['--coverage-reference', '--compare'])
      expect(await neurofuzz([...args, flag, missing])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`neurofuzz: ${flag}: cannot read ${missing}: no such file or folder`),
      });
  });

  test('refuses reference inputs for a criterion that has no use for them', async () => {
    const out = join(folder, 'no-use');
    const args = ['fuzz', model, '-i', seeds, '--coverage-reference', training, '-n', '10', '-o', out];
    expect(await neurofuzz(args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^neurofuzz: --coverage-reference: --measure norm compares with no reference inputs/m,
      ),
    });
    expect(existsSync(out)).toBe(false);
  });
});

describe('neurofuzz coverage', () => {
  test('lists the criteria with their equations, parameters and sources', async () => {
    const { code, stdout } = await neurofuzz(['coverage', '--json']);
    expect(code).toBe(0);
    const { criteria } = JSON.parse(stdout);
    expect(criteria.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining([
        'norm',
        'neuron',
        'k-multisection',
        'boundary',
        'top-k',
        'nlc',
        'surprise',
        'attention',
      ]),
    );
    for (const { name, equation, source } of criteria)
      expect({ name, equation, source }).toEqual({
        name,
        equation: expect.stringMatching(/[=:]/),
        source: expect.stringMatching(/20\d\d/),
      });
    expect((await neurofuzz(['coverage'])).stdout).toContain(
      'from DeepXplore (Pei et al., SOSP 2017), section 4.1',
    );
  });

  test('measures all layers of a model by each criterion, two test sets side by side', async () => {
    const html = join(folder, 'coverage.html');
    const args = ['coverage', DIGITS, '-i', DIGIT_SEEDS, '--compare', DIGIT_SEEDS, '--html', html];
    const { code, stdout } = await neurofuzz([...args, '--json', '--quiet']);
    expect(code).toBe(0);
    const { coverage, criteria, reference, sets } = JSON.parse(stdout);
    expect(coverage.tensors).toEqual(['hidden_1', 'hidden_2', 'logits']);
    expect(reference).toEqual({ inputs: 40, isSeeds: true });
    expect(sets).toEqual([
      { name: 'seeds', inputs: 40 },
      { name: 'compared', inputs: 40 },
    ]);
    const byName = new Map(
      criteria.map((criterion: { criterion: string }) => [criterion.criterion, criterion]),
    );
    const neuron = byName.get('neuron') as { sets: { covered: number; total: number; layers: unknown[] }[] };
    expect(neuron.sets[0]).toEqual(neuron.sets[1]);
    expect(neuron.sets[0].total).toBe(310);
    expect(neuron.sets[0].covered).toBeGreaterThan(0);
    expect(neuron.sets[0].layers).toHaveLength(3);
    // Nothing lies outside the ranges of the reference, which the seeds are.
    expect(byName.get('boundary')).toMatchObject({ sets: [{ covered: 0, total: 620 }, { covered: 0 }] });
    expect(readFileSync(html, 'utf8')).toContain('class="bar"');
  });

  test.each([
    [[DIGITS], /there are no inputs to measure: set --seeds/],
    [['-i', DIGIT_SEEDS], /name the model/],
    [[DIGITS, '-i', DIGIT_SEEDS, '--measure', 'norm'], /criteria that compare distances, such as norm/],
    [
      [DIGITS, '-i', DIGIT_SEEDS, '--measure', 'neurn'],
      /--measure: unknown criterion neurn: did you mean neuron\?/,
    ],
    [[DIGITS, '-i', DIGIT_SEEDS, '--measure', 'attention'], /hidden_1 holds no attention weights/],
  ])('%j is refused with one line', async (args, words) => {
    const { code, stdout, stderr } = await neurofuzz(['coverage', ...args, '--quiet']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(words);
  });
});
