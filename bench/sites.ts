/**
 * Measures the cost of numerical sites: mutants per second on a graph with 500 of them with margins, over those with
 * coverage only, interleaved; and time and peak memory of tracing a NaN through a network of 50 layers, over plain
 * inference. Prints a JSON line for each.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Random, randomStream } from '../src/core/random.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { sizeOf } from '../src/tensor/tensor.ts';
import { RpcClient } from '../src/workers/rpc-client.ts';
import { campaign, digitSeeds, line, median, withFolder } from './campaign.ts';
import { tracked } from './progress.ts';
import type { TraceApi } from './trace-process.ts';

const { values: options } = parseArgs({
  options: {
    sites: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    layers: { type: 'string', default: '50' },
    jobs: { type: 'string', default: '1' },
    channels: { type: 'string', default: '64' },
  },
});

function gaussians(dims: readonly number[], inputs: number, random: Random): Float32Array {
  const draw = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  return Float32Array.from({ length: sizeOf(dims) }, () => draw() / Math.sqrt(inputs));
}

/** Blocks of a dense layer of 64 units followed by fifty exponentials of its output, each scaled differently. */
function writeManySites(sites: number): Uint8Array {
  const random = randomStream('bench', 'sites');
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  const flat = graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, 784n));
  let values = graph.node('Reshape', [image, flat], 'pixels');
  let width = 784;
  for (let site = 0; site < sites; site++) {
    if (site % 50 === 0) {
      const weights = graph.constant(
        `weights_${site}`,
        'float32',
        [width, 64],
        gaussians([width, 64], width, random),
      );
      values = graph.node(
        'Tanh',
        [graph.node('MatMul', [values, weights], `dense_${site}`)],
        `block_${site}`,
      );
      width = 64;
    }
    const scale = graph.constant(`scale_${site}`, 'float32', [64], gaussians([64], 4, random));
    const raised = graph.node('Exp', [graph.node('Mul', [values, scale], `scaled_${site}`)], `exp_${site}`);
    const part = graph.constant(`part_${site}`, 'float32', [], Float32Array.of(1e-3));
    values = graph.node('Add', [values, graph.node('Mul', [raised, part], `share_${site}`)], `sum_${site}`);
  }
  const weights = graph.constant('logits/weights', 'float32', [64, 10], gaussians([64, 10], 64, random));
  graph.node('Softmax', [graph.node('MatMul', [values, weights], 'logits')], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', 10]);
  return graph.finish('many-sites');
}

const CHANNELS = Number(options.channels);

/** 3×3 convolutions with ReLU; after two thirds of them the logarithm of a negative number. */
function writeDeep(layers: number): Uint8Array {
  const random = randomStream('bench', 'deep');
  const graph = new OnnxBuilder();
  let values = graph.input('image', 'float32', ['batch', 3, 64, 64]);
  let channels = 3;
  for (let layer = 0; layer < layers; layer++) {
    const dims = [CHANNELS, channels, 3, 3];
    const kernel = graph.constant(
      `kernel_${layer}`,
      'float32',
      dims,
      gaussians(dims, channels * 4.5, random),
    );
    const sum = graph.node('Conv', [values, kernel], `conv_${layer}`, { pads: [1, 1, 1, 1] });
    values = graph.node('Relu', [sum], `relu_${layer}`);
    channels = CHANNELS;
    if (layer !== Math.floor((2 * layers) / 3)) continue;
    const limit = graph.constant('limit', 'float32', [], Float32Array.of(1e-3));
    values = graph.node('Log', [graph.node('Sub', [values, limit], 'below')], 'log');
  }
  graph.node('GlobalAveragePool', [values], 'pooled');
  graph.output('pooled', 'float32', ['batch', CHANNELS, 1, 1]);
  return graph.finish('deep');
}

await withFolder(async (folder) => {
  const model = join(folder, 'many-sites.onnx');
  await writeFile(model, writeManySites(Number(options.sites)));
  const seeds = await digitSeeds(folder);
  const rates: Record<string, number[]> = { auto: [], ann: [] };
  const rounds = Array.from({ length: Number(options.rounds) }, (_, i) => i);
  for (const round of tracked('sites', 'round', rounds)) {
    for (const guidance of Object.keys(rates)) {
      const { statistics } = await campaign({
        model,
        seeds,
        range: [-1, 1],
        guidance,
        seed: '1',
        jobs: Number(options.jobs),
        time: `${options.seconds}s`,
        out: join(folder, `${guidance}-${round}`),
      });
      rates[guidance].push(statistics.execsPerSecond);
    }
  }
  line({
    bench: 'sites',
    sites: Number(options.sites),
    withMargins: Math.round(median(rates.auto)),
    coverageAlone: Math.round(median(rates.ann)),
    ratio: Number((median(rates.auto) / median(rates.ann)).toFixed(3)),
  });

  const deep = join(folder, 'deep.onnx');
  await writeFile(deep, writeDeep(Number(options.layers)));
  const measure = async (mode: 'plain' | 'trace') => {
    const script = new URL('./trace-process.js', import.meta.url);
    const child = new RpcClient<TraceApi>({ script, timeout: 120_000, memory: 16e9 });
    try {
      return await child.call('measure', { model: deep, mode });
    } finally {
      child.kill();
    }
  };
  const plain = await measure('plain');
  const traced = await measure('trace');
  line({
    bench: 'localising',
    layers: Number(options.layers),
    channels: CHANNELS,
    seconds: Number(traced.seconds.toFixed(2)),
    origin: traced.origin,
    plainPeakMB: Math.round(plain.peak / 1e6),
    tracingPeakMB: Math.round(traced.peak / 1e6),
    memoryRatio: Number((traced.peak / plain.peak).toFixed(3)),
  });
});
