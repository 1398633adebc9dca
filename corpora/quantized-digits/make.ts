import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomStream } from '../../src/core/random.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { startTfjs } from '../../src/model/formats/tfjs/backend.ts';
import { calibrateRanges } from '../../src/model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../../src/model/quantize/derive.ts';
import { packBatch, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { drawDigit } from '../nan-digits/digits.ts';
import { CLASSES, type Dataset, type Dense, PIXELS, train } from '../nan-digits/network.ts';

const SEED = 'quantized-digits';
const STEPS = 3000;
const COUNTS = { train: 9000, heldOut: 1000, seeds: 40 };

const out = dirname(fileURLToPath(import.meta.url)).replace(join('dist', 'corpora'), 'corpora');
const log = (text: string): void => void process.stderr.write(`${text}\n`);

const random = randomStream(SEED, 'digits');

function draw(count: number): Dataset {
  const images = new Float32Array(count * PIXELS);
  const labels = Int32Array.from({ length: count }, (_, i) => i % CLASSES);
  labels.forEach((label, i) => {
    images.set(drawDigit(label, random), i * PIXELS);
  });
  return { images, labels };
}

function onnxOf(layers: readonly Dense[]): Uint8Array {
  const graph = new OnnxBuilder();
  const flat = graph.constant('pixels_shape', 'int64', [2], BigInt64Array.of(-1n, BigInt(PIXELS)));
  let values = graph.node('Reshape', [graph.input('image', 'float32', ['batch', 28, 28, 1]), flat], 'pixels');
  layers.forEach(({ inputs, outputs, weights, bias }, i) => {
    const isLast = i === layers.length - 1;
    graph.constant(`weights_${i + 1}`, 'float32', [inputs, outputs], weights);
    graph.constant(`bias_${i + 1}`, 'float32', [outputs], bias);
    const sum = isLast ? 'logits' : `sum_${i + 1}`;
    values = graph.node('Gemm', [values, `weights_${i + 1}`, `bias_${i + 1}`], sum);
    if (!isLast) values = graph.node('Relu', [values], `hidden_${i + 1}`);
  });
  graph.output('logits', 'float32', ['batch', CLASSES]);
  return graph.finish('quantized-digits');
}

await startTfjs('auto');
const trainingSet = draw(COUNTS.train);
const heldOut = draw(COUNTS.heldOut);
const float = join(out, 'digits.onnx');
await writeFile(float, onnxOf(train(trainingSet, STEPS, SEED, log)));
const seeds = heldOut.images.subarray(0, COUNTS.seeds * PIXELS);
const shape = [COUNTS.seeds, 28, 28, 1];
await writeFile(join(out, 'seeds.npz'), encodeNpz([['image', { type: 'float32', shape, data: seeds }]]));

const form = shapeSignatureOf([{ name: 'image', type: 'float32', shape: [28, 28, 1], size: PIXELS }]);
const rowsOf = ({ images }: Dataset, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    form,
    inputs: [images.subarray(i * PIXELS, (i + 1) * PIXELS)],
  }));
const model = new BatchedModel(await loadModel(float, { runtime: 'auto' }));
const [[, copy]] = await deriveQuantizedModel(float, 'int8', (tensors) =>
  calibrateRanges(model, rowsOf(trainingSet, 1000), tensors, () => {}),
);
const quantized = join(out, 'digits-int8.onnx');
await writeFile(quantized, copy);

const classes: number[][] = [];
for (const one of [model, new BatchedModel(await loadModel(quantized, { runtime: 'auto' }))]) {
  const { outputs } = await one.run(packBatch(rowsOf(heldOut, COUNTS.heldOut)), COUNTS.heldOut, []);
  const logits = outputs[0].data as Float32Array;
  classes.push(
    Array.from(heldOut.labels, (_, row) => {
      const own = logits.subarray(row * CLASSES, (row + 1) * CLASSES);
      return own.indexOf(Math.max(...own));
    }),
  );
}
const share = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).filter((value, i) => value === b[i]).length / a.length;
log(
  JSON.stringify({
    accuracy: share(classes[0], heldOut.labels),
    accuracyOfCopy: share(classes[1], heldOut.labels),
    alike: share(classes[0], classes[1]),
    alikeOnSeeds: share(classes[0].slice(0, COUNTS.seeds), classes[1].slice(0, COUNTS.seeds)),
  }),
);
