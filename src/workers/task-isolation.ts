import type { Hit, Span, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import { processDeathViolation, unrepeatedDeathViolation } from '../objectives/crash-signature.ts';
import { DeathTally, MAX_OUTSIDE_DEATHS } from './lifetime/death-tally.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { addHit, emptyResult, lostResult, withDeadlyGradient } from './lost-tasks.ts';
import type { TaskWorker } from './task-worker.ts';

/** Runs tasks again whose worker process died, and finds the mutant that ends it. */
export class TaskIsolation {
  readonly #worker: TaskWorker;
  readonly #isClosed: () => boolean;
  /** The last death that did not repeat: tasks that only waited die with the one that ran. */
  #unrepeatedDeath: ProcessDied | undefined;

  constructor(worker: TaskWorker, isClosed: () => boolean) {
    this.#worker = worker;
    this.#isClosed = isClosed;
  }

  /**
   * Runs a task again: it may have waited while another ran, or something outside ended the process. Where the process
   * dies again the model is to blame, and the task is lost but for the mutants before the one that ends it, which is a
   * hit. So the result of a task depends on the task alone.
   */
  async isolate(task: Task, firstDeath: ProcessDied): Promise<TaskResult> {
    // The process may have been replaced since, for a task before this one.
    let before: ProcessDied = firstDeath;
    let again = await this.#tryRun(task, wholeSpan(task), false);
    // Then this death was the first.
    if (again instanceof ProcessDied && firstDeath.isFromOutside) {
      before = again;
      again = await this.#tryRun(task, wholeSpan(task));
    }
    if (!(again instanceof ProcessDied)) return this.#withUnrepeatedDeath(task, again, before);
    return stepsAlongGradients(task) ? this.#isolateAscent(task, again) : this.#isolateDeadly(task, again);
  }

  /** A task that keeps on dying: it is lost but for the mutants before the one that ends the process. */
  async #isolateDeadly(task: Task, death: ProcessDied): Promise<TaskResult> {
    const { signature } = processDeathViolation(death.kind, death.exitStatus);
    if (task.saturatedSignatures.includes(signature)) return lostResult(task, death);
    const { mutantIndex, died } = await this.#findDeadlyMutant(task, death);
    return this.#endAt(task, mutantIndex, died, await this.#makeMutant(task, mutantIndex));
  }

  /** The result of a task up to the mutant that ends its process, which is a hit. */
  async #endAt(
    task: Task,
    mutantIndex: number,
    died: ProcessDied,
    mutant: Pick<Hit, 'pick' | 'data'>,
  ): Promise<TaskResult> {
    const passed = await this.#tryRun(task, { from: 0, to: mutantIndex });
    const result = passed instanceof ProcessDied ? emptyResult(task) : passed;
    const violation = processDeathViolation(died.kind, died.exitStatus);
    return {
      ...addHit(result, task, mutantIndex, violation, mutant),
      lost: task.mutants - mutantIndex - 1,
    };
  }

  /**
   * Of a task that steps along gradients, a mutant is to blame only if it ends a process that computes no gradient. Otherwise
   * the gradient is: the task runs without, and its result says so.
   */
  async #isolateAscent(task: Task, death: ProcessDied): Promise<TaskResult> {
    const { mutantIndex, died } = await this.#findDeadlyMutant(task, death);
    // Making the first mutant of a step computes the gradient that the step follows, and runs no mutant.
    const mutant = await this.#survive(() => this.#worker.makeMutant(task, mutantIndex), false);
    if (!(mutant instanceof ProcessDied)) {
      // A process of its own: this one holds what the gradient needs.
      this.#worker.replace();
      const alone = await this.#survive(() => this.#worker.tryTestcase(mutant.data));
      if (alone instanceof ProcessDied) return this.#endAt(task, mutantIndex, alone, mutant);
    }
    const plain = withoutGradients(task);
    const ran = await this.#tryRun(plain, wholeSpan(plain));
    const result = ran instanceof ProcessDied ? await this.#isolateDeadly(plain, ran) : ran;
    return withDeadlyGradient(result, died);
  }

  /** A crash that did not repeat is recorded, once for all tasks that it took with it. */
  async #withUnrepeatedDeath(task: Task, result: TaskResult, died: ProcessDied): Promise<TaskResult> {
    // Memory may have run out because of other processes, and a signal from outside is no doing of the model.
    if (died.kind !== 'crash' || died.isFromOutside || this.#unrepeatedDeath === died) return result;
    this.#unrepeatedDeath = died;
    // Its first mutant stands for the task; without the gradient, which may be what died.
    const mutant = await this.#makeMutant(withoutGradients(task), 0);
    return addHit(result, task, 0, unrepeatedDeathViolation(died.exitStatus, task.number), mutant);
  }

  /** The first mutant that ends the process, by bisection: all before it pass. */
  async #findDeadlyMutant(
    task: Task,
    lastDeath: ProcessDied,
  ): Promise<{ readonly mutantIndex: number; readonly died: ProcessDied }> {
    let died = lastDeath;
    let sound = 0;
    let deadly = task.mutants;
    while (deadly - sound > 1) {
      const middle = (sound + deadly) >> 1;
      const half = await this.#tryRun(task, { from: sound, to: middle });
      if (half instanceof ProcessDied) {
        deadly = middle;
        died = half;
      } else sound = middle;
    }
    const alone = await this.#tryRun(task, { from: sound, to: deadly });
    // A mutant that needs its neighbours to end the process does not alone; the last death stands for it.
    return { mutantIndex: sound, died: alone instanceof ProcessDied ? alone : died };
  }

  /** Runs a part of a task; `isFresh` is false where the process may be dead already. */
  async #tryRun(task: Task, span: Span, isFresh = true): Promise<TaskResult | ProcessDied> {
    if (span.to === span.from) return emptyResult(task);
    return this.#survive(() => this.#worker.run(task, span), isFresh);
  }

  /** Does something in the worker; where that ends the process, starts another and returns the death. */
  async #survive<T>(action: () => Promise<T>, isFresh = true): Promise<T | ProcessDied> {
    let outsideDeaths = 0;
    for (let mayBeDead = !isFresh; ; mayBeDead = false) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#isClosed()) throw error;
        this.#worker.replace();
        // A process that was dead already refuses at once: that is no second death.
        if (mayBeDead) continue;
        if (!error.isFromOutside) return error;
        // A guard against low memory sends signals as well: where they keep on coming, the task is what it dislikes.
        if (++outsideDeaths === MAX_OUTSIDE_DEATHS) return new ProcessDied('memory', error.exitStatus, '');
      }
    }
  }

  /** Makes a mutant in a process that something outside may end. */
  async #makeMutant(task: Task, mutantIndex: number): Promise<Pick<Hit, 'pick' | 'data'>> {
    const deaths = new DeathTally();
    for (;;) {
      try {
        return await this.#worker.makeMutant(task, mutantIndex);
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#isClosed()) throw error;
        if (!deaths.excuses(error, this.#worker.pid, 'makeMutant')) throw error;
        this.#worker.replace();
      }
    }
  }
}

/** All mutants of a task. */
export function wholeSpan({ mutants }: Task): Span {
  return { from: 0, to: mutants };
}

function stepsAlongGradients({ goal }: Task): boolean {
  return goal?.ascends === true;
}

/** The task with mutants that need no gradient. */
function withoutGradients(task: Task): Task {
  if (task.goal?.ascends !== true) return task;
  const { ascends: _ascends, ...goal } = task.goal;
  return { ...task, goal };
}
