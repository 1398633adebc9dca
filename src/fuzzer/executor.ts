import type { CorpusEntryData, Task, TaskResult } from './scheduling/task.ts';

/** Source of the corpus entries and vectors that a worker is missing. */
export interface CorpusSource {
  entryData(entry: number): CorpusEntryData;
  /** Entries that a task reads, ancestors included where constraints are measured from them. */
  requiredEntries(task: Task): number[];
  /** Activations of entries `from` to `to`, `[to - from, width]`. */
  vectors(from: number, to: number): Float32Array;
  /** Numbers in one entry's activations. */
  readonly width: number;
}

/** One worker as people see it. */
export interface WorkerStatistics {
  readonly pid: number;
  /** The machine that it is on; absent where that is this one. */
  readonly host?: string;
  readonly state: 'starting' | 'busy' | 'idle' | 'isolating';
  readonly tasks: number;
  readonly execs: number;
  /** Of a machine: over the last half minute. */
  readonly execsPerSecond?: number;
  /** Times that its process was replaced. */
  readonly replaced: number;
  readonly memoryMB: number;
  readonly peakMemoryMB: number;
}

/** A campaign on a queue at one moment. */
export interface QueueStatistics {
  /** Machines that take part. */
  readonly machines: number;
  /** Shards whose results were taken, and those that had to be published again: lost with a machine or with Redis. */
  readonly shards: number;
  readonly again: number;
  /** Results that came although theirs were there already: of shards that were carried out twice. */
  readonly repeated: number;
  /** Shards whose results are not there yet. */
  readonly out: number;
}

/** Whatever carries out tasks: worker processes here, or other machines. */
export interface Executor {
  /** Carries out a task; results may come in any order. Tasks are handed in by ascending number. */
  submit(task: Task): Promise<TaskResult>;
  readonly workers: readonly WorkerStatistics[];
  /** Absent where it is on no queue. */
  readonly queue?: QueueStatistics;
  close(): void;
  /** Settles once nothing of it runs any more; absent where closing is enough. */
  readonly whenClosed?: Promise<void>;
}
