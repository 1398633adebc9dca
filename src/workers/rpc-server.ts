import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errorMessage, isMachineFailure, MachineError, systemReason } from '../core/errors.ts';
import { processScript } from '../core/package-files.ts';
import { ArrayFiles } from './array-files.ts';
import type { Api, RpcReply, RpcRequest } from './rpc-client.ts';
import type { LimitChange, WatchdogSettings } from './watchdog.ts';

/** Milliseconds between heartbeats, and between reports of the memory held. */
const HEARTBEAT_INTERVAL_MS = 100;
const MEMORY_REPORT_INTERVAL_MS = 1000;

let lastHeartbeat = 0;
let lastMemoryReport = 0;

/**
 * Tells the parent that work is in progress; call it between runs of a model. Cheap to call too often.
 *
 * @param progress how far the call has come, where it counts that
 */
export function heartbeat(progress?: number): void {
  const now = performance.now();
  if (now - lastHeartbeat >= HEARTBEAT_INTERVAL_MS) send(progress === undefined ? {} : { progress });
}

function send(reply: RpcReply): void {
  const now = performance.now();
  lastHeartbeat = now;
  if (now - lastMemoryReport >= MEMORY_REPORT_INTERVAL_MS) {
    lastMemoryReport = now;
    process.send?.({ ...reply, rss: process.memoryUsage.rss() });
  } else process.send?.(reply);
}

const arrays = new ArrayFiles(process.env.NEUROFUZZ_ARRAYS ?? '', 'reply-');

let watchdog: Worker | undefined;
let watching: Promise<unknown> | undefined;

/** Resolves once the process's limits are watched: a thread takes a while to start. */
export async function whenWatched(): Promise<void> {
  await watching;
}

/** Changes the process's limits. */
export function changeLimits(change: LimitChange): void {
  watchdog?.postMessage(change);
}

/** Answers calls, one after the other, until the parent disconnects. */
export function serve(methods: Api): void {
  const memory = Number(process.env.NEUROFUZZ_MEMORY ?? Number.POSITIVE_INFINITY);
  watchdog = new Worker(processScript('watchdog'), {
    workerData: { memory, parent: process.ppid } satisfies WatchdogSettings,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  watching = once(watchdog, 'message');
  watchdog.unref();
  // Ctrl-C reaches every process of a terminal; the parent alone decides which ones end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    arrays.remove();
    process.exit();
  });
  let last = Promise.resolve();
  process.on('message', (request: RpcRequest) => {
    last = last.then(() => answer(methods, request));
  });
}

async function answer(methods: Api, { id, method, parameters }: RpcRequest): Promise<void> {
  try {
    send({ id, result: arrays.pack(await methods[method](arrays.unpack(parameters))) });
  } catch (error) {
    const { name, message } = isMachineFailure(error)
      ? new MachineError(`${systemReason(error)} (${errorMessage(error)})`)
      : error instanceof Error
        ? error
        : new Error(String(error));
    send({ id, error: { name, message } });
  }
}
