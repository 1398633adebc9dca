import { normal, type Random, randomStream } from '../random.ts';

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
  /** The batch's noise: `place()` says where to read up to `WINDOW` values. */
  readonly values = new Float32Array(PLACES + WINDOW);
  readonly #pool = new Float32Array(POOL + WINDOW);

  /** @param seed the campaign's master seed: every worker makes the same pool */
  constructor(seed: string) {
    const random = randomStream(seed, 'noise');
    for (let i = 0; i < this.#pool.length; i++) this.#pool[i] = normal(random);
  }

  /** Makes the noise of the next batch. */
  refresh(random: Random): void {
    const pool = this.#pool;
    for (let from = 0; from < this.values.length; from += WINDOW) {
      const angle = 2 * Math.PI * random.uniform();
      const a = Math.cos(angle);
      const b = Math.sin(angle);
      const p = random.below(POOL);
      const q = random.below(POOL);
      for (let i = 0; i < WINDOW; i++) this.values[from + i] = a * pool[p + i] + b * pool[q + i];
    }
  }

  /** Draws where a window begins. */
  place(random: Random): number {
    return random.below(PLACES);
  }
}
