import type { Violation } from '../objectives/objective.ts';
import type { Hit, HitCount, Task } from './scheduling/task.ts';

/** Counts a task's hits and keeps the data of the first few of each signature, or of the first one of each seed. */
export class HitCollector {
  readonly hits: Hit[] = [];
  readonly #counts = new Map<string, number>();
  readonly #saturated: ReadonlySet<string>;
  readonly #maxKept: number;
  readonly #seeds: Set<number> | undefined;

  /**
   * @param maxKept hits of one signature whose data is kept
   * @param bySeed whether the first hit of each seed is kept in place of these, whatever its signature
   */
  constructor(task: Pick<Task, 'saturatedSignatures'>, maxKept: number, bySeed = false) {
    this.#saturated = new Set(task.saturatedSignatures);
    this.#maxKept = maxKept;
    this.#seeds = bySeed ? new Set() : undefined;
  }

  /** Whether the first hit of each seed is kept: `countHit` then needs the seed. */
  get keepsBySeed(): boolean {
    return this.#seeds !== undefined;
  }

  /** Counts a hit; true where its data should be kept. @param seed entry of its seed; needed where hits are kept by seed */
  countHit({ signature }: Pick<Violation, 'signature'>, seed?: number): boolean {
    const count = (this.#counts.get(signature) ?? 0) + 1;
    this.#counts.set(signature, count);
    if (this.#seeds !== undefined && seed !== undefined) {
      if (this.#seeds.has(seed)) return false;
      this.#seeds.add(seed);
      return true;
    }
    return count <= this.#maxKept && !this.#saturated.has(signature);
  }

  add(hit: Hit): void {
    this.hits.push(hit);
  }

  /** Hits of each signature, in the order of their first one. */
  counts(): HitCount[] {
    return [...this.#counts].map(([signature, hits]) => ({ signature, hits }));
  }
}
