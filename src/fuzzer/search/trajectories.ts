import { type TaskStep, wholeTask } from '../generation/mutant-generator.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import type { GoalTracker } from './goal-tracker.ts';

/** What a line of descent has come to within a task. */
interface Trajectory {
  /** What its next mutants are made of. */
  readonly parent: CorpusEntryData;
  /** The picks that made it out of a corpus entry one after the other. */
  readonly path: readonly number[];
}

/** The lines of a task that goes in steps: each mutates what it has come nearest by, its corpus entry at first. */
export class Trajectories {
  readonly #task: Task;
  readonly #entryDataOf: (entry: number) => CorpusEntryData;
  readonly #goalTracker: GoalTracker | undefined;
  /** As they stand when a step begins; undefined for one that is at its corpus entry. */
  #trajectories: readonly (Trajectory | undefined)[] = [];

  /** @param parcelOf what is known of corpus entries */
  constructor(task: Task, parcelOf: (entry: number) => CorpusEntryData, climber: GoalTracker | undefined) {
    this.#task = task;
    this.#entryDataOf = parcelOf;
    this.#goalTracker = climber;
  }

  /** The parts of the task that are made and run one after the other: all of it where it goes in no steps. */
  *steps(): Generator<TaskStep> {
    const { picksPerStep, parents } = this.#task;
    if (picksPerStep === undefined) {
      yield wholeTask(this.#task);
      return;
    }
    for (let from = 0; from < parents.length; from += picksPerStep) {
      this.#trajectories = Array.from({ length: picksPerStep }, (_, line) => this.#advance(line));
      const to = Math.min(from + picksPerStep, parents.length);
      yield {
        from,
        to,
        parentOf: (pick) => this.#trajectoryOf(pick)?.parent,
        streamKey: from === 0 ? [] : [from],
      };
    }
  }

  /** What a pick mutates. */
  parentOf(pick: number): CorpusEntryData {
    return this.#trajectoryOf(pick)?.parent ?? this.#entryDataOf(this.#task.parents[pick]);
  }

  /** The picks that make a pick's mutants out of a corpus entry; undefined where there are no steps. */
  pathOf(pick: number): readonly number[] | undefined {
    return this.#task.picksPerStep === undefined
      ? undefined
      : [...(this.#trajectoryOf(pick)?.path ?? []), pick];
  }

  #trajectoryOf(pick: number): Trajectory | undefined {
    const { picksPerStep } = this.#task;
    return picksPerStep === undefined ? undefined : this.#trajectories[pick % picksPerStep];
  }

  #advance(line: number): Trajectory | undefined {
    const held = this.#goalTracker?.bestCandidateOf(line);
    if (held === undefined) return undefined;
    const { data, activations, path = [] } = held;
    return { parent: { ...this.#entryDataOf(this.#task.parents[line]), data, activations }, path };
  }
}
