import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { formatNumber } from '../../src/core/format-number.ts';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { decodeOutputs } from '../../src/storage/finding-files.ts';
import { readManifest } from '../../src/storage/manifest-reader.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeCrowdOnnx, writeSeeds, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';

const folder = testFolder();
const HOME = 'corpora/nan-digits';
const MODEL = `${HOME}/nan-digits.onnx`;
const TWIN = `${HOME}/nan-digits-tfjs/model.json`;
const DIGITS = ['-i', `${HOME}/seeds.npz`, '-m', 'label=none', '--range', 'image=-1,1', '-s', '1', '--quiet'];

const fuzz = (model: string, out: string, ...more: string[]) =>
  neurofuzz(['fuzz', model, ...DIGITS, '-o', join(folder, out), ...more]);

/** Where the greatest of a list is. */
const classOf = (values: readonly number[]): number => values.indexOf(Math.max(...values));

describe('a model and its int8 copy', () => {
  const out = join(folder, 'int8');
  // The loss may be infinite on one side alone, which is another fault.
  const settings = ['--quantize', 'int8', '--match', 'probabilities=probabilities', '--keep', '3'];
  let code: number | null;

  beforeAll(async () => {
    ({ code } = await fuzz(MODEL, 'int8', ...settings, '-n', '4000', '-j', '2'));
  });

  test('give different classes to a mutant, and both outputs are kept', async () => {
    expect(code).toBe(1);
    const findings = findingFolders(out);
    const kinds = findings.map((finding) => readJson(finding, 'finding.json').violation.details.kind);
    expect(kinds).toContain('class');
    for (const [i, finding] of findings.entries()) {
      const record = readJson(finding, 'finding.json');
      expect(record.signature).toBe(`quantization-${kinds[i]}-probabilities`);
      expect(record).toMatchObject({
        objective: 'quantization',
        status: 'confirmed',
        reproduced: '10/10',
        copy: { path: 'copy/nan-digits-int8.onnx', runtime: 'onnx' },
      });
      const path = join(finding, 'outputs.npz');
      const { reference, second } = decodeOutputs(readFileSync(path), path);
      const [own, other] = [reference, second].map((side) =>
        classOf([...(side.find(({ name }) => name === 'probabilities')?.data ?? [])].map(Number)),
      );
      expect([own, other]).toEqual([record.violation.details.reference, record.violation.details.copy]);
      expect(own).not.toBe(other);
      // What the two files give, run without us.
      const input = decodeNpz(readFileSync(join(finding, 'input.npz')), 'input');
      const feeds = ['image', 'label'].map((name) => {
        const tensor = input.get(name);
        if (tensor === undefined) throw new Error(name);
        return { ...tensor, shape: [1, ...tensor.shape] };
      });
      const classes = [];
      for (const file of [MODEL, join(out, 'copy', 'nan-digits-int8.onnx')]) {
        const model = await loadModel(file, { runtime: 'auto' });
        const { outputs } = await model.run(feeds, []);
        classes.push(
          classOf([...(outputs.find(({ name }) => name === 'probabilities')?.data ?? [])].map(Number)),
        );
        await model.dispose();
      }
      expect(classes).toEqual([own, other]);
    }
  });

  test('are replayed together, and resumed', async () => {
    const { stdout, code: replayed } = await neurofuzz(['replay', out]);
    expect(replayed).toBe(1);
    expect(
      stdout
        .trim()
        .split('\n')
        .every((line) => line.startsWith('still broken 10/10')),
    ).toBe(true);
    const { code: resumed } = await neurofuzz(['fuzz', '--resume', '-o', out, '-n', '6000', '--quiet']);
    expect(resumed).toBe(1);
  });

  test('are judged anew by other rules, without either model', async () => {
    const { stdout, code: plain } = await neurofuzzProcess(['triage', out, '--json']);
    expect(plain).toBe(1);
    const { faults } = JSON.parse(stdout);
    expect(faults[0]).toMatchObject({
      signature: 'quantization-class-probabilities',
      findings: 3,
      broken: null,
    });
    const away = join(folder, 'away');
    cpSync(out, away, { recursive: true });
    rmSync(join(away, 'copy'), { recursive: true });
    const strict = await neurofuzz(['triage', away, '--atol', '1e-6', '--json']);
    expect(strict.code).toBe(1);
    expect(JSON.parse(strict.stdout).faults[0].broken).toBe(3);
    const lenient = await neurofuzz(['triage', away, '--atol', '1000']);
    expect(lenient.code).toBe(0);
    expect(lenient.stdout).toMatch(
      /^ +quantization-class-probabilities +\d+ hits, 3 kept +10\/10 .* 0 of 3 findings violate the given rules /,
    );
    const wrong = await neurofuzz(['triage', away, '--cosine', '2']);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: "neurofuzz: --cosine must be a number from -1 to 1, not '2'\n",
    });
    expect(await neurofuzz(['triage', folder])).toMatchObject({ code: 2 });
  });

  test('find the same with one worker', async () => {
    const again = join(folder, 'again');
    await fuzz(MODEL, 'again', ...settings, '-n', '6000', '-j', '1');
    expect(digests(again, 'corpus', 'findings')).toEqual(digests(out, 'corpus', 'findings'));
  });
});

