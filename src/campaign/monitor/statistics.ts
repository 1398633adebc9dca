import { performance } from 'node:perf_hooks';
import type { IndexRecall } from '../../coverage/index/recall-sample.ts';
import type { QueueStatistics, WorkerStatistics } from '../../fuzzer/executor.ts';
import type { MutatorStatistics } from '../../fuzzer/scheduling/mutator-scheduler.ts';
import type { PhaseSeconds } from '../../fuzzer/scheduling/task.ts';
import { ascentPrice } from '../../fuzzer/search/ascent/ascent-share.ts';
import type { AscentAccount } from '../../fuzzer/search/search-goal.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { NewFaultChance } from '../findings/new-fault-chance.ts';
import type { NotLookedInto } from '../not-looked-into.ts';
import type { SeedStatistics } from './seed-statistics.ts';
import type { SiteStatistics } from './site-statistics.ts';

/** Seconds over which the current rate is measured. */
const RATE_WINDOW_SECONDS = 10;

/** The part of the statistics that the campaign counts; the rest is measured here. */
type StateCounts = Pick<
  Statistics,
  | 'execs'
  | 'lost'
  | 'looked'
  | 'spoken'
  | 'rejected'
  | 'mutators'
  | 'corpus'
  | 'seeds'
  | 'threshold'
  | 'indexRecall'
  | 'hits'
  | 'faults'
  | 'newFaults'
  | 'seedAccounts'
  | 'submitted'
  | 'sites'
  | 'notLookedInto'
  | 'workers'
  | 'queue'
  | 'diskMB'
> & {
  /** Testcases that the model ran for their gradients, and gradients of a testcase, over all sessions. */
  readonly ascent: Pick<AscentAccount, 'forwards' | 'gradients'>;
  /** Tokens that a language model read, each as often as it ran, over all sessions; 0 for other models. */
  readonly readTokens: number;
};

/** A campaign's statistics at one moment; the names are those of stats.json (docs/stats.md). */
export interface Statistics {
  readonly execs: number;
  /**
   * Passes of the model: mutants, testcases that ran for their gradients, and gradients by their measured price in passes. A language
   * model passes once for each token.
   */
  readonly forwardEquivalents: number;
  /** Gradients of a testcase that were computed. */
  readonly gradients: number;
  /** Mutants out of `execs` that did not run because the model ended the worker's process first. */
  readonly lost: number;
  /** Mutants out of `execs` that got lookahead alone: their margin was predicted, and no answer generated. */
  readonly looked: number;
  /** Tokens that a language model generated or scored. */
  readonly spoken: number;
  /** Share of all draws that could not be projected into the constraints. */
  readonly rejected: number;
  readonly mutators: readonly MutatorStatistics[];
  /** Over all sessions. */
  readonly elapsedSeconds: number;
  /** Average over `elapsedSeconds`. */
  readonly execsPerSecond: number;
  /** Average over the last ten seconds. */
  readonly execsPerSecondNow: number;
  readonly tasks: number;
  readonly corpus: number;
  readonly seeds: number;
  /** Score above which activations are new, now: a squared L2 distance, or a number of new elements. */
  readonly threshold: number;
  /** Recall at 1 of an approximate index, on a sample of its searches; absent where searches are exact. */
  readonly indexRecall?: IndexRecall;
  /** Times that the threshold was adapted in this session. */
  readonly thresholdChanges: number;
  readonly secondsSinceNew: number;
  /** Corpus entries added in each of the last spans of time, all of `newEntriesSpan` seconds, oldest first. */
  readonly newEntries: readonly number[];
  readonly newEntriesSpan: number;
  readonly hits: number;
  readonly faults: readonly Fault[];
  /** How likely the next mutant is to show another fault. */
  readonly newFaults: NewFaultChance;
  /** Accounts of the seeds, for each objective that has any. */
  readonly seedAccounts: readonly SeedStatistics[];
  /** Inputs that were submitted to the model; absent where the search runs on the model itself. */
  readonly submitted?: number;
  /** Numerical sites in topological order. */
  readonly sites: readonly SiteStatistics[];
  /** What the campaign leaves out. */
  readonly notLookedInto: readonly NotLookedInto[];
  readonly jobs: number;
  readonly workers: readonly WorkerStatistics[];
  /** Absent for a campaign that is not on a queue. */
  readonly queue?: QueueStatistics;
  /** Share of the workers' time spent in each phase; `waiting` is the rest. */
  readonly shares: Readonly<Record<keyof PhaseSeconds | 'waiting', number>>;
  /** Utilization of the main process's event loop, 0 to 1. */
  readonly mainBusy: number;
  readonly mainMemoryMB: number;
  readonly mainPeakMemoryMB: number;
  readonly diskMB: number;
}

/** Most spans of `newEntries`; when a campaign outgrows them, two are merged into one. */
const MAX_SPANS = 60;

/** Collects the statistics that need a clock: rates, shares of time, and memory. */
export class StatisticsCollector {
  readonly #startMs = performance.now();
  readonly #earlierSeconds: number;
  readonly #phaseSeconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
  readonly #execsHistory: { seconds: number; execs: number }[] = [];
  readonly #loopUtilization = performance.eventLoopUtilization();
  #lastNewSeconds = 0;
  readonly #refusals = new Set<string>();
  #tasks = 0;
  /** Seconds of a pass and of a gradient in the last tasks of this session. */
  readonly #passTimes: number[] = [];
  readonly #gradientTimes: number[] = [];
  #thresholdChanges = 0;
  #spanSeconds = 1;
  #newEntries: number[] = [0];

  /** @param earlierSeconds length of the sessions before this one */
  constructor(earlierSeconds = 0) {
    this.#earlierSeconds = earlierSeconds;
  }

