import { expect, test } from '@jest/globals';
import { drawDigit } from '../../corpora/nan-digits/digits.ts';
import { CLASSES, type Dense, PIXELS, train } from '../../corpora/nan-digits/network.ts';
import { randomStream } from '../../src/core/random.ts';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';

const COUNT = 100;

function predictedBy(layers: readonly Dense[], image: Float32Array): number {
  let values = image;
  layers.forEach(({ inputs, outputs, weights, bias }, i) => {
    const sums = Float32Array.from(bias);
    for (let from = 0; from < inputs; from++)
      for (let to = 0; to < outputs; to++) sums[to] += values[from] * weights[from * outputs + to];
    values = i < layers.length - 1 ? sums.map((sum) => Math.max(0, sum)) : sums;
  });
  return values.indexOf(Math.max(...values));
}

test('the script of the bundled model trains it', async () => {
  await startTfjs('auto');
  const random = randomStream('short', 'digits');
  const labels = Int32Array.from({ length: COUNT }, (_, i) => i % CLASSES);
  const images = new Float32Array(COUNT * PIXELS);
  labels.forEach((label, i) => {
    images.set(drawDigit(label, random), i * PIXELS);
  });
  const layers = train({ images, labels }, 150, 'short', () => {});
  const right = labels.filter(
    (label, i) => predictedBy(layers, images.slice(i * PIXELS, (i + 1) * PIXELS)) === label,
  );
  // A guess is right in one of ten.
  expect(right.length).toBeGreaterThan(COUNT / 2);
});
