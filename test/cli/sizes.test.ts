import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** A network that halves its picture, doubles it again and joins both, so that odd sides fail at the join. Returns its path. */
function writeHourglass(): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 1, 'height', 'width']);
  graph.node('MaxPool', [x], 'half', { kernel_shape: [2, 2], strides: [2, 2] });
  const weights = graph.constant('weights', 'float32', [1, 1, 2, 2], Float32Array.of(1, 0.5, 0.25, 1));
  graph.node('ConvTranspose', ['half', weights], 'double', { strides: [2, 2] });
  graph.node('Concat', [x, 'double'], 'join', { axis: 1 });
  graph.node('GlobalAveragePool', ['join'], 'mean');
  graph.output('mean', 'float32', ['batch', 2, 1, 1]);
  const path = join(folder, 'hourglass.onnx');
  writeFileSync(path, graph.finish('hourglass'));
  return path;
}

async function fuzz(out: string, ...args: string[]) {
  const common = ['-o', join(folder, out), '-s', '1', '--execs', '400', '--jobs', '1', '--json'];
  const { code, stdout, stderr } = await neurofuzz(['fuzz', writeHourglass(), ...common, ...args]);
  return { code, stderr, json: JSON.parse(stdout) };
}

test('odd sides that no seed has are tried, and a size at which every seed fails is a finding', async () => {
  const random = randomStream('pictures');
  const seeds = join(folder, 'seeds.npy');
  const data = Float32Array.from({ length: 4 * 8 * 8 }, () => random.uniform());
  writeFileSync(seeds, encodeNpy({ type: 'float32', shape: [4, 1, 8, 8], data }));
  const { code, json, stderr } = await fuzz('odd', '-i', seeds);
  expect(code).toBe(1);
  expect(json.findings.signatures.map(({ signature }: { signature: string }) => signature)).toEqual([
    'crash-join',
  ]);
  expect(json).toMatchObject({ execs: 400, corpus: { seeds: 4 } });
  expect(stderr).toContain('size height and width is 8 in the seeds; one task in 16 uses 2 instead');
  expect(stderr).toContain('fails with every tried seed at size 7, 9');
});

test('seeds that all fail at a size that the model leaves open are findings, and those of a size that runs are fuzzed', async () => {
  const { code, json, stderr } = await fuzz('asked', '--shape', 'x=1,1,9,9');
  expect(code).toBe(1);
  expect(json.findings.signatures.map(({ signature }: { signature: string }) => signature)).toEqual([
    'crash-join',
  ]);
  expect(json.execs).toBe(400);
  expect(stderr).toContain('it runs with size 8');
});

test('a finding of another size than its seed is measured from the seed at that size, and minimized toward it', async () => {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 'frames']);
  graph.node('ReduceMax', [x], 'loudest', { axes: [1], keepdims: 1 });
  graph.node('Add', ['loudest', graph.constant('offset', 'float32', [1], Float32Array.of(0.9))], 'shifted');
  graph.node('Log', ['shifted'], 'level');
  graph.output('level', 'float32', ['batch', 1]);
  const model = join(folder, 'level.onnx');
  writeFileSync(model, graph.finish('level'));
  const seeds = join(folder, 'frames.npy');
  const data = Float32Array.from({ length: 24 }, (_, i) => 0.25 + i / 64);
  writeFileSync(seeds, encodeNpy({ type: 'float32', shape: [1, 24], data }));
  const out = join(folder, 'level');
  const fuzzing = [
    '--range=-1,1',
    '--until-finding',
    '--execs',
    '200000',
    '-s',
    '1',
    '--jobs',
    '1',
    '--json',
  ];
  const fuzzed = await neurofuzz(['fuzz', model, '-i', seeds, '-o', out, ...fuzzing]);
  expect(fuzzed.code).toBe(1);
  const [{ path }] = JSON.parse(fuzzed.stdout).findings.signatures;
  const { distance } = JSON.parse(readFileSync(join(path, 'finding.json'), 'utf8'));
  // One frame is left of 24, and it has changed.
  expect(distance).toMatchObject({ l0: 24, edits: 23 });
  expect(distance.linf).toBeGreaterThan(1);
  const minimized = await neurofuzz(['minimize', path, '--json']);
  expect(minimized).toMatchObject({ code: 0 });
  const smaller = JSON.parse(minimized.stdout);
  expect(JSON.stringify(smaller)).toContain('"edits":23');
  expect(smaller.findings[0].smaller[0].distance.linf).toBeCloseTo(1.15, 2);
});
