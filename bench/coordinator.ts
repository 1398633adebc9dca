/**
 * What a coordinator costs, and for how many machines it suffices: a campaign is run once and what its tasks bring is kept; then it is
 * run again on a queue with many machines that answer at once with what was kept. Needs a redis-server. A JSON line for each run.
 */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ExecutorFactory } from '../src/campaign/executor-factory.ts';
import type { Monitor } from '../src/campaign/monitor/monitor.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { queueExecutorFactory } from '../src/distributed/coordinator/coordinator.ts';
import { packMessage } from '../src/distributed/protocol/codec.ts';
import { parseQueueAddress } from '../src/distributed/redis/connection.ts';
import type { TaskResult } from '../src/fuzzer/scheduling/task.ts';
import { line, withFolder } from './campaign.ts';
import { cpuSeconds } from './processes.ts';

const { values: options } = parseArgs({
  options: {
    execs: { type: 'string', default: '2000000' },
    epoch: { type: 'string', default: '1024' },
    machines: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '2' },
    port: { type: 'string', default: '6399' },
    model: { type: 'string', default: 'corpora/nan-digits/nan-digits.onnx' },
    seeds: { type: 'string', default: 'corpora/nan-digits/seeds.npz' },
  },
});

const silent: Monitor = {
  info() {},
  warn() {},
  onStart() {},
  onFault() {},
  onThresholdChange() {},
  onStatistics() {},
};
const url = `redis://127.0.0.1:${options.port}`;
const address = parseQueueAddress(url);
const elsewhere = queueExecutorFactory({ address, prefix: 'neurofuzz', name: 'simulated', mixed: false });
const redis = spawn('redis-server', ['--port', options.port, '--save', '', '--appendonly', 'no'], {
  stdio: 'ignore',
});

/** Runs the campaign and tells what it cost. */
async function run(kind: string, out: string, by: ExecutorFactory): Promise<void> {
  const settings = campaignSchema.parse({
    model: options.model,
    seeds: options.seeds,
    range: { image: [-1, 1] },
    mutator: { label: 'none' },
    out,
    seed: '1',
    execs: Number(options.execs),
    epoch: Number(options.epoch),
    jobs: 1,
  });
  const [before, redisBefore] = [process.cpuUsage(), cpuSeconds(redis.pid)];
  const { statistics } = await runCampaign(settings, silent, new AbortController().signal, false, by);
  const { user, system } = process.cpuUsage(before);
  line({
    bench: 'coordinator',
    kind,
    machines: kind === 'real' ? 1 : Number(options.machines),
    execs: statistics.execs,
    execsPerSecond: statistics.execsPerSecond,
    coordinatorSecondsPerMillion: Number(((user + system) / statistics.execs).toFixed(2)),
    redisSecondsPerMillion: Number(
      ((1e6 * (cpuSeconds(redis.pid) - redisBefore)) / statistics.execs).toFixed(2),
    ),
    ...(statistics.queue === undefined ? {} : statistics.queue),
  });
}

try {
  await withFolder(async (folder) => {
    const kept: TaskResult[] = [];
    const keeping: ExecutorFactory = {
      ...elsewhere,
      async create(parts) {
        const executor = await elsewhere.create(parts);
        const submit = executor.submit.bind(executor);
        executor.submit = async (task) => {
          const result = await submit(task);
          kept.push(result);
          return result;
        };
        return executor;
      },
    };
    const worker = spawn(
      process.execPath,
      [
        ...['bin/neurofuzz.js', 'worker', '--queue', url, '--jobs', options.jobs],
        ...['--cache', join(folder, 'cache'), '--quiet'],
      ],
      { stdio: 'inherit' },
    );
    try {
      await run('real', join(folder, 'real'), keeping);
    } finally {
      worker.kill('SIGKILL');
    }
    const answers = join(folder, 'answers');
    let bytes = 0;
    const file = await open(answers, 'w');
    for (const result of kept) {
      const own = packMessage(result);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(own.length);
      await file.writev([length, own]);
      bytes += own.length;
    }
    await file.close();
    line({
      bench: 'coordinator',
      kind: 'results',
      tasks: kept.length,
      candidates: kept.reduce((sum, { candidates }) => sum + candidates.count, 0),
      megabytes: Math.round(bytes / 1e6),
    });
    kept.length = 0;
    const fleet = spawn(
      process.execPath,
      [fileURLToPath(new URL('./fleet-process.js', import.meta.url)), url, answers, options.machines],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    fleet.once('exit', (code) => {
      if (code !== null) throw new Error(`the machines ended with ${code}`);
    });
    try {
      await run('simulated', join(folder, 'simulated'), elsewhere);
    } finally {
      fleet.kill('SIGKILL');
    }
  });
} finally {
  redis.kill('SIGKILL');
}
