import type { Violation } from '../objectives/objective.ts';
import type { Hit, HitCount, Task } from './scheduling/task.ts';

/** Counts a task's hits and keeps the data of the first few of each signature. */
export class HitCollector {
  readonly hits: Hit[] = [];
  readonly #counts = new Map<string, number>();
  readonly #saturated: ReadonlySet<string>;
  readonly #maxKept: number;

  /** @param maxKept hits of one signature whose data is kept */
  constructor(task: Pick<Task, 'saturatedSignatures'>, maxKept: number) {
    this.#saturated = new Set(task.saturatedSignatures);
    this.#maxKept = maxKept;
  }

  /** Counts a hit; true where its data should be kept. */
  countHit({ signature }: Pick<Violation, 'signature'>): boolean {
    const count = (this.#counts.get(signature) ?? 0) + 1;
    this.#counts.set(signature, count);
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
