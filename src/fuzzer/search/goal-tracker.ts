import { marginsOf } from '../../analysis/numerical-sites/site-margins.ts';
import type { BatchSlice } from '../../evaluation/prepare-slices.ts';
import { predictedClassOf } from '../../inputs/predicted-class.ts';
import type { LatentChange } from '../../inputs/testcase.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { type JudgedBatch, type Objective, TWO_SIDED_MARGINS } from '../../objectives/objective.ts';
import type { ObservedTestcase } from '../packed-testcases.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  goalTensors,
  type Improvement,
  MAX_MARGIN,
  type SearchGoal,
} from './search-goal.ts';
import { makeMarginBuffer, subgoalMargins } from './subgoal-margins.ts';

/** A mutant that goes back to the campaign. */
export interface Candidate extends ObservedTestcase {
  readonly pick: number;
  /** The picks that made it out of its corpus entry, one after the other; undefined for a task without steps. */
  readonly path?: readonly number[] | undefined;
  readonly predictedClass: number;
  /** How its latent vector moved; absent where it did not. */
  readonly latent?: LatentChange | undefined;
}

/** A row of a batch: the pick that it was made for, and how to keep it. */
export interface TrackedRow {
  readonly pick: number;
  /** Copies the row; undefined where it cannot be a corpus entry. */
  toCandidate(): Candidate | undefined;
}

/** The mutant with the smallest margin so far, of a trajectory or of a subgoal. */
interface BestSoFar {
  readonly margin: number;
  readonly pick: number;
  readonly subgoal: number;
  readonly candidate: Candidate;
}

/** Writes the margins of the subgoals of a row, made for a pick, to `out`; returns how many there are. */
type MeasureMargins = (
  batch: JudgedBatch,
  tensors: ReadonlyMap<string, BatchTensor>,
  row: number,
  out: Float64Array,
  pick: number,
) => number;

/** Measures a task's mutants against its goal and keeps the best ones: one of each trajectory and one of each subgoal. */
export class GoalTracker {
  /** Tensors that the model must expose for the goal. */
  readonly tensors: readonly string[];
  /** Those among them that the goal's site computes. */
  readonly siteTensors: readonly string[];
  /** The objective of the goal; undefined for a site's goal. */
  readonly objective: Objective | undefined;
  readonly #assignment: GoalAssignment;
  readonly #measureMargins: MeasureMargins;
  /** Whether the nearest of all boundaries leads a trajectory on: a step along the gradient may end on either side of one. */
  readonly #followsNearest: boolean;
  readonly #picksPerStep: number;
  /** By trajectory: a pick, or in a task with steps the picks at the same position of each step. */
  readonly #bestByTrajectory = new Map<number, BestSoFar>();
  readonly #bestBySubgoal = new Map<number, BestSoFar>();
  readonly #margins = makeMarginBuffer();
  /** By pick, rows that were measured. */
  readonly #placeInPick = new Map<number, number>();
  #subgoalCount = 0;
  readonly #smallestMargins: number[] = [];

