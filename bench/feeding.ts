/**
 * What the main process costs: a campaign whose workers answer at once, with as many candidates as real ones
 * bring, and with every message packed and unpacked as between processes. Says for how many real workers
 * it suffices.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { FaultRegistry } from '../src/campaign/findings/fault-registry.ts';
import { SeedSpan } from '../src/campaign/findings/severity.ts';
import { CheckpointSource, runMainLoop } from '../src/campaign/main-loop.ts';
import { StatisticsCollector } from '../src/campaign/monitor/statistics.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { randomStream } from '../src/core/random.ts';
import { NoveltyThreshold } from '../src/coverage/novelty-threshold.ts';
import { makeNeighbourIndex } from '../src/coverage/registry.ts';
import { Corpus } from '../src/fuzzer/corpus/corpus.ts';
import type { Executor } from '../src/fuzzer/executor.ts';
import { packTestcases } from '../src/fuzzer/packed-testcases.ts';
import { describeArms } from '../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../src/fuzzer/scheduling/mutator-scheduler.ts';
import type { Task, TaskResult } from '../src/fuzzer/scheduling/task.ts';
import { feedbackDelay } from '../src/fuzzer/scheduling/task-sizes.ts';
import { FuzzerState } from '../src/fuzzer/state.ts';
import { resolveImageFormat } from '../src/inputs/image.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import { shapeSignatureOf } from '../src/model/batched-model.ts';
import { defaultMutators } from '../src/mutators/registry.ts';
import { makeScheduler } from '../src/schedulers/registry.ts';
import { CampaignStore } from '../src/storage/campaign-store.ts';
import { EntryCache } from '../src/workers/entry-cache.ts';
import { RerunClient } from '../src/workers/rerun-client.ts';
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
const FORM = shapeSignatureOf(INPUTS);

const PICTURE = resolveImageFormat(INPUTS[0], undefined, [0, 1]);
const TRAITS: readonly InputDescriptor[] = [
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
const ARMS = await describeArms(TRAITS.map((input) => defaultMutators(input).map(({ spec }) => spec)));

/** Of a real campaign on the dense net: a candidate in 60 mutants, of which one in nine enters the corpus. */
const MUTANTS_PER_CANDIDATE = 60;

/** Workers that answer at once; they hold what real ones would, so that the same is sent. */
class Instant implements Executor {
  readonly workers = [];
  bytes = 0;
  /** Seconds spent on the workers' behalf: what they would do in processes of their own. */
  seconds = 0;
  readonly #state: FuzzerState;
  readonly #caches = Array.from({ length: workers }, () =>
    EntryCache.forTestcases<true>({ form: FORM, inputs: [new Float32Array(SIZE)] }),
  );
  readonly #indexed = new Array<number>(workers).fill(0);

  constructor(state: FuzzerState) {
    this.#state = state;
  }

  async submit(task: Task): Promise<TaskResult> {
    const worker = task.number % workers;
    const cache = this.#caches[worker];
    const needs = this.#state.requiredEntries(task);
    const missing = needs.filter((entry) => cache.get(entry) === undefined);
    for (const entry of missing) cache.set(entry, true);
    cache.touch(needs);
    const parcels = packTestcases(missing.map((entry) => this.#state.entryData(entry)));
    const vectors = this.#state.vectors(this.#indexed[worker], task.indexSize);
    this.#indexed[worker] = task.indexSize;
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
  const out = join(folder, 'out');
  const config = campaignSchema.parse({ execs: Number(options.execs), seed: '1' });
  const store = await CampaignStore.create(out, {}, [undefined]);
  const reproducer = new RerunClient({ timeout: 1000, memory: 1e9 });
  const model = { path: '', sha256: '', runtime: 'onnx' } as const;
  const faults = new FaultRegistry({
    store,
    rerunClient: reproducer,
    objectives: [],
    timedObjectives: [],
    modelPath: '',
    loadOptions: { runtime: 'onnx' },
    model,
    masterSeed: '1',
    maxPerSignature: 5,
    comparesLayers: false,
    isUnbatched: false,
    canTrace: false,
    seedSpan: new SeedSpan([]),
    imageFormats: [undefined],
    padIds: [],
    textOf: () => undefined,
  });
  const state = new FuzzerState({
    store,
    corpus: new Corpus(out, INPUTS),
    faults,
    scheduler: await makeScheduler(config),
    directed: undefined,
    objectives: ['nonfinite'],
    labels: undefined,
    sites: [],
    unreachableSites: new Set<string>(),
    index: makeNeighbourIndex(1),
    threshold: new NoveltyThreshold(1e-9, false),
    masterSeed: '1',
    batch: 256,
    descriptors: TRAITS,
    arms: ARMS,
    mutatorScheduler: new MutatorScheduler(
      TRAITS.map(({ name }) => name),
      ARMS,
      true,
    ),
    limits: {},
    maxExecs: Number(options.execs),
    feedbackDelay,
    singleBatches: false,
    maxCorpus: Number.POSITIVE_INFINITY,
  });
  state.addSeed({ form: FORM, inputs: [new Float32Array(SIZE)] }, Float32Array.of(0), 0);
  const statistics = new StatisticsCollector();
  const executor = new Instant(state);
  const observer = {
    info() {},
    warn() {},
    onStart() {},
    onFault() {},
    onThresholdChange() {},
    onStatistics() {},
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await runMainLoop({
    config,
    monitor: observer,
    signal: new AbortController().signal,
    store,
    faults,
    state,
    statistics,
    executor,
    rerunClient: reproducer,
    checkpointSource: new CheckpointSource(state, () => statistics.elapsedSeconds),
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
