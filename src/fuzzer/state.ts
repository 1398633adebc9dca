import type { StoredEntry } from '../campaign/journal.ts';
import type { Store } from '../campaign/store.ts';
import { type TestcaseData, testcaseId } from '../campaign/testcase.ts';
import type { NeighbourIndex } from '../coverage/index.ts';
import type { SavedThreshold, Threshold } from '../coverage/threshold.ts';
import { randomStream } from '../random.ts';
import { activationsAt, unbundled } from './bundle.ts';
import type { Corpus } from './corpus.ts';
import type { Fault, Faults, SavedFaults } from './faults.ts';
import { lagOf, MUTANTS_PER_PICK, mutantsOf } from './plan.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Supply } from './slot.ts';
import type { Parcel, Task, TaskResult } from './task.ts';

/** What the state is made from. */
export interface StateOptions {
  readonly store: Store;
  readonly corpus: Corpus;
  readonly faults: Faults;
  readonly scheduler: Scheduler;
  readonly index: NeighbourIndex | undefined;
  readonly threshold: Threshold;
  readonly masterSeed: string;
  readonly batch: number;
  /** `input:mutator` of every input that is mutated. */
  readonly mutators: readonly string[];
  /** Whether bounds depend on the ancestor, so that workers need it. */
  readonly bounded: boolean;
  /** Mutants in all; infinity without a budget. */
  readonly execs: number;
  /** Entries after which nothing is kept. */
  readonly maxCorpus: number;
}

/** What taking a result changed. */
export interface Step {
  readonly added: number;
  readonly faults: readonly Fault[];
  /** The threshold where it was adapted, with the reason. */
  readonly adapted: { readonly threshold: number; readonly why: string } | undefined;
}

/** The state as plain data; corpus and index come from the journal. */
export interface SavedState {
  /** Number of the last task whose result was taken. */
  readonly taken: number;
  readonly planned: number;
  readonly execs: number;
  readonly lost: number;
  readonly threshold: SavedThreshold;
  readonly scheduler: unknown;
  readonly faults: SavedFaults;
  /** Tasks that were out, as they were handed out. */
  readonly out: readonly Task[];
}

/**
 * The campaign's whole state: corpus, index, threshold, scheduler and faults. It changes by tasks handed
 * out and results taken, both in the order of their numbers and interleaved as the lag says, and by nothing
 * else: equal results give equal states.
 */
export class State implements Supply {
  readonly #options: StateOptions;
  #out: Task[] = [];
  #taken = 0;
  #planned = 0;
  #execs = 0;
  #lost = 0;

  constructor(options: StateOptions) {
    this.#options = options;
  }

  get corpus(): Corpus {
    return this.#options.corpus;
  }

  /** Squared L2 distance above which activations are new, as it stands now. */
  get threshold(): number {
    return this.#options.threshold.value;
  }

  /** Mutants whose results were taken, and those of them that never ran. */
  get execs(): number {
    return this.#execs;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Tasks handed out whose results were not taken. */
  get out(): readonly Task[] {
    return this.#out;
  }

  /** Whether the next result has to be taken before the next task may be handed out. */
  get mustTake(): boolean {
    return this.#out.length > 0 && this.#taken < this.#upcoming - lagOf(this.#upcoming);
  }

  /** Whether the budget leaves less than a whole next task. */
  get isEnding(): boolean {
    const { batch, execs } = this.#options;
    return execs - this.#planned < mutantsOf(this.#upcoming, batch);
  }

  get #upcoming(): number {
    return this.#taken + this.#out.length + 1;
  }

  get width(): number {
    return this.corpus.width;
  }

  parcel(entry: number): Parcel {
    return {
      entry,
      ancestor: this.corpus.at(entry).ancestorIndex,
      data: this.corpus.data(entry),
      activations: this.corpus.activations(entry, entry + 1),
    };
  }

