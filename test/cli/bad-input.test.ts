import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';

const folder = testFolder();
let onnx: string;
let tfjs: string;
let seeds: string;
let runs = 0;

beforeAll(() => {
  onnx = writeSoftmaxOnnx(folder);
  tfjs = writeSoftmaxTfjs(folder);
  seeds = writeSeeds(folder, [
    [0.1, 0.2, 0.3, 0.4],
    [0.4, 0.3, 0.2, 0.1],
  ]);
});

/** Runs `fuzz` and expects exit code 2, one line that has all the words, and nothing written. */
async function refused(args: readonly string[], ...words: (string | RegExp)[]): Promise<void> {
  const out = join(folder, `out-${runs++}`);
  const whole = args.includes('--out') ? args : [...args, '--out', out];
  const { code, stdout, stderr } = await neurofuzz(['fuzz', ...whole, '--execs', '100', '--quiet']);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^neurofuzz: [^\n]+\n$/) });
  for (const word of words) expect(stderr).toMatch(word);
  expect(stdout).toBe('');
  expect(existsSync(out)).toBe(false);
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('a model', () => {
  test('that is missing is refused by name', () =>
    refused([join(folder, 'none.onnx'), '-i', seeds], /none\.onnx: no such file/));

  test('that is missing is refused as such where a campaign of its name is there', () => {
    const out = join(folder, 'none');
    mkdirSync(out);
    writeFileSync(join(out, 'campaign.yaml'), '');
    return refused([join(folder, 'none.onnx'), '-i', seeds, '--out', out], /none\.onnx: no such file/);
  });

  test('that is a folder without a model.json is refused', () => {
    mkdirSync(join(folder, 'empty-model'));
    return refused([join(folder, 'empty-model'), '-i', seeds], /empty-model is a folder without a model:/);
  });

  test('that is no model at all is refused', () =>
    refused([file('picture.bin', 'no model'), '-i', seeds], /picture\.bin is not a supported model format/));

  test('that is not given is asked for', () => refused(['-i', seeds], /no model given/));

  test('that is text called .onnx is refused', () =>
    refused(
      [file('text.onnx', 'hello, this is no protocol buffer'), '-i', seeds],
      /text\.onnx is not an ONNX model/,
    ));

  test('that is an empty file is refused', () =>
    refused([file('empty.onnx', ''), '-i', seeds], /empty\.onnx is empty/));

  test('that is an ONNX file cut in half is refused', () => {
    const bytes = readFileSync(onnx);
    return refused(
      [file('half.onnx', bytes.subarray(0, bytes.length >> 1)), '-i', seeds],
      /half\.onnx is not an ONNX model, or is truncated/,
    );
  });

  test('whose weight file is shorter than its manifest says is refused with both sizes', () => {
    const path = writeSoftmaxTfjs(folder, 'short');
    const weights = join(folder, 'short', 'group1-shard1of1.bin');
    writeFileSync(weights, readFileSync(weights).subarray(0, 20));
    return refused([path, '-i', seeds], /truncated: 20 bytes where the manifest says 48/);
  });

  test('whose weight file is missing is refused by name', () => {
    const path = writeSoftmaxTfjs(folder, 'bare');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.weightsManifest[0].paths = ['gone.bin'];
    writeFileSync(path, JSON.stringify(json));
    return refused([path, '-i', seeds], /gone\.bin: no such file/);
  });

  test('whose manifest points outside its folder is refused without reading there', () => {
    const path = writeSoftmaxTfjs(folder, 'escaping');
    file('outside.bin', readFileSync(join(folder, 'escaping', 'group1-shard1of1.bin')));
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.weightsManifest[0].paths = ['../outside.bin'];
    writeFileSync(path, JSON.stringify(json));
    return refused([path, '-i', seeds], /"\.\.\/outside\.bin", which lies outside/);
  });

  test('whose weight file is a symbolic link to the outside is refused', () => {
    const path = writeSoftmaxTfjs(folder, 'linked');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.weightsManifest[0].paths = ['link.bin'];
    writeFileSync(path, JSON.stringify(json));
    symlinkSync(file('linked-to.bin', new Uint8Array(48)), join(folder, 'linked', 'link.bin'));
    return refused([path, '-i', seeds], /"link\.bin", which lies outside/);
  });

  test('that is JSON but no model.json is refused', () =>
    refused([file('other.json', '{"a": 1}'), '-i', seeds], /other\.json is not a TensorFlow\.js model/));

  test('that is broken JSON is refused', () =>
    refused(
      [file('broken.json', '{"a": '), '-i', seeds],
      /broken\.json is not a TensorFlow\.js model: it is not valid JSON/,
    ));

  test('whose runtime can not run it is refused', () =>
    refused([tfjs, '-i', seeds, '--runtime', 'onnx'], /--runtime onnx cannot run/));
});

