import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DEFECTS, TFJS_DEFECTS, writeDefect, writeTfjsDefect } from '../../bench/numeric/defects.ts';
import { FINE_DEFECTS, writeFineDefect } from '../../bench/numeric/fine-defects.ts';
import { type Extent, INPUTS, makeScore, type Score } from '../../bench/numeric/score.ts';
import { findNumericalSites } from '../../src/analysis/numerical-sites/find-sites.ts';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds } from '../support/models.ts';

const folder = testFolder();
let seeds: string;

/** What `npm run bench:numeric` measures of the scores, which takes seconds for each. */
const EXTENTS: Readonly<Record<string, Extent>> = {
  sqrt: { noise: 0.5253129005432129, most: 1.0287750959396362 },
  'integer-division': { noise: 1.1082899570465088, most: 1.6866415739059448 },
  'masked-softmax': { noise: 0.7664106488227844, most: 1.1727263927459717 },
  rsqrt: { noise: 2.0270352363586426, most: 3.006608486175537 },
};

function scoreOf(name: string): Score {
  return makeScore(name, EXTENTS[name]).score;
}

/** Writes a model of bench/numeric; returns its path. */
function model(name: string, repaired = false): string {
  const defect = DEFECTS.find((one) => one.name === name);
  if (defect === undefined) throw new Error(name);
  const path = join(folder, `${name}${repaired ? '-repaired' : ''}.onnx`);
  writeFileSync(path, writeDefect(defect, scoreOf(name), repaired));
  return path;
}

beforeAll(() => {
  const random = randomStream('numeric', 'seeds');
  const data = Float32Array.from({ length: 20 * INPUTS }, () => 0.6 * random.uniform() - 0.3);
  seeds = join(folder, 'seeds.npz');
  writeFileSync(seeds, encodeNpz([['x', { type: 'float32', shape: [20, INPUTS], data }]]));
});

const fuzz = (path: string, out: string, ...more: string[]) =>
  neurofuzz([
    'fuzz',
    path,
    '-i',
    seeds,
    '--range=-1,1',
    '-s',
    '1',
    '-o',
    join(folder, out),
    '--json',
    '--quiet',
    ...more,
  ]);

