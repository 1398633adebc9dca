import { normal, type Random, randomStream } from '../random.ts';
import type { Bounds, Values } from './bounds.ts';
import { Kernel } from './kernel.ts';

/** Standard normal draws made once. */
const POOL = 1 << 16;

/** Places in the batch's noise that a window may begin at: with it, small enough for a first-level cache. */
const PLACES = 1 << 12;

/** Longest run of values that is read from one place. */
export const WINDOW = 1024;

/**
 * Gaussian noise for the price of one load a value, in two steps. A pool of normal draws is made once from
 * the master seed. For each batch, `refresh` makes noise that no other batch has: sums of two stretches of
 * the pool at random places, turned by a random angle (a² + b² = 1), which are again standard normal:
 * Wallace's idea (ACM TOMS 22, 1996), without feeding the sums back. A mutant then reads windows of that
 * noise at places of its own.
 */
export class NoisePool {
  /** One array for each length asked for, that noise is added into fastest. */
  readonly columns: readonly Float32Array[];
  /** The batch's noise: `place()` says where to read up to `WINDOW` values. */
  readonly #values: Float32Array;
  readonly #pool = new Float32Array(POOL + WINDOW);
  readonly #kernel: Kernel;

  /**
   * @param seed the campaign's master seed: every worker makes the same pool
   * @param columns lengths of the arrays that mutants are written to
   * @param longest values in the longest row
   */
  constructor(seed: string, columns: readonly number[] = [], longest = 0) {
    const random = randomStream(seed, 'noise');
    for (let i = 0; i < this.#pool.length; i++) this.#pool[i] = normal(random);
    this.#kernel = new Kernel([PLACES + WINDOW, ...columns], longest);
    this.#values = this.#kernel.array(PLACES + WINDOW);
    this.columns = columns.map((length) => this.#kernel.array(length));
  }

  /** Makes the noise of the next batch. */
  refresh(random: Random): void {
    const pool = this.#pool;
    const values = this.#values;
    for (let from = 0; from < values.length; from += WINDOW) {
      const angle = 2 * Math.PI * random.uniform();
      const a = Math.cos(angle);
      const b = Math.sin(angle);
      const p = random.below(POOL);
      const q = random.below(POOL);
      for (let i = 0; i < WINDOW; i++) values[from + i] = a * pool[p + i] + b * pool[q + i];
    }
  }

  /**
   * Writes parent + scale · noise, clipped to the bounds, to `out` from `offset` on, for the window of
   * positions `from` to `to`; draws where in the noise it reads.
   */
  add(
    out: Values,
    offset: number,
    parent: Values,
    bounds: Bounds,
    random: Random,
    scale: number,
    from: number,
    to: number,
  ): void {
    const place = random.below(PLACES) - from;
    if (out instanceof Float32Array && this.#kernel.holds(out)) {
      const row = parent as Float32Array;
      this.#kernel.add(out, offset, row, bounds, this.#values, place, scale, from, to);
      return;
    }
    const { low, high } = bounds;
    for (let i = from; i < to; i++) {
      const value = parent[i] + scale * this.#values[place + i];
      out[offset + i] = Math.min(high[i], Math.max(low[i], value));
    }
  }
}