  needs({ parents }: Task): number[] {
    const needs = new Set(parents);
    if (this.#options.bounded) for (const entry of parents) needs.add(this.corpus.at(entry).ancestorIndex);
    return [...needs];
  }

  vectors(from: number, to: number): Float32Array {
    return this.corpus.activations(from, to);
  }

  /** Puts a seed into corpus and index; false where an equal one is there. */
  addSeed(data: TestcaseData, activations: Float32Array): boolean {
    const { corpus, store } = this.#options;
    const id = testcaseId(data);
    if (corpus.has(id)) return false;
    const lineage = { id, parent: null, ancestor: id, generation: 0, mutators: [], novelty: null, task: 0 };
    this.#enter({ ...lineage, data, activations });
    store.add({ ...lineage, data, activations });
    return true;
  }

  /** Loads what of the index of the first `count` entries is stored; call before those are restored. */
  skipIndexed(count: number): void {
    this.#options.index?.skip(count);
  }

  /** Puts back an entry that is on disk. */
  restoreEntry(entry: StoredEntry, activations: Float32Array): void {
    this.#enter({ ...entry, activations });
  }

  /** The next task, or undefined when the budget of mutants is handed out. */
  nextTask(): Task | undefined {
    const { batch, execs, masterSeed, scheduler, faults, index } = this.#options;
    const number = this.#upcoming;
    const mutants = Math.min(mutantsOf(number, batch), execs - this.#planned);
    if (mutants <= 0) return undefined;
    const random = randomStream(masterSeed, 'schedule', number);
    const parents: number[] = [];
    for (let left = mutants; left > 0; left -= MUTANTS_PER_PICK) {
      parents.push(scheduler.pick(this.corpus.size, random));
    }
    const task: Task = {
      number,
      execsBefore: this.#planned,
      mutants,
      parents,
      saturated: faults.saturated,
      indexed: index === undefined ? 0 : this.corpus.size.count,
      threshold: this.threshold,
    };
    this.#planned += mutants;
    this.#out.push(task);
    return task;
  }

  /**
   * Takes the result of the next task in order. What looked new to the task is asked again, since the index
   * has grown meanwhile. Findings are on disk before anything changes, so that a result is taken whole or
   * not at all.
   *
   * @param untilFinding take no more findings than the first confirmed one
   */
  async take(result: TaskResult, seconds: number, untilFinding: boolean): Promise<Step> {
    const { faults, threshold, mutators } = this.#options;
    const origin = (place: number) => {
      const parent = this.corpus.at(place);
      return { parent, ancestor: this.corpus.data(parent.ancestorIndex) };
    };
    const kept = await faults.keep(result.hits, result.task, mutators, origin, untilFinding);
    const found = faults.enter(kept, seconds);
    faults.count(result.counts);
    let added = 0;
    for (let i = 0; i < result.candidates.count; i++) if (this.#addCandidate(result, i)) added++;
    this.#execs += result.mutants;
    this.#lost += result.lost;
    this.#taken = result.task;
    this.#out.shift();
    const adapted = threshold.observe(result.mutants, added);
    return { added, faults: found, adapted };
  }

  save(): SavedState {
    const { threshold, scheduler, faults } = this.#options;
    return {
      taken: this.#taken,
      planned: this.#planned,
      execs: this.#execs,
      lost: this.#lost,
      threshold: threshold.save(),
      scheduler: scheduler.save?.() ?? null,
      faults: faults.save(),
      out: [...this.#out],
    };
  }

  /**
   * Goes on from a saved state; the entries are restored already.
   *
   * @param whole whether all entries came back: the tasks that were out, and what the scheduler learnt, speak
   *   of entries by their places and are given up where some are missing
   */
  restore(saved: SavedState, whole: boolean): void {
    const { threshold, scheduler, faults } = this.#options;
    this.#taken = saved.taken;
    this.#execs = saved.execs;
    this.#lost = saved.lost;
    threshold.restore(saved.threshold);
    faults.restore(saved.faults);
    if (whole) {
      scheduler.restore?.(saved.scheduler);
      this.#planned = saved.planned;
      this.#out = [...saved.out];
    } else this.#planned = saved.execs;
  }

  #addCandidate({ candidates, task }: TaskResult, i: number): boolean {
    const { index, threshold, mutators, corpus, store, maxCorpus } = this.#options;
    const novelty = index?.nearest(activationsAt(candidates, i)) ?? 0;
    if (!(novelty > threshold.value) || corpus.size.count >= maxCorpus) return false;
    const { data, activations } = unbundled(candidates, i);
    const id = testcaseId(data);
    if (corpus.has(id)) return false;
    const parent = corpus.at(candidates.parents[i]);
    const entry = {
      id,
      parent: parent.id,
      ancestor: parent.ancestor,
      generation: parent.generation + 1,
      mutators,
      novelty: Number.isFinite(novelty) ? novelty : null,
      task,
      data,
      activations,
    };
    this.#enter(entry);
    store.add(entry);
    return true;
  }

  #enter({ data, activations, ...entry }: StoredEntry & { readonly activations: Float32Array }): void {
    const { corpus, index, scheduler } = this.#options;
    const place = corpus.size.count;
    const ancestorIndex = entry.parent === null ? place : (corpus.placeOf(entry.ancestor) ?? place);
    corpus.add({ ...entry, ancestorIndex }, data, activations);
    scheduler.added?.(place, entry.parent === null ? undefined : corpus.placeOf(entry.parent));
    // A sealed index that was loaded holds the first entries already.
    if (index !== undefined && index.size <= place) index.add(activations);
  }
}
