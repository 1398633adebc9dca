import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx, writeLogOnnx, writeSeeds } from '../support/models.ts';

const folder = testFolder();
const model = writeGreatestOnnx(folder, false);

/** The class of a row is the place of its greatest value; a change of every value by half of the gap turns it. */
const GAPS = [0.05, 0.1, 0.15, 0.25, 0.5];
const rows = GAPS.map((gap, i) =>
  Array.from({ length: 4 }, (_, k) => (k === i % 4 ? 0.3 + gap : k === (i + 1) % 4 ? 0.3 : 0.3 - 0.02 * k)),
);
writeSeeds(folder, rows, 'rows.npz');
writeFileSync(join(folder, 'labels.txt'), GAPS.map((_, i) => `${i % 4}\n`).join(''));

let files = 0;
/** Writes a campaign file with a threat model; returns its path and a folder for its campaign. */
function campaignFile(threatModel: object, others: object = {}) {
  const name = `campaign-${files++}`;
  const path = join(folder, `${name}.yaml`);
  const settings = { model, seeds: 'rows.npz', labels: 'labels.txt', execs: 20_000, seed: 'threat' };
  writeFileSync(path, JSON.stringify({ ...settings, threatModel, ...others }));
  return { path, out: join(folder, name) };
}

const NEAR = {
  goal: { kind: 'untargeted' },
  may: 'indistinguishable',
  limits: { linf: 0.1, range: [0, 1] },
};

