import { MachineError } from '../core/errors.ts';
import type { CorpusSource } from '../fuzzer/executor.ts';
import { packEntries } from '../fuzzer/packed-entries.ts';
import type { CorpusEntryData, Span, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { EntryCache } from './entry-cache.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import { ProcessDied, RpcClient, type RpcClientOptions } from './rpc-client.ts';
import type { FuzzApi, TaskMessage, WorkerSetup } from './services/fuzz-service.ts';

export interface WorkerSupervisorOptions {
  readonly child: Omit<RpcClientOptions, 'script'>;
  readonly model: { readonly path: string; readonly options: LoadOptions };
}

/** Times that a process may die while it starts before that is given up. */
const MAX_START_ATTEMPTS = 3;

/** Vectors beyond which the index is filled by calls of their own, whose time counts as starting. */
const MAX_VECTORS_PER_MESSAGE = 2000;

/** Starts a worker process. */
export function spawnWorker(options: Omit<RpcClientOptions, 'script'>): RpcClient<FuzzApi> {
  return new RpcClient<FuzzApi>({
    ...options,
    script: new URL('./services/fuzz-service.js', import.meta.url),
  });
}

/** A worker's place: a process, replaced whenever it dies, and what is known of what it holds. */
export class WorkerSupervisor {
  readonly #options: WorkerSupervisorOptions;
  readonly #setup: WorkerSetup;
  readonly #sha256: string;
  #source: CorpusSource | undefined;
  readonly #sealedIndexFolder: string;
  #child: RpcClient<FuzzApi>;
  #ready: Promise<void>;
  #sentEntries: EntryCache<true>;
  #indexSize: number | undefined;
  #lastSend: Promise<unknown> = Promise.resolve();
  #replacements = 0;
  #peakRss = 0;
  #closed = false;

  /**
   * @param child a process that has loaded the model and is prepared already, or undefined to start one
   * @param sealed folder of the sealed indexes
   */
  constructor(
    options: WorkerSupervisorOptions,
    setup: WorkerSetup,
    sha256: string,
    sealed: string,
    child?: RpcClient<FuzzApi>,
  ) {
    this.#options = options;
    this.#setup = setup;
    this.#sha256 = sha256;
    this.#sealedIndexFolder = sealed;
    this.#sentEntries = EntryCache.forTestcases(this.#setup.warm);
    this.#child = child ?? spawnWorker(options.child);
    this.#ready = child === undefined ? this.#start() : Promise.resolve();
    // Whoever runs a task hears of it.
    this.#ready.catch(() => {});
  }

  /** Says where it gets what tasks need; it starts before there is anything. */
  setSource(supply: CorpusSource): void {
    this.#source = supply;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get replacements(): number {
    return this.#replacements;
  }

  get memory(): { readonly rss: number; readonly peak: number } {
    const { rss, peak } = this.#child.memory;
    return { rss, peak: Math.max(peak, this.#peakRss) };
  }

  /** Ends the process and starts another. */
  replace(): void {
    if (this.#closed) return;
    this.#peakRss = this.memory.peak;
    this.#child.kill();
    this.#replacements++;
    this.#sentEntries = EntryCache.forTestcases(this.#setup.warm);
    this.#indexSize = undefined;
    this.#child = spawnWorker(this.#options.child);
    this.#ready = this.#start();
    this.#ready.catch(() => {});
  }

  /** @throws ProcessDied where the process ends first; it is not replaced */
  async run(task: Task, span: Span): Promise<TaskResult> {
    const { answer } = await this.#send(task, span, (message) => this.#child.call('runTask', message));
    return answer;
  }

  /** Makes one of a task's mutants without running it. */
  async makeMutant(
    task: Task,
    at: number,
  ): Promise<{ readonly pick: number; readonly data: CorpusEntryData['data'] }> {
    const span = { from: at, to: at + 1 };
    const { answer } = await this.#send(task, span, (message) => this.#child.call('makeMutant', message));
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
    const sent = this.#lastSend.then(async () => ({ answer: call(await this.#buildMessage(task, span)) }));
    this.#lastSend = sent.catch(() => {});
    return sent;
  }

  /** What the process lacks for a task. Tasks of one process are handed in by ascending number. */
  async #buildMessage(task: Task, span: Span): Promise<TaskMessage> {
    await this.#ready;
    if (this.#indexSize !== undefined && this.#indexSize > task.indexSize) {
      this.replace();
      await this.#ready;
    }
    const supply = this.#source;
    if (supply === undefined) throw new Error('the worker has no supply');
    await this.#openIndex(task, supply);
    const needs = supply.requiredEntries(task);
    const parcels: CorpusEntryData[] = [];
    for (const entry of needs) {
      if (this.#sentEntries.get(entry) !== undefined) continue;
      parcels.push(supply.entryData(entry));
      this.#sentEntries.set(entry, true);
    }
    this.#sentEntries.touch(needs);
    const vectors = supply.vectors(this.#indexSize ?? 0, task.indexSize);
    this.#indexSize = task.indexSize;
    return {
      task,
      span,
      requiredEntries: needs,
      packedEntries: packEntries(parcels),
      vectors,
    };
  }

  async #openIndex({ indexSize }: Task, supply: CorpusSource): Promise<void> {
    const { width } = supply;
    if (indexSize === 0 || width === 0) return;
    let there = this.#indexSize;
    if (there === undefined) {
      const opening = { width, size: indexSize, sealed: this.#sealedIndexFolder };
      there = await this.#child.call('openIndex', opening, LOAD_TIMEOUT_MS);
    }
    while (indexSize - there > MAX_VECTORS_PER_MESSAGE) {
      const to: number = there + MAX_VECTORS_PER_MESSAGE;
      await this.#child.call('grow', supply.vectors(there, to), LOAD_TIMEOUT_MS);
      there = to;
    }
    this.#indexSize = there;
  }

  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const child = this.#child;
      try {
        const info = await child.call('load', this.#options.model, LOAD_TIMEOUT_MS);
        checkModelUnchanged(info, this.#sha256);
        await child.call('prepare', this.#setup, LOAD_TIMEOUT_MS);
        return;
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        if (attempt === MAX_START_ATTEMPTS) {
          throw new MachineError(`worker processes die while they start (${error.message}): see --memory`);
        }
        this.#child = spawnWorker(this.#options.child);
      }
    }
  }
}

function checkModelUnchanged(info: ModelInfo, sha256: string): void {
  if (info.sha256 === sha256) return;
  throw new MachineError(
    `${info.path} has changed while it is fuzzed: start another campaign for the new one`,
  );
}
