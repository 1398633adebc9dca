/**
 * Measures the cost of a coordinator, and how many nodes it can supply: runs a campaign once and records the results
 * of its tasks, then runs it again on a queue with many simulated nodes that answer at once with the recorded
 * results. Needs a redis-server. Prints a JSON line for each run.
 */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ExecutorFactory } from '../src/campaign/executor-factory.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { queueExecutorFactory } from '../src/distributed/coordinator/coordinator.ts';
import { packMessage } from '../src/distributed/protocol/codec.ts';
import { parseQueueAddress } from '../src/distributed/redis/connection.ts';
import type { TaskResult } from '../src/fuzzer/scheduling/task.ts';
import { line, silentMonitor, withFolder } from './campaign.ts';
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

const silent = silentMonitor();
const url = `redis://127.0.0.1:${options.port}`;
const address = parseQueueAddress(url);
const queueFactory = queueExecutorFactory({ address, prefix: 'neurofuzz', name: 'simulated', mixed: false });
const redis = spawn('redis-server', ['--port', options.port, '--save', '', '--appendonly', 'no'], {
  stdio: 'ignore',
});

/** Runs the campaign and prints its cost. */
async function run(kind: string, out: string, executorFactory: ExecutorFactory): Promise<void> {
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
  const { statistics } = await runCampaign(
    settings,
    silent,
    new AbortController().signal,
    'new',
    executorFactory,
  );
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
    const results: TaskResult[] = [];
    const recordingFactory: ExecutorFactory = {
      ...queueFactory,
      async create(context) {
        const executor = await queueFactory.create(context);
        const submit = executor.submit.bind(executor);
        executor.submit = async (task) => {
          const result = await submit(task);
          results.push(result);
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
      await run('real', join(folder, 'real'), recordingFactory);
    } finally {
      worker.kill('SIGKILL');
    }
    const answers = join(folder, 'answers');
    let bytes = 0;
    const file = await open(answers, 'w');
    for (const result of results) {
      const message = packMessage(result);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(message.length);
      await file.writev([length, message]);
      bytes += message.length;
    }
    await file.close();
    line({
      bench: 'coordinator',
      kind: 'results',
      tasks: results.length,
      candidates: results.reduce((sum, { candidates }) => sum + candidates.count, 0),
      megabytes: Math.round(bytes / 1e6),
    });
    results.length = 0;
    const simulatedNodes = spawn(
      process.execPath,
      [fileURLToPath(new URL('./fleet-process.js', import.meta.url)), url, answers, options.machines],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    simulatedNodes.once('exit', (code) => {
      if (code !== null) throw new Error(`the machines ended with ${code}`);
    });
    try {
      await run('simulated', join(folder, 'simulated'), queueFactory);
    } finally {
      simulatedNodes.kill('SIGKILL');
    }
  });
} finally {
  redis.kill('SIGKILL');
}
