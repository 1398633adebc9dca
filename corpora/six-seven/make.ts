import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convolutionOnnx, PIXELS } from '../../bench/digit-networks.ts';
import { DEFENCES, trainSixSeven } from '../../bench/sixes-sevens.ts';
import { randomStream } from '../../src/core/random.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { drawDigit } from '../nan-digits/digits.ts';

const SEED = 'six-seven';
const COUNTS = { train: 2000, seeds: 40 };

/** Steps to which the third net rounds each pixel: levels 0, 0.25, … 1. */
const STEPS = 4;

const out = dirname(fileURLToPath(import.meta.url)).replace(join('dist', 'corpora'), 'corpora');
const random = randomStream(SEED, 'digits');

/** Sixes (class 0) and sevens (class 1) in turn, with levels from 0 to 1. */
function draw(count: number): { readonly images: Float32Array; readonly labels: Uint8Array } {
  const images = new Float32Array(count * PIXELS);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  labels.forEach((label, i) => {
    images.set(
      drawDigit(6 + label, random).map((value) => (value + 1) / 2),
      i * PIXELS,
    );
  });
  return { images, labels };
}

const training = draw(COUNTS.train);
const seeds = draw(COUNTS.seeds);
const shape = [COUNTS.seeds, 28, 28, 1];
await writeFile(
  join(out, 'seeds.npz'),
  encodeNpz([['image', { type: 'float32', shape, data: seeds.images }]]),
);
await writeFile(join(out, 'labels.txt'), Array.from(seeds.labels, (label) => `${label}\n`).join(''));
for (const defence of DEFENCES) {
  const weights = await trainSixSeven(defence, training, (done, total) => {
    if (done % 10 === 0) process.stderr.write(`${defence}: ${done} of ${total} batches\n`);
  });
  await writeFile(join(out, `${defence}.onnx`), convolutionOnnx(weights, 2));
  if (defence === 'undefended')
    await writeFile(join(out, 'rounded.onnx'), convolutionOnnx(weights, 2, STEPS));
}
