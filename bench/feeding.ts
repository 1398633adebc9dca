/**
 * Measures the cost of the main process: runs a campaign whose simulated workers answer at once, with as many
 * candidates as real ones find, and with every message serialized as between processes. Prints how many real workers
 * the main process can supply.
 */
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { randomStream } from '../src/core/random.ts';
import type { Executor } from '../src/fuzzer/executor.ts';
import { packTestcases } from '../src/fuzzer/packed-testcases.ts';
import type { Task, TaskResult } from '../src/fuzzer/scheduling/task.ts';
import type { FuzzerState } from '../src/fuzzer/state.ts';
import { EntryCache, entryBytes } from '../src/workers/entry-cache.ts';
import { line, withFolder } from './campaign.ts';
import { FORM, runSimulatedCampaign, SIZE } from './simulated-campaign.ts';

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '32' },
    execs: { type: 'string', default: '40000000' },
    /** Mutants per second of one real worker; the rate of the dense network on the development machine. */
    rate: { type: 'string', default: '190000' },
  },
});
const workers = Number(options.workers);

/**
 * From a real campaign on the dense network: one candidate per 60 mutants, of which one in nine enters the corpus.
 */
const MUTANTS_PER_CANDIDATE = 60;

/** Simulated workers that answer at once. They cache the same entries as real ones, so that the same data is sent. */
class SimulatedWorkers implements Executor {
  readonly workers = [];
  bytes = 0;
  /** Time spent in the simulated workers, which real ones would spend in their own processes. */
  seconds = 0;
  readonly #state: FuzzerState;
  readonly #caches = Array.from({ length: workers }, () =>
    EntryCache.forTestcases<true>({ form: FORM, inputs: [new Float32Array(SIZE)] }),
  );
  readonly #indexSizes = new Array<number>(workers).fill(0);

  constructor(state: FuzzerState) {
    this.#state = state;
  }

  async submit(task: Task): Promise<TaskResult> {
    const worker = task.number % workers;
    const cache = this.#caches[worker];
    const required = this.#state.requiredEntries(task);
    const missing = required.filter((entry) => cache.get(entry) === undefined);
    const data = missing.map((entry) => this.#state.entryData(entry));
    for (const [i, entry] of missing.entries()) cache.set(entry, true, entryBytes(data[i]));
    cache.touch(required);
    const entries = packTestcases(data);
    const vectors = this.#state.vectors(this.#indexSizes[worker], task.indexSize);
    this.#indexSizes[worker] = task.indexSize;
    const message = serialize({ task, required, entries, vectors });
    const start = performance.now();
    const answer = serialize(resultOf(task));
    this.seconds += (performance.now() - start) / 1000;
    this.bytes += message.length + answer.length;
    // As over a pipe, the answer arrives in a later turn of the event loop.
    await new Promise((done) => setImmediate(done));
    return deserialize(answer) as TaskResult;
  }

  close(): void {}
}

function resultOf(task: Task): TaskResult {
  const random = randomStream('feeding', task.number);
  const count = Math.round(task.mutants / MUTANTS_PER_CANDIDATE);
  const items = Array.from({ length: count }, () => {
    const data = new Float32Array(SIZE).fill(random.uniform());
    // One in nine is novel.
    const far = random.below(9) === 0 ? task.number + random.uniform() : 0;
    return { data: { form: FORM, inputs: [data] }, activations: Float32Array.of(far) };
  });
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: { ...packTestcases(items), picks: items.map(() => 0), predictedClasses: items.map(() => 0) },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
  };
}

await withFolder(async (folder) => {
  let executor: SimulatedWorkers | undefined;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const state = await runSimulatedCampaign({
    folder,
    execs: Number(options.execs),
    width: 1,
    threshold: 1e-9,
    maxEntries: Number.POSITIVE_INFINITY,
    makeExecutor: (madeState) => {
      executor = new SimulatedWorkers(madeState);
      return executor;
    },
  });
  if (executor === undefined) throw new Error('no executor was made');
  const seconds = (performance.now() - start) / 1000 - executor.seconds;
  const { user, system } = process.cpuUsage(cpu);
  const rate = state.execs / seconds;
  line({
    bench: 'feeding',
    workers,
    execs: state.execs,
    corpus: state.corpus.size.count,
    mutantsPerSecond: Math.round(rate),
    cpuSecondsPerMillion: Number(((user + system - 1e6 * executor.seconds) / state.execs).toFixed(3)),
    megabytesPerMillion: Math.round(executor.bytes / state.execs),
    realWorkerPerSecond: Number(options.rate),
    feedsWorkers: Math.floor(rate / Number(options.rate)),
    busyWithThisMany: Number(((workers * Number(options.rate)) / rate).toFixed(2)),
  });
});
