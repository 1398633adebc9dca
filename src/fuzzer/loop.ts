import type { Store } from '../campaign/store.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { milliseconds } from '../config/values.ts';
import { MachineError, reason } from '../errors.ts';
import type { Faults } from './faults.ts';
import type { Observer, Stopped } from './observer.ts';
import { lagOf } from './plan.ts';
import type { State } from './state.ts';
import type { Figures, Statistics } from './statistics.ts';
import type { Task, TaskResult } from './task.ts';
import type { Worker } from './worker.ts';

/** Milliseconds between turns of the event loop: the model runs without yielding, and signals and writes wait. */
const YIELD_EVERY = 10;
/** Milliseconds between looks at the figures, and between writes of them. */
const SHOW_EVERY = 250;
const STATS_EVERY = 5000;
/** Milliseconds between writes of the corpus: at most this and the time of one write is lost when killed. */
const FLUSH_EVERY = 2500;

/** What the loop drives. */
export interface LoopParts {
  readonly config: CampaignConfig;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly faults: Faults;
  readonly state: State;
  readonly statistics: Statistics;
  readonly worker: Worker;
}

/**
 * Issues tasks, runs them, and takes their results in order, each as late as the lag allows: a campaign on
 * many workers has them out that long, and must come to the same.
 */
export async function loop(parts: LoopParts): Promise<Stopped> {
  const { config, observer, signal, store, faults, state, statistics, worker } = parts;
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  if (state.corpus.entries.length === 0) return 'seeds';
  const deadline = config.time === undefined ? Number.POSITIVE_INFINITY : milliseconds(config.time) / 1000;
  const pending: TaskResult[] = [];
  const due = { yield: 0, show: 0, stats: STATS_EVERY, flush: FLUSH_EVERY };
  const corpusWrites = new Background();

  const take = async (result: TaskResult): Promise<boolean> => {
    const step = await state.take(result, statistics.elapsed, config.untilFinding);
    statistics.task(result.seconds, step.added);
    for (const fault of step.faults) {
      await store.event('signature', { signature: fault.signature, execs: fault.firstExecs });
      observer.found(fault, store.folder);
    }
    return config.untilFinding && faults.confirmed.length > 0;
  };

  for (;;) {
    corpusWrites.check();
    if (signal.aborted) return 'interrupted';
    if (statistics.elapsed >= deadline) return 'time';
    while (pending.length > 0 && pending[0].task <= state.upcoming - lagOf(state.upcoming)) {
      if (await take(pending.shift() as TaskResult)) return 'finding';
    }
    const task = state.nextTask();
    if (task === undefined) break;
    pending.push(await runTask(worker, task, state, store));
    const now = statistics.elapsed * 1000;
    if (now >= due.show) {
      due.show = now + SHOW_EVERY;
      observer.figures(figuresOf(statistics, state, faults));
    }
    if (now >= due.yield) {
      due.yield = now + YIELD_EVERY;
      await new Promise((done) => setImmediate(done));
    }
    if (now >= due.flush) {
      due.flush = now + FLUSH_EVERY;
      corpusWrites.start(() => store.flush());
    }
    if (now >= due.stats) {
      due.stats = now + STATS_EVERY;
      await store.stats(statsOf(figuresOf(statistics, state, faults)));
      await faults.write();
    }
  }
  for (const result of pending) if (await take(result)) return 'finding';
  return 'execs';
}

/** Work beside the loop: one piece at a time, and a failure comes out at the next check. */
class Background {
  #running = false;
  #failure: unknown;

  start(work: () => Promise<void>): void {
    if (this.#running) return;
    this.#running = true;
    work()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#running = false;
      });
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Runs a task; where the model fails the run, what was found is put on disk first. */
async function runTask(worker: Worker, task: Task, state: State, store: Store): Promise<TaskResult> {
  try {
    return await worker.run(task, state.snapshot);
  } catch (error) {
    await store.flush();
    throw new MachineError(
      `the model fails on a mutant of task ${task.number}: ${reason(error)}; what was found before is in ${store.folder}`,
    );
  }
}

/** The figures of this moment. */
export function figuresOf(statistics: Statistics, state: State, faults: Faults): Figures {
  const { entries, seeds } = state.corpus;
  return statistics.figures({
    execs: state.execs,
    corpus: entries.length,
    seeds,
    threshold: state.threshold,
    hits: faults.hits,
    faults: faults.all,
  });
}

/** The figures as stats.json has them. */
export function statsOf({ faults, ...figures }: Figures): Readonly<Record<string, unknown>> {
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
