import { Worker } from 'node:worker_threads';
import type { Api, Reply, Request } from './rpc-client.ts';
import type { Limits } from './watchdog.ts';

/** Milliseconds between signs of life, and between words on the memory held. */
const BEAT_EVERY = 100;
const MEMORY_EVERY = 1000;

let beaten = 0;
let weighed = 0;

/** Shows that work goes on; call it between runs of a model. Costs nothing when called too often. */
export function beat(): void {
  const now = performance.now();
  if (now - beaten >= BEAT_EVERY) send({});
}

function send(reply: Reply): void {
  const now = performance.now();
  beaten = now;
  if (now - weighed >= MEMORY_EVERY) {
    weighed = now;
    process.send?.({ ...reply, rss: process.memoryUsage.rss() });
  } else process.send?.(reply);
}

let watchdog: Worker | undefined;

/** Holds the process to further limits than its own until they are changed; undefined lifts them. */
export function limit(limits: Limits | undefined): void {
  watchdog?.postMessage(limits);
}

/** Answers calls, one after the other, until the parent is gone. */
export function serve(methods: Api): void {
  const memory = Number(process.env.NEUROFUZZ_MEMORY ?? Number.POSITIVE_INFINITY);
  watchdog = new Worker(new URL('./watchdog.js', import.meta.url), {
    workerData: { memory, parent: process.ppid },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  watchdog.unref();
  // Ctrl-C reaches every process of a terminal; the parent alone decides what ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.exit());
  let last = Promise.resolve();
  process.on('message', (request: Request) => {
    last = last.then(() => answer(methods, request));
  });
}

async function answer(methods: Api, { id, method, parameters }: Request): Promise<void> {
  try {
    send({ id, result: await methods[method](parameters) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ id, error: { name, message } });
  }
}
