import { MachineError } from '../core/errors.ts';
import type { Parcel, Span, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { Shelf, shelfCapacity } from './entry-cache.ts';
import { bundledParcels } from './pack-entries.ts';
import { LOAD_TIMEOUT } from './rerun-client.ts';
import { Child, type ChildOptions, ProcessDied } from './rpc-client.ts';
import type { TaskMessage, WorkerApi, WorkerSetup } from './services/fuzz-service.ts';

/** Where a worker gets what it lacks. */
export interface Supply {
  parcel(entry: number): Parcel;
  /** Entries that a task needs, ancestors included where bounds depend on them. */
  needs(task: Task): number[];
  /** Activations of entries `from` to `to`, one after the other. */
  vectors(from: number, to: number): Float32Array;
  /** Numbers in an entry's activations. */
  readonly width: number;
}

export interface SlotOptions {
  readonly child: Omit<ChildOptions, 'script'>;
  readonly model: { readonly path: string; readonly options: LoadOptions };
}

/** Times that a process may die while it starts before that is given up. */
const STARTS = 3;

/** Vectors beyond which the index is filled by calls of their own, whose time counts as starting. */
const MANY_VECTORS = 2000;

/** Starts a worker process. */
export function spawnWorker(options: Omit<ChildOptions, 'script'>): Child<WorkerApi> {
  return new Child<WorkerApi>({ ...options, script: new URL('./services/fuzz-service.js', import.meta.url) });
}

/** A worker's place: a process, replaced whenever it dies, and what is known of what it holds. */
export class Slot {
  readonly #options: SlotOptions;
  readonly #setup: WorkerSetup;
  readonly #sha256: string;
  #supply: Supply | undefined;
  readonly #sealed: string;
  #child: Child<WorkerApi>;
  #started: Promise<void>;
  #shelf: Shelf<true>;
  #indexed: number | undefined;
  #sending: Promise<unknown> = Promise.resolve();
  #replaced = 0;
  #peak = 0;
  #closed = false;

  /**
   * @param child a process that has loaded the model and is prepared already, or undefined to start one
   * @param sealed folder of the sealed indexes
   */
  constructor(
    options: SlotOptions,
    setup: WorkerSetup,
    sha256: string,
    sealed: string,
    child?: Child<WorkerApi>,
  ) {
    this.#options = options;
    this.#setup = setup;
    this.#sha256 = sha256;
    this.#sealed = sealed;
    this.#shelf = this.#emptyShelf();
    this.#child = child ?? spawnWorker(options.child);
    this.#started = child === undefined ? this.#start() : Promise.resolve();
    // Whoever runs a task hears of it.
    this.#started.catch(() => {});
  }

  /** Says where it gets what tasks need; it starts before there is anything. */
  supplyFrom(supply: Supply): void {
    this.#supply = supply;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get replaced(): number {
    return this.#replaced;
  }

  get memory(): { readonly rss: number; readonly peak: number } {
    const { rss, peak } = this.#child.memory;
    return { rss, peak: Math.max(peak, this.#peak) };
  }

  /** Ends the process and starts another. */
  replace(): void {
    if (this.#closed) return;
    this.#peak = this.memory.peak;
    this.#child.kill();
    this.#replaced++;
    this.#shelf = this.#emptyShelf();
    this.#indexed = undefined;
    this.#child = spawnWorker(this.#options.child);
    this.#started = this.#start();
    this.#started.catch(() => {});
  }

  /** @throws ProcessDied where the process ends first; it is not replaced */
  async run(task: Task, span: Span): Promise<TaskResult> {
    const { answer } = await this.#send(task, span, (message) => this.#child.call('run', message));
    return answer;
  }

  /** Makes one of a task's mutants without running it. */
  async mutant(task: Task, at: number): Promise<{ readonly pick: number; readonly data: Parcel['data'] }> {
    const span = { from: at, to: at + 1 };
    const { answer } = await this.#send(task, span, (message) => this.#child.call('mutant', message));
    return answer;
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  /** Sends one message after the other, since each says what those before it did not; waits for no answer. */
  #send<T>(
    task: Task,
    span: Span,
    call: (message: TaskMessage) => Promise<T>,
  ): Promise<{ readonly answer: Promise<T> }> {
    const sent = this.#sending.then(async () => ({ answer: call(await this.#message(task, span)) }));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  /** What the process lacks for a task. Tasks of one process are handed in by ascending number. */
  async #message(task: Task, span: Span): Promise<TaskMessage> {
    await this.#started;
    if (this.#indexed !== undefined && this.#indexed > task.indexed) {
      this.replace();
      await this.#started;
    }
    const supply = this.#supply;
    if (supply === undefined) throw new Error('the worker has no supply');
    await this.#openIndex(task, supply);
    const needs = supply.needs(task);
    const parcels: Parcel[] = [];
    for (const entry of needs) {
      if (this.#shelf.get(entry) !== undefined) continue;
      parcels.push(supply.parcel(entry));
      this.#shelf.put(entry, true);
    }
    this.#shelf.use(needs);
    const vectors = supply.vectors(this.#indexed ?? 0, task.indexed);
    this.#indexed = task.indexed;
    return {
      task,
      span,
      needs,
      parcels: bundledParcels(parcels),
      vectors,
    };
  }

  async #openIndex({ indexed }: Task, supply: Supply): Promise<void> {
    const { width } = supply;
    if (indexed === 0 || width === 0) return;
    let there = this.#indexed;
    if (there === undefined) {
      const opening = { width, size: indexed, sealed: this.#sealed };
      there = await this.#child.call('openIndex', opening, LOAD_TIMEOUT);
    }
    while (indexed - there > MANY_VECTORS) {
      const to: number = there + MANY_VECTORS;
      await this.#child.call('grow', supply.vectors(there, to), LOAD_TIMEOUT);
      there = to;
    }
    this.#indexed = there;
  }

  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const child = this.#child;
      try {
        const info = await child.call('load', this.#options.model, LOAD_TIMEOUT);
        checkSame(info, this.#sha256);
        await child.call('prepare', this.#setup, LOAD_TIMEOUT);
        return;
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        if (attempt === STARTS) {
          throw new MachineError(`worker processes die while they start (${error.message}): see --memory`);
        }
        this.#child = spawnWorker(this.#options.child);
      }
    }
  }

  #emptyShelf(): Shelf<true> {
    const bytes = this.#setup.warm.columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return new Shelf(shelfCapacity(bytes));
  }
}

function checkSame(info: ModelInfo, sha256: string): void {
  if (info.sha256 === sha256) return;
  throw new MachineError(
    `${info.path} has changed while it is fuzzed: start another campaign for the new one`,
  );
}
