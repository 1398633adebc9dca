import type { Store } from '../campaign/store.ts';
import type { TestcaseData } from '../campaign/testcase.ts';
import { testcaseId } from '../campaign/testcase.ts';
import type { NeighbourIndex } from '../coverage/index.ts';
import type { Threshold } from '../coverage/threshold.ts';
import type { RowInput } from '../models/rows.ts';
import { randomStream } from '../random.ts';
import type { Corpus, Entry } from './corpus.ts';
import type { Fault, Faults } from './faults.ts';
import { MUTANTS_PER_PICK, mutantsOf } from './plan.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { Hit, Task, TaskResult } from './task.ts';
import type { Snapshot } from './worker.ts';

/** What the state is made from. */
export interface StateOptions {
  readonly inputs: readonly RowInput[];
  readonly store: Store;
  readonly faults: Faults;
  readonly scheduler: Scheduler;
  readonly index: NeighbourIndex | undefined;
  readonly threshold: Threshold;
  readonly masterSeed: string;
  readonly batch: number;
  /** `input:mutator` of every input that is mutated. */
  readonly mutators: readonly string[];
  /** Mutants in all; infinity without a budget. */
  readonly execs: number;
}

/** What taking a result changed. */
export interface Step {
  readonly added: number;
  readonly faults: readonly Fault[];
}

/**
 * The campaign's whole state: corpus, index and faults. It changes by results in the order of their tasks
 * and by nothing else, so equal results give equal states.
 */
export class State {
  readonly #options: StateOptions;
  readonly #entries: Entry[] = [];
  readonly #ids = new Set<string>();
  #seeds = 0;
  #planned = 0;
  #issued = 0;
  #execs = 0;

  constructor(options: StateOptions) {
    this.#options = options;
  }

  get corpus(): Corpus {
    return { entries: this.#entries, seeds: this.#seeds };
  }

  get snapshot(): Snapshot {
    return { corpus: this.corpus, index: this.#options.index, threshold: this.#options.threshold.value };
  }

  /** Squared L2 distance above which activations are new, as it stands now. */
  get threshold(): number {
    return this.#options.threshold.value;
  }

  /** Mutants whose results were taken. */
  get execs(): number {
    return this.#execs;
  }

  /** Number of the task that `nextTask` gives next, from 1. */
  get upcoming(): number {
    return this.#issued + 1;
  }

  /** Puts a seed into corpus and index; false where an equal one is there. */
  addSeed(data: TestcaseData, activations: Float32Array): boolean {
    const id = testcaseId(this.#options.inputs, data);
    if (this.#ids.has(id)) return false;
    const index = this.#entries.length;
    this.#enter({
      id,
      parent: null,
      ancestor: id,
      generation: 0,
      mutators: [],
      index,
      data,
      ancestorIndex: index,
      activations,
      novelty: null,
      task: 0,
    });
    this.#seeds++;
    return true;
  }

  /** The next task, or undefined when the budget of mutants is handed out. */
  nextTask(): Task | undefined {
    const { batch, execs, masterSeed, scheduler, faults } = this.#options;
    const number = this.upcoming;
    const mutants = Math.min(mutantsOf(number, batch), execs - this.#planned);
    if (mutants <= 0) return undefined;
    const random = randomStream(masterSeed, 'schedule', number);
    const picks: { entry: number; mutants: number }[] = [];
    for (let left = mutants; left > 0; left -= MUTANTS_PER_PICK) {
      picks.push({ entry: scheduler.pick(this.corpus, random), mutants: Math.min(left, MUTANTS_PER_PICK) });
    }
    const task = { number, execsBefore: this.#planned, picks, saturated: faults.saturated };
    this.#planned += mutants;
    this.#issued = number;
    return task;
  }

  /**
   * Takes the result of the next task in order. What looked new to the task's snapshot is asked again,
   * since the index has grown meanwhile.
   *
   * @param untilFinding stop taking at the first confirmed finding
   */
  async take(result: TaskResult, seconds: number, untilFinding: boolean): Promise<Step> {
    const { faults, threshold } = this.#options;
    const found: Fault[] = [];
    for (const hit of result.hits) {
      const fault = await this.#addHit(hit, result.task, seconds);
      if (fault !== undefined) found.push(fault);
      if (untilFinding && faults.confirmed.length > 0) break;
    }
    faults.count(result.counts);
    let added = 0;
    for (const candidate of result.candidates) if (this.#addCandidate(candidate, result.task)) added++;
    this.#execs += result.mutants;
    threshold.observe(result.mutants, added);
    return { added, faults: found };
  }

  #addHit(hit: Hit, task: number, seconds: number): Promise<Fault | undefined> {
    const parent = this.#entries[hit.parent];
    const ancestor = this.#entries[parent.ancestorIndex];
    return this.#options.faults.add(hit, task, this.#options.mutators, ancestor, parent, seconds);
  }

  #addCandidate(
    { parent: from, data, activations }: TaskResult['candidates'][number],
    task: number,
  ): boolean {
    const { index, threshold, mutators, inputs } = this.#options;
    const novelty = index?.nearest(activations) ?? 0;
    if (!(novelty > threshold.value)) return false;
    const id = testcaseId(inputs, data);
    if (this.#ids.has(id)) return false;
    const parent = this.#entries[from];
    this.#enter({
      id,
      parent: parent.id,
      ancestor: parent.ancestor,
      generation: parent.generation + 1,
      mutators,
      index: this.#entries.length,
      data,
      ancestorIndex: parent.ancestorIndex,
      activations,
      novelty: Number.isFinite(novelty) ? novelty : null,
      task,
    });
    return true;
  }

  #enter(entry: Entry): void {
    this.#entries.push(entry);
    this.#ids.add(entry.id);
    this.#options.index?.add(entry.activations);
    this.#options.store.add(entry);
  }
}
