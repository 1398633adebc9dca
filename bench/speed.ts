/**
 * Measures the speed of campaigns: mutants per second over raw inference of prepared batches on as many cores, in one
 * run. Prints a JSON line for each network, runtime and criterion, with one worker and with two.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RpcClient } from '../src/workers/rpc-client.ts';
import { campaign, digitSeeds, line, median, withFolder } from './campaign.ts';
import { measureLayers } from './layer-speed.ts';
import { NETWORKS, writeNetwork } from './networks.ts';
import { tracked } from './progress.ts';
import type { RawApi } from './raw-process.ts';

const BATCH = 256;

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    corpus: { type: 'string', default: '10000' },
    measures: { type: 'string' },
    jobs: { type: 'string', default: '1,2' },
    networks: { type: 'string', default: NETWORKS.join() },
    runtimes: { type: 'string', default: 'onnx,wasm' },
    /** Specs of the mutators; by default the default mix. */
    mutators: { type: 'string' },
    /** Measures criteria on all layers of a ten-layer network instead; `--measures` then names the criteria. */
    layers: { type: 'boolean', default: false },
    /** Mutants of a campaign with `--layers`. */
    execs: { type: 'string', default: '12000' },
    /** Reference inputs with `--layers`. */
    references: { type: 'string', default: '3000' },
  },
});
const seconds = Number(options.seconds);

/** Inputs per second of several processes that run concurrently, each on one prepared batch. */
async function rawInference(model: string, runtime: 'onnx' | 'wasm', processes: number): Promise<number> {
  const script = new URL('./raw-process.js', import.meta.url);
  const limits = { script, timeout: 600_000, memory: 64e9 };
  const children = Array.from({ length: processes }, () => new RpcClient<RawApi>(limits));
  await Promise.all(children.map((child) => child.call('open', { model, runtime, batch: BATCH })));
  const run = { batch: BATCH, milliseconds: 1000 * seconds };
  const rates = await Promise.all(children.map((child) => child.call('run', run)));
  for (const child of children) child.kill();
  return rates.reduce((sum, rate) => sum + rate, 0);
}

const jobCounts = options.jobs.split(',').map(Number);

await withFolder(async (folder) => {
  if (options.layers) {
    const { execs, rounds, references, measures } = options;
    await measureLayers(folder, {
      execs: Number(execs),
      rounds: Number(rounds),
      references: Number(references),
      ...(measures === undefined ? {} : { only: measures.split(',') }),
    });
    return;
  }
  const seeds = await digitSeeds(folder, Number(options.corpus));
  const networks = NETWORKS.filter((name) => options.networks.includes(name));
  for (const network of tracked('speed', 'network', networks)) {
    const paths = await writeNetwork(network, folder);
    for (const runtime of options.runtimes.split(',') as ('onnx' | 'wasm')[]) {
      const model = runtime === 'onnx' ? paths.onnx : paths.tfjs;
      for (const measure of (options.measures ?? 'norm,values').split(',')) {
        const perJobs = new Map<number, { raw: number[]; rate: number[]; ratio: number[]; last: object }>();
        for (let round = 0; round < Number(options.rounds); round++) {
          for (const jobs of jobCounts) {
            const before = await rawInference(model, runtime, jobs);
            const { statistics } = await campaign({
              model,
              seeds,
              runtime,
              measure,
              jobs,
              range: [-1, 1],
              ...(options.mutators === undefined ? {} : { mutator: options.mutators.split(',') }),
              batch: BATCH,
              time: `${2 * seconds}s`,
              seed: String(round),
              out: join(folder, `${network}-${runtime}-${measure}-${jobs}-${round}`),
            });
            const raw = (before + (await rawInference(model, runtime, jobs))) / 2;
            const kept = perJobs.get(jobs) ?? { raw: [], rate: [], ratio: [], last: {} };
            kept.raw.push(raw);
            kept.rate.push(statistics.execsPerSecond);
            kept.ratio.push(statistics.execsPerSecond / raw);
            kept.last = {
              corpus: statistics.corpus,
              shares: statistics.shares,
              mainBusy: statistics.mainBusy,
              mainPeakMemoryMB: statistics.mainPeakMemoryMB,
              workerPeakMemoryMB: Math.max(...statistics.workers.map((worker) => worker.peakMemoryMB)),
            };
            perJobs.set(jobs, kept);
          }
        }
        for (const [jobs, { raw, rate, ratio, last }] of perJobs) {
          line({
            bench: 'speed',
            network,
            runtime,
            measure,
            mutators: options.mutators ?? 'default mix',
            batch: BATCH,
            jobs,
            rawPerSecond: Math.round(median(raw)),
            mutantsPerSecond: Math.round(median(rate)),
            ratio: Number(median(ratio).toFixed(3)),
            ...last,
          });
        }
        const [singleWorker, twoWorkers] = [perJobs.get(1), perJobs.get(2)];
        if (singleWorker !== undefined && twoWorkers !== undefined) {
          const speedup = median(twoWorkers.rate.map((rate, i) => rate / singleWorker.rate[i]));
          const rawSpeedup = median(twoWorkers.raw.map((rate, i) => rate / singleWorker.raw[i]));
          line({
            bench: 'jobs',
            network,
            runtime,
            measure,
            twoOverOne: Number(speedup.toFixed(3)),
            rawTwoOverOne: Number(rawSpeedup.toFixed(3)),
          });
        }
      }
    }
  }
});
