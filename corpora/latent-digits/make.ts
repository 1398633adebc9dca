/** Draws digits and trains an encoder and a decoder on them, which is a generator of digits as well, beside this file. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomStream } from '../../src/core/random.ts';
import { trainLatent } from '../../src/model-commands/latent/train-latent.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { drawDigit, SIDE } from '../nan-digits/digits.ts';

const SEED = 'latent-digits';
const COUNT = 9000;
const CLASSES = 10;
const PIXELS = SIDE * SIDE;

/** Small enough for both models to take a megabyte. */
const NETWORK = { size: 12, hidden: 128, steps: 4000 };

const out = dirname(fileURLToPath(import.meta.url)).replace(join('dist', 'corpora'), 'corpora');
const random = randomStream(SEED, 'digits');
const images = new Float32Array(COUNT * PIXELS);
for (let i = 0; i < COUNT; i++) images.set(drawDigit(i % CLASSES, random), i * PIXELS);
const labels = Float32Array.from({ length: COUNT }, (_, i) => i % CLASSES);

const folder = await mkdtemp(join(tmpdir(), 'latent-digits-'));
try {
  const [seeds, classes] = [join(folder, 'digits.npz'), join(folder, 'labels.npy')];
  await writeFile(
    seeds,
    encodeNpz([['image', { type: 'float32', shape: [COUNT, SIDE, SIDE, 1], data: images }]]),
  );
  await writeFile(classes, encodeNpy({ type: 'float32', shape: [COUNT], data: labels }));
  await trainLatent(
    {
      task: 'any',
      seeds: [seeds],
      labels: classes,
      seed: SEED,
      ...NETWORK,
      hasCritic: false,
      compares: false,
      out: folder,
      overwrite: true,
    },
    ({ done, total }) => {
      if (done % 500 === 0) process.stderr.write(`${done} of ${total} steps\n`);
    },
  );
  for (const name of ['encoder.onnx', 'decoder.onnx', 'card.json'])
    await copyFile(join(folder, name), join(out, name));
} finally {
  await rm(folder, { recursive: true, force: true });
}
