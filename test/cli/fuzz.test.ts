import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders } from '../support/campaign.ts';
import { amid, neurofuzz, neurofuzzProcess, start } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const CAMPAIGN = 'corpora/nan-digits/campaign.yaml';

/** A campaign's journal, a record a testcase. */
function journalOf(
  campaign: string,
): { id: string; parent: string | null; ancestor: string; novelty: number | null }[] {
  const lines = readFileSync(join(campaign, 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => JSON.parse(line));
}

describe('the bundled campaign, master seed 1', () => {
  const out = join(folder, 'digits');

  test('finds a NaN by coverage, keeps it as the design lays it out, and exits with 1', async () => {
    const { code, stdout } = await neurofuzzProcess([
      'fuzz',
      '-c',
      CAMPAIGN,
      '--until-finding',
      '--seed',
      '1',
      '-n',
      '500000',
      '-o',
      out,
      '--json',
      '--quiet',
    ]);
    expect(code).toBe(1);
    const summary = JSON.parse(stdout);
    expect(summary).toMatchObject({
      campaign: out,
      seed: '1',
      model: { format: 'onnx', runtime: 'onnx', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      jobs: expect.any(Number),
      batch: 256,
      coverage: { tensors: ['logits'], threshold: expect.any(Number) },
      corpus: { seeds: 40, count: expect.any(Number) },
      findings: { hits: expect.any(Number) },
      stopped: 'finding',
    });
    expect(summary.corpus.count).toBeGreaterThan(40);
    const [finding] = findingFolders(out);
    expect(readdirSync(finding).sort()).toEqual(['SHA256SUMS', 'finding.json', 'input.npz', 'input.png']);
    const record = JSON.parse(readFileSync(join(finding, 'finding.json'), 'utf8'));
    expect(record).toMatchObject({
      formatVersion: 1,
      objective: 'nonfinite',
      reproduced: '10/10',
      model: { path: 'corpora/nan-digits/nan-digits.onnx' },
      seed: '1',
    });
    expect(record.signature).toMatch(/^nonfinite-(nan|inf)-(exp|divide|log)$/);
    expect(record.generation).toBeGreaterThan(0);
    expect(record.mutators.length).toBeGreaterThan(0);
    for (const name of record.mutators) expect(name).toMatch(/^image:[a-z-]+$/);
    expect(record.distance.linf).toBeLessThanOrEqual(2);
  });

  test('leaves labels as the ancestors have them and pixels within their range', () => {
    const arrays = (id: string) => decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id);
    const mutants = journalOf(out).filter(({ parent }) => parent !== null);
    expect(mutants.length).toBeGreaterThan(60);
    for (const { id, ancestor } of mutants) {
      expect(arrays(id).get('label')).toEqual(arrays(ancestor).get('label'));
      const pixels = arrays(id).get('image')?.data as Float32Array;
      expect(pixels.every((value) => value >= -1 && value <= 1)).toBe(true);
      expect(pixels).not.toEqual(arrays(ancestor).get('image')?.data);
    }
  });

  test('journals every testcase in order, each after its parent', () => {
    const lines = journalOf(out);
    const seen = new Set<string>();
    for (const { id, parent, ancestor, novelty } of lines) {
      expect(existsSync(join(out, 'corpus', `${id}.npz`))).toBe(true);
      if (parent !== null) expect(seen.has(parent)).toBe(true);
      else expect({ ancestor, novelty }).toEqual({ ancestor: id, novelty: null });
      seen.add(id);
    }
    expect(seen.size).toBe(readdirSync(join(out, 'corpus')).length - 1);
  });

  test('is replayed as still broken, and by its replay line from the campaign folder', async () => {
    const all = await neurofuzz(['replay', out]);
    expect(all.code).toBe(1);
    expect(all.stdout).toMatch(/^still broken 10\/10 {2}nonfinite-/);
    const [finding] = findingFolders(out);
    const { replay } = JSON.parse(readFileSync(join(finding, 'finding.json'), 'utf8'));
    const [program, ...args] = replay.split(' ');
    expect(program).toBe('neurofuzz');
    const one = await neurofuzzProcess([...args, '--json'], out);
    expect(one.code).toBe(1);
    expect(JSON.parse(one.stdout)).toMatchObject({ replayed: 1, broken: 1, fixed: 0, flaky: 0 });
  });

  test('is not found by the random control with as many mutants', async () => {
    const found = JSON.parse(readFileSync(join(findingFolders(out)[0], 'finding.json'), 'utf8'));
    const args = [
      'fuzz',
      '-c',
      CAMPAIGN,
      '--guidance',
      'none',
      '--seed',
      '1',
      '-n',
      String(found.execs),
      '-o',
      join(folder, 'control'),
    ];
    const { code, stdout } = await neurofuzz([...args, '--json', '--quiet']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      execs: found.execs,
      corpus: { count: 40 },
      findings: { hits: 0, signatures: [] },
      stopped: 'execs',
    });
  });

  test('records settings that give the same campaign again', async () => {
    const again = join(folder, 'again');
    expect(parse(readFileSync(join(out, 'campaign.yaml'), 'utf8'))).toMatchObject({
      seed: '1',
      batch: 256,
      resolved: { modelSha256: expect.any(String) },
    });
    const { code } = await neurofuzz(['fuzz', '-c', join(out, 'campaign.yaml'), '-o', again, '--quiet']);
    expect(code).toBe(1);
    expect(digests(again, 'corpus')).toEqual(digests(out, 'corpus'));
  });
});

