import { measureDistance } from '../../constraints/distance.ts';
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

/** Most picks of one bisection. */
const MAX_STEPS = 1024;

/** A bisection of the way from a seed to one of another class. */
interface Bisection {
  /** How many rivals of the seed were tried before this one. */
  readonly number: number;
  readonly rival: number;
  /** Picks whose outcome is known. */
  step: number;
  /** Whether the next pick is planned and its outcome not known: another pick for the seed has another bisection. */
  isPlanned: boolean;
  /** The entry nearest to the boundary that has the seed's class; below 0 for the seed itself. */
  entry: number;
  /** Share of the way from the entry to the rival that has the boundary. */
  share: number;
}

/** Names a pick of a bisection, so that its outcome changes no other one. */
function slotOf({ number, step }: Bisection): number {
  return MAX_STEPS * number + step;
}

/**
 * Search for disagreements by classes alone, where no score tells how near one is: bisects the way from each unbroken seed to seeds of
 * other classes, as in the boundary attack (Brendel, Rauber & Bethge 2018). The farthest and the nearest take turns: within a limit of each
 * value the farthest change most of them, and the nearest look most like another class. Two models that differ little disagree at a
 * boundary.
 */
export class BoundarySearch {
  readonly #objective: string;
  readonly #accounts: SeedAccounts;
  /** By the seed's entry; several where picks for one seed are planned before the outcome of the first is known. */
  readonly #bisections = new Map<number, Bisection[]>();
  /** Of each seed, seeds of another class in the order in which they are tried, and how many of them were. */
  readonly #rivals = new Map<number, readonly number[]>();
  readonly #tried = new Map<number, number>();
  /** Place among the seeds of the last turn. */
  #turn = -1;

  constructor(objective: string, accounts: SeedAccounts) {
    this.#objective = objective;
    this.#accounts = accounts;
  }

  /** Plans the picks of a task, a bisection each; undefined where no seed is left, or all are of one class. */
  plan(request: PickRequest): PlannedPicks | undefined {
    const { count, goalIndex, entries } = request;
    if (entries === undefined) return undefined;
    const seeds = this.#nextSeeds(request, entries);
    if (seeds.length === 0) return undefined;
    const picks = Array.from({ length: count }, (_, pick) => {
      const seed = seeds[pick % seeds.length];
      const bisection = this.#openBisection(seed, entries);
      bisection.isPlanned = true;
      return { seed, bisection };
    });
    return {
      ...withoutRivals(count),
      parents: picks.map(({ seed, bisection }) => (bisection.entry < 0 ? seed : bisection.entry)),
      acrossBoundary: picks.map(({ bisection }) => bisection.rival),
      boundaryShares: picks.map(({ bisection }) => bisection.share),
      assignment: {
        goalIndex,
        subgoals: picks.map((_, pick) => pick),
        slots: picks.map(({ bisection }) => slotOf(bisection)),
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

  /** A bisection whose next pick is not planned: one that has begun, or toward the next rival. */
  #openBisection(seed: number, entries: EntryFacts): Bisection {
    const bisections = this.#bisections.get(seed) ?? [];
    this.#bisections.set(seed, bisections);
    const begun = bisections.find(({ isPlanned }) => !isPlanned);
    if (begun !== undefined) return begun;
    const rivals = this.#rivalsOf(seed, entries);
    const number = this.#tried.get(seed) ?? 0;
    this.#tried.set(seed, number + 1);
    const rival = rivals[number % rivals.length];
    const bisection = { number, rival, step: 0, isPlanned: false, entry: -1, share: 1 };
    bisections.push(bisection);
    return bisection;
  }

  /** The seeds of a seed's shape and another class: the farthest, the nearest, the next to the farthest, and so on. */
  #rivalsOf(seed: number, entries: EntryFacts): readonly number[] {
    const known = this.#rivals.get(seed);
    if (known !== undefined) return known;
    const data = entries.dataOf(seed);
    const farthestFirst = this.#accounts.seeds
      .filter((other) => entries.classOf(other) !== entries.classOf(seed))
      .filter((other) => entries.shapeKeyOf(other) === entries.shapeKeyOf(seed))
      .map((rival) => ({ rival, distance: measureDistance(entries.dataOf(rival), data).l2 }))
      .sort((a, b) => b.distance - a.distance || a.rival - b.rival)
      .map(({ rival }) => rival);
    const last = farthestFirst.length - 1;
    const rivals = farthestFirst.map((_, i) => farthestFirst[i % 2 === 0 ? i / 2 : last - (i - 1) / 2]);
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
      const bisections = this.#bisections.get(seed);
      const bisection = bisections?.find((candidate) => slotOf(candidate) === slots[pick]);
      if (bisections === undefined || bisection === undefined) return;
      if (!this.#accounts.isUnbroken(seed, this.#objective)) {
        this.#bisections.delete(seed);
        return;
      }
      const isBeyond = (smallestMargins[subgoal] ?? MAX_MARGIN) <= LAST_PLACE;
      const isEnded =
        (isBeyond && bisection.share >= 1) ||
        bisection.share * NARROWING < LEAST_SHARE ||
        bisection.step + 1 >= MAX_STEPS;
      if (isEnded) {
        // Within the limits nothing on this way has another class, or the boundary is known to the last bit.
        bisections.splice(bisections.indexOf(bisection), 1);
        return;
      }
      const improvement = improvements.find((candidate) => candidate.subgoal === subgoal);
      const entry = improvement && admit(improvement.candidate);
      if (entry !== undefined) bisection.entry = entry;
      bisection.share = isBeyond ? Math.min(1, WIDENING * bisection.share) : NARROWING * bisection.share;
      bisection.step++;
      bisection.isPlanned = false;
    });
  }

  save(): SavedBoundarySearch {
    return {
      turn: this.#turn,
      bisections: [...this.#bisections].flatMap(([seed, bisections]) =>
        bisections.map(
          ({ number, rival, step, isPlanned, entry, share }) =>
            [seed, number, rival, step, isPlanned ? 1 : 0, entry, share] as const,
        ),
      ),
      tried: [...this.#tried],
    };
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else all searches restart */
  restore({ turn, bisections, tried }: SavedBoundarySearch, keepsEntries: boolean): void {
    this.#turn = turn;
    if (!keepsEntries) return;
    for (const [seed, number, rival, step, planned, entry, share] of bisections) {
      const list = this.#bisections.get(seed) ?? [];
      this.#bisections.set(seed, list);
      list.push({ number, rival, step, isPlanned: planned === 1, entry, share });
    }
    for (const [seed, rivals] of tried) this.#tried.set(seed, rivals);
  }
}
