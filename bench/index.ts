/**
 * Measures the nearest-neighbour index. `recall`: the share of true nearest neighbours found among activations of
 * real models. `size`: memory and speed with a million vectors of length 64.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawDigit } from '../corpora/nan-digits/digits.ts';
import { drawNormal, randomStream } from '../src/core/random.ts';
import { PROJECTED_WIDTH, RandomProjection } from '../src/coverage/criteria/random-projection.ts';
import { WIDTH } from '../src/coverage/criteria/values.ts';
import { HnswIndex } from '../src/coverage/index/hnsw-index.ts';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { allocateBatch, shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { ExactIndex } from '../test/support/brute-force-index.ts';
import { line, withFolder } from './campaign.ts';
import { writeNetwork } from './networks.ts';

const { values: options } = parseArgs({
  options: {
    entries: { type: 'string', default: '50000' },
    queries: { type: 'string', default: '1000' },
    million: { type: 'string', default: '1000000' },
  },
});

const BATCH = 250;

interface Watched {
  readonly model: string;
  readonly tensor: string;
  readonly path: string;
}

const corpora = new URL('../../corpora/nan-digits/nan-digits.onnx', import.meta.url).pathname;

/** Activations `[count, width]` of drawn digits with noise, as in a campaign. */
async function activationsOf({ path, tensor }: Watched, count: number): Promise<Float32Array[]> {
  const model = await loadModel(path, { runtime: 'onnx' });
  const inputs = model.inputs.map(({ name, type, shape }) => {
    const dims = shape.slice(1) as number[];
    return { name, type, shape: dims, size: dims.reduce((a, b) => a * b, 1) };
  });
  const rows = new BatchedModel(model);
  const block = allocateBatch(shapeSignatureOf(inputs), BATCH);
  const random = randomStream('bench', 'index', tensor);
  const vectors: Float32Array[] = [];
  let projection: RandomProjection | undefined;
  while (vectors.length < count) {
    inputs.forEach((input, i) => {
      if (input.type !== 'float32') return;
      const pixels = block.inputs[i] as Float32Array;
      for (let row = 0; row < BATCH; row++) {
        drawDigit(row % 10, random).forEach((value, k) => {
          pixels[row * input.size + k] = Math.max(-1, Math.min(1, value + 0.2 * drawNormal(random)));
        });
      }
    });
    const [{ data, size }] = (await rows.run(block, BATCH, [tensor])).activations;
    let all = data as Float32Array;
    let width = size;
    if (width > WIDTH.default) {
      projection ??= new RandomProjection(width, 'bench');
      all = projection.project(all, BATCH);
      width = PROJECTED_WIDTH;
    }
    for (let row = 0; row < BATCH; row++) vectors.push(all.slice(row * width, (row + 1) * width));
  }
  await model.dispose();
  return vectors.slice(0, count);
}

async function recall(watched: Watched): Promise<void> {
  const entries = Number(options.entries);
  const queries = Number(options.queries);
  const vectors = await activationsOf(watched, entries + queries);
  const width = vectors[0].length;
  const index = new HnswIndex(width);
  const exact = new ExactIndex();
  const start = performance.now();
  for (const vector of vectors.slice(0, entries)) index.add(vector);
  const inserted = performance.now();
  for (const vector of vectors.slice(0, entries)) exact.add(vector);
  const asked = vectors.slice(entries);
  const before = performance.now();
  const answers = asked.map((vector) => index.nearest(vector));
  const searched = performance.now();
  // hnswlib sums in float32.
  const right = asked.filter((vector, i) => answers[i] <= exact.nearest(vector) * (1 + 1e-4) + 1e-9);
  line({
    bench: 'recall',
    model: watched.model,
    tensor: watched.tensor,
    width,
    entries,
    recallAt1: right.length / asked.length,
    insertionsPerSecond: Math.round((1000 * entries) / (inserted - start)),
    searchesPerSecond: Math.round((1000 * queries) / (searched - before)),
  });
}

function size(): void {
  const entries = Number(options.million);
  const random = randomStream('bench', 'million');
  // Activations lie near low-dimensional manifolds; independent values would be harder than those of any model.
  const axes = Array.from({ length: 12 }, () => Float32Array.from({ length: 64 }, () => drawNormal(random)));
  const vector = (): Float32Array => {
    const out = new Float32Array(64);
    for (const axis of axes) {
      const weight = drawNormal(random);
      for (let i = 0; i < 64; i++) out[i] += weight * axis[i];
    }
    for (let i = 0; i < 64; i++) out[i] += 0.1 * drawNormal(random);
    return out;
  };
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const index = new HnswIndex(64);
  const start = performance.now();
  let peak = before;
  for (let i = 0; i < entries; i++) {
    index.add(vector());
    if (i % 10_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  const inserted = performance.now();
  const queries = Array.from({ length: 5000 }, vector);
  const asked = performance.now();
  for (const query of queries) index.nearest(query);
  line({
    bench: 'index-size',
    entries,
    width: 64,
    memoryMB: Math.round((process.memoryUsage.rss() - before) / 1e6),
    peakMemoryMB: Math.round((peak - before) / 1e6),
    insertionsPerSecond: Math.round((1000 * entries) / (inserted - start)),
    searchesPerSecond: Math.round((1000 * queries.length) / (performance.now() - asked)),
  });
}

await withFolder(async (folder) => {
  const dense = await writeNetwork('dense', folder);
  const convolution = await writeNetwork('convolution', folder);
  await recall({ model: 'nan-digits', tensor: 'logits', path: corpora });
  await recall({ model: 'dense', tensor: 'logits', path: dense.onnx });
  await recall({ model: 'dense', tensor: 'dense_2', path: dense.onnx });
  await recall({ model: 'convolution', tensor: 'convolution_1', path: join(convolution.onnx) });
});
size();
