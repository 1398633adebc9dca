import type { Executor, WorkerStatistics } from '../fuzzer/executor.ts';
import type { Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { TaskIsolation, wholeSpan } from './task-isolation.ts';
import type { TaskWorker } from './task-worker.ts';

/** Tasks that a worker has at once: one that it runs and one that waits for it. */
const TASKS_PER_WORKER = 2;

interface QueuedTask {
  readonly task: Task;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A worker with its load. */
interface WorkerState {
  readonly worker: TaskWorker;
  readonly isolation: TaskIsolation;
  /** Tasks handed to it and not answered. */
  tasksInFlight: number;
  /** Work that must have the process to itself: running tasks again after it died. */
  exclusiveWork: Promise<unknown>;
  isolatingTasks: number;
  hasStarted: boolean;
  tasks: number;
  execs: number;
}

/** Called when a worker's process died and is replaced. */
export type OnReplaced = (died: ProcessDied, task: Task) => void;

/** Worker processes that run tasks, each in the order in which it gets them. */
export class WorkerPool implements Executor {
  readonly #states: readonly WorkerState[];
  readonly #onReplaced: OnReplaced;
  readonly #queue: QueuedTask[] = [];
  #closed = false;

  constructor(workers: readonly TaskWorker[], onReplaced: OnReplaced) {
    this.#states = workers.map((worker) => ({
      worker,
      isolation: new TaskIsolation(worker, () => this.#closed),
      tasksInFlight: 0,
      exclusiveWork: Promise.resolve(),
      isolatingTasks: 0,
      hasStarted: false,
      tasks: 0,
      execs: 0,
    }));
    this.#onReplaced = onReplaced;
  }

  get workers(): readonly WorkerStatistics[] {
    const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
    return this.#states.map(({ worker, tasksInFlight, isolatingTasks, hasStarted, tasks, execs }) => ({
      pid: worker.pid,
      state:
        isolatingTasks > 0 ? 'isolating' : tasksInFlight === 0 ? 'idle' : hasStarted ? 'busy' : 'starting',
      tasks,
      execs,
      replaced: worker.replacements,
      memoryMB: megabytes(worker.memory.rss),
      peakMemoryMB: megabytes(worker.memory.peak),
    }));
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#dispatch();
    });
  }

  close(): void {
    this.#closed = true;
    for (const { worker } of this.#states) worker.close();
  }

  /** Gives waiting tasks to the workers with least to do. */
  #dispatch(): void {
    for (;;) {
      const free = this.#states.filter(
        ({ tasksInFlight, isolatingTasks }) => tasksInFlight < TASKS_PER_WORKER && isolatingTasks === 0,
      );
      if (free.length === 0) return;
      const queued = this.#queue.shift();
      if (queued === undefined) return;
      const idlest = free.reduce((a, b) => (b.tasksInFlight < a.tasksInFlight ? b : a));
      void this.#execute(idlest, queued);
    }
  }

  async #execute(state: WorkerState, { task, resolve, reject }: QueuedTask): Promise<void> {
    state.tasksInFlight++;
    try {
      const result = await this.#runOrIsolate(state, task);
      state.hasStarted = true;
      state.tasks++;
      state.execs += result.mutants;
      resolve(result);
    } catch (error) {
      reject(error);
    } finally {
      state.tasksInFlight--;
      this.#dispatch();
    }
  }

  async #runOrIsolate(state: WorkerState, task: Task): Promise<TaskResult> {
    try {
      return await state.worker.run(task, wholeSpan(task));
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      this.#onReplaced(error, task);
      state.isolatingTasks++;
      const isolated = state.exclusiveWork.then(() => state.isolation.isolate(task, error));
      state.exclusiveWork = isolated.catch(() => {});
      return await isolated.finally(() => {
        state.isolatingTasks--;
      });
    }
  }
}
