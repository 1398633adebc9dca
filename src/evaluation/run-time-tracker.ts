/** Number of recent runs in a median, and the number required for the first. */
const MAX_REMEMBERED_RUNS = 31;
const MIN_RUNS = 7;

/** Usual duration of single-row runs by input shape: the median of recent runs. */
export class RunTimeTracker {
  readonly #recentSeconds = new Map<string, number[]>();

  /** Infinity until there are enough runs of the shape. */
  usualSeconds(shapeKey: string): number {
    const times = this.#recentSeconds.get(shapeKey) ?? [];
    return times.length >= MIN_RUNS ? median(times) : Number.POSITIVE_INFINITY;
  }

  record(shapeKey: string, seconds: number): void {
    const times = this.#recentSeconds.get(shapeKey) ?? [];
    times.push(seconds);
    if (times.length > MAX_REMEMBERED_RUNS) times.shift();
    this.#recentSeconds.set(shapeKey, times);
  }
}

/** Upper median; Infinity if there are no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.POSITIVE_INFINITY;
}
