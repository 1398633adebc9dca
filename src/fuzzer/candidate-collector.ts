import type { NoveltyFilter } from '../coverage/feedback/feedback-kind.ts';
import { predictedClassOf } from '../inputs/predicted-class.ts';
import type { BatchResult } from '../model/batched-model.ts';
import type { MutantGenerator } from './generation/mutant-generator.ts';
import type { LazyObservations } from './lazy-observations.ts';
import type { Candidate } from './search/goal-tracker.ts';
import type { MutantSlice, TaskExecution } from './task-execution.ts';

/** A row of a run, with what made it. */
export interface ObservedRow {
  readonly slice: MutantSlice;
  /** Counted from the first row that ran. */
  readonly row: number;
  readonly observations: LazyObservations;
  readonly predictedClass: number;
}

/** Makes candidates of those mutants that are new. */
export class CandidateCollector {
  readonly #generator: MutantGenerator;

  constructor(generator: MutantGenerator) {
    this.#generator = generator;
  }

  /**
   * Adds the new mutants of a run to the task's candidates, and counts all by neighbourhood; those that violate an objective are
   * findings instead of candidates.
   */
  collectNew(
    execution: TaskExecution,
    filter: NoveltyFilter,
    slice: MutantSlice,
    result: BatchResult,
    observations: LazyObservations,
    violatingRows: ReadonlySet<number>,
  ): void {
    const { vectors } = observations;
    for (let row = 0; row < result.rows; row++) {
      if (this.#generator.isVoid(slice.from + row)) continue;
      execution.neighbours?.count(filter, vectors, row);
      if (violatingRows.has(row)) continue;
      const pick = this.#generator.pickOf(slice.from + row);
      if (!filter.isNew(vectors, row, execution.trajectories.parentOf(pick).activations)) continue;
      const predictedClass = predictedClassOf(result, row);
      const candidate = this.candidateOf(execution, { slice, row, observations, predictedClass });
      filter.accept(candidate.activations);
      execution.candidates.push(candidate);
    }
  }

  /** A mutant as it is sent back: copied, since the next batch overwrites it. */
  candidateOf(
    { trajectories }: TaskExecution,
    { slice: { form, from }, row, observations, predictedClass }: ObservedRow,
  ): Candidate {
    const pick = this.#generator.pickOf(from + row);
    return {
      pick,
      path: trajectories.pathOf(pick),
      data: this.#generator.copy(form, from + row, from + row + 1),
      activations: observations.at(row),
      predictedClass,
      latent: this.#generator.latentChangeOf(from + row),
    };
  }
}
