/** A campaign of the engine, its folder and the main loop without a model: what workers answer is made up. */
import { join } from 'node:path';
import { CheckpointSource } from '../src/campaign/checkpoint-source.ts';
import { HitConfirmer } from '../src/campaign/findings/confirm.ts';
import { FaultRegistry } from '../src/campaign/findings/fault-registry.ts';
import { FindingWriter } from '../src/campaign/findings/finding-writer.ts';
import { SeedSpan } from '../src/campaign/findings/severity.ts';
import { runMainLoop } from '../src/campaign/main-loop.ts';
import { StatisticsCollector } from '../src/campaign/monitor/statistics.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { Feedback } from '../src/coverage/feedback/feedback.ts';
import { feedbackKind } from '../src/coverage/feedback/registry.ts';
import { Corpus } from '../src/fuzzer/corpus/corpus.ts';
import type { Executor } from '../src/fuzzer/executor.ts';
import { describeArms } from '../src/fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../src/fuzzer/scheduling/mutator-scheduler.ts';
import { feedbackDelay } from '../src/fuzzer/scheduling/task-sizes.ts';
import { FuzzerState } from '../src/fuzzer/state.ts';
import { resolveImageFormat } from '../src/inputs/image.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import { shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { defaultMutators } from '../src/mutators/registry.ts';
import { makeScheduler } from '../src/schedulers/registry.ts';
import { CampaignStore } from '../src/storage/campaign-store.ts';
import { STATE_FOLDER } from '../src/storage/journal.ts';
import { FolderTestcaseLoader } from '../src/storage/testcase-loader.ts';
import { RerunClient } from '../src/workers/rerun-client.ts';
import { silentMonitor } from './campaign.ts';

/** Values of an input. */
export const SIZE = 784;
const INPUTS = [{ name: 'image', type: 'float32', shape: [28, 28, 1], size: SIZE }] as const;
export const FORM = shapeSignatureOf(INPUTS);

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

export interface SimulatedCampaign {
  readonly folder: string;
  /** Mutants in all. */
  readonly execs: number;
  /** Numbers in an observation. */
  readonly width: number;
  /** Squared distance above which an observation is new. */
  readonly threshold: number;
  readonly maxEntries: number;
  /** @param out the campaign's folder */
  readonly makeExecutor: (state: FuzzerState, out: string) => Executor;
  /** Called four times a second. */
  readonly onStatistics?: (state: FuzzerState) => void;
}

/** Runs the main loop until all mutants are handed out; returns the state at its end. */
export async function runSimulatedCampaign({
  folder,
  execs,
  width,
  threshold,
  maxEntries,
  makeExecutor,
  onStatistics = () => {},
}: SimulatedCampaign): Promise<FuzzerState> {
  const out = join(folder, 'out');
  const config = campaignSchema.parse({ execs, seed: '1' });
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
      maxEntries,
      labels: undefined,
    },
    feedback: new Feedback({
      kind: feedbackKind('distance'),
      width,
      threshold,
      isAdaptive: false,
      snapshots: { folder: join(out, STATE_FOLDER), isWriter: true },
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
      maxExecs: execs,
      feedbackDelay,
      singleBatches: false,
    },
    objectives: ['nonfinite'],
  });
  const seed = state.addSeed({ form: FORM, inputs: [new Float32Array(SIZE)] }, new Float32Array(width), 0);
  if (seed !== undefined) store.addEntry(seed);
  const collector = new StatisticsCollector();
  const executor = makeExecutor(state, out);
  const monitor = silentMonitor(() => onStatistics(state));
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
  executor.close();
  return state;
}
