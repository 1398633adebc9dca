import type { Executor, WorkerFigures } from '../fuzzer/executor.ts';
import { bundled } from '../fuzzer/packed-testcases.ts';
import type { Hit, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import { diedOnce, diedRunning } from '../objectives/crash-signature.ts';
import type { Violation } from '../objectives/objective.ts';
import { ProcessDied } from './rpc-client.ts';
import type { Slot } from './worker-supervisor.ts';

/** Tasks that a worker has at once: one that it runs and one that waits for it. */
const AT_ONCE = 2;

interface Job {
  readonly task: Task;
  readonly done: (result: TaskResult) => void;
  readonly failed: (error: unknown) => void;
}

/** A worker's place with what it has to do. */
interface Place {
  readonly slot: Slot;
  /** Tasks handed to it and not answered. */
  out: number;
  /** Work that must have the process to itself: running tasks again after it died. */
  alone: Promise<unknown>;
  isolating: number;
  /** The last death that did not come again: tasks that only waited die with the one that ran. */
  blamed: ProcessDied | undefined;
  started: boolean;
  tasks: number;
  execs: number;
}

/** Hears of a worker that was replaced. */
export type OnReplaced = (died: ProcessDied, task: Task) => void;

/** Worker processes that carry out tasks, each in the order in which it gets them. */
export class Pool implements Executor {
  readonly #places: readonly Place[];
  readonly #onReplaced: OnReplaced;
  readonly #queue: Job[] = [];
  #closed = false;

  constructor(slots: readonly Slot[], onReplaced: OnReplaced) {
    this.#places = slots.map((slot) => ({
      slot,
      out: 0,
      alone: Promise.resolve(),
      isolating: 0,
      blamed: undefined,
      started: false,
      tasks: 0,
      execs: 0,
    }));
    this.#onReplaced = onReplaced;
  }

  get workers(): readonly WorkerFigures[] {
    const mb = (bytes: number): number => Math.round(bytes / 1e6);
    return this.#places.map(({ slot, out, isolating, started, tasks, execs }) => ({
      pid: slot.pid,
      state: isolating > 0 ? 'isolating' : out === 0 ? 'idle' : started ? 'busy' : 'starting',
      tasks,
      execs,
      replaced: slot.replaced,
      memoryMB: mb(slot.memory.rss),
      peakMemoryMB: mb(slot.memory.peak),
    }));
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((done, failed) => {
      this.#queue.push({ task, done, failed });
      this.#dispatch();
    });
  }

  close(): void {
    this.#closed = true;
    for (const { slot } of this.#places) slot.close();
  }

  /** Gives waiting tasks to those with least to do. */
  #dispatch(): void {
    while (this.#queue.length > 0) {
      const free = this.#places.filter(({ out, isolating }) => out < AT_ONCE && isolating === 0);
      if (free.length === 0) return;
      const place = free.reduce((a, b) => (b.out < a.out ? b : a));
      void this.#carryOut(place, this.#queue.shift() as Job);
    }
  }

  async #carryOut(place: Place, { task, done, failed }: Job): Promise<void> {
    place.out++;
    try {
      const result = await this.#run(place, task);
      place.started = true;
      place.tasks++;
      place.execs += result.mutants;
      done(result);
    } catch (error) {
      failed(error);
    } finally {
      place.out--;
      this.#dispatch();
    }
  }

  async #run(place: Place, task: Task): Promise<TaskResult> {
    try {
      return await place.slot.run(task, whole(task));
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      this.#onReplaced(error, task);
      place.isolating++;
      const isolated = place.alone.then(() => this.#runAgain(place, task, error));
      place.alone = isolated.catch(() => {});
      return await isolated.finally(() => {
        place.isolating--;
      });
    }
  }

  /**
   * Runs a task again whose process died: it may have waited while another ran, or somebody else ended the
   * process. Where it dies again the model is to blame: the task is lost but for the mutants before the one
   * that did it, which is a hit. So what becomes of a task depends on the task alone.
   */
  async #runAgain(place: Place, task: Task, first: ProcessDied): Promise<TaskResult> {
    const { slot } = place;
    // The process may have been replaced since, for a task before this one.
    const again = await this.#survives(place, task, whole(task), false);
    if (!(again instanceof ProcessDied)) {
      // Memory may have run out for others' sake, and a task that waited is not to blame.
      if (first.kind !== 'crash' || place.blamed === first) return again;
      place.blamed = first;
      const { pick, data } = await slot.mutant(task, 0);
      return withHit(again, task, 0, diedOnce(first.how, task.number), pick, data);
    }
    if (task.saturated.includes(diedRunning(again.kind, again.how).signature)) return lost(task, again);

    // The first mutant that ends the process: all before it pass.
    let sound = 0;
    let deadly = task.mutants;
    let died = again;
    while (deadly - sound > 1) {
      const middle = (sound + deadly) >> 1;
      const half = await this.#survives(place, task, { from: sound, to: middle });
      if (half instanceof ProcessDied) {
        deadly = middle;
        died = half;
      } else sound = middle;
    }
    const alone = await this.#survives(place, task, { from: sound, to: deadly });
    // What needs its neighbours to die is not found again alone; the last death stands for it.
    if (alone instanceof ProcessDied) died = alone;
    const before = await this.#survives(place, task, { from: 0, to: sound });
    const result = before instanceof ProcessDied ? empty(task) : before;
    const { pick, data } = await slot.mutant(task, sound);
    const violation = diedRunning(died.kind, died.how);
    return {
      ...withHit(result, task, sound, violation, pick, data),
      lost: task.mutants - sound - 1,
    };
  }

  /** Runs a part of a task; where that ends the process, starts another and returns the death. */
  async #survives(
    place: Place,
    task: Task,
    span: { readonly from: number; readonly to: number },
    fresh = true,
  ): Promise<TaskResult | ProcessDied> {
    if (span.to === span.from) return empty(task);
    for (let first = !fresh; ; first = false) {
      try {
        return await place.slot.run(task, span);
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        place.slot.replace();
        // A dead process refuses at once: that is no second death.
        if (!first) return error;
      }
    }
  }
}

function whole(task: Task): { readonly from: number; readonly to: number } {
  return { from: 0, to: task.mutants };
}

function empty(task: Task): TaskResult {
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: { ...bundled([]), picks: [], outcomes: [] },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
  };
}

function withHit(
  result: TaskResult,
  task: Task,
  mutant: number,
  violation: Violation,
  pick: number,
  data: Hit['data'],
): TaskResult {
  const execs = task.execsBefore + mutant + 1;
  const hit: Hit = { pick, execs, violation, data, batch: { data, rows: 1, row: 0 } };
  return {
    ...result,
    hits: [...result.hits, hit],
    counts: [...result.counts, { signature: violation.signature, hits: 1 }],
  };
}

/** A task that ended its process in a way of which enough is kept. */
function lost(task: Task, died: ProcessDied): TaskResult {
  const { signature } = diedRunning(died.kind, died.how);
  return { ...empty(task), lost: task.mutants, counts: [{ signature, hits: 1 }] };
}
