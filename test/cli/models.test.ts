import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { guessIn } from '../support/guesses.ts';

const folder = testFolder();
const fixture = (name: string): string => resolve('test/fixtures', name);

describe('init', () => {
  test.each([
    [
      'a transformer encoder of tokens and a mask',
      'encoder.onnx',
      'shape',
      { tokens: [1, 16], mask: [1, 16] },
      // A sentence that is masked altogether.
      ['nonfinite-nan-node_Softmax_105'],
    ],
    ['a convolution net with batch norm', 'convnet.onnx', 'range', { image: [0, 1] }, []],
    ['an LSTM', 'lstm.onnx', 'shape', { wave: [1, 16, 1] }, []],
    [
      'a tabular net of three inputs',
      'tabular.onnx',
      'mutator',
      { measures: ['tables', 'numbers'], categories: ['tables', 'numbers'], flag: 'flags' },
      [],
    ],
    ['a layers model', 'tfjs-layers', 'mutator', { hidden_input: ['tables', 'numbers'] }, []],
  ])('%s goes from init to a finished campaign', async (_, model, key, value, found) => {
    const home = join(folder, model);
    mkdirSync(home);
    const written = await neurofuzzProcess(['init', fixture(model)], home);
    expect(written).toMatchObject({ code: 0, stderr: '' });
    expect(written.stdout).toMatch(
      /^wrote campaign\.yaml for \d inputs?; run it with: .* fuzz --config campaign\.yaml\nIts seeds are drawn .*\n$/,
    );
    const text = readFileSync(join(home, 'campaign.yaml'), 'utf8');
    expect(guessIn(text, key)).toEqual(value);
    const ran = await neurofuzzProcess(
      ['fuzz', '--config', 'campaign.yaml', '-n', '1500', '-j', '1', '-s', '1', '--json'],
      home,
    );
    expect(ran.code).toBe(found.length === 0 ? 0 : 1);
    const json = JSON.parse(ran.stdout);
    expect(json).toMatchObject({ execs: 1500, stopped: 'execs' });
    expect(json.findings.signatures.map(({ signature }: { signature: string }) => signature)).toEqual(found);
  });

  test('overwrites nothing', async () => {
    const file = join(folder, 'mine.yaml');
    writeFileSync(file, 'mine');
    const { code, stderr } = await neurofuzz(['init', fixture('tabular.onnx'), '-o', file]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/mine\.yaml already exists: name another/),
    });
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });
});

