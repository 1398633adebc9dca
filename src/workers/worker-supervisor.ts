import { MachineError, UserError } from '../core/errors.ts';
import type { CorpusSource } from '../fuzzer/executor.ts';
import { packEntries } from '../fuzzer/packed-entries.ts';
import type { CorpusEntryData, Hit, Span, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { EntryCache, entryBytes } from './entry-cache.ts';
import { DeathTally } from './lifetime/death-tally.ts';
import { ProcessDied } from './lifetime/process-died.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import type { ProcessLimits, RpcProcess, SpawnProcess } from './rpc-client.ts';
import type { FuzzApi } from './services/fuzz-service.ts';
import { spawnWorker } from './spawn-worker.ts';
import type { TaskWorker } from './task-worker.ts';
import type { TaskMessage, WorkerSetup } from './worker-setup.ts';

export interface WorkerSupervisorOptions {
  readonly child: ProcessLimits;
  readonly model: { readonly path: string; readonly options: LoadOptions };
}

/** Times that a process may die of itself while it starts before the campaign gives up. */
const MAX_START_ATTEMPTS = 3;

/** Vectors beyond which the index is filled by calls of their own, whose time counts as starting. */
const MAX_VECTORS_PER_MESSAGE = 2000;

/**
 * Holds one worker process: starts it, replaces it on request (`replace`), and tracks which corpus entries and index vectors
 * it has.
 */
export class WorkerSupervisor implements TaskWorker {
  readonly #options: WorkerSupervisorOptions;
  readonly #setup: WorkerSetup;
  readonly #sha256: string;
  readonly #spawn: SpawnProcess<FuzzApi>;
  #source: CorpusSource | undefined;
  readonly #snapshotFolder: string;
  #process: RpcProcess<FuzzApi>;
  #ready: Promise<void>;
  #sentEntries: EntryCache<true>;
  #indexSize: number | undefined;
  #lastSend: Promise<unknown> = Promise.resolve();
  #replacements = 0;
  #peakRss = 0;
  #closed = false;

  /**
   * @param sha256 hash that the model's file must have whenever a process loads it
   * @param snapshotFolder folder of the index snapshots
   * @param child a process that has loaded the model and is prepared already; one is started by default
   */
  constructor(
    options: WorkerSupervisorOptions,
    setup: WorkerSetup,
    sha256: string,
    snapshotFolder: string,
    child?: RpcProcess<FuzzApi>,
    spawn: SpawnProcess<FuzzApi> = spawnWorker,
  ) {
    this.#options = options;
    this.#setup = setup;
    this.#sha256 = sha256;
    this.#spawn = spawn;
    this.#snapshotFolder = snapshotFolder;
    this.#sentEntries = EntryCache.forTestcases(setup.warm);
    this.#process = child ?? spawn(options.child);
    this.#ready = child === undefined ? this.#start() : Promise.resolve();
    // A failed start is reported to the next `run`.
    this.#ready.catch(() => {});
  }

  /** Sets the source of what tasks need; the process starts before there is one. */
  setSource(source: CorpusSource): void {
    this.#source = source;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get replacements(): number {
    return this.#replacements;
  }

  /** Bytes of memory that the process holds, and the most that any of its predecessors held. */
  get memory(): { readonly rss: number; readonly peak: number } {
    const { rss, peak } = this.#process.memory;
    return { rss, peak: Math.max(peak, this.#peakRss) };
  }

  /** Ends the process and starts another. */
  replace(): void {
    if (this.#closed) return;
    this.#peakRss = this.memory.peak;
    this.#process.kill();
    this.#replacements++;
    this.#sentEntries = EntryCache.forTestcases(this.#setup.warm);
    this.#indexSize = undefined;
    this.#process = this.#spawn(this.#options.child);
    this.#ready = this.#start();
    this.#ready.catch(() => {});
  }

  /** @throws ProcessDied where the process ends first; it is not replaced */
  async run(task: Task, span: Span): Promise<TaskResult> {
    const { answer } = await this.#send(task, span, (message) => this.#process.call('runTask', message));
    return answer;
  }

  /** Makes one of a task's mutants without running it. */
  async makeMutant(task: Task, mutantIndex: number): Promise<Pick<Hit, 'pick' | 'data'>> {
    const span = { from: mutantIndex, to: mutantIndex + 1 };
    const { answer } = await this.#send(task, span, (message) => this.#process.call('makeMutant', message));
    return answer;
  }

  /** Runs one testcase alone; a runtime's refusal is no matter here. */
  async tryTestcase(testcase: TestcaseData): Promise<void> {
    await this.#ready;
    await this.#process.call('tryRun', testcase);
  }

  close(): void {
    this.#closed = true;
    this.#process.kill();
  }

  /** Serializes sending, since a message omits the entries that earlier ones carried; does not wait for answers. */
  #send<T>(
    task: Task,
    span: Span,
    call: (message: TaskMessage) => Promise<T>,
  ): Promise<{ readonly answer: Promise<T> }> {
    const sent = this.#lastSend.then(async () => ({ answer: call(await this.#buildMessage(task, span)) }));
    this.#lastSend = sent.catch(() => {});
    return sent;
  }

  /** A task with the data that the process is missing. Tasks of one process come by ascending number. */
  async #buildMessage(task: Task, span: Span): Promise<TaskMessage> {
    await this.#ready;
    if (this.#indexSize !== undefined && this.#indexSize > task.indexSize) {
      this.replace();
      await this.#ready;
    }
    const source = this.#source;
    if (source === undefined) throw new Error('the worker has no corpus source');
    await this.#openIndex(task, source);
    const requiredEntries = source.requiredEntries(task);
    const missing: CorpusEntryData[] = [];
    for (const entry of requiredEntries) {
      if (this.#sentEntries.get(entry) !== undefined) continue;
      const data = source.entryData(entry);
      missing.push(data);
      this.#sentEntries.set(entry, true, entryBytes(data));
    }
    this.#sentEntries.touch(requiredEntries);
    const vectors = source.vectors(this.#indexSize ?? 0, task.indexSize);
    this.#indexSize = task.indexSize;
    return { task, span, requiredEntries, packedEntries: packEntries(missing), vectors };
  }

  async #openIndex({ indexSize }: Task, source: CorpusSource): Promise<void> {
    const { width } = source;
    if (indexSize === 0 || width === 0) return;
    let held = this.#indexSize;
    if (held === undefined) {
      const opening = { width, size: indexSize, snapshotFolder: this.#snapshotFolder };
      held = await this.#process.call('openIndex', opening, LOAD_TIMEOUT_MS);
    }
    while (indexSize - held > MAX_VECTORS_PER_MESSAGE) {
      const to: number = held + MAX_VECTORS_PER_MESSAGE;
      await this.#process.call('grow', source.vectors(held, to), LOAD_TIMEOUT_MS);
      held = to;
    }
    this.#indexSize = held;
  }

  /** Loads the model. Another process has loaded it before, so it is no fault of the request where that fails. */
  #load(child: RpcProcess<FuzzApi>) {
    return child.call('load', this.#options.model, LOAD_TIMEOUT_MS).catch((error: unknown) => {
      throw error instanceof UserError ? new MachineError(error.message) : error;
    });
  }

  async #start(): Promise<void> {
    const deaths = new DeathTally();
    for (let ownDeaths = 0; ; ) {
      const starting = this.#process;
      try {
        const { model: info } = await this.#load(starting);
        checkModelUnchanged(info, this.#sha256);
        await starting.call('prepare', this.#setup, LOAD_TIMEOUT_MS);
        return;
      } catch (error) {
        if (!(error instanceof ProcessDied) || this.#closed) throw error;
        const isExcused = error.isFromOutside && deaths.excuses(error, starting.pid, 'start');
        if (!isExcused && ++ownDeaths === MAX_START_ATTEMPTS) {
          throw new MachineError(`worker processes die while they start (${error.message}): raise --memory`);
        }
        this.#process = this.#spawn(this.#options.child);
      }
    }
  }
}

function checkModelUnchanged(info: ModelInfo, sha256: string): void {
  if (info.sha256 === sha256) return;
  throw new MachineError(
    `${info.path} changed during the campaign: start another campaign for the new model`,
  );
}
