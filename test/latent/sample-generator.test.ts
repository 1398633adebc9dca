import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { sampleGenerator, truncatedNormal } from '../../src/latent/sample-generator.ts';
import { loadModel } from '../../src/model/formats/registry.ts';

const REQUEST = { names: {}, count: 20, seed: 'test', truncation: undefined };

test('samples have normal vectors and classes in turn', async () => {
  const generator = await loadModel('corpora/latent-digits/decoder.onnx', { runtime: 'auto' });
  const { roles, shape, values, latents, labels } = await sampleGenerator(generator, REQUEST);
  expect(roles).toEqual({
    size: 12,
    decodedSize: 784,
    decoder: { latent: 0, label: { input: 1, classes: 10 }, output: 'image' },
  });
  expect(shape).toEqual([28, 28, 1]);
  expect(values).toHaveLength(20 * 784);
  expect(labels?.slice(8, 13)).toEqual([8, 9, 0, 1, 2]);
  expect(Math.max(...latents)).toBeGreaterThan(1);
  const again = await sampleGenerator(generator, REQUEST);
  expect(again.values).toEqual(values);
  const truncated = await sampleGenerator(generator, { ...REQUEST, truncation: 0.5 });
  expect(Math.max(...truncated.latents.map(Math.abs))).toBeLessThanOrEqual(0.5);
});

test('draws beyond the truncation are repeated', () => {
  const random = randomStream('truncated');
  const draws = Array.from({ length: 500 }, () => truncatedNormal(random, 1));
  expect(Math.max(...draws.map(Math.abs))).toBeLessThanOrEqual(1);
  expect(draws.filter((value) => Math.abs(value) === 1)).toEqual([]);
  expect(Math.abs(truncatedNormal(random, 1e-9))).toBeLessThanOrEqual(1e-9);
});