describe('inspect', () => {
  test('tells what the inputs look like, and what auto watches and why', async () => {
    const { code, stdout } = await neurofuzzProcess(['inspect', fixture('encoder.onnx'), '--json']);
    expect(code).toBe(0);
    const inspection = JSON.parse(stdout);
    expect(inspection).toMatchObject({
      formatVersion: 1,
      model: { format: 'onnx', runtime: { kind: 'onnx', device: 'CPU', threads: 1 } },
      inputs: [
        { name: 'tokens', type: 'int64', shape: ['batch', 'length'], kind: 'tokens', range: [0, 31] },
        { name: 'mask', type: 'int64', shape: ['batch', 'length'], kind: 'mask', range: [0, 1] },
      ],
      outputs: [{ name: 'probabilities', shape: ['batch', 4] }],
      operations: { MatMul: 10, Softmax: 3 },
      coverage: { auto: ['linear_8'], why: 'the logits: input of the softmax node_softmax' },
      notes: [],
    });
    expect(inspection.tensors.length).toBe(126);
    expect(inspection.tensors.every((tensor: { shape?: unknown }) => Array.isArray(tensor.shape))).toBe(true);
    expect(inspection.tensors).toContainEqual({
      name: 'layer_norm_3',
      op: 'LayerNormalization',
      shape: ['batch', 'length', 16],
    });
  });

  test('prints a table for people', async () => {
    const { stdout } = await neurofuzz(['inspect', fixture('tfjs-graph')]);
    expect(stdout).toMatch(
      /^ {2}x {2}float32 {2}\?×2 {2}features: it has one dimension {2}assumed range 0\.\.1 \(the model declares none\); --range x=lo,hi sets it$/m,
    );
    expect(stdout).toMatch(/^parameters {2}116$/m);
    expect(stdout).toMatch(/^ {2}\* {2}logits\/BiasAdd +BiasAdd +\?×2$/m);
  });

  test('of a graph of ten thousand operations tells of every one', async () => {
    const graph = new OnnxBuilder();
    let last = graph.input('x', 'float32', ['batch', 4]);
    for (let i = 0; i < 10_000; i++)
      last = graph.node(i % 2 === 0 ? 'Relu' : 'Neg', [last], `block${i >> 3}/t${i}`);
    graph.output(last, 'float32', ['batch', 4]);
    const path = join(folder, 'long.onnx');
    writeFileSync(path, graph.finish('long'));
    const { code, stdout } = await neurofuzz(['inspect', path, '--json']);
    expect(code).toBe(0);
    const { tensors, operations } = JSON.parse(stdout);
    expect(operations).toEqual({ Neg: 5000, Relu: 5000 });
    expect(tensors[9999]).toEqual({ name: last, op: 'Neg', shape: ['batch', 4] });
    expect(tensors[7].shape).toEqual([null, 4]);
  });

  test.each([
    [
      ['dense.keras'],
      /a Keras model \(\.keras\), which neurofuzz cannot run directly; convert it: python -c/,
    ],
    [['make.py'], /is not a supported model format/],
    [['tabular.onnx', '--runtime', 'wasm'], /--runtime wasm cannot run/],
    [['tabular.onnx', '--runtime', 'gpu'], /--runtime must be one of/],
    [['tabular.onnx', '--signature', 'x'], /--signature is for SavedModels/],
  ])('%j is refused in one line', async ([name, ...flags], message) => {
    const { code, stdout, stderr } = await neurofuzz(['inspect', fixture(name), ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
  });
});

test('doctor tells of every runtime whether it works, how fast, and what to do', async () => {
  const { code, stdout } = await neurofuzzProcess(['doctor', '--json']);
  expect(code).toBe(0);
  const { runtimes, advice, network } = JSON.parse(stdout);
  expect(network).toBe('dense network of 784-200-100-10');
  expect(runtimes.map(({ kind }: { kind: string }) => kind)).toEqual(['onnx', 'tensorflow', 'wasm', 'cpu']);
  for (const runtime of runtimes) {
    if (runtime.works) {
      expect(runtime.rate).toBeGreaterThan(0);
      expect(runtime).toMatchObject({
        version: expect.stringMatching(/ \d+\./),
        device: expect.stringMatching(/CPU|GPU/),
      });
    } else expect(runtime.problem).toMatch(/is not installed/);
  }
  const native = runtimes.find(({ kind }: { kind: string }) => kind === 'tensorflow').works;
  expect(advice.join('\n')).toMatch(
    native ? /auto takes tensorflow/ : /npm install @tensorflow\/tfjs-node-gpu/,
  );
});

/** Tokens and masks of these lengths, a file each. */
function sentences(name: string, lengths: readonly number[]): string[] {
  const at = join(folder, name);
  for (const input of ['tokens', 'mask']) {
    mkdirSync(join(at, input), { recursive: true });
    lengths.forEach((length, i) => {
      const data = BigInt64Array.from({ length }, (_, k) =>
        input === 'mask' ? 1n : BigInt((7 * k + i) % 32),
      );
      writeFileSync(join(at, input, `${i}.npy`), encodeNpy({ type: 'int64', shape: [length], data }));
    });
  }
  return [`tokens=${join(at, 'tokens')}`, `mask=${join(at, 'mask')}`];
}

describe('sizes that a model leaves open', () => {
  const lengthsIn = (out: string): number[] =>
    readdirSync(join(out, 'corpus'))
      .filter((name) => name.endsWith('.npz'))
      .map((name) => {
        const arrays = decodeNpz(readFileSync(join(out, 'corpus', name)), name);
        const shapes = ['tokens', 'mask'].map((input) => arrays.get(input)?.shape);
        expect(shapes[0]).toEqual(shapes[1]);
        return shapes[0]?.[0] ?? 0;
      });

  test('come from the seeds: several in one corpus, the same bytes on any number of workers and in two parts', async () => {
    const seeds = sentences('several', [4, 9, 4, 17, 9]);
    const run = async (name: string, ...flags: string[]) => {
      const out = join(folder, name);
      const args = [
        'fuzz',
        fixture('encoder.onnx'),
        '-i',
        ...seeds,
        '--range',
        'tokens=0,31',
        'mask=0,1',
        '--mutator',
        'mask=none',
      ];
      const search = ['--measure', 'values', '--scheduler', 'uniform', '--threshold', '0.3'];
      const ended = await neurofuzz([...args, ...search, '-s', '1', '-o', out, '--quiet', ...flags]);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      return out;
    };
    const one = await run('one', '-n', '6000', '-j', '1');
    const two = await run('two', '-n', '6000', '-j', '2');
    const parts = await run('parts', '-n', '2000', '-j', '2');
    const resumed = await neurofuzz(['fuzz', '--resume', '-o', parts, '-n', '6000', '-j', '1', '--quiet']);
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    const lengths = lengthsIn(one);
    for (const length of [4, 9, 17]) {
      expect(lengths.filter((other) => other === length).length).toBeGreaterThan(5);
    }
    expect(digests(two, 'corpus', 'findings')).toEqual(digests(one, 'corpus', 'findings'));
    expect(digests(parts, 'corpus', 'findings')).toEqual(digests(one, 'corpus', 'findings'));
  });

  test('are given by --shape where there are no seeds, with or without the batch', async () => {
    for (const [name, shape] of [
      ['batched', ['tokens=1,6', 'mask=1,6']],
      ['alone', ['tokens=6', 'mask=6']],
    ] as const) {
      const out = join(folder, name);
      const flags = ['--shape', ...shape, '-n', '1000', '-s', '1', '-j', '1', '-o', out, '--quiet'];
      const stays = ['--mutator', 'mask=none'];
      expect(await neurofuzz(['fuzz', fixture('encoder.onnx'), ...flags, ...stays])).toMatchObject({
        code: 0,
      });
      expect(new Set(lengthsIn(out))).toEqual(new Set([6]));
    }
  });

  test.each([
    [['--shape', '1,6'], /--shape: the model has several inputs, so name one: tokens=1,6/],
    [['--shape', 'token=1,6'], /--shape: the model has no input token: did you mean tokens\?/],
    [['--shape', 'tokens=1,6,2'], /--shape tokens=1,6,2 does not fit the model, where tokens is \S+×\S+/],
    [['--shape', 'tokens=1,0'], /--shape tokens must be sizes such as 1,128, not \[1,0\]/],
  ])('with %j is refused', async (flags, message) => {
    const { code, stderr } = await neurofuzz([
      'fuzz',
      fixture('encoder.onnx'),
      ...flags,
      '-o',
      join(folder, 'no'),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('a finding of one length replays', async () => {
    const graph = new OnnxBuilder();
    graph.node('Log', [graph.input('x', 'float32', ['batch', 'length'])], 'y');
    graph.output('y', 'float32', ['batch', 'length']);
    const model = join(folder, 'log.onnx');
    writeFileSync(model, graph.finish('log'));
    const at = join(folder, 'logs');
    mkdirSync(at);
    for (const length of [3, 5]) {
      const data = new Float32Array(length).fill(0.01);
      writeFileSync(join(at, `${length}.npy`), encodeNpy({ type: 'float32', shape: [length], data }));
    }
    const out = join(folder, 'logged');
    const ran = await neurofuzz([
      'fuzz',
      model,
      '-i',
      at,
      '--range=-1,1',
      '-n',
      '2000',
      '-s',
      '1',
      '-o',
      out,
      '--quiet',
    ]);
    expect(ran.code).toBe(1);
    const shapes = findingFolders(out).map(
      (path) => decodeNpz(readFileSync(join(path, 'input.npz')), path).get('x')?.shape,
    );
    // Five of each signature: a NaN of the logarithm of what is below 0, an infinity of that of 0.
    expect(shapes.length).toBe(10);
    // Lengths of the seeds, and those that are tried beyond them.
    for (const shape of shapes) expect(['1', '2', '3', '5', '6']).toContain(String(shape));
    const replayed = await neurofuzz(['replay', out, '--json']);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ broken: shapes.length, fixed: 0, flaky: 0 });
  });
});

describe('pictures', () => {
  /** A net that yields NaN where red is bright; its input is as torchvision normalises it. */
  function brightRed(): string {
    const graph = new OnnxBuilder();
    const x = graph.input('image', 'float32', ['batch', 3, 12, 20]);
    graph.node('GlobalAveragePool', [x], 'means');
    graph.node('Flatten', ['means'], 'flat', { axis: 1 });
    const red = graph.constant('red', 'int64', [1], BigInt64Array.of(0n));
    graph.node('Gather', ['flat', red], 'reds', { axis: 1 });
    graph.node('Sub', [graph.constant('limit', 'float32', [1], Float32Array.of(0)), 'reds'], 'rest');
    graph.node('Sqrt', ['rest'], 'y');
    graph.output('y', 'float32', ['batch', 1]);
    const path = join(folder, 'red.onnx');
    writeFileSync(path, graph.finish('red'));
    return path;
  }

  const pixel = async (path: string): Promise<number[]> => {
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([20, 12, 3]);
    return [...data.subarray(0, 3)];
  };

  test('of any size and kind are seeds by declared preprocessing, and findings look like them', async () => {
    const at = join(folder, 'photos');
    mkdirSync(at);
    const photo = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: { r: 90, g: 160, b: 40 } } });
    await photo(200, 120).jpeg({ quality: 100 }).toFile(join(at, 'large.jpg'));
    await photo(33, 47).png().toFile(join(at, 'tall.png'));
    await photo(20, 12).png().toFile(join(at, 'exact.png'));
    const out = join(folder, 'seen');
    const campaign = {
      model: brightRed(),
      seeds: [at],
      preprocess: { image: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } },
      out,
      execs: 3000,
      seed: '1',
    };
    const file = join(folder, 'photos.json');
    writeFileSync(file, JSON.stringify(campaign));
    const { code, stderr } = await neurofuzz(['fuzz', '-c', file, '--quiet']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const seeds = readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ parent }) => parent === null);
    expect(seeds.length).toBeGreaterThanOrEqual(1);
    const [{ id }] = seeds;
    const values = decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id).get('image');
    expect(values?.shape).toEqual([3, 12, 20]);
    // (90 / 255 - 0.485) / 0.229 and so on, one channel after the other; JPEG is off by a level or two.
    const worked = [-0.5767, 0.7654, -1.1073];
    worked.forEach((value, c) => expect(Math.abs(Number(values?.data[240 * c]) - value)).toBeLessThan(0.05));
    const [finding] = findingFolders(out);
    expect(readJson(finding, 'finding.json').signature).toMatch(/^nonfinite-nan-/);
    const found = decodeNpz(readFileSync(join(finding, 'input.npz')), finding).get('image');
    const shown = await pixel(join(finding, 'input.png'));
    [0, 1, 2].forEach((c) => {
      const level =
        255 *
        (Number(found?.data[240 * c]) * campaign.preprocess.image.std[c] + campaign.preprocess.image.mean[c]);
      expect(Math.abs(shown[c] - level)).toBeLessThanOrEqual(0.51);
    });
    // No channel leaves the values that its levels have.
    const { mean, std } = campaign.preprocess.image;
    for (let i = 0; i < 720; i++) {
      const c = Math.floor(i / 240);
      const value = Number(found?.data[i]);
      expect(value).toBeGreaterThanOrEqual(-mean[c] / std[c] - 1e-6);
      expect(value).toBeLessThanOrEqual((1 - mean[c]) / std[c] + 1e-6);
    }
  });

  test('are drawn within what their levels become, channel by channel, where there are no seeds', async () => {
    const file = join(folder, 'drawn.json');
    const out = join(folder, 'drawn');
    const preprocess = { image: { mean: [0.9, 0.5, 0.1], std: [0.2, 0.3, 0.4] } };
    writeFileSync(
      file,
      JSON.stringify({ model: brightRed(), preprocess, out, execs: 300, seed: '1', jobs: 1 }),
    );
    expect((await neurofuzz(['fuzz', '-c', file, '--quiet'])).stderr).toBe('');
    const names = readdirSync(join(out, 'corpus')).filter((name) => name.endsWith('.npz'));
    const data = decodeNpz(readFileSync(join(out, 'corpus', names[0])), names[0]).get('image')?.data;
    const { mean, std } = preprocess.image;
    for (let c = 0; c < 3; c++) {
      const channel = Array.from({ length: 240 }, (_, i) => Number(data?.[240 * c + i]));
      expect(Math.min(...channel)).toBeGreaterThanOrEqual(-mean[c] / std[c] - 1e-6);
      expect(Math.max(...channel)).toBeLessThanOrEqual((1 - mean[c]) / std[c] + 1e-6);
      expect(Math.max(...channel) - Math.min(...channel)).toBeGreaterThan(0.5 / std[c]);
    }
  });

  test('are levels as they are to a model of whole numbers', async () => {
    const graph = new OnnxBuilder();
    graph.node('Cast', [graph.input('image', 'int32', ['batch', 9, 9, 1])], 'y', { to: 1 });
    graph.output('y', 'float32', ['batch', 9, 9, 1]);
    const model = join(folder, 'whole.onnx');
    writeFileSync(model, graph.finish('whole'));
    const seed = join(folder, 'whole.png');
    const levels = Uint8Array.from({ length: 81 }, (_, i) => 3 * i);
    await sharp(levels, { raw: { width: 9, height: 9, channels: 1 } })
      .png()
      .toFile(seed);
    const out = join(folder, 'whole');
    const flags = ['-i', seed, '-n', '100', '-s', '1', '-j', '1', '-o', out, '--quiet'];
    expect(await neurofuzz(['fuzz', model, ...flags])).toMatchObject({ code: 0, stderr: '' });
    const [line] = readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8').split('\n');
    const { id } = JSON.parse(line);
    const values = decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id).get('image');
    expect(values?.data).toEqual(Int32Array.from(levels));
  });

  test('settings that do not fit the input are refused', async () => {
    const refused = async (preprocess: object, message: RegExp) => {
      const file = join(folder, 'wrong.json');
      writeFileSync(file, JSON.stringify({ model: brightRed(), preprocess, out: join(folder, 'wrong') }));
      const { code, stderr } = await neurofuzz(['fuzz', '-c', file]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    };
    await refused({ picture: {} }, /preprocess: the model has no input picture/);
    await refused({ image: { mean: [0.5, 0.5] } }, /mean of input image has 2 numbers; it has 3 channels/);
    await refused({ image: { layout: 'NHWC' } }, /is not a picture laid out as NHWC/);
    await refused({ image: { std: 0 } }, /preprocess\.image\.std must be above 0, not 0\n$/);
    await refused({ image: { size: 3 } }, /preprocess\.image must not have the unknown setting size, not/);
    expect(existsSync(join(folder, 'wrong'))).toBe(false);
  });
});
