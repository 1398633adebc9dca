import { TWO_SIDED_MARGINS } from '../../objectives/objective.ts';
import {
  advanceSlot,
  type BeamSlot,
  farthestSlot,
  MIN_GAIN,
  makeBeam,
  makeSlot,
  restartStaleSlots,
} from './beam.ts';
import { ClimbShare } from './climb-share.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  type Improvement,
  MAX_MARGIN,
  marginSignaturesOf,
  type SavedGoal,
  type SearchGoal,
} from './search-goal.ts';

/** Margin, in halvings of the distance, from which on evaluating mutants in full brings more than lookahead. */
const CLOSE_MARGIN = 10;

/** One margin of a goal, searched for by a beam of its own. */
export interface Subgoal {
  /** The smallest margin so far. */
  best: number;
  readonly slots: BeamSlot[];
  /** True once enough findings of its signature are kept. */
  done: boolean;
}

function makeSubgoal(): Subgoal {
  return { best: MAX_MARGIN, slots: makeBeam(), done: false };
}

/** Whether a subgoal is open and some hundred mutants of its closest entry may reach it. */
export function isClose({ best, done }: Subgoal): boolean {
  return !done && best <= CLOSE_MARGIN;
}

/** Progress of the search toward one goal. */
export class GoalState {
  readonly goal: SearchGoal;
  #subgoals: Subgoal[];
  readonly #climbShare = new ClimbShare();
  #idleTasks = 0;
  /** Halvings gained since the idle tasks were last set to 0. */
  #gained = 0;
  #isDone = false;

  constructor(goal: SearchGoal) {
    this.goal = goal;
    this.#subgoals = marginSignaturesOf(goal).map(makeSubgoal);
  }

  /** Empty until the first task has told how many there are, unless the goal names their signatures. */
  get subgoals(): readonly Subgoal[] {
    return this.#subgoals;
  }

  /** Tasks since a margin became smaller, by a tenth of a halving for a site. */
  get idleTasks(): number {
    return this.#idleTasks;
  }

  /** Share of the picks that climb; 0 where no goal of its kind does. */
  get climbShare(): number {
    return 'site' in this.goal ? this.#climbShare.share : 0;
  }

  /** True once the goal was reached or given up: it gets no more tasks. */
  get isDone(): boolean {
    return this.#isDone;
  }

  close(): void {
    this.#isDone = true;
  }

