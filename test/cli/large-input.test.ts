import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { digests, readJson } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { fixedBatchOnnx } from '../support/fixed-batch.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const settingsOf = (out: string) => parse(readFileSync(join(out, 'campaign.yaml'), 'utf8'));

/** A pooling and a convolution over 3×480×480 values, 2.8 MB, for a batch of exactly 1. */
function writeLargeOnnx(): string {
  const onnx = new OnnxBuilder();
  onnx.input('images', 'float32', [1, 3, 480, 480]);
  onnx.constant(
    'w',
    'float32',
    [2, 3, 8, 8],
    Float32Array.from({ length: 384 }, (_, i) => Math.sin(i)),
  );
  onnx.node('Conv', ['images', 'w'], 'c', { strides: [8, 8] });
  onnx.node('Relu', ['c'], 'y');
  onnx.output('y', 'float32', [1, 2, 60, 60]);
  const path = join(folder, 'large.onnx');
  writeFileSync(path, onnx.finish('large'));
  return path;
}

describe('a campaign on inputs of 2.8 MB', () => {
  const out = join(folder, 'large');
  const args = ['fuzz', '--range', '0,1', '-s', '1', '-j', '1'];
  let model: string;
  let stderr: string;

  beforeAll(async () => {
    model = writeLargeOnnx();
    const ended = await neurofuzzProcess([
      ...args.slice(0, 1),
      model,
      ...args.slice(1),
      '-t',
      '20m',
      '-n',
      '64',
      '--log-format',
      'json',
      '-o',
      out,
    ]);
    expect(ended.code).toBe(0);
    stderr = ended.stderr;
  });

  test('says what it does from the first line on', () => {
    const phases = stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
      .flatMap(({ phase, msg }) => (phase === undefined ? [] : [[phase, msg]]));
    expect(JSON.parse(stderr.split('\n')[0])).toMatchObject({ phase: 'loading', msg: 'loading the model' });
    expect([...new Set(phases.map(([phase]) => phase))]).toEqual(['loading', 'seeds', 'calibrating']);
    expect(stderr).toContain('stays so (a testcase is large enough to run alone)');
  });

  test('records sizes that follow from the model: 64 MB of seeds, fewer mutants to calibrate on, whole picks', () => {
    const { resolved, maxDisk } = settingsOf(out);
    const { workload, fixedBatch } = resolved;
    expect(workload.drawnSeeds).toBe(Math.floor(2 ** 26 / (4 * 3 * 480 * 480)));
    expect(workload.calibrationMutants).toBeLessThan(2048);
    expect(workload).toMatchObject({ taskMutants: 32, editsRows: true });
    expect(fixedBatch).toBe('row by row');
    expect(maxDisk).toMatch(/^\d+MB$/);
    // Tasks of a whole pick: not one for each mutant.
    expect(readJson(out, 'stats.json')).toMatchObject({ execs: 64, tasks: 8 });
  });

  test('is the same again in two pieces and with another --time, which decides no size of a resumed campaign', async () => {
    const pieces = join(folder, 'pieces');
    const begin = [...args.slice(0, 1), model, ...args.slice(1), '-t', '20m', '-n', '16', '-o', pieces];
    expect((await neurofuzzProcess(begin)).code).toBe(0);
    expect((await neurofuzzProcess(['fuzz', '--resume', '-o', pieces, '-t', '2m', '-n', '64'])).code).toBe(0);
    expect(digests(pieces, 'corpus')).toEqual(digests(out, 'corpus'));
    expect(settingsOf(pieces).resolved.workload).toEqual(settingsOf(out).resolved.workload);
  });

  test('with no time left once it is loaded ends without a mutant', async () => {
    const late = join(folder, 'late');
    await neurofuzzProcess([
      ...args.slice(0, 1),
      model,
      ...args.slice(1),
      '-t',
      '1ms',
      '-o',
      late,
      '--quiet',
    ]);
    expect(readJson(late, 'stats.json').execs).toBe(0);
  });
});

test('a batch that is fixed to 1 is uses a copy, and said', async () => {
  const model = join(folder, 'fixed.onnx');
  writeFileSync(model, fixedBatchOnnx());
  const out = join(folder, 'fixed');
  const { code, stderr } = await neurofuzz([
    'fuzz',
    model,
    '--range',
    '0,1',
    '-s',
    '1',
    '-n',
    '512',
    '-j',
    '1',
    '-o',
    out,
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain('uses a copy');
  const { batch, resolved } = settingsOf(out);
  expect(batch).toBe(256);
  expect(resolved).toMatchObject({ fixedBatch: 'opened', workload: { calibrationMutants: 2048 } });
});
