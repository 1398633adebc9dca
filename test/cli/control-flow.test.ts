import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { logLoop, recurrentScan, sampleRateModel } from '../support/control-flow.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Seeds of the model with a sample rate: x from 5 to 9, at one rate. */
function rateSeeds(rate: number): string {
  const x = Float32Array.from({ length: 8 * 4 }, (_, i) => 5 + (i % 5));
  const sr = new BigInt64Array(8).fill(BigInt(rate));
  return write(
    `rate-${rate}.npz`,
    encodeNpz([
      ['x', { type: 'float32', shape: [8, 1, 4], data: x }],
      ['sr', { type: 'int64', shape: [8], data: sr }],
    ]),
  );
}

const fuzz = (model: string, seeds: string, out: string, ...more: string[]) =>
  neurofuzz(['fuzz', model, '-i', seeds, '-s', '1', '-o', join(folder, out), '--json', ...more]);

describe('inspect', () => {
  test('lists the operations of bodies that can go wrong, and says which body', async () => {
    const path = write('rates.onnx', sampleRateModel().finish('rates'));
    const { stdout } = await neurofuzz(['inspect', path, '--sites']);
    expect(stdout).toMatch(/^ +raw +Sqrt +sqrt +x +x < 0, in then branch of chosen$/m);
    expect(stdout).toMatch(/^ +chosen\/else\/raw +Log +log +x +x ≤ 0, in else branch of chosen$/m);
    expect(stdout).not.toContain('not checked');
    const { stdout: json } = await neurofuzz(['inspect', path, '--json']);
    expect(JSON.parse(json)).toMatchObject({
      hiddenBodies: 0,
      sites: [
        { name: 'raw', body: 'then branch of chosen' },
        { name: 'chosen/else/raw', body: 'else branch of chosen' },
      ],
    });
  });

  test('says how many bodies are not looked into, and never that nothing can go wrong in them', async () => {
    const path = write('old.onnx', sampleRateModel().finish('old', 10));
    const { stdout: sites } = await neurofuzz(['inspect', path, '--sites']);
    expect(sites).toBe(
      `no operation found in ${path} that can produce NaN or infinity\nnot checked: 2 bodies of control flow or functions\n`,
    );
    const { stdout } = await neurofuzz(['inspect', path]);
    expect(stdout).toMatch(
      /^sites +none found that can produce NaN or infinity; not checked: 2 bodies of control flow or functions$/m,
    );
  });
});

describe('fuzz', () => {
  test.each([
    [8000, 'Log chosen/else/raw', 'nonfinite-nan-chosen_else_raw', 'chosen/else/raw'],
    [16000, 'Sqrt raw', 'nonfinite-nan-raw', 'raw'],
  ])(
    'at a sample rate of %d looks into the branch that it chooses alone',
    async (rate, operation, signature, site) => {
      const model = write('rates.onnx', sampleRateModel().finish('rates'));
      const out = `rate-${rate}`;
      const more = ['--range=x=-10,10', '-n', '300', '-j', '1', '--coverage', site];
      const { code, stdout, stderr } = await fuzz(model, rateSeeds(rate), out, ...more);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'inputs that select branches of the model are not mutated: sr (the same in all seeds)',
      );
      const { coverage, findings, sites } = JSON.parse(stdout);
      expect(coverage.tensors).toEqual([site]);
      expect(sites).toMatchObject([{ site, status: 'triggered', signature }]);
      const [first] = findings.signatures;
      expect(first.signature).toBe(signature);
      expect(first.summary).toMatch(new RegExp(`^${operation}\\(-.*gives NaN`));
      const nan = findingFolders(join(folder, out)).filter((path) => path.includes(signature));
      expect(readJson(nan[0], 'finding.json')).toMatchObject({
        status: 'confirmed',
        reproduced: '10/10',
        origin: { operation: site, path: [site, site.replace('raw', 'result'), 'chosen', 'y'] },
      });
      // Nothing tells the commands that run findings again which branch it was.
      const { code: replayed } = await neurofuzz(['replay', nan[0]]);
      expect(replayed).toBe(1);
    },
  );

  test('measures how near an operation within a Loop is to going wrong', async () => {
    const x = Float32Array.from({ length: 8 * 2 }, (_, i) => i / 16);
    const seeds = write('loop.npz', encodeNpz([['x', { type: 'float32', shape: [8, 2], data: x }]]));
    const model = write('loop.onnx', logLoop().finish('loop'));
    const more = ['--range=-1,1', '-n', '2000', '-j', '1', '--quiet'];
    const { code, stdout } = await fuzz(model, seeds, 'loop', ...more);
    expect(code).toBe(0);
    const [{ site, status, margin }] = JSON.parse(stdout).sites;
    expect([site, status]).toEqual(['log', 'open']);
    // Of the sums of all iterations none is less than 2, which the first comes to where x is −1.
    expect(margin).toBeGreaterThanOrEqual(150);
    expect(margin).toBeLessThan(150.1);
  });

  test('goes toward what a step of a Scan takes the logarithm of, and names that', async () => {
    const length = 8 * 3 * 1 * 2;
    const x = Float32Array.from({ length }, (_, i) => 2 + (i % 3) / 8);
    const h = new Float32Array(8 * 2).fill(2);
    const seeds = write(
      'scan.npz',
      encodeNpz([
        ['x', { type: 'float32', shape: [8, 3, 1, 2], data: x }],
        ['h', { type: 'float32', shape: [8, 1, 2], data: h }],
      ]),
    );
    const model = write('scan.onnx', recurrentScan().finish('scan'));
    const more = ['--range', 'x=-4,4', '--range', 'h=0,4', '--shape', 'x=3,1,2', '--shape', 'h=1,2'];
    const { code, stdout, stderr } = await fuzz(
      model,
      seeds,
      'scan',
      '-n',
      '500',
      '-j',
      '1',
      '--quiet',
      ...more,
    );
    expect([code, stderr]).toEqual([1, '']);
    const { findings, sites } = JSON.parse(stdout);
    expect(findings.signatures.map(({ signature }: { signature: string }) => signature)).toContain(
      'nonfinite-nan-after',
    );
    expect(sites).toMatchObject([{ site: 'after', status: 'triggered', signature: 'nonfinite-nan-after' }]);
  });
});
