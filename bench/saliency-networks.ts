import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addLoss, GraphTrainer, type TrainedWeight } from '../src/audit/graph-trainer.ts';
import { drawNormal, type Random, randomStream, shuffle } from '../src/core/random.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { type Digits, PIXELS } from './digit-networks.ts';

/** Nets for digits whose maps are checked: 5×5×16, pool, 5×5×32, pool, 64, 10; and 784-200-100-10. */
export const SALIENCY_NETWORKS = ['convolution', 'dense'] as const;
export type SaliencyNetwork = (typeof SALIENCY_NETWORKS)[number];

const SIDE = 28;
const CLASSES = 10;
const BATCH = 64;
const RATE = 1e-3;
const EPOCHS: Readonly<Record<SaliencyNetwork, number>> = { convolution: 4, dense: 10 };

const SHAPES: Readonly<Record<SaliencyNetwork, readonly (readonly number[])[]>> = {
  convolution: [
    [16, 1, 5, 5],
    [32, 16, 5, 5],
    [7 * 7 * 32, 64],
    [64, CLASSES],
  ],
  dense: [
    [PIXELS, 200],
    [200, 100],
    [100, CLASSES],
  ],
};

/** Adds the net from picture `[rows, 28, 28, 1]` to logits; weights are tensors `w0`, `b0`, `w1`… of the graph. */
function addNetwork(graph: OnnxBuilder, network: SaliencyNetwork, image: string): string {
  const layers = SHAPES[network].length;
  const flatten = (values: string, size: number): string => {
    const shape = graph.constant('flat_shape', 'int64', [2], BigInt64Array.of(-1n, BigInt(size)));
    return graph.node('Reshape', [values, shape], 'flat');
  };
  let values = image;
  let next = 0;
  if (network === 'convolution') {
    values = graph.node('Transpose', [values], 'channels', { perm: [0, 3, 1, 2] });
    for (; next < 2; next++) {
      values = graph.node('Conv', [values, `w${next}`, `b${next}`], `conv_${next + 1}`, {
        kernel_shape: [5, 5],
        pads: [2, 2, 2, 2],
      });
      values = graph.node('Relu', [values], `relu_${next + 1}`);
      values = graph.node('MaxPool', [values], `pool_${next + 1}`, { kernel_shape: [2, 2], strides: [2, 2] });
    }
  }
  values = flatten(values, SHAPES[network][next][0]);
  for (; next < layers; next++) {
    const isLast = next === layers - 1;
    values = graph.node('Gemm', [values, `w${next}`, `b${next}`], isLast ? 'logits' : `dense_${next + 1}`);
    if (!isLast) values = graph.node('Relu', [values], `relu_${next + 1}`);
  }
  return values;
}

function trainingGraph(network: SaliencyNetwork, weights: readonly TrainedWeight[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', [BATCH, SIDE, SIDE, 1]);
  const wanted = graph.input('wanted', 'float32', [BATCH, CLASSES]);
  for (const { name, shape } of weights) graph.input(name, 'float32', shape);
  addLoss(graph, addNetwork(graph, network, image), wanted, BATCH);
  return graph.finish(`training-${network}`);
}

/** The net as a file, a picture `[28, 28, 1]` with levels from 0 to 1 in, logits out. */
function saliencyOnnx(network: SaliencyNetwork, weights: readonly TrainedWeight[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', SIDE, SIDE, 1]);
  for (const { name, shape, values } of weights) graph.constant(name, 'float32', [...shape], values);
  graph.output(addNetwork(graph, network, image), 'float32', ['batch', CLASSES]);
  return graph.finish(`saliency-${network}`);
}

function initialWeights(network: SaliencyNetwork, random: Random): TrainedWeight[] {
  return SHAPES[network].flatMap((shape, i) => {
    const isConvolution = shape.length === 4;
    const fanIn = isConvolution ? shape[1] * shape[2] * shape[3] : shape[0];
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const scale = Math.sqrt(2 / fanIn);
    const outputs = isConvolution ? shape[0] : shape[1];
    return [
      { name: `w${i}`, shape, values: Float32Array.from({ length: size }, () => scale * drawNormal(random)) },
      { name: `b${i}`, shape: [outputs], values: new Float32Array(outputs) },
    ];
  });
}

/**
 * Trains a net with Adam, unless it was trained before; returns the path of its ONNX file.
 *
 * @param cache folder in which it is kept
 * @param isShuffled whether the labels are in another order, so that it learns nothing that it could see
 */
export async function saliencyNetwork(
  network: SaliencyNetwork,
  { images, labels }: Digits,
  cache: string,
  onEpoch: (done: number, total: number) => void,
  isShuffled = false,
): Promise<string> {
  const path = join(cache, `saliency-${network}${isShuffled ? '-shuffled' : ''}.onnx`);
  if (await stat(path).catch(() => undefined)) return path;
  const random = randomStream('saliency-networks', network, isShuffled ? 'shuffled' : 'right');
  const weights = initialWeights(network, random);
  const shown = Uint8Array.from(labels);
  if (isShuffled) shuffle(shown, random);
  const trainer = await GraphTrainer.open(trainingGraph(network, weights), weights, RATE);
  const order = Int32Array.from(labels.keys());
  for (let epoch = 0; epoch < EPOCHS[network]; epoch++) {
    shuffle(order, random);
    for (let from = 0; from + BATCH <= order.length; from += BATCH) {
      const batch = new Float32Array(BATCH * PIXELS);
      const wanted = new Float32Array(BATCH * CLASSES);
      for (let row = 0; row < BATCH; row++) {
        const digit = order[from + row];
        for (let i = 0; i < PIXELS; i++) batch[row * PIXELS + i] = images[digit * PIXELS + i];
        wanted[row * CLASSES + shown[digit]] = 1;
      }
      const feeds: Tensor[] = [
        { type: 'float32', shape: [BATCH, SIDE, SIDE, 1], data: batch },
        { type: 'float32', shape: [BATCH, CLASSES], data: wanted },
      ];
      await trainer.descend(feeds);
    }
    onEpoch(epoch + 1, EPOCHS[network]);
  }
  await trainer.dispose();
  await mkdir(cache, { recursive: true });
  await writeFile(path, saliencyOnnx(network, weights));
  return path;
}
