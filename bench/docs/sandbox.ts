import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { drawDigit, SIDE } from '../../corpora/nan-digits/digits.ts';
import { randomStream } from '../../src/core/random.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Files that stand for the reader's own, by the name that pages give them: a bundled file, or a function that writes them. */
export type SandboxFiles = Readonly<Record<string, string | ((path: string) => Promise<void>)>>;

const DIGITS = 'corpora/quantized-digits';
const NAN_DIGITS = 'corpora/nan-digits';
const TINY_GPT = 'test/fixtures/tiny-gpt';

/** Classes of the bundled digits: seed i shows i modulo this. */
const CLASSES = 10;

/** Number of pictures in a folder of photographs. */
const PHOTOS = 20;

async function readDigits(): Promise<Tensor> {
  const path = join(DIGITS, 'seeds.npz');
  const image = decodeNpz(await readFile(path), path).get('image');
  if (image === undefined) throw new Error(`${path} has no image`);
  return image;
}

/** Writes some digits as PNG files, each in a folder that bears its class. */
async function writePhotos(path: string): Promise<void> {
  const { data, shape } = await readDigits();
  const [, height, width] = shape as [number, number, number];
  for (let i = 0; i < PHOTOS; i++) {
    const values = Array.from(data.slice(i * height * width, (i + 1) * height * width), Number);
    const levels = Uint8Array.from(values, (value) => Math.round(((value + 1) / 2) * 255));
    const file = join(path, String(i % CLASSES), `${i}.png`);
    await mkdir(dirname(file), { recursive: true });
    await sharp(levels, { raw: { width, height, channels: 1 } })
      .png()
      .toFile(file);
  }
}

async function writeLabels(path: string): Promise<void> {
  const [rows] = (await readDigits()).shape as [number];
  const data = Float32Array.from({ length: rows }, (_, i) => i % CLASSES);
  await writeFile(path, encodeNpy({ type: 'float32', shape: [rows], data }));
}

/** Writes two testcases for the bundled network in half precision. */
async function writeHalfSeeds(path: string): Promise<void> {
  const shape = [2, 1, 16, 16];
  const data = Float32Array.from({ length: 2 * 256 }, (_, i) => Math.sin(i));
  await writeFile(path, encodeNpz([['image', { type: 'float32', shape, data }]]));
}

async function writePictures(path: string): Promise<void> {
  const data = Float32Array.from({ length: 4 * 196 }, (_, i) => 0.5 + 0.5 * Math.sin(i * i));
  await writeFile(path, encodeNpz([['x', { type: 'float32', shape: [4, 1, 14, 14], data }]]));
}

async function writeTexts(path: string): Promise<void> {
  const shape = [4, 8];
  const tokens = BigInt64Array.from({ length: 32 }, (_, i) => BigInt(1 + ((37 * i) % 255)));
  const mask = new BigInt64Array(32).fill(1n);
  await writeFile(
    path,
    encodeNpz([
      ['input_ids', { type: 'int64', shape, data: tokens }],
      ['attention_mask', { type: 'int64', shape, data: mask }],
    ]),
  );
}

/** Writes the tokenizer of the bundled language model, with the name that most models have for the token that ends a text. */
async function writeTokenizer(path: string): Promise<void> {
  const tokenizer = await readFile(join(TINY_GPT, 'tokenizer.json'), 'utf8');
  await writeFile(path, tokenizer.replaceAll('<|end|>', '<|endoftext|>'));
}

const text =
  (content: string) =>
  (path: string): Promise<void> =>
    writeFile(path, content);

/** A classifier of digits with its int8 copy. */
export const DIGIT_FILES: SandboxFiles = {
  'model.onnx': `${DIGITS}/digits.onnx`,
  'model-int8.onnx': `${DIGITS}/digits-int8.onnx`,
  'build/model.onnx': `${DIGITS}/digits.onnx`,
  'digits.npz': `${DIGITS}/seeds.npz`,
  'labels.npy': writeLabels,
  photos: writePhotos,
  'digits/campaign.yaml': text(`model: ../model.onnx\nseeds: ../digits.npz\nrange: [-1, 1]\n`),
  'letters.onnx': `${DIGITS}/digits.onnx`,
  letters: writePhotos,
};

