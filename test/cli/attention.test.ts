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

interface Block {
  readonly name: string;
  readonly effect: number;
  readonly queries: number;
  readonly keys: number;
  readonly unit: string;
  readonly heads: readonly {
    readonly sumError: number;
    readonly entropy: number;
    readonly distance: number;
    readonly flags: readonly string[];
  }[];
}

async function blocksOf(model: string, seeds: string): Promise<readonly Block[]> {
  const { code, stdout } = await neurofuzz(['inspect', model, '--attention', '--seeds', seeds, '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout).blocks;
}

const flagsOf = (blocks: readonly Block[]) => [
  ...new Set(blocks.flatMap(({ heads }) => heads).flatMap((head) => head.flags)),
];

describe('inspect --attention', () => {
  test('measures a block whose keys are pooled, in pixels of the picture', async () => {
    const [block] = await blocksOf(`${FIXTURES}/picture-plain.onnx`, pictures);
    expect(block).toMatchObject({ queries: 196, keys: 49, unit: 'pixels' });
    expect(block.effect).toBeGreaterThan(0.01);
    expect(block.heads[0].sumError).toBeLessThan(1e-5);
    expect(block.heads[0].distance).toBeGreaterThan(0);
    expect(block.heads[0].distance).toBeLessThan(14 * Math.SQRT2);
    expect(block.heads[0].flags).toEqual([]);
  });

  test.each([
    ['picture-dead', ['dead'], 'γ is 0'],
    ['picture-collapsed', ['collapsed'], 'logits are multiplied'],
    ['picture-masked', [], 'half of the keys are masked'],
    ['picture-scaled', [], 'logits are scaled'],
  ])('%s has the flags %j: %s', async (name, flags) => {
    const blocks = await blocksOf(`${FIXTURES}/${name}.onnx`, pictures);
    expect(flagsOf(blocks)).toEqual(flags);
    if (name === 'picture-dead') expect(blocks[0].effect).toBe(0);
  });

  test.each(['heads-plain', 'heads-scaled', 'heads-masked'])(
    'a multi-head block has no flag, masked by −∞ or not: %s',
    async (name) => {
      const blocks = await blocksOf(`${FIXTURES}/${name}.onnx`, sequences);
      expect(blocks[0].heads).toHaveLength(2);
      expect(blocks[0]).toMatchObject({ queries: 6, keys: 6, unit: 'places' });
      expect(flagsOf(blocks)).toEqual([]);
    },
  );

  test('a text whose tokens are all masked is flagged, although the mask is a finite number', async () => {
    const model = 'test/fixtures/transformers/gpt2-torchscript.onnx';
    expect(flagsOf(await blocksOf(model, texts))).toEqual([]);
    expect(flagsOf(await blocksOf(model, hidden))).toEqual(['masked']);
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
    const { code } = await fuzz(model, texts, 'hides', '-n', '1500');
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
    const { code, stderr } = await fuzz('test/fixtures/convnet.onnx', pictures, 'none', '-n', '10');
    expect(code).toBe(2);
    expect(stderr).toMatch(/attention/);
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
