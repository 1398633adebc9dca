import { Redis } from 'ioredis';
import { checkQueue, connectionOptions, explainRedisError } from '../redis/connection.ts';
import type { WorkerNodeStatistics } from './node-metrics.ts';
import {
  WorkerNodeController,
  type WorkerNodeMonitor,
  type WorkerNodeOptions,
} from './worker-node-controller.ts';

/** Observes a worker node from its start. */
export interface WorkerNodeObserver extends WorkerNodeMonitor {
  /** Called once the node has connected, with a function that returns its current statistics. */
  onStart?(statistics: () => WorkerNodeStatistics): void;
}

/**
 * Runs a worker node: processes shards of the campaigns on a queue until the signal aborts.
 *
 * @throws UserError, MachineError if Redis cannot be used, or has been unreachable for too long
 */
export async function runWorkerNode(
  options: WorkerNodeOptions,
  observer: WorkerNodeObserver,
  signal: AbortSignal,
): Promise<void> {
  await checkQueue(options.address, options.prefix);
  let failure: unknown;
  const gaveUp = new AbortController();
  const redis = new Redis(
    connectionOptions(options.address, (error) => {
      failure = error;
      gaveUp.abort();
    }),
  );
  let isLost = false;
  redis.on('error', (error: Error) => {
    if (!isLost) observer.warn(`${explainRedisError(error, options.address).message}; trying again`);
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) observer.info('the queue is reachable again');
    isLost = false;
  });
  const controller = new WorkerNodeController(options, observer, redis);
  observer.onStart?.(() => controller.statistics);
  try {
    await controller.run(AbortSignal.any([signal, gaveUp.signal]));
  } finally {
    await controller.shutDown();
    redis.disconnect();
  }
  if (failure !== undefined) throw failure;
}
