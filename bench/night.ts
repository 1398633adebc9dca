/**
 * Measures memory and rate over a night: a campaign in which every mutant is new, until as many were made as a night
 * has. Main process, folder and indexes are real, a model is not run. Prints a JSON line for each minute of the night, which passes
 * as fast as the machine allows, and ends with 1 where the main process is above 1 GB or the rate below 90 % of the first.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveMaxCorpus } from '../src/campaign/resolve/sizes/corpus-limit.ts';
import { feedbackKind } from '../src/coverage/feedback/registry.ts';
import type { Executor } from '../src/fuzzer/executor.ts';
import { packEntries } from '../src/fuzzer/packed-entries.ts';
import type { Task, TaskResult } from '../src/fuzzer/scheduling/task.ts';
import type { FuzzerState } from '../src/fuzzer/state.ts';
import { STATE_FOLDER } from '../src/storage/journal.ts';
import { EntryCache, entryBytes } from '../src/workers/entry-cache.ts';
import { RpcClient } from '../src/workers/rpc-client.ts';
import { line, withFolder } from './campaign.ts';
import type { NightApi } from './night-process.ts';
import { FORM, runSimulatedCampaign, SIZE } from './simulated-campaign.ts';

const { values: options } = parseArgs({
  options: {
    hours: { type: 'string', default: '8' },
    /** Mutants per second of the campaign that is simulated. */
    rate: { type: 'string', default: '330' },
    width: { type: 'string', default: '64' },
    /** Entries after which the corpus grows no more; by default as in a campaign. */
    'max-corpus': { type: 'string' },
  },
});
const rate = Number(options.rate);
const width = Number(options.width);
const execs = 3600 * Number(options.hours) * rate;

const MAX_MAIN_MB = 1000;
const MIN_RATE_SHARE = 0.9;

const mb = (bytes: number): number => Math.round(bytes / 1e6);

/** One simulated worker in a process of its own. */
class NightWorker implements Executor {
  readonly workers = [];
  readonly process = new RpcClient<NightApi>({
    script: new URL('./night-process.js', import.meta.url),
    timeout: 600_000,
    memory: 64e9,
  });
  readonly #state: FuzzerState;
  readonly #sent = EntryCache.forTestcases<true>({ form: FORM, inputs: [new Float32Array(SIZE)] });
  readonly #opened: Promise<void>;
  #indexSize = 0;

  constructor(state: FuzzerState, folder: string) {
    this.#state = state;
    this.#opened = this.process.call('open', { width, snapshotFolder: join(folder, STATE_FOLDER) });
  }

  async submit(task: Task): Promise<TaskResult> {
    const state = this.#state;
    const requiredEntries = state.requiredEntries(task);
    const missing = requiredEntries.filter((entry) => this.#sent.get(entry) === undefined);
    const data = missing.map((entry) => state.entryData(entry));
    for (const [i, entry] of missing.entries()) this.#sent.set(entry, true, entryBytes(data[i]));
    this.#sent.touch(requiredEntries);
    const vectors = state.vectors(this.#indexSize, task.indexSize);
    this.#indexSize = task.indexSize;
    await this.#opened;
    return this.process.call('runTask', { task, requiredEntries, packedEntries: packEntries(data), vectors });
  }

  close(): void {
    this.process.kill();
  }
}

await withFolder(async (folder) => {
  const maxEntries =
    options['max-corpus'] === undefined
      ? resolveMaxCorpus(undefined, feedbackKind('distance'), width)
      : Number(options['max-corpus']);
  let worker: NightWorker | undefined;
  let minute = 0;
  let last = { at: performance.now(), execs: 0 };
  const rates: number[] = [];
  let mainPeak = 0;
  const report = async (state: FuzzerState): Promise<void> => {
    const now = { at: performance.now(), execs: state.execs };
    const perSecond = (1000 * (now.execs - last.execs)) / (now.at - last.at);
    last = now;
    rates.push(perSecond);
    const main = process.memoryUsage();
    mainPeak = Math.max(mainPeak, main.rss);
    const workerBytes = await worker?.process.call('memory', undefined);
    line({
      bench: 'night',
      minute,
      mutants: now.execs,
      entries: state.corpus.size.count,
      full: state.isCorpusFull,
      mainMB: mb(main.rss),
      mainHeapMB: mb(main.heapUsed),
      mainArraysMB: mb(main.arrayBuffers),
      workerMB: mb(workerBytes ?? 0),
      rate: Math.round(perSecond),
    });
  };
  await runSimulatedCampaign({
    folder,
    execs,
    width,
    threshold: 0.05,
    maxEntries,
    makeExecutor: (state, out) => {
      worker = new NightWorker(state, out);
      return worker;
    },
    onStatistics: (state) => {
      const passed = Math.floor(state.execs / rate / 60);
      if (passed === minute) return;
      minute = passed;
      // The worker ends with the campaign, and then there is nobody to ask.
      report(state).catch(() => {});
    },
  });
  const share = rates[rates.length - 1] / rates[0];
  line({ bench: 'night', mainPeakMB: mb(mainPeak), rateShare: Number(share.toFixed(2)) });
  if (mb(mainPeak) > MAX_MAIN_MB || share < MIN_RATE_SHARE) process.exitCode = 1;
});
