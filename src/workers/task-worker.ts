import type { Hit, Span, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../inputs/testcase.ts';

/** A supervised worker process. */
export interface TaskWorker {
  readonly pid: number;
  /** Times that its process was replaced. */
  readonly replacements: number;
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly peak: number };
  /** @throws ProcessDied where the process ends first; it is not replaced */
  run(task: Task, span: Span): Promise<TaskResult>;
  /** Makes one of a task's mutants without running it. */
  makeMutant(task: Task, mutantIndex: number): Promise<Pick<Hit, 'pick' | 'data'>>;
  /** Runs one testcase alone, without observing anything. @throws ProcessDied where the process ends first */
  tryTestcase(testcase: TestcaseData): Promise<void>;
  /** Ends the process and starts another. */
  replace(): void;
  close(): void;
}
