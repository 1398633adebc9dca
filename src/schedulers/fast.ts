import { withRoomFor } from '../core/growable-array.ts';
import { decodeVarints, encodeVarints } from '../core/varints.ts';
import type { Scheduler, SchedulerKind } from './scheduler.ts';

const ALPHA = {
  name: 'alpha',
  default: 8,
  help: 'picks in a row of an entry that is new',
  min: 1,
  max: 1e6,
} as const;

const MOST = {
  name: 'most',
  default: 32,
  help: 'most picks in a row of an entry',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

/** Choices after which 2^s grows no more, so that it stays a number. */
const MAX_EXPONENT = 30;

interface SavedFast {
  readonly choices: string;
  readonly mutants: string;
  readonly queued: string;
  readonly current: number;
  readonly left: number;
}

/**
 * Picks the entry that was chosen least often, of several the one in whose neighbourhood the fewest mutants were, and then picks it p(i)
 * times in a row: p(i) = min(α · 2^s(i) / f(i), M), with s(i) choices before and f(i) mutants in its neighbourhood so far. So energy
 * grows with the choices of an entry, and stays low where its neighbourhood is hit anyway (AFLFast).
 */
class FastScheduler implements Scheduler {
  readonly #alpha: number;
  readonly #most: number;
  /** s(i): how often each entry was chosen. */
  #choices = new Uint32Array(1024);
  /** f(i): mutants that were in the neighbourhood of each entry. */
  #mutants = new Uint32Array(1024);
  /** f(i) when the entry was queued, by which the queue is in order. */
  #queued = new Uint32Array(1024);
  /** A binary heap of all entries, the next one first. */
  #heap: number[] = [];
  #current = 0;
  #left = 0;

  constructor(alpha: number, most: number) {
    this.#alpha = alpha;
    this.#most = most;
  }

  pick(): number {
    if (this.#left === 0) this.#choose();
    this.#left--;
    return this.#current;
  }

  added(entry: number): void {
    this.#choices = withRoomFor(this.#choices, entry);
    this.#mutants = withRoomFor(this.#mutants, entry);
    this.#queued = withRoomFor(this.#queued, entry);
    this.#choices[entry] = 0;
    this.#mutants[entry] = 0;
    this.#queued[entry] = 0;
    this.#heap.push(entry);
    this.#siftUp(this.#heap.length - 1);
  }

  observed(entry: number, mutants: number): void {
    this.#mutants[entry] += mutants;
  }

  save(): unknown {
    const saved = (numbers: Uint32Array): string => encodeVarints(numbers.subarray(0, this.#heap.length));
    return {
      choices: saved(this.#choices),
      mutants: saved(this.#mutants),
      queued: saved(this.#queued),
      current: this.#current,
      left: this.#left,
    };
  }

  restore(state: unknown): void {
    const { choices, mutants, queued, current, left } = state as SavedFast;
    this.#choices = decodeVarints(choices);
    this.#mutants = decodeVarints(mutants);
    this.#queued = decodeVarints(queued);
    this.#current = current;
    this.#left = left;
    // A sorted array is a heap, and the order is total: entries come out as they would have without the checkpoint.
    this.#heap = Array.from(this.#choices.keys()).sort((a, b) => (this.#isBefore(a, b) ? -1 : 1));
  }

  /** Makes the first entry of the queue the current one, and queues it again. */
  #choose(): void {
    const [entry] = this.#heap;
    const neighbourhood = Math.max(1, this.#mutants[entry]);
    const energy = (this.#alpha * 2 ** Math.min(this.#choices[entry], MAX_EXPONENT)) / neighbourhood;
    this.#current = entry;
    this.#left = Math.ceil(Math.min(energy, this.#most));
    this.#choices[entry]++;
    this.#queued[entry] = this.#mutants[entry];
    this.#siftDown();
  }

  #isBefore(a: number, b: number): boolean {
    if (this.#choices[a] !== this.#choices[b]) return this.#choices[a] < this.#choices[b];
    if (this.#queued[a] !== this.#queued[b]) return this.#queued[a] < this.#queued[b];
    return a < b;
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(heap[at], heap[parent])) return;
      [heap[at], heap[parent]] = [heap[parent], heap[at]];
      at = parent;
    }
  }

  #siftDown(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && this.#isBefore(heap[right], heap[left]) ? right : left;
      if (!this.#isBefore(heap[child], heap[at])) return;
      [heap[at], heap[child]] = [heap[child], heap[at]];
      at = child;
    }
  }
}

export const fast: SchedulerKind = {
  name: 'fast',
  help: 'by the power schedule of AFLFast: energy grows with the choices of an entry and falls with the mutants in its neighbourhood',
  source: 'AFLFast (Böhme, Pham, Roychoudhury, CCS 2016), sections 4.2 and 4.3',
  parameters: [ALPHA, MOST],
  make: (values) => new FastScheduler(values(ALPHA), values(MOST)),
};
