/**
 * Mutants run per second over raw inference of ready batches, in one run on one core: the unit of speed of
 * DESIGN.md. Prints one JSON line for each network, runtime and measure.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel } from '../src/models/registry.ts';
import { makeBlock, RowModel } from '../src/models/rows.ts';
import { randomStream } from '../src/random.ts';
import { campaign, digitSeeds, line, median, withFolder } from './campaign.ts';
import { NETWORKS, writeNetwork } from './networks.ts';

const BATCH = 256;

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '3' } },
});
const seconds = Number(options.seconds);

/** Inputs a second on one ready batch, again and again. */
async function rawInference(path: string, runtime: 'onnx' | 'wasm'): Promise<number> {
  const model = await loadModel(path, { runtime });
  const layout = {
    axis: 'free',
    inputs: [{ name: 'image', type: 'float32', shape: [28, 28, 1], size: 784 }],
  } as const;
  const rows = new RowModel(model, layout);
  const block = makeBlock(layout.inputs, BATCH);
  const random = randomStream('bench', 'raw');
  const pixels = block.columns[0];
  for (let i = 0; i < pixels.length; i++) pixels[i] = 2 * random.uniform() - 1;
  for (let warm = 0; warm < 20; warm++) await rows.run(block, BATCH, []);
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < seconds * 1000) {
    await rows.run(block, BATCH, []);
    count += BATCH;
  }
  const rate = (1000 * count) / (performance.now() - start);
  await model.dispose();
  return rate;
}

await withFolder(async (folder) => {
  const seeds = await digitSeeds(folder);
  for (const network of NETWORKS) {
    const paths = await writeNetwork(network, folder);
    for (const runtime of ['onnx', 'wasm'] as const) {
      const model = runtime === 'onnx' ? paths.onnx : paths.tfjs;
      for (const measure of ['norm', 'values'] as const) {
        const raws: number[] = [];
        const rates: number[] = [];
        const ratios: number[] = [];
        let corpus = 0;
        for (let round = 0; round < Number(options.rounds); round++) {
          const before = await rawInference(model, runtime);
          const { figures } = await campaign({
            model,
            seeds,
            runtime,
            measure,
            range: [-1, 1],
            batch: BATCH,
            time: `${2 * seconds}s`,
            seed: String(round),
            out: join(folder, `${network}-${runtime}-${measure}-${round}`),
          });
          const raw = (before + (await rawInference(model, runtime))) / 2;
          raws.push(raw);
          rates.push(figures.execsPerSecond);
          ratios.push(figures.execsPerSecond / raw);
          corpus = figures.corpus;
        }
        line({
          bench: 'speed',
          network,
          runtime,
          measure,
          batch: BATCH,
          rawPerSecond: Math.round(median(raws)),
          mutantsPerSecond: Math.round(median(rates)),
          ratio: Number(median(ratios).toFixed(3)),
          corpus,
        });
      }
    }
  }
});
