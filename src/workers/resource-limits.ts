import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** Milliseconds that loading a model may take without a heartbeat. */
export const LOAD_TIMEOUT_MS = 120_000;

/** Share of the machine's memory for all workers together. */
const WORKERS_SHARE = 0.8;

/** Least memory that a worker needs to start. */
const MIN_WORKER_BYTES = 512e6;

/** Cores that this process may use: those of the machine or of its container. */
export function availableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota())));
}

/**
 * Limits of the memory of one of `jobs` workers.
 *
 * @param asked bytes that were asked for; undefined where nothing was
 */
export function memoryLimits(
  asked: number | undefined,
  jobs: number,
): { readonly memory: number; readonly isMemoryAssumed: boolean } {
  return { memory: asked ?? memoryShare(jobs), isMemoryAssumed: asked === undefined };
}

/** Bytes of memory that one of `jobs` workers may hold, by the machine's or its container's memory. */
export function memoryShare(jobs: number): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  // Without a limit, cgroups report one beyond any machine's memory.
  const total = constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
  return Math.max(MIN_WORKER_BYTES, Math.floor((WORKERS_SHARE * total) / jobs));
}

/** CPU quota of the container in cores; infinity without a limit. */
function cpuQuota(): number {
  const [limit, period] = (readIfPresent('/sys/fs/cgroup/cpu.max') ?? 'max').trim().split(' ');
  if (limit !== 'max' && Number(limit) > 0) return Number(limit) / Number(period);
  const quotaV1 = Number(readIfPresent('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const periodV1 = Number(readIfPresent('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 100_000);
  return quotaV1 > 0 ? quotaV1 / periodV1 : Number.POSITIVE_INFINITY;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Absent outside Linux, and in the other version of cgroups.
    return undefined;
  }
}
