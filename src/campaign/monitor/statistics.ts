import { performance } from 'node:perf_hooks';
import type { QueueStatistics, WorkerStatistics } from '../../fuzzer/executor.ts';
import type { MutatorStatistics } from '../../fuzzer/scheduling/mutator-scheduler.ts';
import type { PhaseSeconds } from '../../fuzzer/scheduling/task.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { SiteStatistics } from './site-figures.ts';

/** Seconds over which the current rate is measured. */
const RATE_WINDOW_SECONDS = 10;

/** What the campaign's state counts. */
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
  | 'hits'
  | 'faults'
  | 'sites'
  | 'workers'
  | 'queue'
  | 'diskMB'
>;

/** The campaign's figures at one moment; the names are those of stats.json (docs/stats.md). */
export interface Statistics {
  readonly execs: number;
  /** Mutants out of `execs` that never ran, since the model ended its process before. */
  readonly lost: number;
  /** Mutants out of `execs` that the model took in to tell how near they are, without an answer. */
  readonly looked: number;
  /** Tokens that a model which goes on with texts said, or was asked how likely they are. */
  readonly spoken: number;
  /** Share of all mutants drawn that could not be brought within the constraints. */
  readonly rejected: number;
  /** What each mutator did and brought. */
  readonly mutators: readonly MutatorStatistics[];
  /** Over all sessions. */
  readonly elapsedSeconds: number;
  /** Over the whole time. */
  readonly execsPerSecond: number;
  /** Over the last ten seconds. */
  readonly execsPerSecondNow: number;
  readonly tasks: number;
  readonly corpus: number;
  readonly seeds: number;
  /** Squared L2 distance above which activations are new, as it stands. */
  readonly threshold: number;
  /** Times that the threshold was adapted in this session. */
  readonly thresholdChanges: number;
  readonly secondsSinceNew: number;
  /** Corpus entries that came in during each of the last equal spans of time, oldest first. */
  readonly newEntries: readonly number[];
  /** Seconds of one of those spans. */
  readonly newEntriesSpan: number;
  readonly hits: number;
  readonly faults: readonly Fault[];
  /** Operations that can go wrong, in topological order. */
  readonly sites: readonly SiteStatistics[];
  readonly jobs: number;
  readonly workers: readonly WorkerStatistics[];
  /** Absent where the campaign is on no queue. */
  readonly queue?: QueueStatistics;
  /** Share of the workers' time spent in each part, and `waiting` for what is left. */
  readonly shares: Readonly<Record<keyof PhaseSeconds | 'waiting', number>>;
  /** Share of its time that the main process was busy. */
  readonly mainBusy: number;
  readonly mainMemoryMB: number;
  readonly mainPeakMemoryMB: number;
  readonly diskMB: number;
}

/** Spans that new entries are counted in; two of them become one as the campaign grows older. */
const MAX_SPANS = 60;

/** Measures rates over the whole time and over the last seconds. */
export class StatisticsCollector {
  readonly #startMs = performance.now();
  readonly #earlierSeconds: number;
  readonly #phaseSeconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
  readonly #execsHistory: { seconds: number; execs: number }[] = [];
  readonly #loopUtilization = performance.eventLoopUtilization();
  #lastNewSeconds = 0;
  #tasks = 0;
  #thresholdChanges = 0;
  #spanSeconds = 1;
  #newEntries: number[] = [0];

  /** @param before seconds of the sessions before this one */
  constructor(before = 0) {
    this.#earlierSeconds = before;
  }

  /** Seconds of this session. */
  get sessionSeconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  /** Seconds of all sessions. */
  get elapsedSeconds(): number {
    return this.#earlierSeconds + this.sessionSeconds;
  }

  /** Notes a task's seconds, how much it brought, and whether the threshold was adapted. */
  recordTask(seconds: PhaseSeconds, added: number, adapted: boolean): void {
    for (const phase of Object.keys(seconds) as (keyof PhaseSeconds)[])
      this.#phaseSeconds[phase] += seconds[phase];
    this.#tasks++;
    if (adapted) this.#thresholdChanges++;
    if (added > 0) this.#lastNewSeconds = this.sessionSeconds;
    this.#newEntries[this.#currentSpan()] += added;
  }

  /** The span that this moment lies in; makes spans longer when they are too many. */
  #currentSpan(): number {
    for (;;) {
      const place = Math.floor(this.sessionSeconds / this.#spanSeconds);
      while (this.#newEntries.length <= Math.min(place, MAX_SPANS - 1)) this.#newEntries.push(0);
      if (place < MAX_SPANS) return place;
      this.#spanSeconds *= 2;
      this.#newEntries = Array.from(
        { length: MAX_SPANS / 2 },
        (_, i) => (this.#newEntries[2 * i] ?? 0) + (this.#newEntries[2 * i + 1] ?? 0),
      );
    }
  }

  snapshot({ faults, workers, ...counts }: StateCounts): Statistics {
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

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
