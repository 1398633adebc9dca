import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../src/core/random.ts';
import { LatentCodec } from '../../src/latent/latent-codec.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { writeDecoded } from '../../src/mutators/latent/write-decoded.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { testFolder } from '../support/folder.ts';
import { writeAutoencoder } from '../support/models.ts';

const folder = testFolder();

async function modelsOf(paths = writeAutoencoder(folder)) {
  return {
    encoder: await loadModel(paths.encoder, { runtime: 'auto' }),
    decoder: await loadModel(paths.decoder, { runtime: 'auto' }),
  };
}

const INPUT = { name: 'x', type: 'float32', shape: [4], values: Float32Array.of(1, 0, 0, 0) } as const;

test('encodes and decodes', async () => {
  const codec = await LatentCodec.open(await modelsOf(), INPUT);
  expect(codec.roles).toEqual({
    size: 2,
    decodedSize: 4,
    encoder: { encoded: 0, output: 'z' },
    decoder: { latent: 0, output: 'decoded' },
  });
  expect(codec.takesLabels).toBe(false);
  const z = await codec.encode('float32', INPUT.values);
  expect([...z]).toEqual([0.5, 0.5]);
  // The plane's nearest point.
  expect([...(await codec.decode(z))]).toEqual([0.5, 0, 0.5, 0]);
});

test('rows of several runs are those of one', async () => {
  const codec = await LatentCodec.open(await modelsOf(), INPUT);
  const latents = Float32Array.from({ length: 14 }, (_, i) => i / 7);
  expect(await codec.decode(latents, [], 3)).toEqual(await codec.decode(latents));
});

test('an input of another type is converted', async () => {
  const codec = await LatentCodec.open(await modelsOf(), {
    ...INPUT,
    type: 'uint8',
    values: Uint8Array.of(2, 0, 0, 0),
  });
  expect([...(await codec.encode('uint8', Uint8Array.of(2, 0, 0, 0)))]).toEqual([1, 1]);
});

test('models that do not fit are refused with both shapes', async () => {
  const wide = await modelsOf(writeAutoencoder(folder, { outputs: 5, prefix: 'wide-' }));
  await expect(LatentCodec.open(wide, INPUT)).rejects.toThrow(/gives decoded of 5, and input x is 4/);
  const models = await modelsOf();
  await expect(
    LatentCodec.open(models, { ...INPUT, shape: [3], values: new Float32Array(3) }),
  ).rejects.toThrow(/encoder.onnx takes x of 4, and input x of 3/);
  const fixed = await modelsOf(writeAutoencoder(folder, { batch: 1, prefix: 'fixed-' }));
  await expect(LatentCodec.open(fixed, INPUT)).rejects.toThrow(
    /--decoder: .*fixed-decoder.onnx has no batch dimension of any size/,
  );
  await expect(LatentCodec.open(models, INPUT, { decoded: 'picture' })).rejects.toThrow(
    `--decoded: ${models.decoder.path} has no output picture, but decoded of 4`,
  );
  await expect(LatentCodec.open(models, INPUT, { latentInput: 'w' })).rejects.toThrow(
    /which input of .*decoder.onnx takes a latent vector is not clear \(z of 2\)/,
  );
});

test('a move and its way back give the parent, and what is decoded lies within the error of reconstructions', async () => {
  const folder = 'corpora/latent-digits';
  const paths = { encoder: `${folder}/encoder.onnx`, decoder: `${folder}/decoder.onnx` };
  const source = 'corpora/quantized-digits/seeds.npz';
  const [[name, { data }]] = decodeNpz(readFileSync(source), source);
  const digits = data as Float32Array;
  const codec = await LatentCodec.open(await modelsOf(paths), {
    name,
    type: 'float32',
    shape: [28, 28, 1],
    values: digits.slice(0, 784),
  });
  const random = randomStream('round trip');
  let error = 0;
  for (let digit = 0; digit < 40; digit++) {
    const parent = digits.slice(784 * digit, 784 * (digit + 1));
    const label = digit % 10;
    const z = await codec.encode('float32', parent, label);
    const moved = z.map((value) => value + 0.3 * drawNormal(random));
    const both = new Float32Array(24);
    both.set(z);
    both.set(moved, 12);
    const decoded = await codec.decode(both, [label, label]);
    const [before, after] = [decoded.subarray(0, 784), decoded.subarray(784)];
    const child = new Float32Array(784);
    writeDecoded(child, 0, parent, { before, after }, 1);
    const back = new Float32Array(784);
    writeDecoded(back, 0, child, { before: after, after: before }, 1);
    back.forEach((value, i) => {
      expect(Math.abs(value - parent[i])).toBeLessThan(1e-6);
    });
    parent.forEach((value, i) => {
      error += (value - before[i]) ** 2 / (40 * 784);
    });
  }
  const { errors } = JSON.parse(readFileSync(`${folder}/card.json`, 'utf8'));
  // Other digits than those that were held out, of the same kind.
  expect(error).toBeLessThan(1.25 * errors.heldOut);
});
