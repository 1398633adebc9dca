import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { CampaignConfig } from '../config/schema.ts';
import { bytes, milliseconds } from '../config/values.ts';
import type { Executor } from '../fuzzer/executor.ts';
import type { Task, TaskResult } from '../fuzzer/scheduling/task.ts';
import type { SavedState, State, Step } from '../fuzzer/state.ts';
import type { Store } from '../storage/campaign-store.ts';
import type { Checkpoint } from '../storage/checkpoint.ts';
import type { Reproducer } from '../workers/rerun-client.ts';
import { ProcessDied } from '../workers/rpc-client.ts';
import type { Faults } from './findings/fault-registry.ts';
import type { Observer, Stopped } from './monitor/monitor.ts';
import type { Figures, Statistics } from './monitor/statistics.ts';
import { Stop } from './stop-conditions.ts';

/** Milliseconds between looks at the figures, and between writes of them. */
const SHOW_EVERY = 250;
const STATS_EVERY = 5000;
/**
 * Milliseconds between checkpoints: at most this and the time of one write is lost when killed. The first
 * ones come sooner, so that a campaign that is killed again and again gets on.
 */
const CHECKPOINT_EVERY = 2500;
const FIRST_CHECKPOINT = 250;

/** What the loop drives. */
export interface LoopParts {
  readonly config: CampaignConfig;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly faults: Faults;
  readonly state: State;
  readonly statistics: Statistics;
  readonly executor: Executor;
  readonly reproducer: Reproducer;
  readonly goOn: GoOn;
}

/**
 * Hands tasks out and takes their results in order, each result as late as the lag allows: with many
 * workers it is out that long, and few must come to the same.
 */
export async function loop(parts: LoopParts): Promise<Stopped> {
  const { config, signal, faults, state } = parts;
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  if (state.corpus.size.count === 0) return 'seeds';
  const stop = new Stop(signal, config.time === undefined ? undefined : milliseconds(config.time));
  const stopTimers = startTimers(parts, stop);
  let stopped: Stopped;
  try {
    stopped = await run(parts, stop);
  } finally {
    stop.release();
    await stopTimers();
  }
  stop.check();
  return stopped;
}

async function run({ state, executor, ...parts }: LoopParts, stop: Stop): Promise<Stopped> {
  const results = new Map<number, Promise<TaskResult>>();
  const submit = (task: Task): void => {
    const result = executor.submit(task);
    // A result that nobody waits for any more may fail.
    result.catch(() => {});
    results.set(task.number, result);
  };
  for (const task of state.out) submit(task);
  for (;;) {
    if (stop.reason !== undefined) return stop.reason;
    if (!state.mustTake && state.isEnding) parts.goOn.freeze();
    const task = state.mustTake ? undefined : state.nextTask();
    if (task !== undefined) {
      submit(task);
      continue;
    }
    const next = state.out[0];
    if (next === undefined) return 'execs';
    const result = await stop.orWork(results.get(next.number) as Promise<TaskResult>);
    if (typeof result === 'string') return result;
    results.delete(next.number);
    const stopped = await take({ state, executor, ...parts }, stop, result);
    if (stopped !== undefined) return stopped;
  }
}

/** Takes a result; when the campaign should end meanwhile, the confirming of findings is broken off. */
async function take(parts: LoopParts, stop: Stop, result: TaskResult): Promise<Stopped | undefined> {
  const { config, observer, store, faults, state, statistics, reproducer } = parts;
  const taking = state.take(result, statistics.elapsed, config.untilFinding);
  const asked = await stop.orWork(taking.then(() => undefined));
  let step: Step;
  if (asked !== undefined) {
    reproducer.close();
    try {
      step = await taking;
    } catch (error) {
      // Broken off: the state is as it was before this result.
      if (error instanceof ProcessDied) return asked;
      throw error;
    }
  } else step = await taking;
  statistics.task(result.seconds, step.added, step.adapted !== undefined);
  if (step.adapted !== undefined) {
    await store.event('threshold', { task: result.task, ...step.adapted });
    observer.adapted(step.adapted.threshold, step.adapted.why);
  }
  for (const what of step.illegal) {
    await store.event('illegal', { task: result.task, what });
    observer.warn(`a mutant broke a constraint and was left out (${what}): please report this as a bug`);
  }
  for (const { objective, message, data } of step.ends) {
    const testcase = await store.failure(objective, data);
    await store.event('plugin-failed', { task: result.task, objective, message, testcase });
    observer.warn(`${message}, on ${join(store.folder, testcase)}: ${objective} is not judged any more`);
  }
  for (const fault of step.faults) {
    await store.event('signature', { signature: fault.signature, execs: fault.firstExecs });
    observer.found(fault, store.folder);
  }
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  return state.isJudging ? asked : 'plugins';
}