async function fuzz(threatModel: object, ...flags: string[]) {
  const { path, out } = campaignFile(threatModel);
  // Each worker is a process more.
  const jobs = flags.some((flag) => flag === '-j' || flag === '--jobs') ? [] : ['--jobs', '1'];
  const all = ['fuzz', '-c', path, '-o', out, '--json', ...flags, ...jobs];
  const { code, stdout, stderr } = await neurofuzz(all);
  return { code, out, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
}

describe('fuzz with a threat model', () => {
  test('tells the share of seeds that give way, and the expected loss', async () => {
    const { code, result, out } = await fuzz({ ...NEAR, population: { share: 0.01, cost: 20 } });
    expect(code).toBe(1);
    expect(result.threatModel).toMatchObject({
      goal: { kind: 'untargeted', from: 'any' },
      success: [
        { objective: 'misclassified', seeds: 3, of: 5, errors: 0, isReached: true, expectedLoss: 0.12 },
      ],
    });
    const text = readFileSync(join(out, 'campaign.yaml'), 'utf8');
    expect(text).toMatch(/^linf: 0\.1$/m);
    const { stdout } = await neurofuzz(['fuzz', '--resume', '-o', out, '-n', '20001']);
    expect(stdout).toMatch(
      /threat model: misclassified: 3 of 5 wrong under attack \(60 %\), 0 seeds of 5 wrong/,
    );
  });

  test('finds what the same settings without it find', async () => {
    const { out } = await fuzz(NEAR);
    const { path, out: plain } = campaignFile({}, { linf: 0.1, range: [0, 1], objective: 'misclassified' });
    const { threatModel: _, ...settings } = readJson(path);
    writeFileSync(path, JSON.stringify(settings));
    await neurofuzz(['fuzz', '-c', path, '-o', plain, '--quiet', '-j', '2']);
    // The records of findings say that they obey.
    const testcases = (folder: string) =>
      Object.entries(digests(folder, 'corpus', 'findings')).filter(
        ([name]) => !/finding\.json|SHA256SUMS/.test(name),
      );
    expect(testcases(out)).toEqual(testcases(plain));
  });

  test('aims at the classes of a targeted goal, from the classes that it names', async () => {
    const { result } = await fuzz({ ...NEAR, goal: { kind: 'targeted', to: [1], from: [0, 1] } });
    // Of the seeds of class 0, with gaps of 0.05 and 0.5, the first is near class 1; those of class 1 are there already.
    expect(result.threatModel.success).toMatchObject([{ seeds: 1, of: 2 }]);
  });

  test('searches nothing where the attacker moves before the defence', async () => {
    const { code, result, stderr } = await fuzz({ ...NEAR, turn: 'before' });
    expect(code).toBe(0);
    expect(result).toMatchObject({ execs: 0, stopped: 'turn' });
    expect(stderr).toMatch(/warning: threat model: turn: before with execs: there is no search/);
  });

  test.each([
    [{ ...NEAR, goal: { kind: 'targeted', to: [4] } }, [], /to names class 4: name one below 4/],
    [{ ...NEAR, goal: { kind: 'untargeted', from: [9] } }, [], /no seed is of a class to start from \(9\)/],
    [NEAR, ['--linf', '0.2'], /--linf 0\.2 contradicts threatModel\.limits\.linf 0\.1/],
    [{ ...NEAR, may: 'content-preserving' }, ['-m', 'splice'], /splice may change the meaning of an input/],
    [{ ...NEAR, gaol: 1 }, [], /threatModel must not have the unknown setting gaol \(did you mean goal\?\)/],
  ])('%j %j is refused in one line', async (threatModel, flags, message) => {
    const { code, stderr } = await fuzz(threatModel, '--quiet', ...flags);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(message);
  });
});

describe('threat', () => {
  test('says who attacks, and warns', async () => {
    const { path } = campaignFile({ ...NEAR, starts: 'own' });
    const { code, stdout } = await neurofuzz(['threat', path]);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe("The attacker wants an input to get another class than its seed's.");
    expect(stdout).toMatch(/warning: starts: own with a limit on linf/);
    const { stdout: json } = await neurofuzz(['threat', path, '--json']);
    expect(JSON.parse(json)).toMatchObject({
      formatVersion: 1,
      objective: ['misclassified'],
      threatModel: { starts: 'own', turn: 'after' },
      warnings: [expect.stringMatching(/^starts: own/)],
      seeds: 5,
    });
  });

  test('takes a campaign folder, and counts the seeds that are attacked', async () => {
    const { out } = await fuzz({ ...NEAR, goal: { kind: 'untargeted', from: [0] } }, '-n', '100');
    expect(JSON.parse((await neurofuzz(['threat', out, '--json'])).stdout).seeds).toBe(2);
  });

  test('says so where the model is not there', async () => {
    const { path } = campaignFile(NEAR, { model: 'gone.onnx' });
    const { code, stdout } = await neurofuzz(['threat', path]);
    expect({ code, lines: stdout.trim().split('\n').at(-1) }).toEqual({
      code: 0,
      lines: 'The model is not there: seeds and classes are not checked.',
    });
  });

  test('refuses a file without a threat model, and limits that no seed satisfies', async () => {
    const { path } = campaignFile(NEAR);
    const { threatModel: _, ...settings } = readJson(path);
    writeFileSync(path, JSON.stringify(settings));
    const none = await neurofuzz(['threat', path]);
    expect({ code: none.code, stderr: none.stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has no threatModel: add one/),
    });
    const { path: narrow } = campaignFile({ ...NEAR, limits: { linf: 0.1, range: [0.9, 1] } });
    const refused = await neurofuzz(['threat', narrow]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/outside the range of input x/) });
  });
});

describe('init --threat-model', () => {
  test.each(['reliability', 'insider', 'benchmark-linf', 'api-client', 'label-only'])(
    '%s writes a file that runs',
    async (preset) => {
      const file = join(folder, `${preset}.yaml`);
      const seeds = join(folder, 'rows.npz');
      const flags = ['--threat-model', preset, '-i', seeds, '--range', '0,1'];
      expect((await neurofuzz(['init', model, ...flags, '-o', file])).code).toBe(0);
      const { code, stdout } = await neurofuzz(['threat', file]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/attacker/);
      const run = await neurofuzz(['fuzz', '-c', file, '-o', join(folder, preset), '-n', '500', '--quiet']);
      expect(run.stderr).toBe('');
      expect([0, 1]).toContain(run.code);
    },
  );

  test('with labels leaves the quantized copy out', async () => {
    const file = join(folder, 'labelled.yaml');
    const labels = join(folder, 'labels.txt');
    const flags = ['-i', join(folder, 'rows.npz'), '--labels', labels, '--threat-model', 'benchmark-linf'];
    await neurofuzz(['init', model, ...flags, '-o', file]);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^labels: labels\.txt$/m);
    expect(text).not.toMatch(/^quantize/m);
    expect((await neurofuzz(['threat', file])).stdout).toMatch(/largest change of a value 0\.0/);
  });
});

