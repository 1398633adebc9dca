/**
 * Measures the cost of the main process: runs a campaign whose simulated workers answer at once, with as many
 * candidates as real ones find, and with every message serialized as between processes. Prints how many real workers
 * the main process can supply.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { CheckpointSource } from '../src/campaign/checkpoint-source.ts';
import { HitConfirmer } from '../src/campaign/findings/confirm.ts';
import { FaultRegistry } from '../src/campaign/findings/fault-registry.ts';
import { FindingWriter } from '../src/campaign/findings/finding-writer.ts';
import { SeedSpan } from '../src/campaign/findings/severity.ts';
import { runMainLoop } from '../src/campaign/main-loop.ts';
import { StatisticsCollector } from '../src/campaign/monitor/statistics.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { randomStream } from '../src/core/random.ts';
import { Feedback } from '../src/coverage/feedback/feedback.ts';
import { feedbackKind } from '../src/coverage/feedback/registry.ts';
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
import { shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { defaultMutators } from '../src/mutators/registry.ts';
import { makeScheduler } from '../src/schedulers/registry.ts';
import { CampaignStore } from '../src/storage/campaign-store.ts';
import { FolderTestcaseLoader } from '../src/storage/testcase-loader.ts';
import { EntryCache } from '../src/workers/entry-cache.ts';
import { RerunClient } from '../src/workers/rerun-client.ts';
import { line, withFolder } from './campaign.ts';

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '32' },
    execs: { type: 'string', default: '40000000' },
    /** Mutants per second of one real worker; the rate of the dense network on the development machine. */
    rate: { type: 'string', default: '190000' },
  },
});
const workers = Number(options.workers);
const SIZE = 784;
const INPUTS = [{ name: 'image', type: 'float32', shape: [28, 28, 1], size: SIZE }] as const;
const FORM = shapeSignatureOf(INPUTS);

const IMAGE_FORMAT = resolveImageFormat(INPUTS[0], undefined, [0, 1]);
const DESCRIPTORS: readonly InputDescriptor[] = [
  {
    ...INPUTS[0],
    domains: ['numbers', 'image'],
    range: { low: 0, high: 1 },
    picture: IMAGE_FORMAT,
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
  },
];
const ARMS = await describeArms(DESCRIPTORS.map((input) => defaultMutators(input).map(({ spec }) => spec)));

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
    for (const entry of missing) cache.set(entry, true);
    cache.touch(required);
    const entries = packTestcases(missing.map((entry) => this.#state.entryData(entry)));
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
  const out = join(folder, 'out');
  const config = campaignSchema.parse({ execs: Number(options.execs), seed: '1' });
  const store = await CampaignStore.create(out, {});
  const rerunClient = new RerunClient({ timeout: 1000, memory: 1e9 });
  const faults = new FaultRegistry({ maxPerSignature: 5, timedObjectives: [] });
  const findings = new FindingWriter({
    store,
    faults,
    confirmer: new HitConfirmer({
      rerunClient,
      objectives: [],
      modelPath: '',
      loadOptions: { runtime: 'onnx' },
      runtime: 'onnx',
      comparesLayers: false,
      isUnbatched: false,
      noise: undefined,
      canTrace: false,
      seedSpan: new SeedSpan([]),
      imageFormats: [undefined],
      hasPadding: false,
    }),
    model: { path: '', sha256: '', runtime: 'onnx' },
    masterSeed: '1',
    imageFormats: [undefined],
    padIds: [],
    textOf: () => undefined,
  });
  const state = new FuzzerState({
    corpus: {
      entries: new Corpus(new FolderTestcaseLoader(out, INPUTS)),
      maxEntries: Number.POSITIVE_INFINITY,
      labels: undefined,
    },
    feedback: new Feedback({
      kind: feedbackKind('distance'),
      width: 1,
      threshold: 1e-9,
      isAdaptive: false,
    }),
    mutation: {
      scheduler: await makeScheduler(config),
      mutatorScheduler: new MutatorScheduler(
        DESCRIPTORS.map(({ name }) => name),
        ARMS,
        true,
      ),
      descriptors: DESCRIPTORS,
      arms: ARMS,
      limits: {},
    },
    search: undefined,
    tasks: {
      masterSeed: '1',
      batch: 256,
      maxExecs: Number(options.execs),
      feedbackDelay,
      singleBatches: false,
    },
    objectives: ['nonfinite'],
  });
  const seed = state.addSeed({ form: FORM, inputs: [new Float32Array(SIZE)] }, Float32Array.of(0), 0);
  if (seed !== undefined) store.addEntry(seed);
  const collector = new StatisticsCollector();
  const executor = new SimulatedWorkers(state);
  const monitor = {
    info() {},
    warn() {},
    onStart() {},
    onPhase() {},
    onFault() {},
    onThresholdChange() {},
    onStatistics() {},
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await runMainLoop({
    config,
    monitor,
    signal: new AbortController().signal,
    store,
    faults,
    state,
    collector,
    executor,
    findings,
    rerunClient,
    checkpointSource: new CheckpointSource({
      state,
      faults,
      elapsedSeconds: () => collector.elapsedSeconds,
    }),
    sites: [],
    startedAt: performance.now(),
    notLookedInto: [],
    unreachableSites: new Map(),
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