test('a disagreement that needs its batch says so, is kept with it, and is not looked for without --batch', async () => {
  const [model, copy] = [0, 1].map((weight) => writeCrowdOnnx(folder, weight));
  const out = join(folder, 'crowd');
  const seeds = writeSeeds(folder, [[1, 0.9, 0.5, 0]], 'crowd.npz');
  const flags = ['--against', copy, '-i', seeds, '--range=0,1', '-n', '500', '--keep', '1', '-s', '1'];
  const { code } = await neurofuzz(['fuzz', model, ...flags, '--batch', '64', '-o', out, '--quiet']);
  expect(code).toBe(1);
  const findings = findingFolders(out).filter((path) => !path.includes('differential-tie-'));
  expect(findings).toHaveLength(1);
  const [finding] = findings;
  const { status, reproduced, violation, summary } = readJson(finding, 'finding.json');
  expect([status, reproduced]).toEqual(['batch-dependent', '10/10']);
  expect(readdirSync(finding).sort()).toEqual([
    'SHA256SUMS',
    'batch.npz',
    'finding.json',
    'input.npz',
    'outputs.npz',
  ]);
  // The summary, the details and the outputs are of one run: in its batch.
  const outputs = decodeNpz(readFileSync(join(finding, 'outputs.npz')), finding);
  const { reference, copy: second, copyValues } = violation.details;
  const given = Array.from(outputs.get('copy/logits')?.data as Float32Array);
  expect([given[reference], given[second]]).toEqual(copyValues);
  expect(summary).toContain(`${formatNumber(given[second], 4)} vs`);
  const dependence = { side: 'second', cause: 'neighbours', operation: { name: 'most', op: 'ReduceMax' } };
  expect((await readManifest(out)).resolved).toMatchObject({ batchDependence: dependence });

  const alone = await neurofuzz(['fuzz', model, ...flags, '-o', join(folder, 'crowd-alone')]);
  expect(alone.code).toBe(0);
  expect(alone.stderr).toContain("the second model's answers depend on the rest of the batch, first at most");
});