describe('an attacker who sees outputs alone', () => {
  const digits = (known: string, others: object = {}) =>
    campaignFile(
      {
        goal: { kind: 'untargeted' },
        may: 'indistinguishable',
        limits: { linf: 0.4 },
        knows: { model: known, ...others },
      },
      {
        model: resolve('corpora/quantized-digits/digits.onnx'),
        against: resolve('corpora/quantized-digits/digits-int8.onnx'),
        seeds: resolve('corpora/quantized-digits/seeds.npz'),
        labels: undefined,
        range: [-1, 1],
        execs: 3000,
      },
    );

  test('finds disagreements without a gradient, and the same on four workers', async () => {
    const { path, out } = digits('outputs');
    const { code, stdout, stderr } = await neurofuzz(['fuzz', '-c', path, '-o', out, '--json']);
    expect(stderr).not.toMatch(/hidden/);
    const result = JSON.parse(stdout);
    expect({ code, ...result }).toMatchObject({
      code: 1,
      execs: 3000,
      gradients: 0,
      forwardEquivalents: 3000,
      sites: [],
      threatModel: { outside: 0 },
    });
    expect(result.findings.signatures.map(({ signature }: { signature: string }) => signature)).toEqual(
      expect.arrayContaining(['differential-class-logits']),
    );
    await neurofuzz(['fuzz', '-c', path, '-o', `${out}-4`, '--quiet', '-j', '4']);
    expect(digests(`${out}-4`, 'corpus', 'findings')).toEqual(digests(out, 'corpus', 'findings'));
    expect((await neurofuzz(['replay', out])).stdout).toMatch(/^still broken 10\/10 {2}differential-class/m);
  });

  test('bisects the way to other classes where these are all that is seen', async () => {
    const run = async (jobs: string) => {
      const { path, out } = digits('outputs', { outputs: 'labels' });
      const { code, stdout } = await neurofuzz(['fuzz', '-c', path, '-o', out, '--json', '--jobs', jobs]);
      return { code, out, result: JSON.parse(stdout) };
    };
    const [one, four] = [await run('1'), await run('4')];
    expect(one.code).toBe(1);
    expect(one.result.threatModel.success[0].seeds).toBeGreaterThan(0);
    expect(digests(four.out, 'findings')).toEqual(digests(one.out, 'findings'));
    const [folderOfOne] = findingFolders(one.out);
    // No score is known: a class has 1, the others 0.
    expect(readJson(folderOfOne, 'finding.json').summary).toMatch(/\(1 vs 0 for class \d+\)/);
    expect((await neurofuzz(['replay', folderOfOne])).stdout).toMatch(/still broken 10\/10/);
  });

  test('has gradients where the weights are known', async () => {
    const { path, out } = digits('weights');
    const { stdout } = await neurofuzz(['fuzz', '-c', path, '-o', out, '--json', '--quiet']);
    expect(JSON.parse(stdout).gradients).toBeGreaterThan(0);
  });

  test('finds NaN at an output, without the operation that makes it', async () => {
    const { path, out } = campaignFile(
      { goal: { kind: 'reliability' }, knows: { model: 'outputs' } },
      { model: writeLogOnnx(folder), labels: undefined, range: [-1, 1], execs: 500 },
    );
    const { code, stdout } = await neurofuzz(['fuzz', '-c', path, '-o', out, '--json', '--quiet']);
    const [{ signature }] = JSON.parse(stdout).findings.signatures;
    expect({ code, signature }).toEqual({ code: 1, signature: expect.stringMatching(/^nonfinite-nan-y/) });
  });

  test('cannot name an inner tensor', async () => {
    const { path, out } = digits('outputs');
    const { code, stderr } = await neurofuzz([
      ...['fuzz', '-c', path, '-o', out, '--quiet'],
      ...['--coverage', 'hidden'],
    ]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/the model has no tensor hidden/),
    });
  });
});

