import type { CorpusEntryData, Task, TaskResult } from './scheduling/task.ts';

/** Source of the corpus entries and activation vectors that a worker is missing. */
export interface CorpusSource {
  entryData(entryIndex: number): CorpusEntryData;
  /** Indices of the entries that a task needs, ancestors included if constraints are measured from them. */
  requiredEntries(task: Task): number[];
  /** Activations of the entries from index `from` up to `to`, `[to - from, width]`. */
  vectors(from: number, to: number): Float32Array;
  /** Length of an entry's activation vector. */
  readonly width: number;
}

/** Statistics of one worker for the status screen and stats.json. */
export interface WorkerStatistics {
  readonly pid: number;
  /** Host name of the machine it runs on; absent for this machine. */
  readonly host?: string;
  readonly state: 'starting' | 'busy' | 'idle' | 'isolating';
  readonly tasks: number;
  readonly execs: number;
  /** For a machine on a queue: the rate over the last half minute. */
  readonly execsPerSecond?: number;
  /** Number of times its process was replaced. */
  readonly replaced: number;
  readonly memoryMB: number;
  readonly peakMemoryMB: number;
}

/** Statistics of a campaign on a queue. */
export interface QueueStatistics {
  /** Machines that have joined. */
  readonly machines: number;
  /** Shards whose results were applied. */
  readonly shards: number;
  /** Shards that were published again after a machine or Redis lost them. */
  readonly again: number;
  /** Results that arrived twice, from shards that two machines executed. */
  readonly repeated: number;
  /** Shards in flight. */
  readonly out: number;
}

/** Executes tasks: in worker processes on this machine, or on other machines. */
export interface Executor {
  /** Executes a task. Tasks are submitted in ascending order; results may arrive in any order. */
  submit(task: Task): Promise<TaskResult>;
  readonly workers: readonly WorkerStatistics[];
  /** Undefined unless the executor works on a queue. */
  readonly queue?: QueueStatistics;
  close(): void;
  /** Resolves when shutdown has completed. Undefined if `close()` is synchronous. */
  readonly whenClosed?: Promise<void>;
}
