import { performance } from 'node:perf_hooks';
import type { QueueFigures, WorkerFigures } from '../../fuzzer/executor.ts';
import type { MutatorFigures } from '../../fuzzer/scheduling/mutator-scheduler.ts';
import type { PhaseSeconds } from '../../fuzzer/scheduling/task.ts';
import type { Fault } from '../findings/fault-registry.ts';
import type { SiteFigures } from './site-figures.ts';

/** Seconds over which the current rate is measured. */
const RATE_WINDOW = 10;

/** What the campaign's state counts. */
type Counts = Pick<
  Figures,
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
export interface Figures {
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
  readonly mutators: readonly MutatorFigures[];
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
  readonly sites: readonly SiteFigures[];
  readonly jobs: number;
  readonly workers: readonly WorkerFigures[];
  /** Absent where the campaign is on no queue. */
  readonly queue?: QueueFigures;
  /** Share of the workers' time spent in each part, and `waiting` for what is left. */
  readonly shares: Readonly<Record<keyof PhaseSeconds | 'waiting', number>>;
  /** Share of its time that the main process was busy. */
  readonly mainBusy: number;
  readonly mainMemoryMB: number;
  readonly mainPeakMemoryMB: number;
  readonly diskMB: number;
}

/** Spans that new entries are counted in; two of them become one as the campaign grows older. */
const SPANS = 60;

/** Measures rates over the whole time and over the last seconds. */
export class Statistics {
  readonly #start = performance.now();
  readonly #before: number;
  readonly #phases: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
  readonly #marks: { seconds: number; execs: number }[] = [];
  readonly #busy = performance.eventLoopUtilization();
  #lastNew = 0;
  #tasks = 0;
  #changes = 0;
  #span = 1;
  #entries: number[] = [0];

  /** @param before seconds of the sessions before this one */
  constructor(before = 0) {
    this.#before = before;
  }

  /** Seconds of this session. */
  get session(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Seconds of all sessions. */
  get elapsed(): number {
    return this.#before + this.session;
  }

  /** Notes a task's seconds, how much it brought, and whether the threshold was adapted. */
  task(seconds: PhaseSeconds, added: number, adapted: boolean): void {
    for (const phase of Object.keys(seconds) as (keyof PhaseSeconds)[]) this.#phases[phase] += seconds[phase];
    this.#tasks++;
    if (adapted) this.#changes++;
    if (added > 0) this.#lastNew = this.session;
    this.#entries[this.#place()] += added;
  }

  /** The span that this moment lies in; makes spans longer when they are too many. */
  #place(): number {
    for (;;) {
      const place = Math.floor(this.session / this.#span);
      while (this.#entries.length <= Math.min(place, SPANS - 1)) this.#entries.push(0);
      if (place < SPANS) return place;
      this.#span *= 2;
      this.#entries = Array.from(
        { length: SPANS / 2 },
        (_, i) => (this.#entries[2 * i] ?? 0) + (this.#entries[2 * i + 1] ?? 0),
      );
    }
  }

  figures({ faults, workers, ...counts }: Counts): Figures {
    const { session } = this;
    const { execs } = counts;
    this.#marks.push({ seconds: session, execs });
    while (this.#marks.length > 2 && this.#marks[1].seconds < session - RATE_WINDOW) this.#marks.shift();
    const [from] = this.#marks;
    const busy = Object.values(this.#phases).reduce((sum, seconds) => sum + seconds, 0);
    const time = Math.max(session * Math.max(1, workers.length), 1e-9);
    const share = (seconds: number): number => round(seconds / time, 4);
    const { rss } = process.memoryUsage;
    this.#place();
    return {
      ...counts,
      elapsedSeconds: round(this.elapsed, 3),
      execsPerSecond: round(execs / Math.max(this.elapsed, 1e-9), 1),
      execsPerSecondNow: round((execs - from.execs) / Math.max(session - from.seconds, 1e-9), 1),
      tasks: this.#tasks,
      thresholdChanges: this.#changes,
      secondsSinceNew: round(session - this.#lastNew, 3),
      newEntries: [...this.#entries],
      newEntriesSpan: this.#span,
      faults,
      jobs: workers.length,
      workers,
      shares: {
        mutate: share(this.#phases.mutate),
        model: share(this.#phases.model),
        objectives: share(this.#phases.objectives),
        coverage: share(this.#phases.coverage),
        waiting: round(Math.max(0, 1 - busy / time), 4),
      },
      mainBusy: round(performance.eventLoopUtilization(this.#busy).utilization, 4),
      mainMemoryMB: Math.round(rss() / 1e6),
      mainPeakMemoryMB: Math.round(process.resourceUsage().maxRSS / 1e3),
    };
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
