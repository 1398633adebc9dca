import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
let runs = 0;
const KEYS = 5;

/** Attention over five keys, of which a boolean mask keeps some: y is NaN where it keeps none. Returns its path. */
function writeAttention(name: string, fill: number): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', KEYS, 3]);
  const mask = graph.input('mask', 'bool', ['batch', KEYS]);
  const random = randomStream('attention');
  const uniform = (size: number) => Float32Array.from({ length: size }, () => random.uniform() - 0.5);
  graph.node('MatMul', [x, graph.constant('q', 'float32', [3, 1], uniform(3))], 'products');
  graph.node('Squeeze', ['products', graph.constant('last', 'int64', [1], BigInt64Array.of(-1n))], 'scores');
  graph.node(
    'Where',
    [mask, 'scores', graph.constant('fill', 'float32', [], Float32Array.of(fill))],
    'masked',
  );
  graph.node('Softmax', ['masked'], 'weights', { axis: -1 });
  graph.node('Unsqueeze', ['weights', graph.constant('row', 'int64', [1], BigInt64Array.of(1n))], 'rows');
  graph.node('MatMul', ['rows', x], 'mixed');
  graph.node('MatMul', ['mixed', graph.constant('w', 'float32', [3, 2], uniform(6))], 'y');
  graph.output('y', 'float32', ['batch', 1, 2]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('attention'));
  return path;
}

/** Seeds that mask one to four of the keys. */
function writeMaskedSeeds(): string {
  const random = randomStream('masked seeds');
  const rows = 16;
  const x = Float32Array.from({ length: rows * KEYS * 3 }, () => random.uniform());
  const mask = Uint8Array.from({ length: rows * KEYS }, (_, i) =>
    (i % KEYS) - (i % 4) > 0 || i % KEYS === 0 ? 1 : 0,
  );
  const path = join(folder, 'seeds.npz');
  writeFileSync(
    path,
    encodeNpz([
      ['x', { type: 'float32', shape: [rows, KEYS, 3], data: x }],
      ['mask', { type: 'bool', shape: [rows, KEYS], data: mask }],
    ]),
  );
  return path;
}

async function fuzz(model: string, ...args: string[]) {
  const seeds = writeMaskedSeeds();
  const out = join(folder, `out-${runs++}`);
  const run = await neurofuzz([
    'fuzz',
    model,
    '-i',
    seeds,
    '-o',
    out,
    '-s',
    '1',
    '--execs',
    '3000',
    '--json',
    '--quiet',
    ...args,
  ]);
  return { code: run.code, stderr: run.stderr, json: run.stdout === '' ? undefined : JSON.parse(run.stdout) };
}

describe.each([
  ['−∞', Number.NEGATIVE_INFINITY],
  ['the least finite number', -3.4028234663852886e38],
])('attention whose mask is %s', (_name, fill) => {
  const model = () => writeAttention(`attention-${runs++}.onnx`, fill);

  test('is fuzzed from all seeds, by its output, and nothing is found where the mask stays', async () => {
    const { code, json } = await fuzz(model(), '--mutator', 'mask=none');
    expect(code).toBe(0);
    expect(json).toMatchObject({
      execs: 3000,
      coverage: { tensors: ['y'] },
      corpus: { seeds: 16 },
      findings: { signatures: [] },
    });
  });

  test('is fuzzed from all seeds where the masked scores are watched', async () => {
    const { code, json } = await fuzz(model(), '--mutator', 'mask=none', '--coverage', 'masked');
    expect(code).toBe(0);
    expect(json).toMatchObject({ execs: 3000, corpus: { seeds: 16 }, findings: { signatures: [] } });
    expect(json.corpus.count).toBeGreaterThan(16);
  });
});

const infinite = () => writeAttention('attention.onnx', Number.NEGATIVE_INFINITY);

test('a row whose keys are all masked is found by default and named by its softmax', async () => {
  const { code, json } = await fuzz(infinite());
  expect(code).toBe(1);
  expect(json.findings.signatures.map(({ signature }: { signature: string }) => signature)).toEqual([
    'nonfinite-nan-weights',
  ]);
});

test('the strict reading counts each masked score', async () => {
  const { code, json } = await fuzz(infinite(), '--coverage', 'masked', '--objective', 'nonfinite:inner=any');
  expect(code).toBe(1);
  expect(json.corpus.seeds).toBeLessThan(16);
});

test('a campaign none of whose seeds coverage can compare ends with 2 and names the flag', async () => {
  const graph = new OnnxBuilder();
  graph.node('Log', [graph.input('x', 'float32', ['batch', KEYS, 3])], 'log');
  graph.node('Log', [graph.input('mask', 'float32', ['batch', KEYS])], 'infinite');
  graph.node('ReduceMax', ['infinite'], 'largest', { keepdims: 0 });
  graph.output('log', 'float32', ['batch', KEYS, 3]);
  graph.output('largest', 'float32', []);
  const path = join(folder, 'logs.onnx');
  writeFileSync(path, graph.finish('logs'));
  const seeds = join(folder, 'zeros.npz');
  writeFileSync(
    seeds,
    encodeNpz([
      ['x', { type: 'float32', shape: [3, KEYS, 3], data: new Float32Array(3 * KEYS * 3).fill(1) }],
      [
        'mask',
        { type: 'float32', shape: [3, KEYS], data: Float32Array.from({ length: 3 * KEYS }, (_, i) => i % 2) },
      ],
    ]),
  );
  const args = [
    '-i',
    seeds,
    '--coverage',
    'infinite',
    '-O',
    'assert:max(log) < 1',
    '--range=0,1',
    '--execs',
    '100',
  ];
  const { code, stderr } = await neurofuzz([
    'fuzz',
    path,
    ...args,
    '-o',
    join(folder, 'idle'),
    '-s',
    '1',
    '--quiet',
  ]);
  expect(code).toBe(2);
  expect(stderr.trim().split('\n').at(-1)).toBe(
    'neurofuzz: no mutant ran: 3 of 3 seeds have values that are not finite in infinite: watch other tensors with --coverage, or set other seeds with --seeds',
  );
});
