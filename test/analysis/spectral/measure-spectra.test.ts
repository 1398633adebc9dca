import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { measureSpectra, type Spectra } from '../../../src/analysis/spectral/measure-spectra.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';

/** The two largest singular values by numpy, by model and weight; see test/fixtures/spectral/make.py. */
const DECOMPOSED: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = JSON.parse(
  readFileSync('test/fixtures/spectral/singular-values.json', 'utf8'),
);

async function measure(path: string): Promise<Spectra> {
  const model = await loadModel(path, { runtime: 'auto' });
  try {
    return await measureSpectra(new BatchedModel(model), undefined, () => {});
  } finally {
    await model.dispose();
  }
}

test.each(Object.keys(DECOMPOSED).filter((name) => name !== 'random'))(
  'σ of the weights of %s is within 0.1 % of a full decomposition',
  async (path) => {
    const { layers, unread } = await measure(path);
    expect(unread).toEqual([]);
    // Biases of recurrent layers have two dimensions in ONNX, and are no weights.
    const weights = Object.keys(DECOMPOSED[path]).filter((name) => !name.endsWith('_b'));
    const known = layers.filter(({ weight }) => weights.includes(weight));
    expect(known.length).toBeGreaterThanOrEqual(2);
    for (const { weight, sigma, secondRatio, frobenius, stableRank } of known) {
      const [first, second = 0] = DECOMPOSED[path][weight];
      expect(Math.abs((sigma ?? 0) / first - 1)).toBeLessThan(1e-3);
      expect(secondRatio).toBeCloseTo(second / first, 2);
      expect(stableRank).toBeCloseTo(((frobenius ?? 0) / (sigma ?? 1)) ** 2, 9);
    }
  },
);

test('weights are listed with the form in which code trains them, and with outputs without weights', async () => {
  const { layers } = await measure('corpora/nan-digits/nan-digits.onnx');
  expect(layers.map(({ weight, op, rows, columns }) => [weight, op, rows, columns])).toEqual([
    ['hidden_1/weights', 'Gemm', 200, 784],
    ['hidden_2/weights', 'Gemm', 100, 200],
    ['logits/weights', 'Gemm', 10, 100],
  ]);
  expect(layers.map(({ deadRows }) => deadRows)).toEqual([0, 0, 0]);
});

test('a TensorFlow.js model and the ONNX model of the same network have the same singular values', async () => {
  const onnx = await measure('corpora/nan-digits/nan-digits.onnx');
  const tfjs = await measure('corpora/nan-digits/nan-digits-tfjs/model.json');
  expect(tfjs.layers.map(({ rows, columns }) => [rows, columns])).toEqual(
    onnx.layers.map(({ rows, columns }) => [rows, columns]),
  );
  tfjs.layers.forEach(({ sigma }, i) => {
    expect(Math.abs((sigma ?? 0) / (onnx.layers[i].sigma ?? 1) - 1)).toBeLessThan(1e-3);
  });
});

test('weights that a quantized model computes from integers are read by a run', async () => {
  const model = await loadModel('test/fixtures/convnet-int8.onnx', { runtime: 'auto' });
  const batched = new BatchedModel(model);
  const { shape = [] } = model.inputs[0];
  const sizes = shape.slice(1).map((size) => size ?? 1);
  const size = sizes.reduce((product, side) => product * side, 1);
  const input = { name: model.inputs[0].name, type: 'float32', shape: sizes, size } as const;
  const testcase = { form: { inputs: [input], key: sizes.join() }, inputs: [new Float32Array(size)] };
  const { layers } = await measureSpectra(batched, testcase, () => {});
  await model.dispose();
  const reference = await measure('test/fixtures/convnet.onnx');
  expect(layers).toHaveLength(reference.layers.length);
  // Batch normalisation is folded into the convolutions of the copy.
  const last = [layers, reference.layers].map((of) => of[of.length - 1].sigma ?? 0);
  expect(Math.abs(last[0] / last[1] - 1)).toBeLessThan(0.02);
});
