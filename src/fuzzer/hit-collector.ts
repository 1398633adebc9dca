import type { Violation } from '../objectives/objective.ts';
import type { Hit, HitCount, Task } from './scheduling/task.ts';

/** Counts a task's hits and keeps the data of the first few of each signature. */
export class HitBook {
  readonly hits: Hit[] = [];
  readonly #counts = new Map<string, number>();
  readonly #saturated: ReadonlySet<string>;
  readonly #keep: number;

  constructor(task: Pick<Task, 'saturated'>, keep: number) {
    this.#saturated = new Set(task.saturated);
    this.#keep = keep;
  }

  /** Counts a hit; true where its data should be kept. */
  wants({ signature }: Violation): boolean {
    const count = (this.#counts.get(signature) ?? 0) + 1;
    this.#counts.set(signature, count);
    return count <= this.#keep && !this.#saturated.has(signature);
  }

  keep(hit: Hit): void {
    this.hits.push(hit);
  }

  counts(): HitCount[] {
    return [...this.#counts].map(([signature, hits]) => ({ signature, hits }));
  }
}