  /** The smallest margin among subgoals that are still open; `MAX_MARGIN` where none is known. */
  get closestOpenMargin(): number {
    return this.#subgoals.reduce(
      (least, { best, done }) => (done ? least : Math.min(least, best)),
      MAX_MARGIN,
    );
  }

  /** Beam slots on the other side of the boundary from a subgoal; empty for a goal without two sides. */
  slotsAcrossBoundary(subgoal: number): readonly BeamSlot[] {
    if (!('objective' in this.goal) || !this.goal.isTwoSided) return [];
    const opposite =
      subgoal < TWO_SIDED_MARGINS ? (subgoal + TWO_SIDED_MARGINS / 2) % TWO_SIDED_MARGINS : subgoal;
    return this.#subgoals[opposite]?.slots ?? [];
  }

  /**
   * Applies the outcome of a task.
   *
   * @param mutantsOf number of mutants of a pick
   * @param admit puts a candidate into the corpus and returns its entry; undefined where it is not admitted
   */
  apply(
    assignment: GoalAssignment,
    { subgoalCount, improvements, smallestMargins }: GoalProgress,
    mutantsOf: (pick: number) => number,
    admit: (candidate: number) => number | undefined,
  ): void {
    if (this.#subgoals.length === 0)
      this.#subgoals = Array.from({ length: subgoalCount }, () => makeSubgoal());
    if (this.#subgoals.length === 0 || this.#subgoals.length !== subgoalCount) return;
    assignment.subgoals.forEach((subgoal, pick) => {
      this.#subgoals[subgoal].slots[assignment.slots[pick]].tries += mutantsOf(pick);
    });
    if ('site' in this.goal) this.#climbShare.apply(assignment, { improvements }, mutantsOf);
    this.#recordMargins(smallestMargins);
    this.#advanceBeams(assignment, improvements, admit);
    for (const { slots } of this.#subgoals) restartStaleSlots(slots);
    if (this.#subgoals.some(({ best }) => best === 0)) this.#afterReached();
  }

  /** Restarts the slots whose entries may not be mutated any more. */
  restartSlots(isOpen: (entry: number) => boolean): void {
    for (const { slots } of this.#subgoals)
      slots.forEach(({ entry }, i) => {
        if (entry >= 0 && !isOpen(entry)) slots[i] = makeSlot();
      });
  }

  #recordMargins(smallestMargins: readonly number[]): void {
    this.#idleTasks++;
    smallestMargins.forEach((margin, i) => {
      if (margin >= this.#subgoals[i].best) return;
      this.#gained += this.#subgoals[i].best - margin;
      this.#subgoals[i].best = margin;
    });
    if (this.#gained === 0 || ('site' in this.goal && this.#gained < MIN_GAIN)) return;
    this.#idleTasks = 0;
    this.#gained = 0;
  }

  #advanceBeams(
    { best, subgoals, slots, strengths }: GoalAssignment,
    improvements: readonly Improvement[],
    admit: (candidate: number) => number | undefined,
  ): void {
    // Smallest margin first: a larger one for the same slot then need not be admitted.
    const sorted = [...improvements].sort((a, b) => a.margin - b.margin);
    for (const { candidate, pick, subgoal, margin } of sorted) {
      const beam = this.#subgoals[subgoal].slots;
      const isOfOwnSubgoal = best.length > 0 && subgoals[pick] === subgoal;
      const slot = isOfOwnSubgoal ? beam[slots[pick]] : farthestSlot(beam);
      if (margin >= slot.margin) continue;
      const entry = admit(candidate);
      if (entry !== undefined) advanceSlot(slot, entry, margin, strengths?.[pick] ?? 0);
    }
  }

  #afterReached(): void {
    if ('site' in this.goal) this.close();
    // An objective can be violated in several ways: the search restarts from other entries.
    else if (marginSignaturesOf(this.goal).length === 0) this.#subgoals = this.#subgoals.map(makeSubgoal);
    // A subgoal with a signature of its own stays open until enough findings of that are kept.
    else
      for (const subgoal of this.#subgoals)
        if (subgoal.best === 0)
          subgoal.best = Math.min(MAX_MARGIN, ...subgoal.slots.map(({ margin }) => margin));
  }

  /** Closes the subgoal whose signature has enough findings, and with the last of them the goal. */
  closeSubgoal(signature: string): void {
    const index = marginSignaturesOf(this.goal).indexOf(signature);
    if (index < 0) return;
    this.#subgoals[index].done = true;
    if (this.#subgoals.every(({ done }) => done)) this.close();
  }

  save(): SavedGoal {
    return {
      idle: this.#idleTasks,
      ...(this.#gained === 0 ? {} : { gained: this.#gained }),
      ...(this.#climbShare.isUntaught ? {} : { climb: this.#climbShare.save() }),
      targets: this.#subgoals.map(({ slots, best, done }) => ({
        best,
        done,
        lanes: slots.map((slot) => ({ ...slot })),
      })),
      done: this.#isDone,
    };
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else all beams restart */
  restore({ targets, idle, gained = 0, done, climb }: SavedGoal, keepsEntries: boolean): void {
    this.#idleTasks = idle;
    this.#gained = gained;
    this.#isDone = done;
    if (climb !== undefined) this.#climbShare.restore(climb);
    this.#subgoals = targets.map((target) => ({
      best: target.best,
      done: target.done,
      slots: target.lanes.map((slot) => (keepsEntries ? { ...slot } : makeSlot())),
    }));
  }
}
