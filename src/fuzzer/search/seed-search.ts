import type { Task } from '../scheduling/task.ts';
import type { SeedAccounts } from '../seeds/seed-accounts.ts';
import { type PickRequest, type PlannedPicks, withoutRivals } from './plan-picks.ts';
import { type GoalAssignment, type GoalProgress, MAX_MARGIN, type SavedSeedSearch } from './search-goal.ts';

/** Mutants without an improvement after which the search restarts from the seed itself, or in a larger ball. */
const MAX_STALE_MUTANTS = 1024;

/** The next ball around a broken seed, relative to the distance at which it is broken. */
const RADIUS_FACTOR = 0.8;

/** Share of that distance from which on a larger ball is not worth a search: the distance counts as least. */
const MAX_RADIUS_FACTOR = 0.97;

/** One in this many turns goes to broken seeds where some are unbroken, if their least distance is sought. */
const LEAST_INTERVAL_TURNS = 3;

/** The search from one seed. */
interface SeedSlot {
  /** The entry that its next mutants are made from; below 0 for the seed itself. */
  entry: number;
  margin: number;
  /** Mutants since the search began, and since the last improvement. */
  queries: number;
  stale: number;
  /** Largest distance of mutants from the seed; null for no limit but the constraints. */
  radius: number | null;
  /** True once no nearer violation is sought. */
  isSettled: boolean;
}

/**
 * Directed search from each seed by itself: unbroken seeds have turns, so that none starves the others, and each goes on from the
 * mutant that came nearest to the objective's violation. Where the least distance is sought, a seed that is broken is searched in
 * smaller balls around it.
 */
export class SeedSearch {
  readonly #objective: string;
  readonly #accounts: SeedAccounts;
  /** By the seed's entry; absent for one that had no turn yet. */
  readonly #slots = new Map<number, SeedSlot>();
  /** Places among the seeds of the last turns, of unbroken and of broken ones. */
  #unbrokenTurn = -1;
  #brokenTurn = -1;
  #turns = 0;

  constructor(objective: string, accounts: SeedAccounts) {
    this.#objective = objective;
    this.#accounts = accounts;
  }