/** Drawn digits to train on: fewer than anybody would take. */
const TRAINING_DIGITS = 600;

async function writeTrainingDigits(path: string): Promise<void> {
  const random = randomStream('docs', 'digits');
  const data = new Float32Array(TRAINING_DIGITS * SIDE * SIDE);
  for (let i = 0; i < TRAINING_DIGITS; i++) data.set(drawDigit(i % CLASSES, random), i * SIDE * SIDE);
  const shape = [TRAINING_DIGITS, SIDE, SIDE, 1];
  await writeFile(path, encodeNpz([['image', { type: 'float32', shape, data }]]));
}

async function writeTrainingLabels(path: string): Promise<void> {
  const data = Float32Array.from({ length: TRAINING_DIGITS }, (_, i) => i % CLASSES);
  await writeFile(path, encodeNpy({ type: 'float32', shape: [TRAINING_DIGITS], data }));
}

/** The same classifier with an encoder and a decoder of digits, two judges, and digits to train on. */
export const LATENT_FILES: SandboxFiles = {
  ...DIGIT_FILES,
  'enc.onnx': 'corpora/latent-digits/encoder.onnx',
  'dec.onnx': 'corpora/latent-digits/decoder.onnx',
  'other.onnx': `${DIGITS}/digits-int8.onnx`,
  'third.onnx': `${DIGITS}/digits.onnx`,
  'train.npz': writeTrainingDigits,
  'train-labels.npy': writeTrainingLabels,
};

/** A classifier of digits whose loss can become infinite. */
export const LOSS_FILES: SandboxFiles = {
  'model.onnx': `${NAN_DIGITS}/nan-digits.onnx`,
  'build/model.onnx': `${NAN_DIGITS}/nan-digits.onnx`,
  'digits.npz': `${NAN_DIGITS}/seeds.npz`,
  'photos/digits.npz': `${NAN_DIGITS}/seeds.npz`,
  'model.json': `${NAN_DIGITS}/nan-digits-tfjs/model.json`,
  'group1-shard1of1.bin': `${NAN_DIGITS}/nan-digits-tfjs/group1-shard1of1.bin`,
};

/** A network in half precision. */
export const HALF_FILES: SandboxFiles = {
  'half.onnx': 'test/fixtures/convnet-float16.onnx',
  'digits.npz': writeHalfSeeds,
};

/** Models with attention, a discriminator whose layers are not normalised, and inputs for them. */
export const LAYER_FILES: SandboxFiles = {
  ...DIGIT_FILES,
  'sagan.onnx': 'test/fixtures/attention/picture-plain.onnx',
  'pictures.npz': writePictures,
  'gpt2.onnx': 'test/fixtures/transformers/gpt2-torchscript.onnx',
  'texts.npz': writeTexts,
  'discriminator.onnx': 'corpora/gan-digits/discriminator-2400.onnx',
};

/** A language model with a tokenizer. */
export const TEXT_FILES: SandboxFiles = {
  'lm.onnx': `${TINY_GPT}/model.onnx`,
  'tokenizer.json': writeTokenizer,
  'prompts.txt': text('the cat\nA river\nwe go\n'),
  'words.txt': text('river\n'),
  'secrets.txt': text('the garden gate is open\n'),
};

/** Writes files into a folder, with the folders of the repository that pages name. */
export async function fillSandbox(folder: string, files: SandboxFiles): Promise<void> {
  for (const name of ['corpora', 'examples']) await cp(name, join(folder, name), { recursive: true });
  for (const [name, source] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await (typeof source === 'string' ? cp(source, path) : source(path));
  }
}
