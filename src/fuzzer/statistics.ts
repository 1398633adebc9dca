import type { Fault } from './faults.ts';
import type { PhaseSeconds } from './task.ts';

/** Seconds over which the current rate is measured. */
const RATE_WINDOW = 10;

/** What the campaign's state counts. */
type Counts = Pick<Figures, 'execs' | 'corpus' | 'seeds' | 'threshold' | 'hits' | 'faults'>;

/** The campaign's figures at one moment; the names are those of stats.json. */
export interface Figures {
  readonly execs: number;
  readonly elapsedSeconds: number;
  /** Over the whole time. */
  readonly execsPerSecond: number;
  /** Over the last ten seconds. */
  readonly execsPerSecondNow: number;
  readonly corpus: number;
  readonly seeds: number;
  /** Squared L2 distance above which activations are new, as it stands. */
  readonly threshold: number;
  readonly secondsSinceNew: number;
  readonly hits: number;
  readonly faults: readonly Fault[];
  /** Share of the time spent in each part, and `store` for what is left: keeping, confirming, waiting. */
  readonly shares: Readonly<Record<keyof PhaseSeconds | 'store', number>>;
}

/** Measures rates over the whole time and over the last seconds. */
export class Statistics {
  readonly #start = performance.now();
  readonly #phases: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
  readonly #marks: { seconds: number; execs: number }[] = [{ seconds: 0, execs: 0 }];
  #lastNew = 0;

  get elapsed(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Notes a task's seconds and whether it brought something new. */
  task(seconds: PhaseSeconds, added: number): void {
    for (const phase of Object.keys(seconds) as (keyof PhaseSeconds)[]) this.#phases[phase] += seconds[phase];
    if (added > 0) this.#lastNew = this.elapsed;
  }

  figures({ execs, corpus, seeds, threshold, hits, faults }: Counts): Figures {
    const elapsed = this.elapsed;
    this.#marks.push({ seconds: elapsed, execs });
    while (this.#marks.length > 2 && this.#marks[1].seconds < elapsed - RATE_WINDOW) this.#marks.shift();
    const [from] = this.#marks;
    const busy = Object.values(this.#phases).reduce((sum, seconds) => sum + seconds, 0);
    const share = (seconds: number): number => round(seconds / Math.max(elapsed, 1e-9), 4);
    return {
      execs,
      elapsedSeconds: round(elapsed, 3),
      execsPerSecond: round(execs / Math.max(elapsed, 1e-9), 1),
      execsPerSecondNow: round((execs - from.execs) / Math.max(elapsed - from.seconds, 1e-9), 1),
      corpus,
      seeds,
      threshold,
      secondsSinceNew: round(elapsed - this.#lastNew, 3),
      hits,
      faults,
      shares: {
        mutate: share(this.#phases.mutate),
        model: share(this.#phases.model),
        objectives: share(this.#phases.objectives),
        coverage: share(this.#phases.coverage),
        store: share(Math.max(0, elapsed - busy)),
      },
    };
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
