/**
 * The thread beside a process that runs models: while a run blocks the process, it alone can see that the
 * memory runs out or that nobody waits for the result any more.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { LOADING_MARK, MEMORY_MARK } from './watchdog-mark.ts';

/** What a process may take while it loads a model. */
export interface LoadingLimits {
  /** Bytes held. */
  readonly memory: number;
  /**
   * Seconds of computing, on all its threads, outside the system: the clock would count what other processes do,
   * and the system's share is what memory costs, which has its own limit (a gigabyte is 0.2 s or 4 s of it,
   * depending on the machine).
   */
  readonly seconds: number;
}

/** Milliseconds between looks: what a run can take beyond its share in that time is the machine's spare fifth. */
const CHECK_INTERVAL_MS = 50;

const { memory, parent } = workerData as { readonly memory: number; readonly parent: number };

let limits: LoadingLimits | undefined;
let cpuAtStart = process.cpuUsage();

parentPort?.on('message', (message: LoadingLimits | undefined) => {
  if (limits === undefined) cpuAtStart = process.cpuUsage();
  limits = message;
});

function endProcess(mark: string): void {
  writeSync(2, `${mark}\n`);
  process.kill(process.pid, 'SIGKILL');
}

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  const held = process.memoryUsage.rss();
  if (limits !== undefined) {
    const { user } = process.cpuUsage(cpuAtStart);
    if (held > limits.memory) endProcess(`${LOADING_MARK} ${gigabytes(limits.memory)} GB of memory`);
    if (user / 1e6 > limits.seconds)
      endProcess(`${LOADING_MARK} ${limits.seconds.toFixed(1)} s of computing`);
  }
  if (held > memory) endProcess(MEMORY_MARK);
}, CHECK_INTERVAL_MS);

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
