import type { Violation } from '../objectives/objective.ts';
import type { Hit, HitCount, Task } from './scheduling/task.ts';

/** Counts a task's hits and keeps the data of the first few of each signature. */
export class HitCollector {
  readonly hits: Hit[] = [];
  readonly #counts = new Map<string, number>();
  readonly #saturated: ReadonlySet<string>;
  readonly #maxKept: number;

  constructor(task: Pick<Task, 'saturatedSignatures'>, keep: number) {
    this.#saturated = new Set(task.saturatedSignatures);
    this.#maxKept = keep;
  }

  /** Counts a hit; true where its data should be kept. */
  countHit({ signature }: Violation): boolean {
    const count = (this.#counts.get(signature) ?? 0) + 1;
    this.#counts.set(signature, count);
    return count <= this.#maxKept && !this.#saturated.has(signature);
  }

  add(hit: Hit): void {
    this.hits.push(hit);
  }

  counts(): HitCount[] {
    return [...this.#counts].map(([signature, hits]) => ({ signature, hits }));
  }
}
