import type { BatchSlice } from '../../evaluation/prepare-slices.ts';
import { callWithTimeout } from '../../extensions/plugin-loader.ts';
import { predictedClassOf } from '../../inputs/predicted-class.ts';
import type { BatchedModel } from '../../model/batched-model.ts';
import type { Objective } from '../../objectives/objective.ts';
import type { CandidateCollector } from '../candidate-collector.ts';
import type { MutantGenerator } from '../generation/mutant-generator.ts';
import type { LazyObservations } from '../lazy-observations.ts';
import type { MutantSlice, TaskExecution } from '../task-execution.ts';
import type { GoalTracker } from './goal-tracker.ts';

/** A run of mutants of a task with a goal. */
export interface GoalRun {
  readonly slice: MutantSlice;
  /** As the goal's objective saw it; as a whole where the goal is an operation. */
  readonly batches: readonly BatchSlice[];
  readonly observations: LazyObservations;
  /** Rows that break an objective: they are findings, and no way on. */
  readonly violatingRows: ReadonlySet<number>;
}

/** Stops judging by the goal's objective, since its plug-in failed at a row of the batch. */
type DisableObjective = (objective: Objective, row: number, error: unknown) => void;

/** Measures how near the mutants of a task come to its goal. */
export class ProgressRecorder {
  readonly #model: BatchedModel;
  readonly #generator: MutantGenerator;
  readonly #collector: CandidateCollector;

  constructor(model: BatchedModel, generator: MutantGenerator, collector: CandidateCollector) {
    this.#model = model;
    this.#generator = generator;
    this.#collector = collector;
  }

  /** Has the task's tracker record each row's margins. */
  async record(
    execution: TaskExecution,
    tracker: GoalTracker,
    run: GoalRun,
    disable: DisableObjective,
  ): Promise<void> {
    const { objective } = tracker;
    for (const batch of await this.#predictMargins(tracker, run)) {
      if (objective?.plugin === undefined) {
        this.#recordBatch(execution, tracker, run, batch);
        continue;
      }
      try {
        callWithTimeout(objective.plugin, () => this.#recordBatch(execution, tracker, run, batch));
      } catch (error) {
        disable(objective, run.slice.from + batch.firstRow, error);
        return;
      }
    }
  }

  /** Adds predicted margins, each row's at the subgoal of its pick, where the objective can predict them. */
  async #predictMargins(
    tracker: GoalTracker,
    { batches, slice: { from } }: GoalRun,
  ): Promise<readonly BatchSlice[]> {
    const { objective } = tracker;
    if (objective?.predictMargins === undefined) return batches;
    const predicted: BatchSlice[] = [];
    for (const { batch, firstRow } of batches) {
      const pickOf = (row: number): number => this.#generator.pickOf(from + firstRow + row);
      const indices = Int32Array.from({ length: batch.rows }, (_, row) => tracker.subgoalOf(pickOf(row)));
      const toBeat = Float64Array.from({ length: batch.rows }, (_, row) => tracker.marginToBeat(pickOf(row)));
      const margins = await objective.predictMargins(this.#model, batch, indices, toBeat);
      predicted.push({ batch: { ...batch, predictedMargins: { margins, indices } }, firstRow });
    }
    return predicted;
  }

  #recordBatch(
    execution: TaskExecution,
    tracker: GoalTracker,
    { slice, observations, violatingRows }: GoalRun,
    batch: BatchSlice,
  ): void {
    tracker.record(batch, (row) => {
      if (this.#generator.isVoid(slice.from + row)) return undefined;
      return {
        pick: this.#generator.pickOf(slice.from + row),
        toCandidate: () => {
          if (violatingRows.has(row) || !observations.isFinite(row)) return undefined;
          const predictedClass = predictedClassOf(batch.batch, row - batch.firstRow);
          return this.#collector.candidateOf(execution, { slice, row, observations, predictedClass });
        },
      };
    });
  }
}
