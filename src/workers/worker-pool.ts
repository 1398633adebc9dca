import type { Executor, WorkerStatistics } from '../fuzzer/executor.ts';
import { packTestcases } from '../fuzzer/packed-testcases.ts';
import type { Hit, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import { processDeathViolation, unrepeatedDeathViolation } from '../objectives/crash-signature.ts';
import type { Violation } from '../objectives/objective.ts';
import { ProcessDied } from './rpc-client.ts';
import type { WorkerSupervisor } from './worker-supervisor.ts';

/** Tasks that a worker has at once: one that it runs and one that waits for it. */
const TASKS_PER_WORKER = 2;

interface QueuedTask {
  readonly task: Task;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A worker's place with what it has to do. */
interface WorkerState {
  readonly supervisor: WorkerSupervisor;
  /** Tasks handed to it and not answered. */
  tasksInFlight: number;
  /** Work that must have the process to itself: running tasks again after it died. */
  exclusiveWork: Promise<unknown>;
  isolatingTasks: number;
  /** The last death that did not come again: tasks that only waited die with the one that ran. */
  unrepeatedDeath: ProcessDied | undefined;
  hasStarted: boolean;
  tasks: number;
  execs: number;
}

/** Hears of a worker that was replaced. */
export type OnReplaced = (died: ProcessDied, task: Task) => void;

/** Worker processes that carry out tasks, each in the order in which it gets them. */
export class WorkerPool implements Executor {
  readonly #workerStates: readonly WorkerState[];
  readonly #onReplaced: OnReplaced;
  readonly #queue: QueuedTask[] = [];
  #closed = false;

  constructor(slots: readonly WorkerSupervisor[], onReplaced: OnReplaced) {
    this.#workerStates = slots.map((slot) => ({
      supervisor: slot,
      tasksInFlight: 0,
      exclusiveWork: Promise.resolve(),
      isolatingTasks: 0,
      unrepeatedDeath: undefined,
      hasStarted: false,
      tasks: 0,
      execs: 0,
    }));
    this.#onReplaced = onReplaced;
  }

  get workers(): readonly WorkerStatistics[] {
    const mb = (bytes: number): number => Math.round(bytes / 1e6);
    return this.#workerStates.map(
      ({ supervisor, tasksInFlight, isolatingTasks, hasStarted, tasks, execs }) => ({
        pid: supervisor.pid,
        state:
          isolatingTasks > 0 ? 'isolating' : tasksInFlight === 0 ? 'idle' : hasStarted ? 'busy' : 'starting',
        tasks,
        execs,
        replaced: supervisor.replacements,
        memoryMB: mb(supervisor.memory.rss),
        peakMemoryMB: mb(supervisor.memory.peak),
      }),
    );
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((done, failed) => {
      this.#queue.push({ task, resolve: done, reject: failed });
      this.#dispatch();
    });
  }

  close(): void {
    this.#closed = true;
    for (const { supervisor } of this.#workerStates) supervisor.close();
  }

  /** Gives waiting tasks to those with least to do. */
  #dispatch(): void {
    while (this.#queue.length > 0) {
      const free = this.#workerStates.filter(
        ({ tasksInFlight, isolatingTasks }) => tasksInFlight < TASKS_PER_WORKER && isolatingTasks === 0,
      );
      if (free.length === 0) return;
      const place = free.reduce((a, b) => (b.tasksInFlight < a.tasksInFlight ? b : a));
      void this.#execute(place, this.#queue.shift() as QueuedTask);
    }
  }

  async #execute(place: WorkerState, { task, resolve, reject }: QueuedTask): Promise<void> {
    place.tasksInFlight++;
    try {
      const result = await this.#runOrIsolate(place, task);
      place.hasStarted = true;
      place.tasks++;
      place.execs += result.mutants;
      resolve(result);
    } catch (error) {
      reject(error);
    } finally {
      place.tasksInFlight--;
      this.#dispatch();
    }
  }

  async #runOrIsolate(place: WorkerState, task: Task): Promise<TaskResult> {
    try {
      return await place.supervisor.run(task, wholeSpan(task));
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      this.#onReplaced(error, task);
      place.isolatingTasks++;
      const isolated = place.exclusiveWork.then(() => this.#isolate(place, task, error));
      place.exclusiveWork = isolated.catch(() => {});
      return await isolated.finally(() => {
        place.isolatingTasks--;
      });
    }
  }

  /**
   * Runs a task again whose process died: it may have waited while another ran, or somebody else ended the
   * process. Where it dies again the model is to blame: the task is lost but for the mutants before the one
   * that did it, which is a hit. So what becomes of a task depends on the task alone.
   */
  async #isolate(place: WorkerState, task: Task, first: ProcessDied): Promise<TaskResult> {
    const { supervisor } = place;
    // The process may have been replaced since, for a task before this one.
    const again = await this.#tryRun(place, task, wholeSpan(task), false);
    if (!(again instanceof ProcessDied)) {
      // Memory may have run out for others' sake, and a task that waited is not to blame.
      if (first.kind !== 'crash' || place.unrepeatedDeath === first) return again;
      place.unrepeatedDeath = first;
      const { pick, data } = await supervisor.makeMutant(task, 0);
      return addHit(again, task, 0, unrepeatedDeathViolation(first.exitStatus, task.number), pick, data);
    }
    if (task.saturatedSignatures.includes(processDeathViolation(again.kind, again.exitStatus).signature))
      return lostResult(task, again);

    // The first mutant that ends the process: all before it pass.
    let sound = 0;
    let deadly = task.mutants;
    let died = again;
    while (deadly - sound > 1) {
      const middle = (sound + deadly) >> 1;
      const half = await this.#tryRun(place, task, { from: sound, to: middle });
      if (half instanceof ProcessDied) {
        deadly = middle;
        died = half;
      } else sound = middle;
    }
    const alone = await this.#tryRun(place, task, { from: sound, to: deadly });
    // What needs its neighbours to die is not found again alone; the last death stands for it.
    if (alone instanceof ProcessDied) died = alone;
    const before = await this.#tryRun(place, task, { from: 0, to: sound });
    const result = before instanceof ProcessDied ? emptyResult(task) : before;
    const { pick, data } = await supervisor.makeMutant(task, sound);
    const violation = processDeathViolation(died.kind, died.exitStatus);
    return {
      ...addHit(result, task, sound, violation, pick, data),
      lost: task.mutants - sound - 1,
    };
  }

  /** Runs a part of a task; where that ends the process, starts another and returns the death. */
  async #tryRun(
    place: WorkerState,
    task: Task,
    span: { readonly from: number; readonly to: number },
    fresh = true,
  ): Promise<TaskResult | ProcessDied> {
    if (span.to === span.from) return emptyResult(task);
    for (let first = !fresh; ; first = false) {
      try {
        return await place.supervisor.run(task, span);
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        place.supervisor.replace();
        // A dead process refuses at once: that is no second death.
        if (!first) return error;
      }
    }
  }
}

function wholeSpan(task: Task): { readonly from: number; readonly to: number } {
  return { from: 0, to: task.mutants };
}

function emptyResult(task: Task): TaskResult {
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: { ...packTestcases([]), picks: [], predictedClasses: [] },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
  };
}

function addHit(
  result: TaskResult,
  task: Task,
  mutant: number,
  violation: Violation,
  pick: number,
  data: Hit['data'],
): TaskResult {
  const execs = task.firstExec + mutant + 1;
  const hit: Hit = { pick, execs, violation, data, batch: { data, rows: 1, row: 0 } };
  return {
    ...result,
    hits: [...result.hits, hit],
    counts: [...result.counts, { signature: violation.signature, hits: 1 }],
  };
}

/** A task that ended its process in a way of which enough is kept. */
function lostResult(task: Task, died: ProcessDied): TaskResult {
  const { signature } = processDeathViolation(died.kind, died.exitStatus);
  return { ...emptyResult(task), lost: task.mutants, counts: [{ signature, hits: 1 }] };
}
