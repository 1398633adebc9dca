import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../src/core/random.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const FIXTURES = 'test/fixtures/attention';
const random = randomStream('seeds of attention');

function write(name: string, arrays: Parameters<typeof encodeNpz>[0]): string {
  const path = join(folder, name);
  writeFileSync(path, encodeNpz(arrays));
  return path;
}

const floats = (shape: readonly number[], draw: () => number) => ({
  type: 'float32' as const,
  shape,
  data: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, draw),
});

const pictures = write('pictures.npz', [['x', floats([6, 1, 14, 14], () => random.uniform())]]);
const sequences = write('sequences.npz', [['x', floats([6, 6, 8], () => drawNormal(random))]]);
const tokens = {
  type: 'int64' as const,
  shape: [3, 8],
  data: BigInt64Array.from({ length: 24 }, () => BigInt(1 + random.below(255))),
};
const shown = { type: 'int64' as const, shape: [3, 8], data: new BigInt64Array(24).fill(1n) };
const texts = write('texts.npz', [
  ['input_ids', tokens],
  ['attention_mask', shown],
]);
const hidden = write('hidden.npz', [
  ['input_ids', tokens],
  ['attention_mask', { ...shown, data: shown.data.map((value, i) => (i < 8 ? 0n : value)) }],
]);

describe('inspect --attention', () => {
  test('a text whose tokens are all masked is flagged, although the mask is a finite number', async () => {
    const model = 'test/fixtures/transformers/gpt2-torchscript.onnx';
    const flagged = await neurofuzz(['inspect', model, '--attention', '--seeds', hidden]);
    expect(flagged.code).toBe(0);
    expect(flagged.stdout).toMatch(/33\.3 % +\S+ +masked\n/);
    expect(flagged.stdout).toContain('2 blocks of attention over 3 seeds');
  });

  test('--out writes the weights, and maps over pictures or words', async () => {
    const out = join(folder, 'maps');
    const flags = ['--attention', '--seeds', pictures, '--out', out];
    const { code, stdout } = await neurofuzz(['inspect', `${FIXTURES}/picture-plain.onnx`, ...flags]);
    expect(code).toBe(0);
    expect(stdout).toContain(`maps: ${out}`);
    const [[name, weights]] = [...decodeNpz(readFileSync(join(out, 'attention.npz')), 'attention.npz')];
    expect(stdout).toContain(name);
    expect(weights.shape).toEqual([6, 1, 196, 49]);
    expect(readdirSync(out)).toContain('input-5-block-0.png');
    const again = await neurofuzz(['inspect', `${FIXTURES}/picture-plain.onnx`, ...flags]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('holds other maps');
    const words = join(folder, 'words');
    await neurofuzz([
      ...['inspect', 'test/fixtures/transformers/gpt2-torchscript.onnx', '--attention'],
      ...['--seeds', texts, '--out', words],
    ]);
    expect(readFileSync(join(words, 'input-0-block-1.svg'), 'utf8')).toContain(`>${tokens.data[0]}</text>`);
  });

  test.each([
    ['test/fixtures/convnet.onnx', 'is not one, since its result is an output of the model'],
    ['corpora/six-seven/undefended.onnx', 'it has no softmax'],
  ])('a model without a block is refused, and says which softmax were looked at: %s', async (model, why) => {
    const { code, stderr } = await neurofuzz(['inspect', model, '--attention']);
    expect(code).toBe(2);
    expect(stderr).toContain('has no block of attention');
    expect(stderr).toContain(why);
  });
});

describe('fuzz --objective attention-law', () => {
  const fuzz = (model: string, seeds: string, out: string, ...more: string[]) =>
    neurofuzz([
      ...['fuzz', model, '-i', seeds, '-O', 'attention-law', 'nonfinite', '-s', '1', '-j', '1', '--quiet'],
      ...['-o', join(folder, out), ...more],
    ]);

  test('a causal mask of −∞ gives no finding', async () => {
    const { code } = await fuzz(
      `${FIXTURES}/heads-masked.onnx`,
      sequences,
      'causal',
      '-n',
      '5000',
      '--range=-3,3',
    );
    expect(code).toBe(0);
    expect(existsSync(join(folder, 'causal', 'corpus'))).toBe(true);
  });

  test('a mask that hides all keys is a finding, which names the softmax', async () => {
    const model = 'test/fixtures/transformers/gpt2-torchscript.onnx';
    const { code } = await fuzz(model, texts, 'hides', '-n', '800');
    expect(code).toBe(1);
    const [first] = findingFolders(join(folder, 'hides')).filter((path) =>
      path.includes('attention-law-masked'),
    );
    const finding = readJson(first, 'finding.json');
    expect(finding.summary).toMatch(
      /^head \d of \/model\/transformer\/h\.\d\/attn\/Softmax has .* no key left/,
    );
    expect(finding.reproduced).toBe('10/10');
  });

  test('a model without attention is refused', async () => {
    const { code, stderr } = await fuzz(
      'corpora/six-seven/undefended.onnx',
      'corpora/six-seven/seeds.npz',
      'none',
      '-n',
      '10',
    );
    expect(code).toBe(2);
    expect(stderr).toContain('attention-law needs a model that shows a block of attention');
  });
});

test('explain --method attention maps what the last block looks at', async () => {
  const out = join(folder, 'explained');
  const { code, stdout } = await neurofuzz([
    ...['explain', `${FIXTURES}/picture-plain.onnx`, '--seeds', pictures, '--method', 'attention'],
    ...['--inputs', '2', '--out', out, '--json', '-s', '1'],
  ]);
  expect(code).toBe(0);
  const { inputs } = JSON.parse(stdout);
  expect(inputs).toHaveLength(2);
  expect(inputs[0].methods[0]).toMatchObject({ name: 'attention', refusal: null });
  const arrays = decodeNpz(readFileSync(join(out, `input-${inputs[0].index}.npz`)), 'maps');
  expect(arrays.get('attention')?.shape).toEqual([14, 14]);
});
