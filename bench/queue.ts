/**
 * Compares a distributed campaign with a local one with as many worker processes, on one host: mutants per second
 * over the whole run and after all nodes have joined, and the CPU time of each process. Needs a redis-server. Prints
 * a JSON line for each run, and a summary.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Statistics } from '../src/campaign/monitor/statistics.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { queueExecutorFactory } from '../src/distributed/coordinator/coordinator.ts';
import { parseQueueAddress } from '../src/distributed/redis/connection.ts';
import { line, median, silentMonitor, withFolder } from './campaign.ts';
import { childSeconds, cpuSeconds } from './processes.ts';

const { values: options } = parseArgs({
  options: {
    execs: { type: 'string', default: '1000000' },
    epoch: { type: 'string', default: '256' },
    jobs: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
    port: { type: 'string', default: '6398' },
    model: { type: 'string', default: 'corpora/nan-digits/nan-digits.onnx' },
    seeds: { type: 'string', default: 'corpora/nan-digits/seeds.npz' },
  },
});

/** Share of the mutants after which all nodes have joined, and epochs have reached their full size. */
const SETTLED = 0.25;

const url = `redis://127.0.0.1:${options.port}`;
const redis = spawn('redis-server', ['--port', options.port, '--save', '', '--appendonly', 'no'], {
  stdio: 'ignore',
});

try {
  await withFolder(async (folder) => {
    const cache = join(folder, 'cache');
    const worker = spawn(
      process.execPath,
      ['bin/neurofuzz.js', 'worker', '--queue', url, '--jobs', options.jobs, '--cache', cache, '--quiet'],
      { stdio: 'inherit' },
    );
    const ratios: number[] = [];
    const settledRatios: number[] = [];
    try {
      for (let run = 1; run <= Number(options.runs); run++) {
        const rates: Record<string, number> = {};
        const settledRates: Record<string, number> = {};
        for (const kind of ['alone', 'queue']) {
          const settings = campaignSchema.parse({
            model: options.model,
            seeds: options.seeds,
            range: { image: [-1, 1] },
            mutator: { label: 'none' },
            out: join(folder, `${kind}-${run}`),
            seed: String(run),
            execs: Number(options.execs),
            epoch: Number(options.epoch),
            jobs: Number(options.jobs),
          });
          const queue = { address: parseQueueAddress(url), prefix: 'neurofuzz', name: kind, mixed: false };
          const parties = { coordinator: process.pid, machine: worker.pid, redis: redis.pid };
          const spent = (): number[] => Object.values(parties).map(cpuSeconds);
          const before = spent();
          const parent = kind === 'queue' ? worker.pid : process.pid;
          const childrenBefore = childSeconds(parent);
          let children = 0;
          const sampler = setInterval(() => {
            children = Math.max(children, childSeconds(parent) - childrenBefore);
          }, 200);
          let early: Statistics | undefined;
          const monitor = silentMonitor((now) => {
            if (early === undefined && now.execs > SETTLED * Number(options.execs)) early = now;
          });
          const { statistics } = await runCampaign(
            settings,
            monitor,
            new AbortController().signal,
            'new',
            kind === 'queue' ? queueExecutorFactory(queue) : undefined,
          );
          clearInterval(sampler);
          const after = spent();
          const perMillion = (seconds: number): number =>
            Number(((1e6 * seconds) / statistics.execs).toFixed(2));
          const { execs = 0, elapsedSeconds = 0 } = early ?? {};
          const settled = (statistics.execs - execs) / (statistics.elapsedSeconds - elapsedSeconds);
          rates[kind] = statistics.execsPerSecond;
          settledRates[kind] = settled;
          line({
            bench: 'queue',
            kind,
            run,
            execs: statistics.execs,
            execsPerSecond: Math.round(statistics.execsPerSecond),
            settledPerSecond: Math.round(settled),
            secondsPerMillion: {
              ...Object.fromEntries(
                Object.keys(parties).map((party, i) => [party, perMillion(after[i] - before[i])]),
              ),
              workers: perMillion(children),
            },
            ...(statistics.queue === undefined ? {} : statistics.queue),
          });
        }
        ratios.push(rates.queue / rates.alone);
        settledRatios.push(settledRates.queue / settledRates.alone);
      }
    } finally {
      worker.kill('SIGKILL');
    }
    line({
      bench: 'queue',
      jobs: Number(options.jobs),
      epoch: Number(options.epoch),
      ratio: median(ratios),
      settled: median(settledRatios),
      ratios,
      settledRatios,
    });
  });
} finally {
  redis.kill('SIGKILL');
}
