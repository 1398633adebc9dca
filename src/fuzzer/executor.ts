import type { Task, TaskResult } from './task.ts';

/** One worker as people see it. */
export interface WorkerFigures {
  readonly pid: number;
  readonly state: 'starting' | 'busy' | 'idle' | 'isolating';
  readonly tasks: number;
  readonly execs: number;
  /** Times that its process was replaced. */
  readonly replaced: number;
  readonly memoryMB: number;
  readonly peakMemoryMB: number;
}

/** Whatever carries out tasks: worker processes here, or other machines. */
export interface Executor {
  /** Carries out a task; results may come in any order. Tasks are handed in by ascending number. */
  submit(task: Task): Promise<TaskResult>;
  readonly workers: readonly WorkerFigures[];
  close(): void;
}