describe('a budget of queries', () => {
  const queries = { each: 96, total: 400 };

  test.each(['outputs', 'weights'] as const)('ends the search of an attacker who knows %s', async (known) => {
    const { code, out, result } = await fuzz({ ...NEAR, queries, knows: { model: known } });
    expect(code).toBe(1);
    expect(result.stopped).toBe('queries');
    const { execs, gradients = 0 } = result;
    expect(execs).toBeGreaterThan(0);
    expect(execs + 3 * gradients).toBeLessThanOrEqual(400);
    expect(gradients > 0).toBe(known === 'weights');
    const spent = findingFolders(out).map((finding) => readJson(finding, 'finding.json').threat.queries);
    expect(spent.length).toBeGreaterThan(0);
    expect(Math.max(...spent)).toBeLessThanOrEqual(96);
    const stats = readJson(join(out, 'stats.json'));
    expect(stats.execs).toBe(execs);
  });

  test('gives the same on any number of workers, and after a stop', async () => {
    const block = { ...NEAR, queries };
    const one = await fuzz(block, '--jobs', '1');
    const four = await fuzz(block, '--jobs', '4');
    expect(digests(four.out, 'findings')).toEqual(digests(one.out, 'findings'));
    expect(four.result.execs).toBe(one.result.execs);
    const halved = await fuzz(block, '--jobs', '2', '-n', '100');
    expect(halved.result.stopped).toBe('execs');
    const { stdout } = await neurofuzz(['fuzz', '--resume', '-o', halved.out, '-n', '20000', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ stopped: 'queries', execs: one.result.execs });
    expect(digests(halved.out, 'findings')).toEqual(digests(one.out, 'findings'));
  });

  test('is refused where it has no room for a pick', async () => {
    const { code, stderr } = await fuzz({ ...NEAR, queries: { each: 7 } });
    expect(code).toBe(2);
    expect(stderr).toContain('threatModel.queries.each must be a whole number, 8 or more');
  });
});

describe('a condition on mutants', () => {
  const VALID = 'abs(sum(x) - sum(seed)) < 0.01 and max(abs(x - seed.x)) < 0.1';

  test('holds for all findings, those of minimize included', async () => {
    const { code, out, result } = await fuzz({
      ...NEAR,
      may: 'content-preserving',
      limits: { range: [0, 1], valid: VALID },
    });
    expect(code).toBe(1);
    expect(result.threatModel).toMatchObject({ outside: 0, success: [{ seeds: 3, of: 5 }] });
    const minimized = await neurofuzz(['minimize', '--all', out, '--tries', '60']);
    expect(minimized.code).toBe(0);
    const clauses = findingFolders(out).map((finding) => readJson(finding, 'finding.json').threat.clauses);
    for (const list of clauses) expect(list).toContain('limits.valid');
    expect((await neurofuzz(['replay', out])).code).toBe(1);
  });

  test('leaves out the seeds that do not meet it', async () => {
    const { stderr, result } = await fuzz({
      ...NEAR,
      may: 'content-constrained',
      limits: { linf: 0.1, range: [0, 1], valid: 'max(seed) < 0.5' },
    });
    expect(stderr).toContain('--valid leaves out 2 of 5 seeds');
    expect(result.threatModel).toMatchObject({ outside: 0, success: [{ of: 3 }] });
  });

  test.each([
    ['sum(y) > 0', /--valid: y is not an input; there are x, seed\.x, seed/],
    ['sum(x) > 100', /--valid: sum\(x\) > 100 does not hold for any seed/],
    ['sum(x', /--valid: expected/],
    ['1 > 0', /--valid: 1 > 0 names no input/],
  ])('%s is refused', async (valid, message) => {
    const { code, stderr } = await fuzz({ ...NEAR, may: 'content-constrained', limits: { valid } });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