  /** Plans the picks of a task, one seed each; undefined where no seed is left to search from. */
  plan(request: PickRequest): PlannedPicks | undefined {
    const seeds: number[] = [];
    while (seeds.length < request.count) {
      const seed = this.#nextSeed(request.hasQueries);
      if (seed === undefined) break;
      seeds.push(seed);
    }
    if (seeds.length === 0) return undefined;
    const picks = Array.from({ length: request.count }, (_, pick) => {
      const subgoal = pick % seeds.length;
      return { subgoal, seed: seeds[subgoal], slot: this.#slotOf(seeds[subgoal]) };
    });
    const radii = picks.map(({ slot }) => slot.radius);
    return {
      ...withoutRivals(picks.length),
      parents: picks.map(({ seed, slot }) => (slot.entry < 0 ? seed : slot.entry)),
      seedQueries: picks.map(({ slot }) => slot.queries),
      stale: picks.map(({ slot }) => slot.stale),
      ...(radii.some((radius) => radius !== null) ? { radii } : {}),
      assignment: {
        goalIndex: request.goalIndex,
        subgoals: picks.map(({ subgoal }) => subgoal),
        slots: picks.map(() => 0),
        marginsToBeat: picks.map(({ slot }) => slot.margin),
        best: seeds.map((seed) => this.#slotOf(seed).margin),
        seeds,
      },
    };
  }

  #nextSeed(hasQueries: (seed: number) => boolean = () => true): number | undefined {
    const accounts = this.#accounts;
    this.#turns++;
    const findUnbroken = (): number | undefined => {
      if (!accounts.hasUnbroken(this.#objective)) return undefined;
      const place = this.#findFrom(
        this.#unbrokenTurn,
        (seed) => accounts.isUnbroken(seed, this.#objective) && hasQueries(seed),
      );
      if (place !== undefined) this.#unbrokenTurn = place;
      return place;
    };
    const findBroken = (): number | undefined => {
      if (!accounts.seeksLeast) return undefined;
      const place = this.#findFrom(this.#brokenTurn, (seed) => this.#canComeNearer(seed) && hasQueries(seed));
      if (place !== undefined) this.#brokenTurn = place;
      return place;
    };
    const isForBroken = accounts.seeksLeast && this.#turns % LEAST_INTERVAL_TURNS === 0;
    const place = isForBroken ? (findBroken() ?? findUnbroken()) : (findUnbroken() ?? findBroken());
    return place === undefined ? undefined : accounts.seeds[place];
  }

  /** Place among the seeds of the next one after a place that passes a test. */
  #findFrom(last: number, test: (seed: number) => boolean): number | undefined {
    const { seeds } = this.#accounts;
    for (let step = 1; step <= seeds.length; step++) {
      const place = (last + step) % seeds.length;
      if (test(seeds[place])) return place;
    }
    return undefined;
  }

  #canComeNearer(seed: number): boolean {
    const distance = this.#accounts.leastDistance(seed, this.#objective);
    if (!Number.isFinite(distance) || distance <= 0) return false;
    const slot = this.#slots.get(seed);
    // A mutant of another task may have come nearer meanwhile.
    return slot?.isSettled !== true || slot.radius === null || slot.radius >= distance;
  }

  #slotOf(seed: number): SeedSlot {
    const slot = this.#slots.get(seed) ?? {
      entry: -1,
      margin: MAX_MARGIN,
      queries: 0,
      stale: 0,
      radius: null,
      isSettled: false,
    };
    this.#slots.set(seed, slot);
    const least = this.#accounts.leastDistance(seed, this.#objective);
    if (Number.isFinite(least) && (slot.radius === null || slot.radius >= least))
      this.#beginIn(slot, RADIUS_FACTOR * least, least);
    return slot;
  }

  /** Begins a search in a smaller or larger ball, from the nearest entry so far. */
  #beginIn(slot: SeedSlot, radius: number, least: number): void {
    slot.radius = this.#accounts.norm === 'l0' ? Math.min(Math.ceil(radius), least - 1) : radius;
    slot.margin = MAX_MARGIN;
    slot.stale = 0;
    slot.isSettled = slot.radius <= 0 || slot.radius > MAX_RADIUS_FACTOR * least;
  }

  /**
   * Applies the outcome of a task.
   *
   * @param mutantsOf number of mutants of a pick
   * @param admit puts a candidate into the corpus and returns its entry; undefined where it is not admitted
   * @param radii of each pick, as the task has them
   */
  apply(
    { seeds = [], subgoals }: GoalAssignment,
    { improvements }: GoalProgress,
    mutantsOf: (pick: number) => number,
    admit: (candidate: number) => number | undefined,
    radii: Task['radii'] = [],
  ): void {
    subgoals.forEach((subgoal, pick) => {
      const slot = this.#slotOf(seeds[subgoal]);
      slot.queries += mutantsOf(pick);
      slot.stale += mutantsOf(pick);
    });
    // Smallest margin first: a larger one for the same seed then need not be admitted.
    for (const { candidate, pick, subgoal, margin } of [...improvements].sort(
      (a, b) => a.margin - b.margin,
    )) {
      const slot = this.#slotOf(seeds[subgoal]);
      const isSought =
        this.#accounts.seeksLeast || this.#accounts.isUnbroken(seeds[subgoal], this.#objective);
      if (margin >= slot.margin || !isSought) continue;
      const entry = admit(candidate);
      if (entry === undefined) continue;
      slot.entry = entry;
      slot.stale = 0;
      // In another ball the mutant is another testcase, whose margin is not known.
      if ((radii[pick] ?? null) === slot.radius) slot.margin = margin;
    }
    for (const seed of new Set(seeds)) this.#endTurn(seed);
  }

  #endTurn(seed: number): void {
    const least = this.#accounts.leastDistance(seed, this.#objective);
    if (Number.isFinite(least) && !this.#accounts.seeksLeast) {
      this.#slots.delete(seed);
      return;
    }
    const slot = this.#slotOf(seed);
    if (slot.stale <= MAX_STALE_MUTANTS) return;
    if (slot.radius === null) Object.assign(slot, { entry: -1, margin: MAX_MARGIN, queries: 0, stale: 0 });
    else this.#beginIn(slot, (slot.radius + least) / 2, least);
  }

  save(): SavedSeedSearch {
    return {
      turn: this.#unbrokenTurn,
      brokenTurn: this.#brokenTurn,
      turns: this.#turns,
      slots: [...this.#slots].map(([seed, { entry, margin, queries, stale, radius, isSettled }]) => [
        seed,
        entry,
        margin,
        queries,
        stale,
        radius,
        Number(isSettled),
      ]),
    };
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else all searches restart */
  restore({ turn, brokenTurn, turns, slots }: SavedSeedSearch, keepsEntries: boolean): void {
    this.#unbrokenTurn = turn;
    this.#brokenTurn = brokenTurn;
    this.#turns = turns;
    if (!keepsEntries) return;
    for (const [seed, entry, margin, queries, stale, radius, settled] of slots)
      this.#slots.set(seed, { entry, margin, queries, stale, radius, isSettled: settled === 1 });
  }
}