describe('one network in two formats', () => {
  test('agrees within a tolerance, and parts beyond a finer one', async () => {
    const twin = writeSoftmaxTfjs(folder);
    const seeds = writeSeeds(folder, [
      [0.1, 0.2, 0.3, 0.4],
      [1, -1, 0.5, 0],
    ]);
    const settings = ['fuzz', writeSoftmaxOnnx(folder), '-i', seeds, '--range=-2,2', '-s', '1', '--quiet'];
    const compared = (out: string, rule: string) =>
      neurofuzz([
        ...settings,
        ...['--against', twin, '-O', `differential:${rule}`, '-n', '2000', '-o', join(folder, out)],
      ]);
    expect(await compared('wide', 'atol=1e-4')).toMatchObject({ code: 0, stderr: '' });
    expect((await compared('narrow', 'atol=1e-9')).code).toBe(1);
    expect(existsSync(join(folder, 'narrow/findings/differential-difference-probabilities'))).toBe(true);
  });

  test('and one model on two runtimes', async () => {
    const { code, stdout } = await neurofuzz([
      ...['fuzz', TWIN, ...DIGITS.filter((flag) => flag !== '--quiet'), '-o', join(folder, 'runtimes')],
      ...['--runtime', 'wasm', '--against-runtime', 'cpu', '-n', '100', '--json'],
    ]);
    expect([0, 1]).toContain(code);
    expect(JSON.parse(stdout)).toMatchObject({ execs: 100, model: { runtime: 'wasm' } });
    const settings = readFileSync(join(folder, 'runtimes/campaign.yaml'), 'utf8');
    expect(settings).toMatch(/copyRuntime: "?@tensorflow\/tfjs-backend-cpu/);
  });
});

test('a constraint around the seed holds while borders are sought', async () => {
  const { code, stdout } = await fuzz(
    MODEL,
    'near',
    '--quantize',
    'float16',
    '-O',
    'quantization',
    '--linf',
    '0.3',
    '-n',
    '3000',
  );
  expect([code, stdout]).not.toEqual([2, '']);
  for (const finding of findingFolders(join(folder, 'near')))
    expect(readJson(finding, 'finding.json').distance.linf).toBeLessThanOrEqual(0.3 + 1e-6);
});

describe('a request that makes no sense ends with 2 and one line', () => {
  let small: string;
  let other: string;

  beforeAll(() => {
    const write = (name: string, size: number, outputs: readonly string[]): string => {
      const graph = new OnnxBuilder();
      const x = graph.input('x', 'float32', ['batch', size]);
      for (const output of outputs) {
        graph.node('Relu', [x], output);
        graph.output(output, 'float32', ['batch', size]);
      }
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, graph.finish(name));
      return path;
    };
    small = write('small', 4, ['y']);
    other = write('other', 5, ['y']);
    write('two', 4, ['a', 'b']);
    const random = randomStream('pairs', 'seeds');
    const data = Float32Array.from({ length: 32 }, () => random.uniform());
    writeFileSync(join(folder, 'x.npz'), encodeNpz([['x', { type: 'float32', shape: [8, 4], data }]]));
  });

  test.each([
    ['no second model', () => ['-O', 'quantization'], /needs a second model: name it with --against/],
    [
      'other input shapes',
      () => ['--against', other],
      /takes x as float32 \?×5 and .* takes x as float32 \?×4: only models of the same/,
    ],
    [
      'outputs that cannot be matched',
      () => ['--against', join(folder, 'two.onnx')],
      /cannot be matched: .* --match y=a/,
    ],
    ['a copy that is not there', () => ['--against', 'nowhere.onnx'], /cannot read the model .*nowhere.onnx/],
    ['a copy that is no model', () => ['--against', 'README.md'], /README.md/],
    ['a match of no output', () => ['--against', small, '--match', 'z=y'], /has no output z: it has y/],
    [
      'a match that is none',
      () => ['--against', small, '--match', 'y'],
      /--match: write outputs as logits=y/,
    ],
    ['nothing that compares', () => ['--against', small, '-O', 'nonfinite'], /no objective compares it/],
    ['two second models', () => ['--against', small, '--quantize', 'int8'], /use one of them/],
    ['an unknown kind', () => ['--quantize', 'int4'], /--quantize must be one of float16, bfloat16, int8/],
    [
      'a parameter that is none',
      () => ['--against', small, '-O', 'differential:atl=1'],
      /did you mean atol\?/,
    ],
    ['nothing to quantize', () => ['--quantize', 'int8'], /there is nothing to quantize/],
    ['another runtime than can be', () => ['--against-runtime', 'wasm'], /--runtime wasm cannot run/],
  ])('%s', async (name, flags, message) => {
    const out = join(folder, `bad ${name}`);
    const ended = await neurofuzz([
      'fuzz',
      small,
      '-i',
      join(folder, 'x.npz'),
      ...flags(),
      '-o',
      out,
      '--quiet',
    ]);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  test('calibration without seeds, a model that is already quantized', async () => {
    const unseeded = await neurofuzz(['fuzz', MODEL, '--quantize', 'int8', '--quiet']);
    expect(unseeded).toMatchObject({ code: 2, stdout: '' });
    expect(unseeded.stderr).toMatch(/calibrated on the seeds, but there are no seeds/);
    const already = await neurofuzz([
      'fuzz',
      'test/fixtures/convnet-int8.onnx',
      '--quantize',
      'float16',
      '--quiet',
    ]);
    expect(already.code).toBe(2);
    expect(already.stderr).toMatch(/is already quantized/);
  });
});

describe('neurofuzz quantize', () => {
  test('writes a copy that can be named, and nothing over what is there', async () => {
    const out = join(folder, 'copies', 'digits.onnx');
    const args = [
      'quantize',
      MODEL,
      '--to',
      'int8',
      '-i',
      `${HOME}/seeds.npz`,
      '-o',
      out,
      '--log-level',
      'error',
    ];
    expect(await neurofuzzProcess([...args, '--json'])).toMatchObject({ code: 0, stderr: '' });
    const before = readFileSync(out);
    expect(before.length).toBeLessThan(readFileSync(MODEL).length / 3);
    const again = await neurofuzz(args);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/already exists: choose another file with --out/);
    expect(readFileSync(out).equals(before)).toBe(true);
    const { code } = await fuzz(MODEL, 'named', '--against', out, '-n', '100');
    expect([0, 1]).toContain(code);
  });

  test('writes a folder for TensorFlow.js, and asks for seeds where it needs them', async () => {
    const out = join(folder, 'tfjs-copy');
    const { stdout, code } = await neurofuzz(['quantize', TWIN, '--to', 'int8', '-o', out]);
    expect(code).toBe(0);
    expect(stdout).toBe(`wrote ${join(out, 'model.json')} (${TWIN} as int8)\n`);
    expect(readdirSync(out).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
    const unseeded = await neurofuzz(['quantize', MODEL, '--to', 'int8']);
    expect(unseeded.code).toBe(2);
    expect(unseeded.stderr).toMatch(/set --seeds/);
  });
});

describe('neurofuzz compare', () => {
  const pair = ['corpora/quantized-digits/digits.onnx', 'corpora/quantized-digits/digits-int8.onnx'];
  const compare = (...more: string[]) =>
    neurofuzz([
      'compare',
      ...pair,
      '-i',
      'corpora/quantized-digits/seeds.npz',
      '--log-level',
      'error',
      ...more,
    ]);

  test('says how far two models lie apart, output by output and layer by layer', async () => {
    const { code, stdout } = await compare('--json', '--worst', '3');
    expect(code).toBe(0);
    const compared = JSON.parse(stdout);
    expect(compared).toMatchObject({ testcases: 40, violations: 0, objective: 'differential' });
    expect(compared.outputs).toHaveLength(1);
    const [{ output, agreement, difference, cosine, kl }] = compared.outputs;
    expect({ output, agreement }).toEqual({ output: 'logits', agreement: 1 });
    expect(difference.median).toBeGreaterThan(0.05);
    expect(difference.most).toBeGreaterThanOrEqual(difference.p90);
    expect(cosine.least).toBeGreaterThan(0.99);
    expect(kl.most).toBeLessThan(0.1);
    expect(compared.worst).toHaveLength(3);
    expect(compared.worst[0].difference).toBe(difference.most);
    const { layers, first } = compared.departures;
    expect(first).toBeNull();
    expect(layers.map(({ tensor }: { tensor: string }) => tensor)).toEqual(
      expect.arrayContaining(['hidden_1', 'hidden_2', 'logits']),
    );
    // Errors add up along the way.
    const snr = (name: string): number =>
      layers.find(({ tensor }: { tensor: string }) => tensor === name).snr;
    expect(snr('hidden_1')).toBeGreaterThan(snr('logits'));
  });

  test('ends with 1 where inputs disagree, and names the first layer below a bound', async () => {
    const { code, stdout } = await compare('-O', 'differential:atol=0.2', '--snr', '42');
    expect(code).toBe(1);
    expect(stdout).toMatch(/on 40 inputs: [1-9]\d* disagree \(differential:atol=0.2\)/);
    expect(stdout).toMatch(/hidden_2 \(\w+\) is the first layer below 42 dB/);
  });

  test('refuses what it cannot compare', async () => {
    const { code, stderr } = await neurofuzzProcess(['compare', ...pair]);
    expect([code, stderr]).toEqual([
      2,
      'neurofuzz: there are no inputs to compare the models on: set --seeds\n',
    ]);
    expect(await compare('--snr', 'loud')).toMatchObject({ code: 2 });
    expect(await compare('-O', 'nonfinite')).toMatchObject({ code: 2 });
  });
});

test('the bundled pair agrees on every seed and is parted within its constraint', async () => {
  const out = join(folder, 'bundled');
  const { code, stdout } = await neurofuzz([
    ...['fuzz', '-c', 'corpora/quantized-digits/campaign.yaml', '--until-finding', '-s', '3'],
    ...['-n', '50000', '-o', out, '--json', '--quiet'],
  ]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ corpus: { seeds: 40 }, stopped: 'finding' });
  for (const finding of findingFolders(out)) {
    const { distance, generation, departures } = readJson(finding, 'finding.json');
    expect(departures.layers.at(-1)).toMatchObject({ tensor: 'logits', copy: 'logits' });
    expect(distance.linf).toBeLessThanOrEqual(0.4 + 1e-6);
    expect(generation).toBeGreaterThan(0);
  }
});