describe('seeds', () => {
  test('of another shape are refused with both shapes', () =>
    refused(
      [onnx, '-i', writeSeeds(folder, [[1, 2, 3]], 'three.npz')],
      /three\.npz holds 1×3 values.*testcases of 4/,
    ));

  test('of text are refused', () =>
    refused(
      [onnx, '-i', file('words.json', '["a", "b"]')],
      /words\.json holds strings, and input x takes numbers/,
    ));

  test('of a type that no model takes are refused', () => {
    const npy = Buffer.from(encodeNpy({ type: 'float32', shape: [4], data: new Float32Array(4) }));
    const complex = Buffer.from(npy.toString('latin1').replace("'<f4'", "'<c8'"), 'latin1');
    return refused([onnx, '-i', file('complex.npy', complex)], /complex\.npy holds values of type '<c8'/);
  });

  test('in an empty folder are refused', () => {
    mkdirSync(join(folder, 'no-seeds'));
    return refused([onnx, '-i', join(folder, 'no-seeds')], /seeds folder .*no-seeds has no seeds/);
  });

  test('that are missing are refused by name', () =>
    refused([onnx, '-i', join(folder, 'gone.npy')], /gone\.npy: no such file/));

  test('with a NaN are refused with its place', () =>
    refused(
      [onnx, '-i', writeSeeds(folder, [[1, 2, Number.NaN, 4]], 'nan.npz')],
      /nan\.npz.*testcase 0 has NaN at position 2/,
    ));

  test('that are cut short are refused', () => {
    const npy = encodeNpy({ type: 'float32', shape: [4], data: new Float32Array(4) });
    return refused([onnx, '-i', file('cut.npy', npy.subarray(0, npy.length - 3))], /cut\.npy is truncated/);
  });

  test('for an input that the model lacks are refused with the nearest', () =>
    refused(
      [onnx, '-i', file('y.json', '{"y": [1, 2, 3, 4], "x": [1, 2, 3, 4]}')],
      /names an input y.*did you mean x\?/,
    ));

  test('outside the range are refused with their place', () =>
    refused(
      [onnx, '-i', seeds, '--range=0.2,1'],
      /all 2 seeds contain values outside the range of input x, \[0\.2, 1\] \(lowest: 0\.1\): .*--range x=0\.1,1 /,
    ));

  test('that are all one value need a range', () =>
    refused(
      [onnx, '-i', writeSeeds(folder, [[1, 1, 1, 1]], 'ones.npz')],
      /every seed has the value 1 .*--range x=lo,hi/,
    ));
});