/**
 * Shows and writes what is so far. The state is sound whenever a timer fires: it changes in one go.
 *
 * @returns what ends it: no write is under way any more when it has
 */
function startTimers(parts: LoopParts, stop: Stop): () => Promise<void> {
  const { config, observer, store, faults, state, goOn } = parts;
  const most = config.maxDisk === undefined ? Number.POSITIVE_INFINITY : bytes(config.maxDisk);
  const ended = new AbortController();
  const save = async (): Promise<void> => {
    await store.flush(goOn.checkpoint);
    state.corpus.trim(store.written);
    if (store.bytes >= most) stop.ask('disk');
  };
  const write = async (): Promise<void> => {
    await writeStats(store, figuresOf(parts));
    await faults.write();
  };
  const show = setInterval(() => observer.figures(figuresOf(parts)), SHOW_EVERY);
  const works = [
    every(save, FIRST_CHECKPOINT, CHECKPOINT_EVERY, ended.signal),
    every(write, STATS_EVERY, STATS_EVERY, ended.signal),
  ].map((work) => work.catch((error: unknown) => stop.fail(error)));
  return async () => {
    clearInterval(show);
    ended.abort();
    await Promise.all(works);
  };
}

/** Does something again and again, never twice at once; the pauses double from the first to the longest. */
async function every(
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
export class GoOn {
  readonly #state: State;
  readonly #elapsed: () => number;
  #frozen: Omit<Checkpoint<SavedState>, 'formatVersion'> | undefined;

  /** @param elapsed seconds of all sessions */
  constructor(state: State, elapsed: () => number) {
    this.#state = state;
    this.#elapsed = elapsed;
  }

  /**
   * Keeps this moment as the one to go on from. What the last tasks of a budget bring depends on where it
   * ends, since the last one is cut and no results are held back any more: with a larger budget they are
   * done again, so that it comes to the same as if it had been given at once.
   */
  freeze(): void {
    this.#frozen ??= this.#now();
  }

  get checkpoint() {
    return this.#frozen === undefined ? this.#now() : { ...this.#frozen, elapsedSeconds: this.#elapsed() };
  }

  #now(): Omit<Checkpoint<SavedState>, 'formatVersion'> {
    return {
      entries: this.#state.corpus.size.count,
      width: this.#state.width,
      elapsedSeconds: this.#elapsed(),
      state: this.#state.save(),
    };
  }
}

/** The figures of this moment. */
export function figuresOf({
  statistics,
  state,
  faults,
  store,
  executor,
}: Pick<LoopParts, 'statistics' | 'state' | 'faults' | 'store' | 'executor'>): Figures {
  const { count, seeds } = state.corpus.size;
  return statistics.figures({
    execs: state.execs,
    lost: state.lost,
    looked: state.looked,
    spoken: state.spoken,
    rejected: shareRejected(state),
    mutators: state.mutators,
    corpus: count,
    seeds,
    threshold: state.threshold,
    hits: faults.hits,
    faults: faults.all,
    sites: state.sites,
    workers: executor.workers,
    ...(executor.queue === undefined ? {} : { queue: executor.queue }),
    diskMB: Math.round(store.bytes / 1e6),
  });
}

function shareRejected({ execs, rejected }: State): number {
  return rejected === 0 ? 0 : Number((rejected / (execs + rejected)).toPrecision(4));
}

/** Writes the figures; the sites, of which there may be hundreds, to stats.json alone. */
export async function writeStats(store: Store, { sites, ...figures }: Figures): Promise<void> {
  await store.stats(statsOf(figures), { sites });
}

/** The figures as stats.json has them. */
function statsOf({ faults, ...figures }: Omit<Figures, 'sites'>): Readonly<Record<string, unknown>> {
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
