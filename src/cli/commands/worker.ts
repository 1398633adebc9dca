import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parseSize, size } from '../../config/values.ts';
import { UserError } from '../../core/errors.ts';
import type { Metric } from '../../core/prometheus.ts';
import { DEFAULT_PREFIX } from '../../distributed/protocol/redis-keys.ts';
import { availableCores } from '../../workers/resource-limits.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { makeLogger, type OutputOptions } from '../output/logging.ts';
import { handleShutdownSignals } from '../shutdown.ts';

/** Default size of the cache of downloaded models. */
const DEFAULT_CACHE_SIZE = '10GB';

/** Default number of campaigns at a time: while one waits for its coordinator, the other one works. */
const DEFAULT_CAMPAIGNS = '2';

/** `neurofuzz worker`: runs a worker node for the campaigns on a queue. */
export function workerCommand(): Command {
  const command = describedCommand('worker')
    .option(
      '--queue <url>',
      'Redis address, such as redis://host:6379 or rediss://user:password@host (default: $NEUROFUZZ_QUEUE)',
    )
    .option('--prefix <name>', "prefix of the queue's keys", DEFAULT_PREFIX)
    .option('-j, --jobs <n>', 'worker processes per campaign (default: all cores)')
    .option(
      '--campaigns <n>',
      'number of campaigns at a time; those with the fewest machines come first',
      DEFAULT_CAMPAIGNS,
    )
    .option('--cache <dir>', 'folder for downloaded models (default: ~/.cache/neurofuzz/models)')
    .option(
      '--cache-size <size>',
      'maximum size of the cache; least recently used models are deleted first',
      DEFAULT_CACHE_SIZE,
    )
    .option('--plugin <package...>', 'installed packages whose plug-ins campaigns may run')
    .option(
      '--metrics <port>',
      'serve Prometheus metrics on this port of the loopback, or on an address such as 0.0.0.0:9464',
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface WorkerFlags extends OutputOptions {
  readonly queue?: string;
  readonly prefix: string;
  readonly jobs?: string;
  readonly campaigns: string;
  readonly cache?: string;
  readonly cacheSize: string;
  readonly plugin?: readonly string[];
  readonly metrics?: string;
}

async function run(options: WorkerFlags): Promise<void> {
  const { parseQueueAddress } = await import('../../distributed/redis/connection.ts');
  const address = parseQueueAddress(options.queue);
  const cacheSize = size.safeParse(options.cacheSize);
  if (!cacheSize.success)
    throw new UserError(`--cache-size ${cacheSize.error.issues[0].message}, not ${options.cacheSize}`);
  const jobs = options.jobs === undefined ? availableCores() : parseWholeNumber('--jobs', options.jobs);
  const campaigns = parseWholeNumber('--campaigns', options.campaigns);
  const { workerNodeMetrics } = await import('../../distributed/node/node-metrics.ts');
  const { runWorkerNode } = await import('../../distributed/node/run-worker-node.ts');
  const log = makeLogger(options);
  let readMetrics = (): readonly Metric[] => [];
  const { parseMetricsAddress, serveMetrics } = await import('../../core/prometheus.ts');
  const metricsServer =
    options.metrics === undefined
      ? undefined
      : await serveMetrics(parseMetricsAddress(options.metrics), () => readMetrics());
  const shutdown = handleShutdownSignals();
  log.info(`waiting for campaigns on ${address.displayUrl}`);
  try {
    await runWorkerNode(
      {
        address,
        prefix: checkPrefix(options.prefix),
        jobs,
        campaigns,
        allowed: options.plugin ?? [],
        cache: {
          folder: options.cache ?? join(homedir(), '.cache', 'neurofuzz', 'models'),
          bytes: parseSize(options.cacheSize),
        },
      },
      {
        info: (text) => log.info(text),
        warn: (text) => log.warn(text),
        onStart: (readStatistics) => {
          readMetrics = () => workerNodeMetrics(readStatistics());
        },
      },
      shutdown.signal,
    );
    process.exitCode = EXIT.done;
  } finally {
    metricsServer?.close();
    shutdown.release();
  }
}

/** @throws UserError if the text is not an integer from 1 to 1024 */
function parseWholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 1024) return number;
  throw new UserError(`${flag} must be from 1 to 1024, not ${text}`);
}

/** @throws UserError if a prefix of Redis keys contains other characters */
export function checkPrefix(prefix: string): string {
  if (/^[\w.-]{1,64}$/.test(prefix)) return prefix;
  throw new UserError(`--prefix must be letters, digits, dots and hyphens, not ${JSON.stringify(prefix)}`);
}

const EXAMPLES = `
Examples:
  neurofuzz worker --queue redis://coordinator:6379
  neurofuzz worker --queue redis://coordinator:6379 --plugin our-objectives
  NEUROFUZZ_QUEUE=rediss://user:password@redis.example:6380 neurofuzz worker --jobs 8

Models are downloaded from the queue once and cached. Plug-ins are never sent: install their package and name it with --plugin.
Ctrl-C or SIGTERM stops the machine; its unfinished work goes to the other machines.`;