describe('a setting', () => {
  test.each([
    [['--treshold', '1'], /unknown option '--treshold' \(Did you mean --threshold\?\)/],
    [['--objective', 'nonfinit'], /--objective: unknown objective nonfinit: did you mean nonfinite\?/],
    [['--mutator', 'gausian'], /--mutator: unknown mutator gausian: did you mean gaussian\?/],
    [['--mutator', 'gaussian:sigm=1'], /gaussian has no parameter sigm: did you mean sigma\?/],
    [['--mutator', 'gaussian:sigma=-1'], /gaussian:sigma must be a number from 0\.000001 to 10, not '-1'/],
    [['--mutator', 'multiply:most=0.9'], /multiply:most must be a number from 1 to 1000000, not '0\.9'/],
    [['--mutator', 'none'], /leaves every input unchanged/],
    [['--mutator', 'y=gaussian'], /--mutator: the model has no input y: did you mean x\?/],
    [['--coverage', 'logit'], /--coverage: the model has no tensor logit: did you mean logits\?/],
    [['--scheduler', 'recnt'], /--scheduler: unknown scheduler recnt: did you mean recent\?/],
    [
      ['--scheduler', 'recent:newest=0'],
      /--scheduler: recent:newest must be a whole number from 1 to 1000000, not '0'/,
    ],
    [['--scheduler', 'Yield'], /--scheduler: unknown scheduler Yield: did you mean yield\?/],
    [
      ['--measure', 'vales'],
      /--measure: unknown criterion vales: did you mean values\? neurofuzz coverage lists them\.?/,
    ],
    [['--measure', 'values:widht=8'], /--measure: values has no parameter widht: did you mean width\?/],
    [['--batch', '0'], /--batch must be 1 or more, not 0/],
    [['--batch', '1.5'], /--batch must be a whole number, not 1\.5/],
    [['--linf', '-1'], /--linf must be above 0, not -1/],
    [['--linf', 'much'], /--linf must be a number, not "much"/],
    [['--time', 'tomorrow'], /--time must be a time such as 90s, 10m or 8h, not "tomorrow"/],
    [['--time', '0s'], /--time must be longer than 0/],
    [['--range=1,-1'], /--range must be two numbers lo,hi with lo below hi, not \[1,-1\]/],
    [['--range', 'y=0,1'], /--range: the model has no input y: did you mean x\?/],
    [['--threshold', '-3'], /--threshold must be at least 0, not -3/],
    [['--guidance', 'maybe'], /--guidance must be one of auto, ann, none/],
    [['--keep', '0'], /--keep must be 1 or more, not 0/],
    [['--jobs', '0'], /--jobs must be 1 or more, not 0/],
    [['--jobs', '5000'], /--jobs must be 1024 or less, not 5000/],
    [['--memory', 'lots'], /--memory must be a size such as 512MB or 2GB, not "lots"/],
    [['--max-disk', '0GB'], /--max-disk must be larger than 0/],
    [['--timeout', '30'], /--timeout must be a time such as 90s, 10m or 8h, not "30"/],
    [['--max-corpus', '0'], /--max-corpus must be 1 or more, not 0/],
    [['--min-execs', '-1'], /--min-execs must be 1 or more, not -1/],
  ])('%j is refused', (args, message) => refused([onnx, '-i', seeds, ...args], message));

  test('that is unknown in the campaign file is refused with the nearest', () =>
    refused(
      ['-c', file('typo.yaml', `model: ${onnx}\nsedes: ${seeds}\n`)],
      /typo\.yaml: unknown setting sedes: did you mean seeds\?/,
    ));

  test('of the wrong type in the campaign file is refused by file and name', () =>
    refused(
      ['-c', file('type.yaml', `model: ${onnx}\nbatch: many\n`)],
      /type\.yaml: batch must be a whole number, not "many"/,
    ));

  test('file that is no YAML is refused', () => refused(['-c', file('bad.yaml', 'a: [1')], /bad\.yaml: /));
});

