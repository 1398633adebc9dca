import { type TestOracle, type TryBudget, testVariants, VARIANTS_PER_BATCH } from './test-oracle.ts';

/** Draws that parts must pass to be free; those of them that are run first, since most parts that fail fail at once. */
const SEARCH_DRAWS = 8;
const FIRST_DRAWS = 2;

/** Further draws of all free parts together, by which the result is checked. */
export const CHECK_DRAWS = 64;

/** Times that parts are joined anew with the draws that a check did not pass. */
const MAX_CHECKS = 3;

/** Draws that a failed check adds. */
const ADDED_DRAWS = 8;

/** Units that are tested alone in one batch. */
const UNITS_PER_BATCH = VARIANTS_PER_BATCH / FIRST_DRAWS;

/** Share of the budget that testing each unit alone may take at one level. */
const SCREENING_SHARE = 1 / 4;

/** Parts of a failing testcase by whether the failure depends on them. */
export interface FreeParts {
  /** Parts that can take any value, all of them together, without losing the failure. */
  readonly free: readonly number[];
  /** Parts without whose value the failure is lost, alone or while the free parts vary. */
  readonly needed: readonly number[];
  /** Runs in which all free parts had new random values, and those of them that failed as the testcase does. */
  readonly runs: number;
  readonly failing: number;
}

export interface FindFreePartsOptions<T> {
  /** All parts by number, in groups that are likely to be free as a whole. */
  readonly groups: readonly (readonly number[])[];
  /** Makes the variant in which some parts have the values of a draw; equal draws give equal values. */
  readonly variantOf: (parts: readonly number[], draw: number) => T;
  readonly oracle: TestOracle<T>;
  readonly budget: TryBudget;
}

/** Consecutive parts that are tested as one. */
type Unit = readonly number[];

/**
 * Finds parts of a failing testcase that the failure does not depend on, as Hypothesis' explain phase does: parts are replaced by
 * random values, and those are free that never lose the failure. Groups that are not free as a whole are cut into units, which are
 * tested alone and then joined as far as they are free together; units that are not are cut further. Parts that the budget does not
 * suffice for are neither free nor needed.
 */
export async function findFreeParts<T>(options: FindFreePartsOptions<T>): Promise<FreeParts> {
  const search = new FreePartSearch(options);
  await search.run(options.groups.filter(({ length }) => length > 0));
  return search.checked();
}

class FreePartSearch<T> {
  readonly #options: FindFreePartsOptions<T>;
  #draws = Array.from({ length: SEARCH_DRAWS }, (_, i) => i);
  #nextDraw = SEARCH_DRAWS;
  #free: Unit[] = [];
  readonly #needed = new Set<number>();

  constructor(options: FindFreePartsOptions<T>) {
    this.#options = options;
  }

  async run(groups: readonly Unit[]): Promise<void> {
    let units = groups;
    while (units.length > 0) {
      const failing = await this.#joinFree(units);
      const rest = failing.filter(({ length }) => length > 1);
      for (const unit of failing) if (unit.length === 1) this.#needed.add(unit[0]);
      units = cutInto(rest, Math.floor((SCREENING_SHARE * this.#remaining) / FIRST_DRAWS));
    }
  }

  /** Checks that the free parts may all vary at once; parts are joined anew where they may not. */
  async checked(): Promise<FreeParts> {
    const { variantOf, oracle, budget } = this.#options;
    for (let checks = 1; ; checks++) {
      const free = this.#free.flat();
      const needed = sorted([...this.#needed]);
      if (free.length === 0 || budget.remaining < CHECK_DRAWS)
        return { free: [], needed, runs: 0, failing: 0 };
      const fresh = Array.from({ length: CHECK_DRAWS }, () => this.#nextDraw++);
      const variants = fresh.map((draw) => variantOf(free, draw));
      const failing = await testVariants(variants, oracle, budget);
      const lost = fresh.filter((_, i) => !failing[i]);
      const isLast = checks === MAX_CHECKS || this.#remaining < 2 * CHECK_DRAWS;
      if (lost.length === 0 || isLast)
        return { free: sorted(free), needed, runs: fresh.length, failing: fresh.length - lost.length };
      // Those that lost the failure come first: they tell soonest which parts are not free.
      this.#draws = [...lost.slice(0, ADDED_DRAWS), ...this.#draws];
      const units = this.#free;
      this.#free = [];
      await this.run(units);
    }
  }

  /** Tries left for the search: those of the check are kept. */
  get #remaining(): number {
    return Math.max(0, this.#options.budget.remaining - CHECK_DRAWS);
  }

  /** Adds units to the free ones as far as the failure stays; returns those that are not free. */
  async #joinFree(units: readonly Unit[]): Promise<Unit[]> {
    const failing: Unit[] = [];
    const alone = await this.#passAlone(units);
    failing.push(...units.filter((_, i) => alone[i] === false));
    let queue = units.filter((_, i) => alone[i] === true);
    for (let size = queue.length; queue.length > 0 && this.#remaining >= this.#draws.length; ) {
      const joined = queue.slice(0, size);
      if (await this.#pass([...this.#free, ...joined].flat())) {
        for (const unit of joined) this.#free.push(unit);
        queue = queue.slice(joined.length);
        size = Math.min(2 * size, queue.length);
        continue;
      }
      if (joined.length === 1) {
        failing.push(joined[0]);
        queue = queue.slice(1);
      }
      size = Math.max(1, size >> 1);
    }
    return failing;
  }

  /** Whether each unit may vary alone; undefined for those that the budget does not suffice for. */
  async #passAlone(units: readonly Unit[]): Promise<(boolean | undefined)[]> {
    const { variantOf, oracle, budget } = this.#options;
    const first = this.#draws.slice(0, FIRST_DRAWS);
    const count = Math.min(units.length, Math.floor(this.#remaining / FIRST_DRAWS));
    const passing = new Array<boolean | undefined>(units.length).fill(undefined);
    // Variants may be large: they are made for a batch at a time.
    for (let from = 0; from < count; from += UNITS_PER_BATCH) {
      const batch = units.slice(from, Math.min(count, from + UNITS_PER_BATCH));
      const variants = batch.flatMap((unit) => first.map((draw) => variantOf(unit, draw)));
      const failing = await testVariants(variants, oracle, budget);
      for (let i = 0; i < batch.length; i++)
        passing[from + i] = failing.slice(i * first.length, (i + 1) * first.length).every(Boolean);
    }
    return passing;
  }

  /** Whether the failure stays in all draws of some parts. */
  async #pass(parts: readonly number[]): Promise<boolean> {
    const { variantOf, oracle, budget } = this.#options;
    for (const draws of [this.#draws.slice(0, FIRST_DRAWS), this.#draws.slice(FIRST_DRAWS)]) {
      const variants = draws.map((draw) => variantOf(parts, draw));
      if (!(await testVariants(variants, oracle, budget)).every(Boolean)) return false;
    }
    return true;
  }
}

/** Cuts units into at most `count` smaller ones of about equal length; none if there are more units than that. */
function cutInto(units: readonly Unit[], count: number): Unit[] {
  const total = units.reduce((sum, { length }) => sum + length, 0);
  if (units.length === 0 || count < 2 * units.length) return [];
  const target = Math.ceil(total / (count - units.length));
  return units.flatMap((unit) => {
    const length = Math.min(target, Math.ceil(unit.length / 2));
    return Array.from({ length: Math.ceil(unit.length / length) }, (_, i) =>
      unit.slice(i * length, (i + 1) * length),
    );
  });
}

function sorted(parts: readonly number[]): number[] {
  return [...parts].sort((a, b) => a - b);
}
