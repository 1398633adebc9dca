import { estimateText } from './duration.ts';
import { formatCount, pluralNoun } from './format-number.ts';

/** How far a piece of work is. */
export interface Progress {
  /** What is done, for people: `replaying`, `campaign letters`. */
  readonly label: string;
  /** Pieces that are done. */
  readonly done: number;
  /** All pieces; undefined while that is not known. */
  readonly total?: number | undefined;
  /** True where there may be fewer pieces than `total`. */
  readonly isUpperBound?: boolean | undefined;
  /** What is counted, as a singular noun: `finding`. */
  readonly unit: string;
  /** Its plural, where that is irregular. */
  readonly units?: string | undefined;
  /** Seconds that are left, where that is known otherwise than from the pieces that are done, such as from a time limit. */
  readonly remainingSeconds?: number | undefined;
  /** The progress within the piece that is being worked on. */
  readonly inner?: Progress | undefined;
}

/** Receives the progress of a piece of work; may be called as often as there is any. */
export type OnProgress = (progress: Progress) => void;

/** Share of the work that is done, 0 to 1, that of the current piece included; undefined while the total is not known. */
export function progressShare({ done, total, inner }: Progress): number | undefined {
  if (total === undefined || total <= 0) return undefined;
  const current = done < total && inner !== undefined ? (progressShare(inner) ?? 0) : 0;
  return Math.min(1, (done + current) / total);
}

/** What is counted, for people: `3 of 12 findings`, `4,321 of at most 20,000 runs`, `1,024 testcases`. */
export function countText(
  { done, total, unit, units, isUpperBound = false }: Progress,
  withUnit = true,
): string {
  const noun = (count: number): string => (withUnit ? ` ${pluralNoun(count, unit, units)}` : '');
  if (total === undefined) return `${formatCount(done)}${noun(done)}`;
  return `${formatCount(done)} of ${isUpperBound && withUnit ? 'at most ' : ''}${formatCount(total)}${noun(total)}`;
}

/** The remaining time for people: `remaining 4 min`. */
export function remainingText(seconds: number, isUpperBound = false): string {
  return `remaining ${isUpperBound ? 'at most ' : ''}${estimateText(seconds)}`;
}

/** Least time and share of the work from which a remaining time is estimated: before, it would jump about. */
const MIN_ESTIMATE_SECONDS = 1;
const MIN_ESTIMATE_SHARE = 0.01;

/** Estimates how long pieces of work take, by how long the part that is done took. */
export class RemainingTime {
  readonly #now: () => number;
  /** When the work of each level began, the outermost first. */
  #levels: { readonly label: string; readonly startMs: number; readonly startShare: number }[] = [];

  /** @param now clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Seconds that are left of each level, the outermost first; undefined where that is not known.
   */
  estimate(progress: Progress): readonly (number | undefined)[] {
    const seconds: (number | undefined)[] = [];
    let level: Progress | undefined = progress;
    for (let depth = 0; level !== undefined; depth++, level = level.inner) {
      seconds.push(level.remainingSeconds ?? this.#estimateLevel(level, depth));
    }
    this.#levels.length = Math.min(this.#levels.length, seconds.length);
    return seconds;
  }

  #estimateLevel(level: Progress, depth: number): number | undefined {
    const share = progressShare(level);
    const known = this.#levels[depth];
    if (known?.label !== level.label || (share ?? 0) < known.startShare) {
      this.#levels = this.#levels.slice(0, depth);
      this.#levels[depth] = { label: level.label, startMs: this.#now(), startShare: share ?? 0 };
      return undefined;
    }
    const seconds = (this.#now() - known.startMs) / 1000;
    const doneShare = (share ?? 0) - known.startShare;
    if (share === undefined || seconds < MIN_ESTIMATE_SECONDS || doneShare < MIN_ESTIMATE_SHARE)
      return undefined;
    return (seconds * (1 - share)) / doneShare;
  }
}
