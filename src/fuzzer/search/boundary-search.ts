import type { TestcaseData } from '../../inputs/testcase.ts';
import { readNumber } from '../../tensor/tensor.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import type { SeedAccounts } from '../seeds/seed-accounts.ts';
import { type EntryFacts, type PickRequest, type PlannedPicks, withoutRivals } from './plan-picks.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  MAX_MARGIN,
  type SavedBoundarySearch,
} from './search-goal.ts';

/** Share of the way to the rival below which two neighbours are too near to have a mutant between them. */
const LEAST_SHARE = 2 ** -24;

/** What is left of a share once a boundary is between two neighbours of eight: random places are up to two steps apart. */
const NARROWING = 2 / MUTANTS_PER_PICK;

/** What a share grows by where no boundary was on it. */
const WIDENING = 4;

/** Margin of the last mutant of a pick: all of them have the seed's class. */
const LAST_PLACE = 1;

/** The way from a seed to one of another class. */
interface Lane {
  /** The entry nearest to the boundary that has the seed's class; below 0 for the seed itself. */
  entry: number;
  /** A seed of another class. */
  readonly rival: number;
  /** Share of the way from the entry to the rival that has the boundary. */
  share: number;
}

/**
 * Search for disagreements by classes alone, where no score tells how near one is: bisects the way from each unbroken seed to seeds of
 * other classes, as in the boundary attack (Brendel, Rauber & Bethge 2018), the farthest first: within a limit of each value these change
 * most of them. Two models that differ little disagree
 * at a boundary.
 */
export class BoundarySearch {
  readonly #objective: string;
  readonly #accounts: SeedAccounts;
  /** By the seed's entry; several where a task has more picks than there are seeds. */
  readonly #lanes = new Map<number, (Lane | undefined)[]>();
  /** Of each seed, seeds of another class the farthest first, and how many of them had a lane. */
  readonly #rivals = new Map<number, readonly number[]>();
  readonly #tried = new Map<number, number>();
  /** Place among the seeds of the last turn. */
  #turn = -1;

  constructor(objective: string, accounts: SeedAccounts) {
    this.#objective = objective;
    this.#accounts = accounts;
  }

  /** Plans the picks of a task, a lane each; undefined where no seed is left, or all are of one class. */
  plan(request: PickRequest): PlannedPicks | undefined {
    const { count, goalIndex, entries } = request;
    if (entries === undefined) return undefined;
    const seeds = this.#nextSeeds(request, entries);
    if (seeds.length === 0) return undefined;
    const picks = Array.from({ length: count }, (_, pick) => {
      const seed = seeds[pick % seeds.length];
      const index = Math.floor(pick / seeds.length);
      return { seed, index, lane: this.#laneOf(seed, index, entries) };
    });
    return {
      ...withoutRivals(count),
      parents: picks.map(({ seed, lane }) => (lane.entry < 0 ? seed : lane.entry)),
      acrossBoundary: picks.map(({ lane }) => lane.rival),
      boundaryShares: picks.map(({ lane }) => lane.share),
      assignment: {
        goalIndex,
        subgoals: picks.map((_, pick) => pick),
        slots: picks.map(({ index }) => index),
        marginsToBeat: picks.map(() => MAX_MARGIN),
        best: picks.map(() => MAX_MARGIN),
        seeds: picks.map(({ seed }) => seed),
        classes: picks.map(({ seed }) => entries.classOf(seed)),
      },
    };
  }

  /** The next unbroken seeds with rivals and queries left, at most as many as there are picks. */
  #nextSeeds({ count, hasQueries }: PickRequest, entries: EntryFacts): number[] {
    const { seeds } = this.#accounts;
    const found: number[] = [];
    for (let step = 0; step < seeds.length && found.length < count; step++) {
      this.#turn = (this.#turn + 1) % seeds.length;
      const seed = seeds[this.#turn];
      const isOpen = this.#accounts.isUnbroken(seed, this.#objective) && hasQueries?.(seed) !== false;
      if (isOpen && this.#rivalsOf(seed, entries).length > 0) found.push(seed);
    }
    return found;
  }

  #laneOf(seed: number, index: number, entries: EntryFacts): Lane {
    const lanes = this.#lanes.get(seed) ?? [];
    this.#lanes.set(seed, lanes);
    const known = lanes[index];
    if (known !== undefined) return known;
    const rivals = this.#rivalsOf(seed, entries);
    const tried = this.#tried.get(seed) ?? 0;
    this.#tried.set(seed, tried + 1);
    const lane = { entry: -1, rival: rivals[tried % rivals.length], share: 1 };
    lanes[index] = lane;
    return lane;
  }

  /** The seeds of a seed's shape and another class, the farthest first. */
  #rivalsOf(seed: number, entries: EntryFacts): readonly number[] {
    const known = this.#rivals.get(seed);
    if (known !== undefined) return known;
    const data = entries.dataOf(seed);
    const rivals = this.#accounts.seeds
      .filter((other) => entries.classOf(other) !== entries.classOf(seed))
      .filter((other) => entries.shapeKeyOf(other) === entries.shapeKeyOf(seed))
      .map((rival) => ({ rival, distance: squaredDistance(data, entries.dataOf(rival)) }))
      .sort((a, b) => b.distance - a.distance || a.rival - b.rival)
      .map(({ rival }) => rival);
    this.#rivals.set(seed, rivals);
    return rivals;
  }

