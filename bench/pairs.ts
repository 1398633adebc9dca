/**
 * Measures the cost of running two models as a pair: time of the pair over the sum of each alone on the same prepared
 * batches, interleaved; and mutants per second of a campaign with one worker over raw inference of the pair. Prints a
 * JSON line for each network and kind of copy.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomStream } from '../src/core/random.ts';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import type { Model } from '../src/model/model.ts';
import { calibrateRanges } from '../src/model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../src/model/quantize/derive.ts';
import type { Quantization } from '../src/model/quantize/kind.ts';
import {
  allocateBatch,
  type BatchBuffer,
  makeTestcaseInput,
  shapeSignatureOf,
} from '../src/model/testcase-batch.ts';
import { campaign, digitSeeds, line, median, withFolder } from './campaign.ts';
import { NETWORKS, writeNetwork } from './networks.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '1' },
    networks: { type: 'string', default: NETWORKS.join() },
    kinds: { type: 'string', default: 'float16,int8' },
  },
});

const BATCH = 256;
const SPAN = 1000 * Number(options.seconds);

/** Mean duration of one run in milliseconds. */
async function pace(model: BatchedModel, block: BatchBuffer, span: number): Promise<number> {
  await model.run(block, BATCH, []);
  const start = performance.now();
  let runs = 0;
  for (; performance.now() - start < span; runs++) await model.run(block, BATCH, []);
  return (performance.now() - start) / runs;
}

const form = shapeSignatureOf([
  makeTestcaseInput({ name: 'image', type: 'float32', shape: [28, 28, 1] }, [28, 28, 1]),
]);
const block = allocateBatch(form, BATCH);
const random = randomStream('bench', 'pairs');
for (let i = 0; i < block.inputs[0].length; i++) block.inputs[0][i] = 2 * random.uniform() - 1;

await withFolder(async (folder) => {
  const seeds = await digitSeeds(folder);
  const networks = NETWORKS.filter((name) => options.networks.includes(name));
  for (const network of tracked('pairs', 'network', networks)) {
    const { onnx: path } = await writeNetwork(network, folder);
    for (const kind of options.kinds.split(',') as Quantization[]) {
      const alone: Model = await loadModel(path, { runtime: 'auto' });
      const rows = [{ form, inputs: [block.inputs[0].subarray(0, 784)] }];
      const files = await deriveQuantizedModel(path, kind, (tensors) =>
        calibrateRanges(new BatchedModel(alone), rows, tensors, () => {}),
      );
      const copy = join(folder, `${network}-${kind}.onnx`);
      await writeFile(copy, [...files.values()][0]);
      const models = [
        alone,
        await loadModel(copy, { runtime: 'auto' }),
        await loadModel(path, { runtime: 'auto', secondModel: { path: copy, runtime: 'auto' } }),
      ].map((model) => new BatchedModel(model));
      const costs: number[] = [];
      const ratios: number[] = [];
      for (let round = 0; round < Number(options.rounds); round++) {
        const paces = [0, 0, 0];
        // Interleaved, so that other load on the machine affects all three alike.
        for (let turn = 0; turn < 10; turn++)
          for (const [i, model] of models.entries()) paces[i] += await pace(model, block, SPAN / 30);
        costs.push(paces[2] / (paces[0] + paces[1]));
        const before = await pace(models[2], block, SPAN / 2);
        const { statistics } = await campaign({
          model: path,
          against: copy,
          objective: ['quantization'],
          seeds,
          range: [-1, 1],
          linf: 0.4,
          jobs: 1,
          batch: BATCH,
          time: `${2 * Number(options.seconds)}s`,
          seed: String(round),
          out: join(folder, `${network}-${kind}-${round}`),
        });
        const raw = (1000 * BATCH) / ((before + (await pace(models[2], block, SPAN / 2))) / 2);
        ratios.push(statistics.execsPerSecond / raw);
      }
      for (const { model } of models) await model.dispose();
      line({
        bench: 'pairs',
        network,
        copy: kind,
        pairOverSum: Number(median(costs).toFixed(3)),
        campaignOverRaw: Number(median(ratios).toFixed(3)),
      });
    }
  }
});
