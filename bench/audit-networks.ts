import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addLoss, GraphTrainer, type TrainedWeight } from '../src/audit/graph-trainer.ts';
import { drawNormal, type Random, randomStream } from '../src/core/random.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { type Digits, PIXELS } from './digit-networks.ts';

/** Networks of one shape: trained on digits, and on PGD around them (Madry et al. 2018). */
export const TRAININGS = ['plain', 'adversarial'] as const;

export type Training = (typeof TRAININGS)[number];

const CLASSES = 10;
const ROWS = 64;
const RATE = 1e-3;
const BATCHES: Readonly<Record<Training, number>> = { plain: 400, adversarial: 800 };

/** L∞ limit of the PGD that a net is trained on, of a span of 2; it grows over the first batches. Steps of it. */
const LINF = 0.2;
const GROWING_BATCHES = 200;
const STEPS = 3;

/** Convolutions of 6×6 pixels and stride 2, and a dense layer, as ONNX has them. */
const SHAPES: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ['w0', [16, 1, 6, 6]],
  ['b0', [16]],
  ['w1', [32, 16, 6, 6]],
  ['b1', [32]],
  ['w2', [7 * 7 * 32, CLASSES]],
  ['b2', [CLASSES]],
];

/** He's initialisation; biases are 0. */
function drawWeights(random: Random): TrainedWeight[] {
  return SHAPES.map(([name, shape]) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const fanIn = shape.length === 4 ? size / shape[0] : shape[0];
    const scale = shape.length === 1 ? 0 : Math.sqrt(2 / fanIn);
    return { name, shape, values: Float32Array.from({ length: size }, () => scale * drawNormal(random)) };
  });
}

function addLayers(graph: OnnxBuilder, image: string): string {
  let values = graph.node('Transpose', [image], 'channels', { perm: [0, 3, 1, 2] });
  for (const i of [0, 1]) {
    const window = { kernel_shape: [6, 6], strides: [2, 2], pads: [2, 2, 2, 2] };
    values = graph.node('Conv', [values, `w${i}`, `b${i}`], `conv_${i + 1}`, window);
    values = graph.node('Relu', [values], `relu_${i + 1}`);
  }
  const flat = graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, BigInt(7 * 7 * 32)));
  return graph.node('Gemm', [graph.node('Reshape', [values, flat], 'features'), 'w2', 'b2'], 'logits');
}

function trainingGraph(weights: readonly TrainedWeight[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', [ROWS, 28, 28, 1]);
  const wanted = graph.input('wanted', 'float32', [ROWS, CLASSES]);
  for (const { name, shape } of weights) graph.input(name, 'float32', shape);
  addLoss(graph, addLayers(graph, image), wanted, ROWS);
  return graph.finish('training', 17);
}

function networkFile(weights: readonly TrainedWeight[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  for (const { name, shape, values } of weights) graph.constant(name, 'float32', shape, values);
  addLayers(graph, image);
  graph.output('logits', 'float32', ['batch', CLASSES]);
  return graph.finish('digits');
}

/** Moves a batch up the loss, from a random start in the ball. */
async function attacked(
  images: Float32Array,
  wanted: Tensor,
  trainer: GraphTrainer,
  linf: number,
  random: Random,
): Promise<Float32Array> {
  const clip = (value: number, i: number): number =>
    Math.min(1, images[i] + linf, Math.max(-1, images[i] - linf, value));
  const moved = images.map((value, i) => clip(value + linf * (2 * random.uniform() - 1), i));
  for (let step = 0; step < STEPS; step++) {
    const [gradient] = await trainer.gradients([imagesTensor(moved), wanted], ['image']);
    for (let i = 0; i < moved.length; i++)
      moved[i] = clip(moved[i] + ((2.5 * linf) / STEPS) * Math.sign(gradient[i]), i);
  }
  return moved;
}

function imagesTensor(data: Float32Array): Tensor {
  return { type: 'float32', shape: [ROWS, 28, 28, 1], data };
}

/**
 * Trains a network, unless it was trained before; returns the path of its ONNX file.
 *
 * @param cache folder in which it is kept
 */
export async function auditNetwork(
  training: Training,
  { images, labels }: Digits,
  cache: string,
  onBatch: (done: number, total: number) => void,
): Promise<string> {
  const path = join(cache, `audit-${training}.onnx`);
  if (await stat(path).catch(() => undefined)) return path;
  const random = randomStream('audit-networks', training);
  const weights = drawWeights(random);
  const trainer = await GraphTrainer.open(trainingGraph(weights), weights, RATE);
  for (let batch = 0; batch < BATCHES[training]; batch++) {
    const rows = new Float32Array(ROWS * PIXELS);
    const classes = new Float32Array(ROWS * CLASSES);
    for (let row = 0; row < ROWS; row++) {
      const digit = random.below(labels.length);
      rows.set(images.subarray(digit * PIXELS, (digit + 1) * PIXELS), row * PIXELS);
      classes[row * CLASSES + labels[digit]] = 1;
    }
    const wanted: Tensor = { type: 'float32', shape: [ROWS, CLASSES], data: classes };
    const linf = LINF * Math.min(1, batch / GROWING_BATCHES);
    const seen = training === 'plain' ? rows : await attacked(rows, wanted, trainer, linf, random);
    await trainer.descend([imagesTensor(seen), wanted]);
    onBatch(batch + 1, BATCHES[training]);
  }
  await trainer.dispose();
  await mkdir(cache, { recursive: true });
  await writeFile(path, networkFile(weights));
  return path;
}