  /**
   * Applies the outcome of a task.
   *
   * @param admit puts a candidate into the corpus and returns its entry; undefined where it is not admitted
   */
  apply(
    { seeds = [], subgoals, slots }: GoalAssignment,
    { improvements, smallestMargins }: GoalProgress,
    admit: (candidate: number) => number | undefined,
  ): void {
    subgoals.forEach((subgoal, pick) => {
      const seed = seeds[subgoal];
      const lanes = this.#lanes.get(seed);
      const lane = lanes?.[slots[pick]];
      if (lanes === undefined || lane === undefined) return;
      if (!this.#accounts.isUnbroken(seed, this.#objective)) {
        this.#lanes.delete(seed);
        return;
      }
      const isBeyond = (smallestMargins[subgoal] ?? MAX_MARGIN) <= LAST_PLACE;
      if ((isBeyond && lane.share >= 1) || lane.share * NARROWING < LEAST_SHARE) {
        // Within the limits nothing on this way has another class, or the boundary is known to the last bit.
        lanes[slots[pick]] = undefined;
        return;
      }
      const improvement = improvements.find((candidate) => candidate.subgoal === subgoal);
      const entry = improvement && admit(improvement.candidate);
      if (entry !== undefined) lane.entry = entry;
      lane.share = isBeyond ? Math.min(1, WIDENING * lane.share) : NARROWING * lane.share;
    });
  }

  save(): SavedBoundarySearch {
    return {
      turn: this.#turn,
      lanes: [...this.#lanes].flatMap(([seed, lanes]) =>
        lanes.flatMap((lane, index) =>
          lane === undefined ? [] : [[seed, index, lane.entry, lane.rival, lane.share] as const],
        ),
      ),
      tried: [...this.#tried],
    };
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else all searches restart */
  restore({ turn, lanes, tried }: SavedBoundarySearch, keepsEntries: boolean): void {
    this.#turn = turn;
    if (!keepsEntries) return;
    for (const [seed, index, entry, rival, share] of lanes) {
      const list = this.#lanes.get(seed) ?? [];
      this.#lanes.set(seed, list);
      list[index] = { entry, rival, share };
    }
    for (const [seed, rivals] of tried) this.#tried.set(seed, rivals);
  }
}

/** Squared Euclidean distance of two testcases of one shape. */
function squaredDistance(a: TestcaseData, b: TestcaseData): number {
  let sum = 0;
  for (const [input, { type, size }] of a.form.inputs.entries())
    for (let i = 0; i < size; i++)
      sum += (readNumber(type, a.inputs[input], i) - readNumber(type, b.inputs[input], i)) ** 2;
  return sum;
}
