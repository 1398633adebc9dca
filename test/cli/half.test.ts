import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { numberToHalf } from '../../src/tensor/tensor.ts';
import { digests } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds } from '../support/models.ts';

const folder = testFolder();
const WIDTH = 4;
let seeds: string;

/**
 * A layer norm written out in float16: a deviation beyond 256 overflows when it is squared, and the quotient is 0.
 *
 * @param spreads whether the standard deviation is a result too
 */
function writeNormalisation(name: string, spreads = false): string {
  const graph = new OnnxBuilder();
  const constant = (id: string, value: number): string =>
    graph.constant(id, 'float16', [], Uint16Array.of(numberToHalf(value)));
  graph.input('x', 'float16', ['batch', WIDTH]);
  graph.node('ReduceMean', ['x'], 'mean', { axes: [-1] });
  graph.node('Sub', ['x', 'mean'], 'centred');
  graph.node('Mul', ['centred', 'centred'], 'square');
  graph.node('ReduceMean', ['square'], 'variance', { axes: [-1] });
  graph.node('Add', ['variance', constant('epsilon', 0.001)], 'shifted');
  graph.node('Sqrt', ['shifted'], 'deviation');
  graph.node('Div', ['centred', 'deviation'], 'normal');
  graph.node('Mul', ['normal', constant('gain', 0.5)], 'y');
  graph.output('y', 'float16', ['batch', WIDTH]);
  if (spreads) graph.output('deviation', 'float16', ['batch', 1]);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return path;
}

/** Differences of two sums of 32 numbers, in single precision. */
function writeDifference(name: string): string {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 64]);
  const weights = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : -1));
  graph.constant('w', 'float32', [64, 1], weights);
  graph.node('MatMul', ['x', 'w'], 'y');
  graph.output('y', 'float32', ['batch', 1]);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return path;
}

beforeAll(() => {
  seeds = writeSeeds(folder, [
    [1, 2, 3, 4],
    [-3, 5, 9, 2],
  ]);
});

const fuzz = (model: string, out: string, ...more: string[]) =>
  neurofuzz(['fuzz', model, '-o', join(folder, out), '-s', '1', '--json', '--quiet', ...more]);

const manifest = (out: string) => parse(readFileSync(join(folder, out, 'campaign.yaml'), 'utf8'));

interface Summary {
  readonly findings: {
    readonly signatures: readonly { readonly signature: string; readonly summary: string }[];
  };
}

