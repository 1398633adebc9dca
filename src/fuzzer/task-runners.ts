import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import { resizedView } from './generation/resized-view.ts';
import type { Task } from './scheduling/task.ts';
import { type CorpusView, TaskRunner, type TaskRunnerOptions } from './task-runner.ts';

/** A runner with the corpus as it sees it. */
export interface RunnerWithView {
  readonly runner: TaskRunner;
  readonly view: CorpusView;
}

/**
 * A task runner for testcases of the seeds' sizes, and one whose buffers hold those of tasks that change a size: made for the
 * first of these, so that others cost nothing and large rows of one size are still edited in place.
 */
export class TaskRunners {
  readonly #usual: TaskRunner;
  readonly #makeResized: () => TaskRunner;
  readonly #descriptors: readonly InputDescriptor[];
  #resized: TaskRunner | undefined;

  /** @param resized what is different where sizes change: the descriptors, and whatever has buffers made for them */
  constructor(options: TaskRunnerOptions, resized: Partial<TaskRunnerOptions> = {}) {
    this.#usual = new TaskRunner(options);
    this.#descriptors = options.descriptors;
    // Mutators that choose a length would leave the size that is wanted.
    this.#makeResized = () => new TaskRunner({ ...options, ...resized, lengthChanges: undefined });
  }

  /** What runs a task. */
  forTask({ sizeChange }: Pick<Task, 'sizeChange'>, view: CorpusView): RunnerWithView {
    if (sizeChange === undefined) return { runner: this.#usual, view };
    this.#resized ??= this.#makeResized();
    const specialOf = (input: number): readonly number[] => this.#descriptors[input].tokens?.special ?? [];
    return { runner: this.#resized, view: resizedView(view, sizeChange, specialOf) };
  }
}