  /**
   * @param isShapeVarying whether testcases may differ in shape
   * @param picksPerStep picks of a step; undefined for a task without steps
   */
  constructor(
    assignment: GoalAssignment,
    goals: readonly SearchGoal[],
    objectives: readonly Objective[],
    isShapeVarying: boolean,
    picksPerStep: number | undefined,
  ) {
    this.#assignment = assignment;
    this.#picksPerStep = picksPerStep ?? assignment.subgoals.length;
    this.#followsNearest = false;
    const goal = goals[assignment.goalIndex];
    this.tensors = goalTensors(goal);
    this.siteTensors = ('site' in goal ? goal.results : undefined) ?? [];
    if ('site' in goal) {
      this.objective = undefined;
      const { hazardTarget } = goal;
      const isVarying = isShapeVarying || hazardTarget.isInBody === true;
      this.#measureMargins = (_batch, tensors, row, out) =>
        subgoalMargins(marginsOf(hazardTarget, tensors, row), out, isVarying);
    } else {
      const objective = objectives.find(({ name }) => name === goal.objective);
      this.objective = objective;
      this.#followsNearest = assignment.ascends === true && goal.isTwoSided;
      const { seeds, classes, subgoals } = assignment;
      this.#measureMargins = (batch, _tensors, row, out, pick) => {
        if (classes !== undefined && seeds !== undefined)
          return this.#writePlace(batch, row, out, pick, seeds.length);
        const count = objective?.margins?.(batch, row, out) ?? 0;
        if (seeds !== undefined) return moveLeastMargin(out, count, seeds.length, subgoals[pick]);
        for (let i = 0; i < count; i++) out[i] = Math.min(MAX_MARGIN, out[i]);
        return count;
      };
    }
  }

  /**
   * Measures the rows of a batch.
   *
   * @param rowAt undefined for a row of the whole batch that holds no mutant
   */
  record({ batch, firstRow }: BatchSlice, rowAt: (row: number) => TrackedRow | undefined): void {
    const tensors = new Map<string, BatchTensor>();
    for (const tensor of [...batch.outputs, ...batch.activations]) tensors.set(tensor.name, tensor);
    for (let row = 0; row < batch.rows; row++) {
      const tracked = rowAt(firstRow + row);
      if (tracked === undefined) continue;
      this.#subgoalCount = this.#measureMargins(batch, tensors, row, this.#margins, tracked.pick);
      this.#recordRow(tracked);
    }
  }

  /** Margin of a row where classes are all that is seen: its place among the mutants of its pick, while it has the seed's class. */
  #writePlace(batch: JudgedBatch, row: number, out: Float64Array, pick: number, length: number): number {
    const { classes = [], subgoals } = this.#assignment;
    const place = this.#placeInPick.get(pick) ?? 0;
    this.#placeInPick.set(pick, place + 1);
    const subgoal = subgoals[pick];
    out.fill(MAX_MARGIN, 0, length);
    if (predictedClassOf(batch, row) === classes[subgoal]) out[subgoal] = MUTANTS_PER_PICK - place;
    return length;
  }

  #recordRow(row: TrackedRow): void {
    const { subgoals, marginsToBeat, best } = this.#assignment;
    const { pick } = row;
    const trajectory = pick % this.#picksPerStep;
    const followed = this.#followsNearest ? this.#nearestBoundary() : subgoals[pick];
    let copied: { readonly candidate: Candidate | undefined } | undefined;
    const keep = (bests: Map<number, BestSoFar>, key: number, subgoal: number, margin: number): void => {
      // Once, and only for a row that is kept: a copy costs as much as the row.
      copied ??= { candidate: row.toCandidate() };
      const { candidate } = copied;
      if (candidate !== undefined) bests.set(key, { margin, pick, subgoal, candidate });
    };
    for (let subgoal = 0; subgoal < this.#subgoalCount; subgoal++) {
      const margin = this.#margins[subgoal];
      if (!(margin >= (this.#smallestMargins[subgoal] ?? MAX_MARGIN)))
        this.#smallestMargins[subgoal] = margin;
      // A margin of 0 is already a finding (or was masked downstream), so it is no starting point for further search.
      if (margin === 0) continue;
      const leastOfSubgoal = this.#bestBySubgoal.get(subgoal)?.margin ?? best[subgoal] ?? MAX_MARGIN;
      const isBestOfSubgoal = margin < leastOfSubgoal;
      if (isBestOfSubgoal) keep(this.#bestBySubgoal, subgoal, subgoal, margin);
      if (subgoal !== followed) continue;
      const leastOfTrajectory = this.#bestByTrajectory.get(trajectory)?.margin ?? marginsToBeat[pick];
      if (!(margin < leastOfTrajectory)) continue;
      if (!isBestOfSubgoal || this.#picksPerStep < subgoals.length)
        keep(this.#bestByTrajectory, trajectory, subgoal, margin);
    }
  }

  /** The subgoal of the row's nearest boundary between two classes. */
  #nearestBoundary(): number {
    let nearest = 0;
    for (let subgoal = 1; subgoal < Math.min(TWO_SIDED_MARGINS, this.#subgoalCount); subgoal++)
      if (this.#margins[subgoal] < this.#margins[nearest]) nearest = subgoal;
    return nearest;
  }

  /** The subgoal that a pick is for. */
  subgoalOf(pick: number): number {
    return this.#assignment.subgoals[pick];
  }

  /** The margin from which on a mutant of a pick improves neither its trajectory nor its subgoal. */
  marginToBeat(pick: number): number {
    const { subgoals, marginsToBeat, best } = this.#assignment;
    const subgoal = subgoals[pick];
    return Math.max(
      this.#bestByTrajectory.get(pick % this.#picksPerStep)?.margin ?? marginsToBeat[pick],
      this.#bestBySubgoal.get(subgoal)?.margin ?? best[subgoal] ?? MAX_MARGIN,
    );
  }

  /** The best mutant so far of a pick's trajectory; undefined while none improves on its corpus entry. */
  bestCandidateOf(pick: number): Candidate | undefined {
    return this.#bestByTrajectory.get(pick % this.#picksPerStep)?.candidate;
  }

  /** The mutants that are kept, each once. */
  get candidates(): readonly Candidate[] {
    return [...new Set(this.#best.map(({ candidate }) => candidate))];
  }

  /** @param firstCandidate index in the task of the first of `candidates` */
  progress(firstCandidate: number): GoalProgress {
    const { candidates } = this;
    const improvements = this.#best.map(
      ({ margin, pick, subgoal, candidate }): Improvement => ({
        candidate: firstCandidate + candidates.indexOf(candidate),
        pick,
        subgoal,
        margin,
      }),
    );
    const smallestMargins = Array.from(
      { length: this.#subgoalCount },
      (_, subgoal) => this.#smallestMargins[subgoal] ?? MAX_MARGIN,
    );
    return { subgoalCount: this.#subgoalCount, improvements, smallestMargins };
  }

  get #best(): readonly BestSoFar[] {
    return [...this.#bestBySubgoal.values(), ...this.#bestByTrajectory.values()];
  }
}

/** Replaces the first `count` margins by the least of them, at one of `length` subgoals; the others are unknown. */
function moveLeastMargin(margins: Float64Array, count: number, length: number, subgoal: number): number {
  let least = MAX_MARGIN;
  for (let i = 0; i < count; i++) if (margins[i] < least) least = margins[i];
  margins.fill(MAX_MARGIN, 0, length);
  margins[subgoal] = least;
  return length;
}