describe('a float16 model', () => {
  const limits = ['-i', '', '--range=-1000,1000', '-n', '3000'];

  test('has the overflow that half-precision hardware has, and none as the runtime computes it', async () => {
    limits[1] = seeds;
    const model = writeNormalisation('normalisation');
    const found = await fuzz(model, 'emulated', ...limits);
    expect(found.code).toBe(1);
    const { findings } = JSON.parse(found.stdout) as Summary;
    expect(findings.signatures).toMatchObject([
      {
        signature: 'absorbed-inf-square',
        summary: expect.stringMatching(
          /^Mul square\(.*\) gives Infinity; it reaches .*, but no output: Div normal absorbs it$/,
        ),
      },
    ]);
    expect(manifest('emulated')).toMatchObject({
      half: 'auto',
      resolved: { half: { model: { format: 'float16', accumulate: 'float32', partialSums: 0 } } },
    });
  });

  test('shows at its outputs what the runtime by itself computes wider', async () => {
    limits[1] = seeds;
    const model = writeNormalisation('spread', true);
    const signatures = async (out: string, ...half: string[]): Promise<string[]> =>
      (JSON.parse((await fuzz(model, out, ...limits, ...half)).stdout) as Summary).findings.signatures.map(
        ({ signature }) => signature,
      );
    expect(await signatures('shown')).toContain('nonfinite-inf-square');
    expect(await signatures('wide', '--half', 'off')).not.toContain('nonfinite-inf-square');
    expect(manifest('wide').half).toBeUndefined();
    expect(manifest('wide').resolved.half).toBeUndefined();
  });

  test('is the same with one worker and two, and resumed as it was begun', async () => {
    limits[1] = seeds;
    const model = writeNormalisation('again');
    const half = ['--half', 'accumulate=float16', 'lanes=2'];
    const few = [...limits.slice(0, 3), '-n', '1500'];
    await fuzz(model, 'one', ...few, ...half);
    await fuzz(model, 'two', ...few, ...half, '-j', '2');
    expect(digests(join(folder, 'one'), 'corpus', 'findings')).toEqual(
      digests(join(folder, 'two'), 'corpus', 'findings'),
    );
    expect(manifest('one')).toMatchObject({
      half: { accumulate: 'float16', lanes: 2 },
      resolved: { half: { model: { accumulate: 'float16', partialSums: 2 } } },
    });
    // A folder without the setting is that of a campaign that emulated nothing.
    await fuzz(model, 'old', ...few, '--half', 'off');
    const resumed = await fuzz(model, 'old', '--resume', '-n', '2000');
    expect(resumed).toMatchObject({ code: 1, stderr: expect.not.stringContaining('half was') });
    const other = await fuzz(model, 'one', '--resume', '-n', '2000', '--half', 'accumulate=float32');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('half was') });
  });

  test('inspect lists its tensors by their headroom to the largest half over the seeds', async () => {
    const model = writeNormalisation('inspected');
    const { stdout } = await neurofuzz(['inspect', model, '--sites', '--seeds', seeds]);
    expect(stdout).toContain('headroom to 65504, the largest float16 number, over 2 seeds');
    expect(stdout).toMatch(/square +Mul +39.0625 +1676.9×/);
    const { stdout: json } = await neurofuzz(['inspect', model, '--json', '--seeds', seeds]);
    const { headroom } = JSON.parse(json);
    expect(headroom).toMatchObject({ format: 'float16', max: 65504, seeds: 2 });
    expect(headroom.tensors[0]).toMatchObject({ tensor: 'square', op: 'Mul' });
    const margins: number[] = headroom.tensors.map((tensor: { headroom: number }) => tensor.headroom);
    expect(margins).toEqual([...margins].sort((a, b) => a - b));
  });
});

describe('a float32 model', () => {
  const limits = (): string[] => {
    const rows = Array.from({ length: 3 }, (_, row) =>
      Array.from({ length: 64 }, (_, i) => 1950 + row + i / 8),
    );
    return ['-i', writeSeeds(folder, rows, 'sums.npz'), '--range=1900,2300', '-n', '3000'];
  };

  test('and its float16 copy part where partial sums overflow, if they are rounded', async () => {
    const model = writeDifference('difference');
    const rule = ['--quantize', 'float16', '-O', 'quantization:atol=200', ...limits()];
    const narrow = await fuzz(model, 'narrow', ...rule, '--half', 'accumulate=float16');
    expect(narrow.code).toBe(1);
    const { findings } = JSON.parse(narrow.stdout) as Summary;
    expect(findings.signatures.map(({ signature }) => signature)).toContain('quantization-nan-y');
    expect(manifest('narrow').resolved.half).toEqual({
      copy: {
        format: 'float16',
        accumulate: 'float16',
        lanes: 1,
        partialSums: 1,
        blocks: {},
        roundedOnce: [],
      },
    });
    expect(await fuzz(model, 'wide-sums', ...rule)).toMatchObject({ code: 0 });
    const replayed = await neurofuzz(['replay', join(folder, 'narrow')]);
    expect(replayed.code).toBe(1);
  });

  test('is refused where settings of half precision are given and nothing computes in it', async () => {
    const { code, stderr } = await fuzz(writeDifference('single'), 'none', ...limits(), '--half', 'lanes=2');
    expect(code).toBe(2);
    expect(stderr).toContain('single.onnx does not compute in half precision');
    expect(existsSync(join(folder, 'none'))).toBe(false);
    const odd = await fuzz(writeDifference('single'), 'none', '--half', 'lanes=3');
    expect(odd).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--half lanes must be a power of two'),
    });
  });
});
