import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import type { Executor } from '../fuzzer/executor.ts';
import type { Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { AppliedResult, FuzzerState, SavedFuzzerState } from '../fuzzer/state.ts';
import type { CampaignStore } from '../storage/campaign-store.ts';
import type { Checkpoint } from '../storage/checkpoint.ts';
import type { RerunClient } from '../workers/rerun-client.ts';
import { ProcessDied } from '../workers/rpc-client.ts';
import type { FaultRegistry } from './findings/fault-registry.ts';
import type { Monitor, StopReason } from './monitor/monitor.ts';
import type { Statistics, StatisticsCollector } from './monitor/statistics.ts';
import { StopConditions } from './stop-conditions.ts';

/** Milliseconds between looks at the figures, and between writes of them. */
const STATUS_INTERVAL_MS = 250;
const STATS_INTERVAL_MS = 5000;
/**
 * Milliseconds between checkpoints: at most this and the time of one write is lost when killed. The first
 * ones come sooner, so that a campaign that is killed again and again gets on.
 */
const MAX_CHECKPOINT_INTERVAL_MS = 2500;
const MIN_CHECKPOINT_INTERVAL_MS = 250;

/** What the loop drives. */
export interface LoopContext {
  readonly config: CampaignConfig;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  readonly store: CampaignStore;
  readonly faults: FaultRegistry;
  readonly state: FuzzerState;
  readonly statistics: StatisticsCollector;
  readonly executor: Executor;
  readonly rerunClient: RerunClient;
  readonly checkpointSource: CheckpointSource;
}

/**
 * Hands tasks out and takes their results in order, each result as late as the lag allows: with many
 * workers it is out that long, and few must come to the same.
 */
export async function runMainLoop(parts: LoopContext): Promise<StopReason> {
  const { config, signal, faults, state } = parts;
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  if (state.corpus.size.count === 0) return 'seeds';
  const stop = new StopConditions(signal, config.time === undefined ? undefined : parseDuration(config.time));
  const stopTimers = startTimers(parts, stop);
  let stopped: StopReason;
  try {
    stopped = await processTasks(parts, stop);
  } finally {
    stop.release();
    await stopTimers();
  }
  stop.throwIfFailed();
  return stopped;
}

async function processTasks(
  { state, executor, ...parts }: LoopContext,
  stop: StopConditions,
): Promise<StopReason> {
  const results = new Map<number, Promise<TaskResult>>();
  const submit = (task: Task): void => {
    const result = executor.submit(task);
    // A result that nobody waits for any more may fail.
    result.catch(() => {});
    results.set(task.number, result);
  };
  for (const task of state.inFlight) submit(task);
  for (;;) {
    if (stop.reason !== undefined) return stop.reason;
    if (!state.mustApply && state.isEnding) parts.checkpointSource.pin();
    const task = state.mustApply ? undefined : state.nextTask();
    if (task !== undefined) {
      submit(task);
      continue;
    }
    const next = state.inFlight[0];
    if (next === undefined) return 'execs';
    const result = await stop.raceWithStop(results.get(next.number) as Promise<TaskResult>);
    if (typeof result === 'string') return result;
    results.delete(next.number);
    const stopped = await applyResult({ state, executor, ...parts }, stop, result);
    if (stopped !== undefined) return stopped;
  }
}

/** Takes a result; when the campaign should end meanwhile, the confirming of findings is broken off. */
async function applyResult(
  parts: LoopContext,
  stop: StopConditions,
  result: TaskResult,
): Promise<StopReason | undefined> {
  const { config, monitor, store, faults, state, statistics, rerunClient } = parts;
  const taking = state.apply(result, statistics.elapsedSeconds, config.untilFinding);
  const asked = await stop.raceWithStop(taking.then(() => undefined));
  let step: AppliedResult;
  if (asked !== undefined) {
    rerunClient.close();
    try {
      step = await taking;
    } catch (error) {
      // Broken off: the state is as it was before this result.
      if (error instanceof ProcessDied) return asked;
      throw error;
    }
  } else step = await taking;
  statistics.recordTask(result.seconds, step.addedEntries, step.thresholdChange !== undefined);
  if (step.thresholdChange !== undefined) {
    await store.appendEvent('threshold', { task: result.task, ...step.thresholdChange });
    monitor.onThresholdChange(step.thresholdChange.threshold, step.thresholdChange.why);
  }
  for (const what of step.brokenConstraints) {
    await store.appendEvent('illegal', { task: result.task, what });
    monitor.warn(`a mutant broke a constraint and was left out (${what}): please report this as a bug`);
  }
  for (const { objective, message, data } of step.disabledObjectives) {
    const testcase = await store.writePluginFailure(objective, data);
    await store.appendEvent('plugin-failed', { task: result.task, objective, message, testcase });
    monitor.warn(`${message}, on ${join(store.folder, testcase)}: ${objective} is not judged any more`);
  }
  for (const fault of step.faults) {
    await store.appendEvent('signature', { signature: fault.signature, execs: fault.firstExecs });
    monitor.onFault(fault, store.folder);
  }
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  return state.isJudging ? asked : 'plugins';
}

/**
 * Shows and writes what is so far. The state is sound whenever a timer fires: it changes in one go.
 *
 * @returns what ends it: no write is under way any more when it has
 */
function startTimers(parts: LoopContext, stop: StopConditions): () => Promise<void> {
  const { config, monitor, store, faults, state, checkpointSource } = parts;
  const most = config.maxDisk === undefined ? Number.POSITIVE_INFINITY : parseSize(config.maxDisk);
  const ended = new AbortController();
  const save = async (): Promise<void> => {
    await store.flush(checkpointSource.checkpoint);
    state.corpus.evict(store.writtenEntries);
    if (store.bytes >= most) stop.requestStop('disk');
  };
  const write = async (): Promise<void> => {
    await writeStats(store, currentStatistics(parts));
    await faults.writeRecords();
  };
  const show = setInterval(() => monitor.onStatistics(currentStatistics(parts)), STATUS_INTERVAL_MS);
  const works = [
    repeatWithBackoff(save, MIN_CHECKPOINT_INTERVAL_MS, MAX_CHECKPOINT_INTERVAL_MS, ended.signal),
    repeatWithBackoff(write, STATS_INTERVAL_MS, STATS_INTERVAL_MS, ended.signal),
  ].map((work) => work.catch((error: unknown) => stop.fail(error)));
  return async () => {
    clearInterval(show);
    ended.abort();
    await Promise.all(works);
  };
}

/** Does something again and again, never twice at once; the pauses double from the first to the longest. */
async function repeatWithBackoff(
  work: () => Promise<void>,
  first: number,
  longest: number,
  ended: AbortSignal,
): Promise<void> {
  for (let pause = first; ; pause = Math.min(2 * pause, longest)) {
    try {
      await setTimeout(pause, undefined, { signal: ended });
    } catch {
      // The only error that a pause knows: it was ended.
      return;
    }
    await work();
  }
}

/** What the campaign could go on from. */
export class CheckpointSource {
  readonly #state: FuzzerState;
  readonly #elapsed: () => number;
  #pinned: Omit<Checkpoint<SavedFuzzerState>, 'formatVersion'> | undefined;

  /** @param elapsed seconds of all sessions */
  constructor(state: FuzzerState, elapsed: () => number) {
    this.#state = state;
    this.#elapsed = elapsed;
  }

  /**
   * Keeps this moment as the one to go on from. What the last tasks of a budget bring depends on where it
   * ends, since the last one is cut and no results are held back any more: with a larger budget they are
   * done again, so that it comes to the same as if it had been given at once.
   */
  pin(): void {
    this.#pinned ??= this.#capture();
  }

  get checkpoint() {
    return this.#pinned === undefined
      ? this.#capture()
      : { ...this.#pinned, elapsedSeconds: this.#elapsed() };
  }

  #capture(): Omit<Checkpoint<SavedFuzzerState>, 'formatVersion'> {
    return {
      entries: this.#state.corpus.size.count,
      width: this.#state.width,
      elapsedSeconds: this.#elapsed(),
      state: this.#state.save(),
    };
  }
}

/** The figures of this moment. */
export function currentStatistics({
  statistics,
  state,
  faults,
  store,
  executor,
}: Pick<LoopContext, 'statistics' | 'state' | 'faults' | 'store' | 'executor'>): Statistics {
  const { count, seeds } = state.corpus.size;
  return statistics.snapshot({
    execs: state.execs,
    lost: state.lost,
    looked: state.lookaheadMutants,
    spoken: state.generatedTokens,
    rejected: rejectedShare(state),
    mutators: state.mutatorStatistics,
    corpus: count,
    seeds,
    threshold: state.threshold,
    hits: faults.hitCount,
    faults: faults.faults,
    sites: state.siteStatistics,
    workers: executor.workers,
    ...(executor.queue === undefined ? {} : { queue: executor.queue }),
    diskMB: Math.round(store.bytes / 1e6),
  });
}

function rejectedShare({ execs, rejected }: FuzzerState): number {
  return rejected === 0 ? 0 : Number((rejected / (execs + rejected)).toPrecision(4));
}

/** Writes the figures; the sites, of which there may be hundreds, to stats.json alone. */
export async function writeStats(store: CampaignStore, { sites, ...figures }: Statistics): Promise<void> {
  await store.writeStats(statsJson(figures), { sites });
}

/** The figures as stats.json has them. */
function statsJson({ faults, ...figures }: Omit<Statistics, 'sites'>): Readonly<Record<string, unknown>> {
  const signatures = faults.map(
    ({ signature, objective, summary, hits, kept, flaky, firstExecs, firstSeconds, path }) => ({
      signature,
      objective,
      summary,
      hits,
      kept,
      flaky,
      firstExecs,
      firstSeconds,
      path,
    }),
  );
  return { ...figures, signatures };
}
