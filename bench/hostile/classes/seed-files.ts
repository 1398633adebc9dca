import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { encodeNpy } from '../../../src/tensor/npy.ts';
import { changedBytes } from '../damage.ts';
import { brokenPromise } from '../ending.ts';
import type { HostileClass, Trial } from '../suite.ts';

/** A seed file, and the model that it is for. */
interface SeedFile {
  readonly name: string;
  readonly model: string;
  readonly flags: readonly string[];
  readonly bytes: Uint8Array;
}

/** Seed files of all formats, changed by bytes: in what is stored and in what it unpacks to. */
export const seedFiles: HostileClass = {
  name: 'seeds',
  trials: 200,
  prepare: async () => changedSeeds(await originals()),
};

const DIGITS = 'corpora/nan-digits/nan-digits.onnx';
const DIGITS_FLAGS = ['--range=-1,1', '--mutator', 'label=none'];

async function originals(): Promise<SeedFile[]> {
  const pixels = Float32Array.from({ length: 2 * 28 * 28 }, (_, i) => (i % 7) / 7);
  const npy = encodeNpy({ type: 'float32', shape: [2, 28, 28, 1], data: pixels });
  const header = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]);
  const idx = Buffer.concat([header, Uint8Array.from(pixels, (value) => 255 * value)]);
  const picture = sharp(Buffer.from(idx.subarray(16, 16 + 28 * 28)), {
    raw: { width: 28, height: 28, channels: 1 },
  });
  const image = (name: string, bytes: Uint8Array): SeedFile => ({
    name,
    model: 'corpora/quantized-digits/digits.onnx',
    flags: ['--range=-1,1'],
    bytes,
  });
  const [png, jpg] = await Promise.all([picture.clone().png().toBuffer(), picture.clone().jpeg().toBuffer()]);
  return [
    {
      name: 's.npz',
      model: DIGITS,
      flags: DIGITS_FLAGS,
      bytes: readFileSync('corpora/nan-digits/seeds.npz'),
    },
    image('s.npy', npy),
    image('s.idx', idx),
    image('s.idx.gz', gzipSync(idx)),
    image('s.png', png),
    image('s.jpg', jpg),
    {
      name: 's.txt',
      model: 'corpora/char-lm/char-lm.onnx',
      flags: [
        '--generate',
        'vocabulary=corpora/char-lm/vocabulary.json',
        '--generate',
        'length=4',
        '-O',
        'text:repeated-word',
      ],
      bytes: readFileSync('corpora/char-lm/prompts.txt'),
    },
    {
      name: 's.json',
      model: 'test/fixtures/tabular.onnx',
      flags: [],
      bytes: Buffer.from(JSON.stringify([{ x: [0.1, 0.2, 0.3, 0.4] }])),
    },
  ];
}

function changedSeeds(files: readonly SeedFile[]): Trial {
  return async (random, lane, folder) => {
    const { name, model, flags, bytes } = files[random.below(files.length)];
    const path = join(folder, name);
    writeFileSync(path, changedBytes(bytes, random));
    const limits = ['-n', '64', '-s', 'hostile', '-j', '1', '--timeout', '10s', '--quiet'];
    const args = ['fuzz', model, '-i', path, ...flags, ...limits, '-o', join(folder, 'out')];
    const failure = brokenPromise(await lane.command(args), [0, 1, 2]);
    return { what: `${name} changed`, commands: 1, failure };
  };
}
