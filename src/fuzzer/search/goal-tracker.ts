import { marginsOf, tensorsToWatch } from '../../analysis/numerical-sites/site-margins.ts';
import type { BatchSlice } from '../../evaluation/prepare-slices.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import type { JudgedBatch, Objective } from '../../objectives/objective.ts';
import type { ObservedTestcase } from '../packed-testcases.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  type Improvement,
  makeMarginBuffer,
  type SearchGoal,
  subgoalMargins,
  UNKNOWN_MARGIN,
} from './directed-search.ts';

/** A mutant that goes back to the campaign. */
export interface Candidate extends ObservedTestcase {
  readonly pick: number;
  /** The picks that made it out of its corpus entry one after the other; absent where there are no steps. */
  readonly path?: readonly number[] | undefined;
  readonly predictedClass: number;
}

/** A row of a run: the pick that it was made for, and how to keep it. */
interface TrackedRow {
  readonly pick: number;
  /** Undefined where it can't be an entry. */
  toCandidate(): Candidate | undefined;
}

/** The nearest mutant so far of a pick, or at a target. */
interface BestSoFar {
  readonly margin: number;
  readonly pick: number;
  readonly subgoal: number;
  readonly candidate: Candidate;
}

/** Writes the margins of a row's targets; returns how many there are. */
type MeasureMargins = (
  run: JudgedBatch,
  tensors: ReadonlyMap<string, BatchTensor>,
  row: number,
  out: Float64Array,
) => number;

/** Measures a task's mutants against its point and keeps those that come nearer: one a line and one a target. */
export class GoalTracker {
  readonly tensors: readonly string[];
  /** The objective whose violation is sought; undefined where an operation is to go wrong. */
  readonly objective: Objective | undefined;
  readonly #assignment: GoalAssignment;
  readonly #measureMargins: MeasureMargins;
  /** By line of descent: a pick, or all picks of a step's same place where the task goes in steps. */
  readonly #bestByTrajectory = new Map<number, BestSoFar>();
  readonly #picksPerStep: number;
  readonly #bestBySubgoal = new Map<number, BestSoFar>();
  readonly #margins = makeMarginBuffer();
  #subgoalCount = 0;
  #smallestMargins: number[] = [];

  /** @param varying whether testcases may be of several sizes */
  constructor(
    focus: GoalAssignment,
    points: readonly SearchGoal[],
    objectives: readonly Objective[],
    varying: boolean,
    stride: number | undefined,
  ) {
    this.#assignment = focus;
    this.#picksPerStep = stride ?? focus.subgoals.length;
    const point = points[focus.goalIndex];
    if ('site' in point) {
      this.tensors = tensorsToWatch(point.hazardTarget);
      this.objective = undefined;
      this.#measureMargins = (_run, tensors, row, out) =>
        subgoalMargins(marginsOf(point.hazardTarget, tensors, row), out, varying);
    } else {
      this.tensors = [];
      const objective = objectives.find(({ name }) => name === point.objective);
      this.objective = objective;
      this.#measureMargins = (run, _tensors, row, out) => {
        const count = objective?.margins?.(run, row, out) ?? 0;
        for (let i = 0; i < count; i++) out[i] = Math.min(UNKNOWN_MARGIN, out[i]);
        return count;
      };
    }
  }

  /**
   * Looks at the rows of a run.
   *
   * @param rowAt undefined for a row of the whole that holds no mutant
   */
  record({ batch, firstRow }: BatchSlice, rowAt: (row: number) => TrackedRow | undefined): void {
    const tensors = new Map<string, BatchTensor>();
    for (const tensor of [...batch.outputs, ...batch.activations]) tensors.set(tensor.name, tensor);
    const { subgoals, marginsToBeat, best } = this.#assignment;
    const margins = this.#margins;
    for (let row = 0; row < batch.rows; row++) {
      const seen = rowAt(firstRow + row);
      if (seen === undefined) continue;
      this.#subgoalCount = this.#measureMargins(batch, tensors, row, margins);
      const { pick } = seen;
      let kept: { readonly candidate: Candidate | undefined } | undefined;
      const hold = (held: Map<number, BestSoFar>, key: number, target: number, margin: number): void => {
        kept ??= { candidate: seen.toCandidate() };
        const { candidate } = kept;
        if (candidate !== undefined) held.set(key, { margin, pick, subgoal: target, candidate });
      };
      const own = subgoals[pick];
      for (let target = 0; target < this.#subgoalCount; target++) {
        const margin = margins[target];
        if (!(margin >= (this.#smallestMargins[target] ?? UNKNOWN_MARGIN)))
          this.#smallestMargins[target] = margin;
        // An entry within the unsafe region is a finding, or comes to nothing: there is no way on from it.
        if (margin === 0) continue;
        const bar = this.#bestBySubgoal.get(target)?.margin ?? best[target] ?? UNKNOWN_MARGIN;
        const isNearest = margin < bar;
        if (isNearest) hold(this.#bestBySubgoal, target, target, margin);
        const line = pick % this.#picksPerStep;
        if (target !== own || !(margin < (this.#bestByTrajectory.get(line)?.margin ?? marginsToBeat[pick])))
          continue;
        if (!isNearest || this.#picksPerStep < subgoals.length)
          hold(this.#bestByTrajectory, line, target, margin);
      }
    }
  }

  /** The target that a pick is for. */
  subgoalOf(pick: number): number {
    return this.#assignment.subgoals[pick];
  }

  /** The margin below which a mutant of a pick is nearer than its line, or than any before it at its target. */
  marginToBeat(pick: number): number {
    const { subgoals, marginsToBeat, best } = this.#assignment;
    const target = subgoals[pick];
    const own = this.#bestByTrajectory.get(pick % this.#picksPerStep)?.margin ?? marginsToBeat[pick];
    return Math.max(own, this.#bestBySubgoal.get(target)?.margin ?? best[target] ?? UNKNOWN_MARGIN);
  }

  /** What has come nearest in the line of a pick; undefined where nothing came nearer than the corpus entry. */
  bestCandidateOf(pick: number): Candidate | undefined {
    return this.#bestByTrajectory.get(pick % this.#picksPerStep)?.candidate;
  }

  /** The mutants that came nearer, each once. */
  get candidates(): readonly Candidate[] {
    return [...new Set(this.#best.map(({ candidate }) => candidate))];
  }

  /** @param before candidates of the task that come before these */
  progress(before: number): GoalProgress {
    const { candidates } = this;
    const nearer = this.#best.map(
      ({ margin, pick, subgoal, candidate }): Improvement => ({
        candidate: before + candidates.indexOf(candidate),
        pick,
        subgoal,
        margin,
      }),
    );
    const reached = Array.from(
      { length: this.#subgoalCount },
      (_, target) => this.#smallestMargins[target] ?? UNKNOWN_MARGIN,
    );
    return { subgoalCount: this.#subgoalCount, improvements: nearer, smallestMargins: reached };
  }

  get #best(): readonly BestSoFar[] {
    return [...this.#bestBySubgoal.values(), ...this.#bestByTrajectory.values()];
  }
}
