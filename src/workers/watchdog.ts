/**
 * Watchdog thread of a process that runs models. While a run blocks the process's event loop, only another thread can
 * see that memory runs out or that the parent is gone.
 */
import { writeSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

/** Line on standard error of a process that exceeds `--memory`. */
export const MEMORY_MARK = 'neurofuzz: more memory than --memory allows';

/** Begin of the line on standard error of a process that exceeds its limits of loading. */
export const LOADING_MARK = 'neurofuzz: takes more than';

/** Limits of a process while it loads a model. */
export interface LoadingLimits {
  /** Bytes held. */
  readonly memory: number;
  /**
   * Seconds of computing, on all its threads, outside the system: the clock would count what other processes do,
   * and the system's share is the price of memory, which has its own limit (a gigabyte is 0.2 s or 4 s of it,
   * depending on the machine).
   */
  readonly seconds: number;
  /** What raises the limit of memory, a clause for people; undefined where nothing does. */
  readonly raisedBy?: string | undefined;
}

/** A message to the thread: what changes of a process's limits. */
export interface LimitChange {
  /** Bytes that it may hold at any time from now on. */
  readonly memory?: number;
  /** Limits in addition to that; null lifts them. */
  readonly loading?: LoadingLimits | null;
}

/** Parameters of the thread. */
export interface WatchdogSettings {
  /** Bytes that the process may hold at any time. */
  readonly memory: number;
  /** Process id of the parent. */
  readonly parent: number;
}

/** Resources that a process has taken. */
export interface ResourceUsage {
  /** Bytes held. */
  readonly memory: number;
  /** Seconds of computing since the limits of loading were set. */
  readonly seconds: number;
}

/** The line for standard error where a process exceeds its limits; undefined where it does not. */
export function exceededLimit(
  used: ResourceUsage,
  memory: number,
  loading: LoadingLimits | undefined,
): string | undefined {
  if (loading !== undefined && used.memory > loading.memory) {
    const hint = loading.raisedBy === undefined ? '' : ` (${loading.raisedBy})`;
    return `${LOADING_MARK} ${(loading.memory / 1e9).toFixed(1)} GB of memory${hint}`;
  }
  if (loading !== undefined && used.seconds > loading.seconds)
    return `${LOADING_MARK} ${loading.seconds.toFixed(1)} s of computing`;
  return used.memory > memory ? MEMORY_MARK : undefined;
}

/**
 * Milliseconds between checks. A run writes several gigabytes of memory a second: what it takes between two checks is beyond
 * its limit.
 */
const CHECK_INTERVAL_MS = 10;

/** Milliseconds between checks of a process that holds less than half of what it may. */
const IDLE_INTERVAL_MS = 50;

function watch(port: MessagePort, { memory: allowed, parent }: WatchdogSettings): void {
  let memory = allowed;
  let loading: LoadingLimits | undefined;
  let cpuAtStart = process.cpuUsage();
  let timer: NodeJS.Timeout;
  port.on('message', (change: LimitChange) => {
    memory = Math.min(allowed, change.memory ?? memory);
    if (change.loading !== undefined) {
      if (loading === undefined) cpuAtStart = process.cpuUsage();
      loading = change.loading ?? undefined;
    }
    clearTimeout(timer);
    check();
  });
  const check = (): void => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
    const used = { memory: process.memoryUsage.rss(), seconds: process.cpuUsage(cpuAtStart).user / 1e6 };
    const exceeded = exceededLimit(used, memory, loading);
    if (exceeded !== undefined) {
      writeSync(2, `${exceeded}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
    const isNear = loading !== undefined || used.memory > memory / 2;
    timer = setTimeout(check, isNear ? CHECK_INTERVAL_MS : IDLE_INTERVAL_MS);
  };
  check();
  // From now on the process is watched.
  port.postMessage('watching');
}

function isSettings(data: unknown): data is WatchdogSettings {
  return typeof data === 'object' && data !== null && 'memory' in data && 'parent' in data;
}

// The main process imports the marks alone; the thread is this module run by `serve`.
if (parentPort !== null && isSettings(workerData)) watch(parentPort, workerData);