describe('a file of a stranger', () => {
  const neverRead = (path: string): string => {
    execFileSync('mkfifo', [path]);
    return path;
  };

  test('that is a pipe, a device or a folder is not waited for', async () => {
    const pipe = neverRead(join(folder, 'pipe.npy'));
    await refused([onnx, '-i', pipe], /pipe\.npy: it is a pipe, not a file/);
    mkdirSync(join(folder, 'waiting'));
    neverRead(join(folder, 'waiting', 'model.json'));
    await refused([join(folder, 'waiting'), '-i', seeds], /waiting\/model\.json is not a file/);
    await refused(['-c', '/dev/zero'], /\/dev\/zero: it is a device, not a file/);
    await refused(['-c', pipe], /pipe\.npy: it is a pipe, not a file/);
    const { code, stderr } = await neurofuzz(['nightly', pipe]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/it is a pipe, not a file\n$/),
    });
  });

  test('with aliases that never end, or that name themselves, is refused', async () => {
    const self = file('self.yaml', `model: ${onnx}\nrange: &a\n  x: *a\n`);
    await refused(['-c', self], /self\.yaml expands without bound/);
    const night = file('night.yaml', 'time: 1s\ncampaigns: &a\n  x: *a\n');
    const { code, stderr } = await neurofuzz(['nightly', night]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/night\.yaml expands without bound[^\n]*\n$/),
    });
  });

  test('or a flag with a name that objects reserve is refused', async () => {
    const proto = file('proto.yaml', `model: ${onnx}\nrange: { __proto__: [0, 1] }\n`);
    await refused(['-c', proto], /proto\.yaml: the name __proto__ is reserved/);
    await refused([onnx, '-i', seeds, '--range', '__proto__=0,1'], /--range: the name __proto__ is reserved/);
    await refused([onnx, '-i', seeds, '--range', 'constructor=0,1'], /the model has no input constructor/);
    await refused(
      [onnx, '-i', file('proto.json', '{"__proto__": [[1, 2, 3, 4]], "x": [[1, 2, 3, 4]]}')],
      /an input __proto__/,
    );
  });
});

describe('the campaign folder', () => {
  test('of another campaign is refused and stays as it is', async () => {
    const out = join(folder, 'taken');
    const args = ['fuzz', onnx, '-i', seeds, '--execs', '300', '--seed', '1', '--out', out, '--quiet'];
    expect((await neurofuzz(args)).code).toBe(0);
    const before = readFileSync(join(out, 'campaign.yaml'), 'utf8');
    await refused(
      [onnx, '-i', seeds, '--out', out],
      /taken already contains a campaign: resume it with --resume, choose another folder with --out, or start over with --overwrite/,
    );
    expect(readFileSync(join(out, 'campaign.yaml'), 'utf8')).toBe(before);
  });

  test('with other files in it is refused and stays as it is', async () => {
    mkdirSync(join(folder, 'mine'));
    writeFileSync(join(folder, 'mine', 'thesis.txt'), 'x');
    await refused([onnx, '-i', seeds, '--out', join(folder, 'mine')], /mine is not empty/);
    expect(readdirSync(join(folder, 'mine'))).toEqual(['thesis.txt']);
  });

  test('below a file is refused', () =>
    refused(
      [onnx, '-i', seeds, '--out', join(file('plain', 'x'), 'out')],
      /cannot use the campaign folder .*plain.*: a part of the path is a file/,
    ));

  test('where nothing can be written is refused', () =>
    refused(
      [onnx, '-i', seeds, '--out', '/proc/neurofuzz'],
      /cannot create the campaign folder \/proc\/neurofuzz/,
    ));
});

test('a command that does not exist is refused with the nearest', async () => {
  const { code, stderr } = await neurofuzzProcess(['fuz']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^neurofuzz: unknown command 'fuz' \(Did you mean fuzz\?\); see neurofuzz --help\n$/,
  );
});

test('a flag that does not exist is refused with the nearest, and the help of its command', async () => {
  const { code, stderr } = await neurofuzz(['coverage', onnx, '--seedz', seeds]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "neurofuzz: unknown option '--seedz' (Did you mean --seeds?); see neurofuzz coverage --help\n",
  });
});

test('a path without findings can not be replayed', async () => {
  mkdirSync(join(folder, 'hollow'));
  const { code, stderr } = await neurofuzz(['replay', join(folder, 'hollow')]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/hollow holds no finding/);
});