  /** Length of this session. */
  get sessionSeconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  /** Length of all sessions. */
  get elapsedSeconds(): number {
    return this.#earlierSeconds + this.sessionSeconds;
  }

  /**
   * Records what the gradients of an applied result took.
   *
   * @returns whether it says for the first time why there is no gradient
   */
  recordAscent({ gradients, gradientSeconds, refusal }: AscentAccount): boolean {
    if (gradients > 0) addLatest(this.#gradientTimes, gradientSeconds / gradients);
    const isNew = refusal !== undefined && !this.#refusals.has(refusal);
    if (refusal !== undefined) this.#refusals.add(refusal);
    return isNew;
  }

  /**
   * Records an applied result.
   *
   * @param mutants that it ran
   * @param addedEntries corpus entries that it added
   * @param isThresholdChanged whether it adapted the novelty threshold
   * @param readTokens tokens that a language model read
   * @param ascentSeconds those of the model that gradients took
   */
  recordTask(
    mutants: number,
    seconds: PhaseSeconds,
    addedEntries: number,
    isThresholdChanged: boolean,
    readTokens = 0,
    ascentSeconds = 0,
  ): void {
    const passes = readTokens > 0 ? readTokens : mutants;
    if (passes > 0) addLatest(this.#passTimes, (seconds.model - ascentSeconds) / passes);
    for (const phase of Object.keys(seconds) as (keyof PhaseSeconds)[])
      this.#phaseSeconds[phase] += seconds[phase];
    this.#tasks++;
    if (isThresholdChanged) this.#thresholdChanges++;
    if (addedEntries > 0) this.#lastNewSeconds = this.sessionSeconds;
    this.#newEntries[this.#currentSpan()] += addedEntries;
  }

  /**
   * Passes in all; those of gradients by their time in this session, or by the search's own estimate where none ran. Times are medians of
   * tasks, since the first run of a gradient, and a machine that is busy, take many times as long.
   */
  #passes({ execs, ascent, readTokens }: Pick<StateCounts, 'execs' | 'ascent' | 'readTokens'>): number {
    const { forwards, gradients } = ascent;
    const passes = readTokens > 0 ? readTokens : execs;
    const [perPass, perGradient] = [medianOf(this.#passTimes), medianOf(this.#gradientTimes)];
    return perGradient === undefined || perPass === undefined || perPass <= 0
      ? passes + (ascentPrice({ forwards, gradients }) * passes) / Math.max(1, execs)
      : passes + forwards + (gradients * perGradient) / perPass;
  }

  /** Index of the current span; doubles the length of spans when there are too many. */
  #currentSpan(): number {
    for (;;) {
      const span = Math.floor(this.sessionSeconds / this.#spanSeconds);
      while (this.#newEntries.length <= Math.min(span, MAX_SPANS - 1)) this.#newEntries.push(0);
      if (span < MAX_SPANS) return span;
      this.#spanSeconds *= 2;
      this.#newEntries = Array.from(
        { length: MAX_SPANS / 2 },
        (_, i) => (this.#newEntries[2 * i] ?? 0) + (this.#newEntries[2 * i + 1] ?? 0),
      );
    }
  }

  /** The statistics at this moment. */
  snapshot({ faults, workers, ascent, readTokens, ...counts }: StateCounts): Statistics {
    const { sessionSeconds } = this;
    const { execs } = counts;
    this.#execsHistory.push({ seconds: sessionSeconds, execs });
    while (
      this.#execsHistory.length > 2 &&
      this.#execsHistory[1].seconds < sessionSeconds - RATE_WINDOW_SECONDS
    )
      this.#execsHistory.shift();
    const [from] = this.#execsHistory;
    const busy = Object.values(this.#phaseSeconds).reduce((sum, seconds) => sum + seconds, 0);
    const time = Math.max(sessionSeconds * Math.max(1, workers.length), 1e-9);
    const share = (seconds: number): number => round(seconds / time, 4);
    const { rss } = process.memoryUsage;
    this.#currentSpan();
    return {
      ...counts,
      forwardEquivalents: Math.round(this.#passes({ execs, ascent, readTokens })),
      gradients: ascent.gradients,
      elapsedSeconds: round(this.elapsedSeconds, 3),
      execsPerSecond: round(execs / Math.max(this.elapsedSeconds, 1e-9), 1),
      execsPerSecondNow: round((execs - from.execs) / Math.max(sessionSeconds - from.seconds, 1e-9), 1),
      tasks: this.#tasks,
      thresholdChanges: this.#thresholdChanges,
      secondsSinceNew: round(sessionSeconds - this.#lastNewSeconds, 3),
      newEntries: [...this.#newEntries],
      newEntriesSpan: this.#spanSeconds,
      faults,
      jobs: workers.length,
      workers,
      shares: {
        mutate: share(this.#phaseSeconds.mutate),
        model: share(this.#phaseSeconds.model),
        objectives: share(this.#phaseSeconds.objectives),
        coverage: share(this.#phaseSeconds.coverage),
        waiting: round(Math.max(0, 1 - busy / time), 4),
      },
      mainBusy: round(performance.eventLoopUtilization(this.#loopUtilization).utilization, 4),
      mainMemoryMB: Math.round(rss() / 1e6),
      mainPeakMemoryMB: Math.round(process.resourceUsage().maxRSS / 1e3),
    };
  }
}

/** Most times that are kept of each kind. */
const MAX_TIMES = 255;

function addLatest(times: number[], seconds: number): void {
  times.push(seconds);
  if (times.length > MAX_TIMES) times.shift();
}

function medianOf(numbers: readonly number[]): number | undefined {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