test('two campaigns with one seed end byte for byte alike, with findings past the first', async () => {
  const run = (out: string) =>
    neurofuzz(['fuzz', '-c', CAMPAIGN, '--seed', '1', '-n', '30000', '-o', out, '--quiet', '--keep', '2']);
  const [a, b] = [join(folder, 'twin-a'), join(folder, 'deeper', 'twin-b')];
  expect((await run(a)).code).toBe((await run(b)).code);
  const digest = digests(a, 'corpus', 'findings');
  expect(digests(b, 'corpus', 'findings')).toEqual(digest);
  expect(Object.keys(digest).some((path) => path.endsWith('finding.json'))).toBe(true);
});

test('the TensorFlow.js model of the same weights breaks as well', async () => {
  const args = [
    'fuzz',
    '-c',
    'corpora/nan-digits/campaign-tfjs.yaml',
    '--runtime',
    'wasm',
    '--until-finding',
    '--seed',
    '1',
  ];
  const { code, stdout } = await neurofuzz([
    ...args,
    '-n',
    '500000',
    '-o',
    join(folder, 'tfjs'),
    '--json',
    '--quiet',
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    model: { format: 'tfjs-graph', runtime: 'wasm' },
    stopped: 'finding',
  });
});

test('every hit is counted, --keep are kept, and --exit-zero exits with 0', async () => {
  const out = join(folder, 'log');
  const model = writeLogOnnx(folder);
  const seeds = writeSeeds(folder, [[0.5, 0.6, 0.7, 0.8]], 'positive.npz');
  const args = [
    'fuzz',
    model,
    '-i',
    seeds,
    '--range=-1,1',
    '-n',
    '5000',
    '-s',
    '3',
    '-o',
    out,
    '--keep',
    '2',
    '--exit-zero',
    '--json',
    '--quiet',
  ];
  const { code, stdout } = await neurofuzz(args);
  expect(code).toBe(0);
  const fault = JSON.parse(stdout).findings.signatures.find(
    (one: { readonly signature: string }) => one.signature === 'nonfinite-nan-y',
  );
  expect(fault).toMatchObject({ objective: 'nonfinite' });
  expect(fault.hits).toBeGreaterThan(2);
  expect(findingFolders(out).filter((path) => path.includes('nonfinite-nan-y')).length).toBe(2);
  const record = JSON.parse(readFileSync(join(out, 'findings', 'nonfinite-nan-y', 'signature.json'), 'utf8'));
  expect(record.hits).toBe(fault.hits);
});

test('a seed that violates already is a finding of generation 0 and is not fuzzed', async () => {
  const out = join(folder, 'violating');
  const seeds = writeSeeds(folder, [[-1, 0.6, 0.7, 0.8]], 'negative.npz');
  const { code, stdout } = await neurofuzz([
    'fuzz',
    writeLogOnnx(folder),
    '-i',
    seeds,
    '-n',
    '5000',
    '-o',
    out,
    '--json',
    '--quiet',
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ execs: 0, stopped: 'seeds', findings: { hits: 1 } });
  const record = JSON.parse(readFileSync(join(findingFolders(out)[0], 'finding.json'), 'utf8'));
  expect(record).toMatchObject({
    generation: 0,
    parent: null,
    execs: 0,
    distance: { linf: 0, l2: 0, l0: 0 },
  });
});

