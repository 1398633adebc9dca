import { join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { repeatWithBackoff } from '../core/repeat-with-backoff.ts';
import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import type { Executor } from '../fuzzer/executor.ts';
import type { Hit, Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { AppliedResult, ConfirmedHits } from '../fuzzer/state.ts';
import { ProcessDied } from '../workers/lifetime/process-died.ts';
import type { RerunClient } from '../workers/rerun-client.ts';
import type { AttackedModel } from './attacked-model.ts';
import type { CheckpointSource } from './checkpoint-source.ts';
import {
  type ConfirmationOutcome,
  type Fault,
  type FaultRegistry,
  isConfirmedFault,
} from './findings/fault-registry.ts';
import type { FindingWriter } from './findings/finding-writer.ts';
import { rerunHits, type Submission, submitHits } from './findings/submit-hits.ts';
import { currentStatistics, type StatisticsSources, writeStats } from './monitor/current-statistics.ts';
import type { Monitor, StopReason } from './monitor/monitor.ts';
import { reportRefusal } from './monitor/report-refusal.ts';
import { StopConditions, timeLeft } from './stop-conditions.ts';

/** Milliseconds between updates of the monitor, and between writes of stats.json. */
const STATUS_INTERVAL_MS = 250;
const STATS_INTERVAL_MS = 5000;

/**
 * Milliseconds between checkpoints: a kill loses at most this much work and the time of one write. The first ones come
 * sooner, so that a campaign that is killed again and again makes progress.
 */
const MAX_CHECKPOINT_INTERVAL_MS = 2500;
const MIN_CHECKPOINT_INTERVAL_MS = 250;

/** The parts that the loop drives. */
export interface LoopContext extends StatisticsSources {
  readonly config: CampaignConfig;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  readonly findings: FindingWriter;
  readonly rerunClient: RerunClient;
  /** The model under attack, to which hits are submitted; undefined where the search runs on it itself. */
  readonly attacked?: AttackedModel | undefined;
  readonly checkpointSource: CheckpointSource;
  /** When the command began, on `performance.now()`'s clock: `--time` counts from then. */
  readonly startedAt: number;
}

/**
 * The fuzzing loop: hands tasks to the executor and applies their results in order. Each result is applied as late as the
 * feedback delay allows: with many workers it is in flight that long, and with few the campaign must do the same.
 */
export async function runMainLoop(context: LoopContext): Promise<StopReason> {
  const { config, signal, faults, state, startedAt } = context;
  if (config.untilFinding && faults.confirmed.length > 0) {
    context.monitor.info(
      'this campaign stops at its first finding, which it has: to continue the search, start over with --overwrite and without --until-finding',
    );
    return 'finding';
  }
  // The attacker moved before the defence was fixed: only the inputs that there are can be run.
  if (config.threatModel?.turn === 'before') return 'turn';
  if (state.corpus.size.count === 0) return 'seeds';
  const limit = config.time === undefined ? undefined : parseDuration(config.time);
  const stop = new StopConditions(signal, timeLeft(limit, startedAt, performance.now()));
  const stopTimers = startTimers(context, stop);
  let reason: StopReason;
  try {
    reason = await processTasks(context, stop);
  } finally {
    stop.release();
    await stopTimers();
  }
  stop.throwIfFailed();
  return reason;
}

async function processTasks(context: LoopContext, stop: StopConditions): Promise<StopReason> {
  const { state, store, executor, checkpointSource } = context;
  const results = new ResultsInFlight(executor);
  let knowsFull = false;
  for (const task of state.inFlight) results.submit(task);
  for (;;) {
    if (stop.reason !== undefined) return stop.reason;
    if (!state.mustApply && state.isEnding) checkpointSource.pin();
    const task = state.mustApply ? undefined : state.nextTask();
    if (task !== undefined) {
      results.submit(task);
      continue;
    }
    const [next] = state.inFlight;
    if (next === undefined) return isOutOfQueries(context) ? 'queries' : 'execs';
    const result = await stop.raceWithStop(results.take(next.number));
    if (typeof result === 'string') return result;
    const reason = await processResult(context, stop, result);
    if (state.isCorpusFull && !knowsFull) await reportFullCorpus(context);
    knowsFull = state.isCorpusFull;
    if (store.isBehind) {
      const requested = await stop.raceWithStop(writeCheckpoint(context).then(() => undefined));
      if (requested !== undefined) return requested;
    }
    if (reason !== undefined) return reason;
  }
}

/** Whether the attacker's queries ended the search before its mutants did. */
function isOutOfQueries({ config, state }: LoopContext): boolean {
  return state.execs < (config.execs ?? Number.POSITIVE_INFINITY);
}

/** Says once what a full corpus means: an event, and a line. */
async function reportFullCorpus({ state, store, monitor }: LoopContext): Promise<void> {
  const { count } = state.corpus.size;
  await store.appendEvent('corpus-full', { corpus: count, execs: state.execs });
  monitor.warn(
    `the corpus is full with ${count} testcases: new activations are no longer a reason to keep a mutant, and the search continues with the existing testcases (--max-corpus sets another limit for a new campaign)`,
  );
}

/** Results of the tasks in flight, by task number. */
class ResultsInFlight {
  readonly #executor: Executor;
  readonly #results = new Map<number, Promise<TaskResult>>();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  submit(task: Task): void {
    const result = this.#executor.submit(task);
    // Once the campaign stops nobody awaits the result any more, and it may fail.
    result.catch(() => {});
    this.#results.set(task.number, result);
  }

  take(taskNumber: number): Promise<TaskResult> {
    const result = this.#results.get(taskNumber);
    if (result === undefined) throw new Error(`task ${taskNumber} was not submitted`);
    this.#results.delete(taskNumber);
    return result;
  }
}

/**
 * Confirms a result's hits, stores the findings and applies the result: in this order, so that a finding is on disk before
 * anything counts on it. Confirming is broken off if the campaign should stop meanwhile; the state is then unchanged.
 */
async function processResult(
  context: LoopContext,
  stop: StopConditions,
  result: TaskResult,
): Promise<StopReason | undefined> {
  const { faults, state, collector, store, rerunClient } = context;
  const seconds = collector.elapsedSeconds;
  const { hits, brokenConstraints } = state.legalHits(result);
  const confirming = submitAndConfirm(context, result, hits);
  const requested = await stop.raceWithStop(confirming.then(() => undefined));
  if (requested !== undefined) rerunClient.close();
  let confirmation: Confirmation;
  try {
    confirmation = await confirming;
  } catch (error) {
    if (requested !== undefined && error instanceof ProcessDied) return requested;
    throw error;
  }
  // Synchronous from here on: a checkpoint that a timer writes has all of a result or nothing.
  const { outcomes, submission } = confirmation;
  const newFaults = faults.register(outcomes, seconds);
  faults.countHits(submission?.counts ?? result.counts);
  const applied = state.apply(result, {
    ...confirmedHits(submission?.hits ?? hits, newFaults, faults),
    ...(submission === undefined ? {} : { submitted: submission.submitted }),
  });
  for (const entry of applied.entries) store.addEntry(entry);
  const { ascent } = result.progress ?? {};
  collector.recordTask(
    result.mutants,
    result.seconds,
    applied.entries.length,
    applied.thresholdChange !== undefined,
    result.readTokens,
    ascent?.seconds,
  );
  if (ascent !== undefined && collector.recordAscent(ascent)) reportRefusal(context.monitor, ascent);
  await report(context, result, newFaults, {
    ...applied,
    brokenConstraints: [...brokenConstraints, ...applied.brokenConstraints],
  });
  if (context.config.untilFinding && faults.confirmed.length > 0) return 'finding';
  return state.isJudging ? requested : 'plugins';
}

/** What became of a task's hits. */
interface Confirmation {
  readonly outcomes: ConfirmationOutcome[];
  /** Undefined where every hit breaks its seed. */
  readonly submission: Submission | undefined;
}

/** Confirms hits and stores the findings; those of a surrogate are submitted to the model first, and those of a random model run again. */
async function submitAndConfirm(
  { config, state, findings, attacked }: LoopContext,
  result: TaskResult,
  hits: readonly Hit[],
): Promise<Confirmation> {
  const submission =
    attacked !== undefined
      ? await submitHits(hits, result, attacked, state)
      : config.threatModel?.knows.randomness === false
        ? await rerunHits(hits, result, (hit) => findings.holds(hit), state)
        : undefined;
  const originOf = (hit: Hit): MutantOrigin => {
    const origin = state.originOf(hit);
    const numbers = submission?.numbers;
    return numbers === undefined ? origin : { ...origin, queries: numbers.get(hit) };
  };
  const confirmed = submission?.hits ?? hits;
  const outcomes = await findings.confirmAndStore(confirmed, result.task, originOf, config.untilFinding);
  return { outcomes, submission };
}

/**
 * The new faults that the engine learns from: not those that depend on the machine or that no finding confirms, since they
 * would not be the same the next time.
 */
function confirmedHits(
  hits: readonly Hit[],
  newFaults: readonly Fault[],
  faults: FaultRegistry,
): ConfirmedHits {
  return {
    newFaults: newFaults
      .filter((fault) => isConfirmedFault(fault) && !faults.dependsOnMachine(fault))
      .flatMap(({ signature }) =>
        hits
          .filter(({ violation }) => violation.signature === signature)
          .slice(0, 1)
          .map(({ pick }) => ({ signature, pick })),
      ),
    saturatedSignatures: faults.saturatedSignatures,
    countedSignatures: faults.countedSignatures,
  };
}

/** Writes events and notifies the monitor. */
async function report(
  { monitor, store }: LoopContext,
  { task }: TaskResult,
  newFaults: readonly Fault[],
  { thresholdChange, brokenConstraints, disabledObjectives }: AppliedResult,
): Promise<void> {
  if (thresholdChange !== undefined) {
    await store.appendEvent('threshold', { task, ...thresholdChange });
    monitor.onThresholdChange(thresholdChange.threshold, thresholdChange.why);
  }
  for (const constraint of brokenConstraints) {
    await store.appendEvent('illegal', { task, what: constraint });
    monitor.warn(
      `a mutant violated a constraint and was discarded (${constraint}); please report this as a bug`,
    );
  }
  for (const { objective, message, data } of disabledObjectives) {
    const testcase = await store.writePluginFailure(objective, data);
    await store.appendEvent('plugin-failed', { task, objective, message, testcase });
    monitor.warn(`${message}, on ${join(store.folder, testcase)}; ${objective} is no longer checked`);
  }
  for (const fault of newFaults) {
    await store.appendEvent('signature', { signature: fault.signature, execs: fault.firstExecs });
    monitor.onFault(fault, store.folder);
  }
}

/**
 * Updates the monitor, writes checkpoints and stats.json at intervals.
 *
 * @returns stops the timers; once it resolves no write is under way
 */
function startTimers(context: LoopContext, stop: StopConditions): () => Promise<void> {
  const { config, monitor, store, findings } = context;
  const maxDiskBytes = config.maxDisk === undefined ? Number.POSITIVE_INFINITY : parseSize(config.maxDisk);
  const stopped = new AbortController();
  const writeCheckpointWithinLimit = async (): Promise<void> => {
    await writeCheckpoint(context);
    if (store.bytes >= maxDiskBytes) stop.requestStop('disk');
  };
  const writeStatistics = async (): Promise<void> => {
    await writeStats(store, currentStatistics(context));
    await findings.writeSignatures();
  };
  const status = setInterval(() => monitor.onStatistics(currentStatistics(context)), STATUS_INTERVAL_MS);
  const timers = [
    repeatWithBackoff(
      writeCheckpointWithinLimit,
      MIN_CHECKPOINT_INTERVAL_MS,
      MAX_CHECKPOINT_INTERVAL_MS,
      stopped.signal,
    ),
    repeatWithBackoff(writeStatistics, STATS_INTERVAL_MS, STATS_INTERVAL_MS, stopped.signal),
  ].map((timer) => timer.catch((error: unknown) => stop.fail(error)));
  return async () => {
    clearInterval(status);
    stopped.abort();
    await Promise.all(timers);
  };
}

/** Writes new entries and a checkpoint, and drops from memory what is on disk by then. */
async function writeCheckpoint({ store, state, checkpointSource }: LoopContext): Promise<void> {
  await store.flush(checkpointSource.checkpoint);
  state.corpus.evict(store.writtenEntries);
}
