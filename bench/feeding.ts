/**
 * What the main process costs: a campaign whose workers answer at once, with as many candidates as real ones
 * bring, and with every message packed and unpacked as between processes. Says for how many real workers
 * it suffices.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { Faults } from '../src/campaign/findings/fault-registry.ts';
import { SeedSpan } from '../src/campaign/findings/severity.ts';
import { GoOn, loop } from '../src/campaign/main-loop.ts';
import { Statistics } from '../src/campaign/monitor/statistics.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { randomStream } from '../src/core/random.ts';
import { Threshold } from '../src/coverage/novelty-threshold.ts';
import { indexOf } from '../src/coverage/registry.ts';
import { Corpus } from '../src/fuzzer/corpus/corpus.ts';
import type { Executor } from '../src/fuzzer/executor.ts';
import { bundled } from '../src/fuzzer/packed-testcases.ts';
import { armTraits } from '../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorChoice } from '../src/fuzzer/scheduling/mutator-scheduler.ts';
import type { Task, TaskResult } from '../src/fuzzer/scheduling/task.ts';
import { lagOf } from '../src/fuzzer/scheduling/task-sizes.ts';
import { State } from '../src/fuzzer/state.ts';
import { pictureOf } from '../src/inputs/image.ts';
import type { InputTraits } from '../src/inputs/input-descriptor.ts';
import { formOf } from '../src/model/batched-model.ts';
import { defaultMix } from '../src/mutators/registry.ts';
import { makeScheduler } from '../src/schedulers/registry.ts';
import { Store } from '../src/storage/campaign-store.ts';
import { Shelf, shelfCapacity } from '../src/workers/entry-cache.ts';
import { Reproducer } from '../src/workers/rerun-client.ts';
import { line, withFolder } from './campaign.ts';

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '32' },
    execs: { type: 'string', default: '40000000' },
    /** Mutants that one real worker runs in a second; the dense net's rate on the machine this was written on. */
    rate: { type: 'string', default: '190000' },
  },
});
const workers = Number(options.workers);
const SIZE = 784;
const INPUTS = [{ name: 'image', type: 'float32', shape: [28, 28, 1], size: SIZE }] as const;
const FORM = formOf(INPUTS);

const PICTURE = pictureOf(INPUTS[0], undefined, [0, 1]);
const TRAITS: readonly InputTraits[] = [
  {
    ...INPUTS[0],
    domains: ['numbers', 'image'],
    range: { low: 0, high: 1 },
    picture: PICTURE,
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
  },
];
const ARMS = await armTraits(TRAITS.map((input) => defaultMix(input).map(({ spec }) => spec)));

/** Of a real campaign on the dense net: a candidate in 60 mutants, of which one in nine enters the corpus. */
const MUTANTS_PER_CANDIDATE = 60;

/** Workers that answer at once; they hold what real ones would, so that the same is sent. */
class Instant implements Executor {
  readonly workers = [];
  bytes = 0;
  /** Seconds spent on the workers' behalf: what they would do in processes of their own. */
  seconds = 0;
  readonly #state: State;
  readonly #shelves = Array.from({ length: workers }, () => new Shelf<true>(shelfCapacity(4 * SIZE)));
  readonly #indexed = new Array<number>(workers).fill(0);

  constructor(state: State) {
    this.#state = state;
  }

  async submit(task: Task): Promise<TaskResult> {
    const worker = task.number % workers;
    const shelf = this.#shelves[worker];
    const needs = this.#state.needs(task);
    const missing = needs.filter((entry) => shelf.get(entry) === undefined);
    for (const entry of missing) shelf.put(entry, true);
    shelf.use(needs);
    const parcels = bundled(missing.map((entry) => this.#state.parcel(entry)));
    const vectors = this.#state.vectors(this.#indexed[worker], task.indexed);
    this.#indexed[worker] = task.indexed;
    const message = serialize({ task, needs, parcels, vectors });
    const start = performance.now();
    const answer = serialize(resultOf(task));
    this.seconds += (performance.now() - start) / 1000;
    this.bytes += message.length + answer.length;
    // As over a pipe: the answer comes in a later turn of the event loop.
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
    // One in nine goes beyond all others.
    const far = random.below(9) === 0 ? task.number + random.uniform() : 0;
    return { data: { form: FORM, columns: [data] }, activations: Float32Array.of(far) };
  });
  return {
    task: task.number,
    mutants: task.mutants,
    lost: 0,
    rejected: 0,
    candidates: { ...bundled(items), picks: items.map(() => 0), outcomes: items.map(() => 0) },
    hits: [],
    counts: [],
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
  };
}

await withFolder(async (folder) => {
  const out = join(folder, 'out');
  const config = campaignSchema.parse({ execs: Number(options.execs), seed: '1' });
  const store = await Store.create(out, {}, [undefined]);
  const reproducer = new Reproducer({ timeout: 1000, memory: 1e9 });
  const model = { path: '', sha256: '', runtime: 'onnx' } as const;
  const faults = new Faults({
    store,
    reproducer,
    objectives: [],
    timed: [],
    modelPath: '',
    load: { runtime: 'onnx' },
    model,
    masterSeed: '1',
    keep: 5,
    compares: false,
    singly: false,
    traces: false,
    span: new SeedSpan([]),
    pictures: [undefined],
    pads: [],
    textOf: () => undefined,
  });
  const state = new State({
    store,
    corpus: new Corpus(out, INPUTS),
    faults,
    scheduler: await makeScheduler(config),
    climbs: undefined,
    objectives: ['nonfinite'],
    labels: undefined,
    sites: [],
    unreachable: new Set<string>(),
    index: indexOf(1),
    threshold: new Threshold(1e-9, false),
    masterSeed: '1',
    batch: 256,
    traits: TRAITS,
    arms: ARMS,
    choice: new MutatorChoice(
      TRAITS.map(({ name }) => name),
      ARMS,
      true,
    ),
    limits: {},
    execs: Number(options.execs),
    lag: lagOf,
    singleBatches: false,
    maxCorpus: Number.POSITIVE_INFINITY,
  });
  state.addSeed({ form: FORM, columns: [new Float32Array(SIZE)] }, Float32Array.of(0), 0);
  const statistics = new Statistics();
  const executor = new Instant(state);
  const observer = { info() {}, warn() {}, planned() {}, found() {}, adapted() {}, figures() {} };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await loop({
    config,
    observer,
    signal: new AbortController().signal,
    store,
    faults,
    state,
    statistics,
    executor,
    reproducer,
    goOn: new GoOn(state, () => statistics.elapsed),
  });
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