describe('a defect that a million draws of noise do not show', () => {
  test('is reached, and its finding says which operation, of what, and how far from the seeds', async () => {
    const { code, stdout } = await fuzz(model('sqrt'), 'sqrt', '--until-finding', '-n', '100000');
    expect(code).toBe(1);
    const summary = JSON.parse(stdout);
    expect(summary.findings.signatures[0]).toMatchObject({ signature: 'nonfinite-nan-sqrt' });
    expect(summary.findings.signatures[0].summary).toMatch(
      /^Sqrt\(-[0-9.]+\) gives NaN; it reaches output y$/,
    );
    expect(summary.sites).toEqual([
      { site: 'sqrt', kind: 'sqrt', status: 'triggered', margin: 0, signature: 'nonfinite-nan-sqrt' },
    ]);
    const [finding] = findingFolders(join(folder, 'sqrt'));
    const { origin, severity, status } = readJson(finding, 'finding.json');
    expect(status).toBe('confirmed');
    expect(origin).toMatchObject({ operation: 'sqrt', kind: 'Sqrt', result: 'NaN', path: ['sqrt', 'y'] });
    expect(origin.operands[0].tensor).toBe('left');
    expect(origin.operands[0].value).toBeLessThan(0);
    // Seeds lie within ±0.3, where the defect does not show.
    expect(severity.outsideSeeds).toBeGreaterThan(0.5);
    expect(severity.withinSeeds).toBe('none');
    expect(severity.in8Bit).toBeUndefined();
    const replayed = await neurofuzz(['replay', finding]);
    expect(replayed.stdout).toMatch(/^still broken 10\/10 {2}nonfinite-nan-sqrt/);
  });

  test('is not there in the repaired twin, and the range shows that it cannot be', async () => {
    const { code, stdout } = await fuzz(model('sqrt', true), 'sqrt-repaired', '-n', '20000');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).sites).toEqual([
      {
        site: 'sqrt',
        kind: 'sqrt',
        status: 'unreachable',
        margin: null,
        signature: null,
        method: 'interval',
      },
    ]);
    expect(readJson(folder, 'sqrt-repaired', 'stats.json').sites[0]).toMatchObject({ region: 'floor < 0' });
    const text = await neurofuzz([
      'fuzz',
      model('sqrt', true),
      '-i',
      seeds,
      '--range=-1,1',
      '-n',
      '100',
      '-o',
      join(folder, 'text'),
    ]);
    expect(text.stdout).toContain('numerical sites: 0 failed, 1 proven safe, 0 not reached\n');
  });

  test('cannot come up near the seeds, which bounds around each of them show', async () => {
    const { code, stdout } = await fuzz(model('sqrt'), 'sqrt-ball', '-n', '200', '--linf', '0.1');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).sites).toMatchObject([{ status: 'unreachable', method: 'crown-by-seed' }]);
    expect(readJson(folder, 'sqrt-ball', 'stats.json').sites[0].method).toBe('crown-by-seed');
    const resumed = await fuzz(model('sqrt'), 'sqrt-ball', '-n', '300', '--linf', '0.1', '--resume');
    expect(JSON.parse(resumed.stdout).sites).toMatchObject([{ method: 'crown-by-seed' }]);
    // Testcases of another corpus have ancestors of their own, around which mutants lie.
    const imports = ['--linf', '0.1', '--corpus', join(folder, 'sqrt-ball')];
    const importing = await fuzz(model('sqrt'), 'sqrt-importing', '-n', '200', ...imports);
    expect(JSON.parse(importing.stdout).sites).toMatchObject([{ status: 'open' }]);
    // A campaign that was begun before there were such bounds keeps its goals.
    const settings = join(folder, 'sqrt-ball', 'campaign.yaml');
    writeFileSync(settings, readFileSync(settings, 'utf8').replace(/^ *bounds: 2\n/m, ''));
    const older = await fuzz(model('sqrt'), 'sqrt-ball', '-n', '400', '--linf', '0.1', '--resume');
    expect(JSON.parse(older.stdout).sites).toMatchObject([{ status: 'open' }]);
  });

  test('is not reached by the random control, which measures no margins, nor by coverage alone', async () => {
    for (const guidance of ['none', 'ann']) {
      const { code, stdout } = await fuzz(model('sqrt'), guidance, '-n', '100000', '--guidance', guidance);
      expect(code).toBe(0);
      expect(JSON.parse(stdout).sites[0]).toMatchObject({ status: 'open', margin: null });
    }
  });

  test('is reached behind a mask, one comparison after the other', async () => {
    const { code, stdout } = await fuzz(model('masked-softmax'), 'mask', '--until-finding', '-n', '100000');
    expect(code).toBe(1);
    expect(JSON.parse(stdout).findings.signatures[0].signature).toBe('nonfinite-nan-attention');
  });

  test('is reached in a TensorFlow.js model too, sooner along gradients, and alike on one worker and on two', async () => {
    const defect = TFJS_DEFECTS.find(({ name }) => name === 'rsqrt');
    if (defect === undefined) throw new Error('rsqrt');
    const { json, weightFile, weights } = writeTfjsDefect(defect, scoreOf('rsqrt'), false);
    mkdirSync(join(folder, 'rsqrt'));
    writeFileSync(join(folder, 'rsqrt', 'model.json'), json);
    writeFileSync(join(folder, 'rsqrt', weightFile), weights);
    const path = join(folder, 'rsqrt', 'model.json');
    const search = async (gradients: string) => {
      const out = `tfjs-${gradients}`;
      const flags = ['--until-finding', '-n', '512', '--runtime', 'wasm', '--gradients', gradients];
      const { code, stdout } = await fuzz(path, out, ...flags);
      return { code, found: JSON.parse(stdout), statistics: readJson(join(folder, out), 'stats.json') };
    };
    const along = await search('auto');
    expect(along.code).toBe(1);
    expect(along.found.findings.signatures[0].signature).toBe('nonfinite-inf-rsqrt');
    expect(along.statistics.gradients).toBeGreaterThan(0);
    expect(along.statistics.forwardEquivalents).toBeGreaterThan(
      along.found.execs + along.statistics.gradients,
    );
    const alone = await search('off');
    expect(alone.code).toBe(0);
    expect(alone.statistics).toMatchObject({ gradients: 0, forwardEquivalents: alone.found.execs });
    for (const { found, statistics } of [along, alone]) {
      const { gradients, forwardEquivalents } = statistics;
      expect(found).toMatchObject({ gradients, forwardEquivalents });
    }
    for (const jobs of ['1', '2'])
      await fuzz(path, `tfjs-jobs-${jobs}`, '-n', '256', '-j', jobs, '--keep', '2', '--runtime', 'wasm');
    const one = digests(join(folder, 'tfjs-jobs-1'), 'corpus', 'findings');
    expect(Object.keys(one).some((name) => name.includes('nonfinite-inf-rsqrt'))).toBe(true);
    expect(digests(join(folder, 'tfjs-jobs-2'), 'corpus', 'findings')).toEqual(one);
  });

  test('is found alike on one worker and on two, with the same corpus', async () => {
    const path = model('masked-softmax');
    for (const jobs of ['1', '2']) await fuzz(path, `jobs-${jobs}`, '-n', '30000', '-j', jobs, '--keep', '2');
    const one = digests(join(folder, 'jobs-1'), 'corpus', 'findings');
    expect(Object.keys(one).some((name) => name.includes('nonfinite-nan-attention'))).toBe(true);
    expect(digests(join(folder, 'jobs-2'), 'corpus', 'findings')).toEqual(one);
  });
});

