import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import type { Task } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import type { SeedDistance, SeedHit, SeedNorm } from './seed-distance.ts';

/** What is known of a broken seed: one of whose mutants violates an objective. */
export interface BrokenSeed extends SeedDistance {
  /** Mutants spent on the seed until the first violation, that one included; 0 for a seed that violates the objective itself. */
  readonly firstQuery: number;
}

/** A seed's account for one objective. */
export interface SeedAccount {
  /** Id of the seed. */
  readonly seed: string;
  /** Mutants spent on it. */
  readonly queries: number;
  /** Undefined while it is not broken. */
  readonly broken: BrokenSeed | undefined;
}

/** Whether a seed is left alone once it is broken, or gets mutants that come nearer to it. */
export type PerSeed = 'first' | 'least';

export interface SeedAccountsOptions {
  /** Names of the objectives whose violations break seeds. */
  readonly objectives: readonly string[];
  /** Whether all objectives are of this kind: coverage then seeks mutants of unbroken seeds alone. */
  readonly isExclusive: boolean;
  readonly perSeed: PerSeed;
  /** The distance that becomes least. */
  readonly norm: SeedNorm;
  readonly limits: ConstraintLimits;
}

/** A broken seed in a checkpoint: entry, first query, L∞, L2 and L0; null for a distance that is not known. */
type SavedBrokenSeed = readonly [seed: number, firstQuery: number, ...distances: (number | null)[]];

/** The accounts in a checkpoint. */
export interface SavedSeedAccounts {
  /** Mutants spent on each seed, in the order of the seeds. */
  readonly queries: readonly number[];
  readonly objectives: readonly {
    readonly name: string;
    readonly broken: readonly SavedBrokenSeed[];
    /** Ids of the seeds that violate the objective themselves. */
    readonly violating: readonly string[];
  }[];
}

interface ObjectiveAccounts {
  readonly name: string;
  /** By the seed's entry. */
  readonly broken: Map<number, BrokenSeed>;
  readonly violating: Set<string>;
  isDisabled: boolean;
}

/**
 * Accounts of all seeds: the mutants spent on each, whether it is broken and at what least distance, for each objective whose
 * violations break seeds. Hits count unconfirmed, as everywhere. Part of the campaign's state: results are applied in the order
 * of their tasks.
 */
export class SeedAccounts {
  readonly #options: SeedAccountsOptions;
  readonly #objectives: readonly ObjectiveAccounts[];
  /** Entries of the seeds in the order in which they came, with their ids. */
  readonly #entries: number[] = [];
  readonly #ids: string[] = [];
  /** Mutants spent on each seed, by its entry. */
  readonly #queries = new Map<number, number>();

