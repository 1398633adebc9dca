/** Draws small digits, trains a generative adversarial network on them, and writes checkpoints of both networks beside this file. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomStream } from '../../src/core/random.ts';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { drawSmallDigits, PIXELS, SIDE } from './digits.ts';
import { discriminatorOnnx, generatorOnnx, trainGan } from './gan.ts';

const SEED = 'gan-digits';
const STEPS = [10, 30, 60, 100, 200, 400, 700, 1100, 1600, 2400];
const COUNTS = { train: 4000, real: 200 };

const out = dirname(fileURLToPath(import.meta.url)).replace(join('dist', 'corpora'), 'corpora');

await startTfjs('auto');
const images = drawSmallDigits(COUNTS.train, randomStream(SEED, 'digits'));
for (const { steps, generator, discriminator } of trainGan(images, STEPS, SEED, (text) =>
  process.stderr.write(`${text}\n`),
)) {
  await writeFile(join(out, `generator-${steps}.onnx`), generatorOnnx(generator));
  await writeFile(join(out, `discriminator-${steps}.onnx`), discriminatorOnnx(discriminator));
}
const real = drawSmallDigits(COUNTS.real, randomStream(SEED, 'real'));
await writeFile(
  join(out, 'real.npz'),
  encodeNpz([['image', { type: 'float32', shape: [real.length / PIXELS, SIDE, SIDE, 1], data: real }]]),
);
