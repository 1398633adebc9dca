import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';
import { writeConvolutionOnnx, writePictures } from '../support/saliency.ts';

const folder = testFolder();
const model = writeConvolutionOnnx(folder);
const seeds = writePictures(folder, 1);

async function fuzz(out: string, objective: string, args: readonly string[] = []) {
  const inputs = ['-i', seeds, '--range=0,1', '--linf', '0.1', '-s', '1', '-n', '40', '--threshold', '0.01'];
  return neurofuzz(['fuzz', model, ...inputs, '-O', objective, '-o', out, '--quiet', ...args]);
}

test('maps under the model and a copy with random layers: the figure of saliency-check, the same on two workers, and replayed', async () => {
  const [single, double] = [join(folder, 'single'), join(folder, 'double')];
  // Whatever the correlation, it is above −0.99.
  const objective = 'saliency-insensitive:method=gradient,most=-0.99';
  const { code } = await fuzz(single, objective);
  expect(code).toBe(1);
  expect(readdirSync(join(single, 'copy'))).toEqual(['convolution-randomised.onnx']);
  const found = findingFolders(single);
  expect(found.length).toBeGreaterThan(0);
  const seed = found.map((path) => readJson(path, 'finding.json')).find(({ generation }) => generation === 0);
  expect(seed).toMatchObject({
    signature: 'saliency-insensitive-gradient',
    reproduced: '10/10',
    copy: { path: 'copy/convolution-randomised.onnx' },
  });
  const half = ['--randomise', 'permute', '--repeats', '1', '--inputs', '1', '--method', 'gradient'];
  const check = await neurofuzz([
    'saliency-check',
    model,
    '-i',
    seeds,
    '--range=0,1',
    ...half,
    '-s',
    '1',
    '-j',
    '1',
    '--json',
  ]);
  const [{ judged }] = JSON.parse(check.stdout).methods;
  expect(seed.violation.details.correlation).toBe(judged.mean);
  const page = join(folder, 'report.html');
  const reported = await neurofuzz(['report', single, '--explain', '--out', page]);
  expect(reported.code).toBe(0);
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('Where the model looked');
  // Of each method that passes the map of the finding, which is the seed itself.
  expect(html).toMatch(/gradient, finding: class \d/);
  expect(html).not.toContain('edges, finding');
  await fuzz(double, objective, ['-j', '2']);
  expect(digests(double, 'corpus', 'findings', 'copy')).toEqual(
    digests(single, 'corpus', 'findings', 'copy'),
  );
  const replayed = await neurofuzz(['replay', single, '--quiet']);
  expect(replayed.code).toBe(1);
});

test('nothing is reported below the bar; layers and another model in place of the copy', async () => {
  const all = join(folder, 'all');
  expect((await fuzz(all, 'saliency-insensitive:method=gradient,most=1,layers=3')).code).toBe(0);
  expect(readdirSync(join(all, 'copy'))).toHaveLength(1);
  const itself = join(folder, 'itself');
  const { code } = await fuzz(itself, 'saliency-insensitive:method=occlusion', ['--against', model]);
  expect(code).toBe(1);
  expect(readdirSync(itself)).not.toContain('copy');
  const [first] = findingFolders(itself);
  expect(readJson(first, 'finding.json').violation.details.correlation).toBe(1);
});

test.each([
  ['saliency-insensitive:method=edges', [], 'cannot use the method edges'],
  ['saliency-insensitive:layers=9', [], 'layers is 9'],
  ['saliency-insensitive', ['--quantize', 'float16'], 'and --quantize another one'],
  ['saliency-insensitive:most=2', [], 'most'],
])('refuses %s %j', async (objective, args, message) => {
  const { code, stderr } = await fuzz(join(folder, 'refused'), objective, args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('a method that does not suit the model is refused before the search', async () => {
  const linear = writeSoftmaxOnnx(folder);
  const numbers = writeSeeds(folder, [[0.5, 0, 1, 0.25]]);
  const objective = ['-O', 'saliency-insensitive:method=grad-cam'];
  const out = ['-o', join(folder, 'linear')];
  const { code, stderr } = await neurofuzz([
    'fuzz',
    linear,
    '-i',
    numbers,
    '--range=0,1',
    ...objective,
    '-n',
    '10',
    ...out,
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain('cannot draw maps by grad-cam (the input is not a picture');
});