  constructor(options: SeedAccountsOptions) {
    this.#options = options;
    this.#objectives = options.objectives.map((name) => ({
      name,
      broken: new Map(),
      violating: new Set(),
      isDisabled: false,
    }));
  }

  get objectives(): readonly string[] {
    return this.#options.objectives;
  }

  get norm(): SeedNorm {
    return this.#options.norm;
  }

  /** Whether broken seeds get mutants that come nearer to them. */
  get seeksLeast(): boolean {
    return this.#options.perSeed === 'least';
  }

  /** Whether no objective asks for anything but broken seeds. */
  get isExclusive(): boolean {
    return this.#options.isExclusive;
  }

  /** Entries of the seeds. */
  get seeds(): readonly number[] {
    return this.#entries;
  }

  /** Whether an objective has accounts. */
  has(objective: string): boolean {
    return this.#find(objective) !== undefined;
  }

  #find(objective: string): ObjectiveAccounts | undefined {
    return this.#objectives.find(({ name }) => name === objective);
  }

  addSeed(entry: number, id: string): void {
    this.#entries.push(entry);
    this.#ids.push(id);
    this.#queries.set(entry, 0);
  }

  /** Records a seed that violates an objective itself: it is no entry of the corpus. */
  recordViolatingSeed(objective: string, id: string): void {
    this.#find(objective)?.violating.add(id);
  }

  /** Leaves out an objective whose plug-in failed. */
  disableObjective(objective: string): void {
    const accounts = this.#find(objective);
    if (accounts !== undefined) accounts.isDisabled = true;
  }

  /** Whether a seed is not broken for an objective, or for one of those that still judge. */
  isUnbroken(seed: number, objective?: string): boolean {
    for (const { name, broken, isDisabled } of this.#objectives)
      if (!isDisabled && (objective === undefined || name === objective) && !broken.has(seed)) return true;
    return false;
  }

  /** Whether any seed is not broken for an objective, or for one of those that still judge. */
  hasUnbroken(objective?: string): boolean {
    const count = this.#entries.length;
    return this.#objectives.some(
      ({ name, broken, isDisabled }) =>
        !isDisabled && (objective === undefined || name === objective) && broken.size < count,
    );
  }

  /** The least distance at which a seed is broken, of several objectives the greatest; infinite while one is not violated. */
  leastDistance(seed: number, objective?: string): number {
    let greatest = 0;
    for (const { name, broken, isDisabled } of this.#objectives)
      if (!isDisabled && (objective === undefined || name === objective))
        greatest = Math.max(greatest, broken.get(seed)?.[this.norm] ?? Number.POSITIVE_INFINITY);
    return greatest;
  }

  /**
   * Applies the outcome of a task. One that changes a size says nothing about seeds: its mutants are of other testcases.
   *
   * @param ancestorOf the seed's entry of an entry
   */
  apply(
    { parents, mutants, sizeChange }: Pick<Task, 'parents' | 'mutants' | 'sizeChange'>,
    hits: readonly SeedHit[],
    ancestorOf: (entry: number) => number,
  ): void {
    if (sizeChange !== undefined) return;
    // An imported entry whose seed is gone is none itself.
    for (const hit of hits) if (this.#queries.has(hit.seed) && this.#isLegal(hit)) this.#recordHit(hit);
    parents.forEach((parent, pick) => {
      const seed = ancestorOf(parent);
      const count = Math.min(MUTANTS_PER_PICK, mutants - pick * MUTANTS_PER_PICK);
      const spent = this.#queries.get(seed);
      if (spent !== undefined) this.#queries.set(seed, spent + count);
    });
  }

  /** A mutant beyond the constraints says nothing: a mutator is at fault. */
  #isLegal({ linf, l2, l0 }: SeedDistance): boolean {
    const { limits } = this.#options;
    const isWithin = (distance: number, limit = Number.POSITIVE_INFINITY): boolean => distance <= limit;
    return isWithin(linf, limits.linf) && isWithin(l2, limits.l2) && isWithin(l0, limits.l0);
  }

  #recordHit({ objective, seed, query, linf, l2, l0 }: SeedHit): void {
    const broken = this.#find(objective)?.broken;
    const before = broken?.get(seed);
    broken?.set(seed, {
      firstQuery: before?.firstQuery ?? (this.#queries.get(seed) ?? 0) + query,
      linf: Math.min(linf, before?.linf ?? linf),
      l2: Math.min(l2, before?.l2 ?? l2),
      l0: Math.min(l0, before?.l0 ?? l0),
    });
  }

  /** The accounts for an objective: those of seeds that violate it themselves first. */
  accountsOf(objective: string): SeedAccount[] {
    const accounts = this.#find(objective);
    if (accounts === undefined) return [];
    const broken: BrokenSeed = { firstQuery: 0, linf: 0, l2: 0, l0: 0 };
    return [
      ...[...accounts.violating].map((seed) => ({ seed, queries: 0, broken })),
      ...this.#entries.map((entry, i) => ({
        seed: this.#ids[i],
        queries: this.#queries.get(entry) ?? 0,
        broken: accounts.broken.get(entry),
      })),
    ];
  }

  save(): SavedSeedAccounts {
    const known = (distance: number): number | null => (Number.isFinite(distance) ? distance : null);
    return {
      queries: this.#entries.map((entry) => this.#queries.get(entry) ?? 0),
      objectives: this.#objectives.map(({ name, broken, violating }) => ({
        name,
        broken: [...broken].map(
          ([seed, { firstQuery, linf, l2, l0 }]): SavedBrokenSeed => [
            seed,
            firstQuery,
            known(linf),
            known(l2),
            known(l0),
          ],
        ),
        violating: [...violating],
      })),
    };
  }

  /**
   * Restores saved accounts; the seeds are added already.
   *
   * @param keepsEntries whether entries have the indices they had when it was saved; else all but the violating seeds is lost
   */
  restore({ queries, objectives }: SavedSeedAccounts, keepsEntries: boolean): void {
    for (const saved of objectives) {
      const accounts = this.#find(saved.name);
      for (const id of saved.violating) accounts?.violating.add(id);
      if (!keepsEntries) continue;
      for (const [seed, firstQuery, ...distances] of saved.broken) {
        const [linf, l2, l0] = distances.map((distance) => distance ?? Number.POSITIVE_INFINITY);
        accounts?.broken.set(seed, { firstQuery, linf, l2, l0 });
      }
    }
    if (keepsEntries) for (const [i, count] of queries.entries()) this.#queries.set(this.#entries[i], count);
  }
}
