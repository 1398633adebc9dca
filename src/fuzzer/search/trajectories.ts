import { latentAfter } from '../generation/latent-moves.ts';
import { type TaskStep, wholeTask } from '../generation/mutant-generator.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import type { Candidate } from './goal-tracker.ts';

/** The state of one line of search within a task, once a mutant has improved on its corpus entry. */
interface Trajectory {
  /** The mutant that its next mutants are made from. */
  readonly parent: CorpusEntryData;
  /** The picks that made it out of a corpus entry, one after the other. */
  readonly path: readonly number[];
}

/** The part of `GoalTracker` that trajectories need. */
export interface BestCandidateSource {
  /** The best mutant so far of a pick's trajectory; undefined while none improves on its corpus entry. */
  bestCandidateOf(pick: number): Candidate | undefined;
}

/** Hill climbing within a task of several steps: each step mutates the best mutants of the steps before it. */
export class Trajectories {
  readonly #task: Task;
  readonly #entryDataOf: (entry: number) => CorpusEntryData;
  readonly #bestCandidates: BestCandidateSource | undefined;
  /** As they are when a step begins; undefined for one that still is at its corpus entry. */
  #trajectories: readonly (Trajectory | undefined)[] = [];

  constructor(
    task: Task,
    entryDataOf: (entry: number) => CorpusEntryData,
    bestCandidates: BestCandidateSource | undefined,
  ) {
    this.#task = task;
    this.#entryDataOf = entryDataOf;
    this.#bestCandidates = bestCandidates;
  }

  /** The steps of the task, to be run in this order: a single one where it has no `picksPerStep`. */
  *steps(): Generator<TaskStep> {
    const { picksPerStep, parents } = this.#task;
    if (picksPerStep === undefined) {
      yield wholeTask(this.#task);
      return;
    }
    for (let from = 0; from < parents.length; from += picksPerStep) {
      this.#trajectories = Array.from({ length: picksPerStep }, (_, index) => this.#advance(index));
      yield {
        from,
        to: Math.min(from + picksPerStep, parents.length),
        parentOf: (pick) => this.#trajectoryOf(pick)?.parent,
        streamKey: from === 0 ? [] : [from],
      };
    }
  }

  /** The testcase that a pick mutates. */
  parentOf(pick: number): CorpusEntryData {
    return this.#trajectoryOf(pick)?.parent ?? this.#entryDataOf(this.#task.parents[pick]);
  }

  /** The picks that make a pick's mutants out of a corpus entry; undefined for a task without steps. */
  pathOf(pick: number): readonly number[] | undefined {
    return this.#task.picksPerStep === undefined
      ? undefined
      : [...(this.#trajectoryOf(pick)?.path ?? []), pick];
  }

  /** Steps of the task before a pick's since its trajectory last improved, or since the task began. */
  failuresOf(pick: number): number {
    const { picksPerStep } = this.#task;
    if (picksPerStep === undefined) return 0;
    const step = Math.floor(pick / picksPerStep);
    const last = this.#trajectoryOf(pick)?.path.at(-1);
    return last === undefined ? step : step - Math.floor(last / picksPerStep) - 1;
  }

  #trajectoryOf(pick: number): Trajectory | undefined {
    const { picksPerStep } = this.#task;
    return picksPerStep === undefined ? undefined : this.#trajectories[pick % picksPerStep];
  }

  #advance(index: number): Trajectory | undefined {
    const best = this.#bestCandidates?.bestCandidateOf(index);
    if (best === undefined) return undefined;
    const { data, activations, path = [], latent } = best;
    const { latent: _entrys, ...entry } = this.#entryDataOf(this.#task.parents[index]);
    const moved = latent && {
      vector: latentAfter(latent),
      step: latent.step,
      base: Float32Array.from(latent.z),
    };
    return { parent: { ...entry, data, activations, ...(moved && { latent: moved }) }, path };
  }
}