test('a finding is fixed once the model is', async () => {
  const out = join(folder, 'mended');
  const model = writeLogOnnx(folder, 'mended.onnx');
  const seeds = writeSeeds(folder, [[0.5, 0.6, 0.7, 0.8]], 'mended.npz');
  await neurofuzz([
    'fuzz',
    model,
    '-i',
    seeds,
    '--range=-1,1',
    '-n',
    '2000',
    '-s',
    '3',
    '-o',
    out,
    '--keep',
    '1',
    '--quiet',
  ]);
  // The same interface without the logarithm.
  const graph = new OnnxBuilder();
  graph.node('Abs', [graph.input('x', 'float32', ['batch', 4])], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  writeFileSync(model, graph.finish('mended'));
  const { code, stdout } = await neurofuzz(['replay', out]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^fixed +0\/10 {2}nonfinite-nan-y .*the model has changed/m);
});

test('what shows only in its batch is kept with it, says so, and replays', async () => {
  const out = join(folder, 'batch-dependent');
  // The root of the distance above the batch's mean: NaN for half of a batch, 0 for a testcase alone.
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('ReduceMean', [x], 'mean', { axes: [0], keepdims: 1 });
  graph.node('Sub', [x, 'mean'], 'difference');
  graph.node('Sqrt', ['difference'], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const model = join(folder, 'mean.onnx');
  writeFileSync(model, graph.finish('mean'));
  const seeds = writeSeeds(folder, [[0.5, 0.6, 0.7, 0.8]], 'mean.npz');
  const { code, stdout } = await neurofuzz([
    'fuzz',
    model,
    '-i',
    seeds,
    '--range=0,1',
    '-n',
    '300',
    '-s',
    '1',
    '-o',
    out,
    '--keep',
    '1',
    '--batch',
    '64',
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/1 finding kept, batch-dependent$/m);
  expect(stdout).toMatch(
    /^answers depend on the rest of the batch, first at mean, a ReduceMean; each run had 64 testcases$/m,
  );
  const [finding] = findingFolders(out);
  expect(readdirSync(finding).sort()).toEqual(['SHA256SUMS', 'batch.npz', 'finding.json', 'input.npz']);
  expect(JSON.parse(readFileSync(join(finding, 'finding.json'), 'utf8'))).toMatchObject({
    status: 'batch-dependent',
    reproduced: '10/10',
  });
  const replayed = (await neurofuzz(['replay', out])).stdout;
  expect(replayed).toMatch(/^still broken 10\/10 .*\(batch-dependent: run in its batch of \d+\)$/m);
  expect((await neurofuzz(['triage', out])).stdout).toContain('batch-dependent, 10/10');
});

test('what does not come up again is set apart as unrepeatable and exits with 0', async () => {
  const out = join(folder, 'flaky');
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('RandomUniformLike', [x], 'chance');
  graph.node('Sub', [x, 'chance'], 'difference');
  graph.node('Sqrt', ['difference'], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const model = join(folder, 'chance.onnx');
  writeFileSync(model, graph.finish('chance'));
  const seeds = writeSeeds(
    folder,
    [
      [0.93, 0.95, 0.97, 0.98],
      [1, 1, 1, 1],
    ],
    'chance.npz',
  );
  const args = [
    'fuzz',
    model,
    '-i',
    seeds,
    '--range=0.9,1',
    '-n',
    '400',
    '-s',
    '1',
    '-o',
    out,
    '--keep',
    '1',
    '--json',
    '--quiet',
  ];
  const { code, stdout } = await neurofuzz(args);
  expect(code).toBe(0);
  const [{ path }] = JSON.parse(stdout).findings.signatures;
  expect(relative(out, path)).toMatch(/^findings\/unrepeatable\/nonfinite-nan-y\/[0-9a-f]{16}$/);
  const { status, reproduced } = JSON.parse(readFileSync(join(path, 'finding.json'), 'utf8'));
  expect(status).toBe('flaky');
  expect(reproduced).toMatch(/^[0-9]\/10$/);
});

test('a float64 model takes seeds at the very ends of its range', async () => {
  const graph = new OnnxBuilder();
  graph.node('Abs', [graph.input('x', 'float64', ['batch', 4])], 'y');
  graph.output('y', 'float64', ['batch', 4]);
  const model = join(folder, 'double.onnx');
  writeFileSync(model, graph.finish('double'));
  const seeds = join(folder, 'double.json');
  writeFileSync(seeds, '[[0.1, 0.7, 0.3, 0.4]]');
  const { code, stderr } = await neurofuzz([
    'fuzz',
    model,
    '-i',
    seeds,
    '-n',
    '300',
    '-o',
    join(folder, 'double'),
    '--quiet',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('--linf holds for every testcase that is kept', async () => {
  const out = join(folder, 'ball');
  const model = writeSoftmaxOnnx(folder);
  const rows = [
    [0.1, 0.2, 0.3, 0.4],
    [-0.7, 0.95, 0, 1],
  ];
  const args = [
    'fuzz',
    model,
    '-i',
    writeSeeds(folder, rows, 'ball.npz'),
    '--range=-1,1',
    '--linf',
    '0.1',
    '--threshold',
    '0.0001',
  ];
  expect((await neurofuzz([...args, '-n', '20000', '-s', '1', '-o', out, '--quiet'])).code).toBe(0);
  const journal = journalOf(out);
  const values = (id: string) =>
    decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id).get('x')?.data as Float32Array;
  expect(journal.length).toBeGreaterThan(20);
  let furthest = 0;
  for (const { id, ancestor } of journal) {
    const seed = values(ancestor);
    values(id).forEach((value, i) => {
      furthest = Math.max(furthest, Math.abs(value - seed[i]));
      expect(Math.abs(value)).toBeLessThanOrEqual(1);
    });
  }
  expect(furthest).toBeLessThanOrEqual(0.1);
  expect(furthest).toBeGreaterThan(0.09);
});

test('without seeds some are drawn, with a warning that says how to give them', async () => {
  const { code, stderr } = await neurofuzz([
    'fuzz',
    writeSoftmaxOnnx(folder),
    '-n',
    '500',
    '-o',
    join(folder, 'drawn'),
  ]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/no seeds given: neurofuzz drew 32 at random, x in \[0, 1\].*--seeds.*--range/);
});

test('Ctrl-C ends the campaign in order with its summary', async () => {
  const out = join(folder, 'stopped');
  const running = start([
    'fuzz',
    writeSoftmaxOnnx(folder),
    '-i',
    writeSeeds(folder, [[0, 0.5, 0.2, 1]], 'stop.npz'),
    '-o',
    out,
    '-s',
    '1',
    '--json',
  ]);
  await amid(running, 'figures on the way', () => running.stderr().includes('fuzzing'));
  running.child.kill('SIGINT');
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ stopped: 'interrupted' });
  expect(readFileSync(join(out, 'events.jsonl'), 'utf8')).toMatch(/"event":"stop"/);
});

test('a time budget ends the campaign', async () => {
  const args = [
    'fuzz',
    writeSoftmaxOnnx(folder),
    '-i',
    writeSeeds(folder, [[0, 0.5, 0.2, 1]], 'time.npz'),
    '-t',
    '8s',
  ];
  const { code, stdout } = await neurofuzzProcess([
    ...args,
    '-o',
    join(folder, 'timed'),
    '--json',
    '--quiet',
  ]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ stopped: 'time' });
});

test('--help shows the common flags with their defaults, and examples', async () => {
  const { code, stdout } = await neurofuzz(['fuzz', '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/--execs <n> +number of mutants to run\s+\(default: none\)/);
  expect(stdout.match(/^ {2}(?:-\w, )?--[\w-]+/gm)).toHaveLength(12 + 1);
  expect(stdout).toMatch(/Examples:/);
});

test('--help-all shows each flag once, under a topic', async () => {
  const { code, stdout } = await neurofuzz(['fuzz', '--help-all']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/--keep <n> +findings kept.*\(default: 5\)/s);
  const topics = stdout.match(/^[A-Z][\w ]+:$/gm);
  expect(topics).toEqual([
    'Arguments:',
    'Model and inputs:',
    'What counts as a failure:',
    'How mutants are made:',
    'Limits:',
    'Search:',
    'Resources:',
    'Output:',
    'Several machines:',
    'Other options:',
    'Examples:',
  ]);
  // A new flag belongs to a topic.
  expect(stdout.slice(stdout.indexOf('Other options:'))).toMatch(
    /^Other options:\n +--help-all [^-]+\nExamples/,
  );
});
