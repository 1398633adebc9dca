import { type Step, wholeOf } from '../generation/mutant-generator.ts';
import type { Parcel, Task } from '../scheduling/task.ts';
import type { Climber } from './goal-tracker.ts';

/** What a line of descent has come to within a task. */
interface Line {
  /** What its next mutants are made of. */
  readonly parcel: Parcel;
  /** The picks that made it out of a corpus entry one after the other. */
  readonly path: readonly number[];
}

/** The lines of a task that goes in steps: each mutates what it has come nearest by, its corpus entry at first. */
export class Lines {
  readonly #task: Task;
  readonly #parcelOf: (entry: number) => Parcel;
  readonly #climber: Climber | undefined;
  /** As they stand when a step begins; undefined for one that is at its corpus entry. */
  #lines: readonly (Line | undefined)[] = [];

  /** @param parcelOf what is known of corpus entries */
  constructor(task: Task, parcelOf: (entry: number) => Parcel, climber: Climber | undefined) {
    this.#task = task;
    this.#parcelOf = parcelOf;
    this.#climber = climber;
  }

  /** The parts of the task that are made and run one after the other: all of it where it goes in no steps. */
  *steps(): Generator<Step> {
    const { stride, parents } = this.#task;
    if (stride === undefined) {
      yield wholeOf(this.#task);
      return;
    }
    for (let from = 0; from < parents.length; from += stride) {
      this.#lines = Array.from({ length: stride }, (_, line) => this.#reached(line));
      const to = Math.min(from + stride, parents.length);
      yield { from, to, parentOf: (pick) => this.#lineOf(pick)?.parcel, key: from === 0 ? [] : [from] };
    }
  }

  /** What a pick mutates. */
  parentOf(pick: number): Parcel {
    return this.#lineOf(pick)?.parcel ?? this.#parcelOf(this.#task.parents[pick]);
  }

  /** The picks that make a pick's mutants out of a corpus entry; undefined where there are no steps. */
  pathOf(pick: number): readonly number[] | undefined {
    return this.#task.stride === undefined ? undefined : [...(this.#lineOf(pick)?.path ?? []), pick];
  }

  #lineOf(pick: number): Line | undefined {
    const { stride } = this.#task;
    return stride === undefined ? undefined : this.#lines[pick % stride];
  }

  #reached(line: number): Line | undefined {
    const held = this.#climber?.heldIn(line);
    if (held === undefined) return undefined;
    const { data, activations, path = [] } = held;
    return { parcel: { ...this.#parcelOf(this.#task.parents[line]), data, activations }, path };
  }
}