test('a division by zero that fails the whole run is a crash of its operation, with the one input that did it', async () => {
  const { code, stdout } = await fuzz(
    model('integer-division'),
    'division',
    '--until-finding',
    '-n',
    '100000',
  );
  expect(code).toBe(1);
  const [fault] = JSON.parse(stdout).findings.signatures;
  expect(fault).toMatchObject({ signature: 'crash-share', objective: 'crash' });
  expect(JSON.parse(stdout).sites.find(({ site }: { site: string }) => site === 'share')).toMatchObject({
    kind: 'integer-division',
    status: 'triggered',
    signature: 'crash-share',
  });
  const record = readJson(fault.path, 'finding.json');
  expect(record.violation.details.origin).toEqual({ operation: 'share', kind: 'Div' });
  const input = decodeNpz(readFileSync(join(fault.path, 'input.npz')), 'input.npz');
  expect([...input].map(([name, { shape }]) => [name, shape])).toEqual([['x', [INPUTS]]]);
});

test('two causes behind one output are two faults, one cause behind two outputs is one', async () => {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 2]);
  const [one, two] = [1, 2].map((at) =>
    graph.constant(`at_${at}`, 'int64', [1], BigInt64Array.of(BigInt(at))),
  );
  const zero = graph.constant('at_0', 'int64', [1], BigInt64Array.of(0n));
  const low = graph.constant('low', 'float32', [], Float32Array.of(0.9));
  graph.node('Sub', [low, 'x'], 'left');
  graph.node('Sqrt', [graph.node('Slice', ['left', zero, one, one], 'first')], 'sqrt');
  graph.node('Log', [graph.node('Slice', ['left', one, two, one], 'second')], 'log');
  graph.node('Neg', ['sqrt'], 'a');
  graph.node('Add', ['sqrt', 'log'], 'b');
  for (const name of ['a', 'b']) graph.output(name, 'float32', ['batch', 1]);
  const path = join(folder, 'two.onnx');
  writeFileSync(path, graph.finish('two'));
  const given = writeSeeds(
    folder,
    [
      [0, 0.1],
      [0.1, 0],
    ],
    'pairs.npz',
  );
  const out = join(folder, 'two');
  const args = [
    'fuzz',
    path,
    '-i',
    given,
    '--range=-1,1',
    '-n',
    '20000',
    '-s',
    '1',
    '-o',
    out,
    '--json',
    '--quiet',
  ];
  const { stdout } = await neurofuzz(args);
  const signatures = JSON.parse(stdout).findings.signatures.map(
    (fault: { signature: string }) => fault.signature,
  );
  // At zero itself the logarithm makes an infinity, which a draw may hit or not.
  for (const name of signatures) expect(name).toMatch(/^nonfinite-(nan-sqrt|nan-log|inf-log)$/);
  expect(signatures).toContain('nonfinite-nan-sqrt');
  expect(signatures).toContain('nonfinite-nan-log');
});

test('inspect --sites lists the operations that can go wrong, and says so where there are none', async () => {
  const { code, stdout } = await neurofuzz(['inspect', model('integer-division'), '--sites']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/share +Div +integer-division +.* +parts = 0/);
  const none = await neurofuzz(['inspect', 'test/fixtures/lstm.onnx', '--sites']);
  expect(none.stdout).toContain('has no operation that can produce NaN or infinity');
  const json = JSON.parse((await neurofuzz(['inspect', model('sqrt'), '--json'])).stdout);
  expect(json.sites).toEqual([
    { name: 'sqrt', op: 'Sqrt', kind: 'sqrt', tensors: ['left'], region: 'left < 0' },
  ]);
});

test.each(FINE_DEFECTS)('the fine defect $name is at a site of the model', async (defect) => {
  const path = join(folder, `${defect.name}.onnx`);
  writeFileSync(path, writeFineDefect(defect, false));
  const model = await loadModel(path, { runtime: 'auto' });
  const sites = findNumericalSites(model).map(({ name }) => name);
  await model.dispose();
  expect(sites).toContain(defect.site);
});
