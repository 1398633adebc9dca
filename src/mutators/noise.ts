import { normal, type Random, randomStream } from '../random.ts';

/** Standard normal draws kept in memory: small enough for a core's second-level cache. */
const POOL = 1 << 16;

/** Longest run of values that is read with one choice of windows. */
export const WINDOW = 1024;

/** Two windows of the pool and their weights: value i of the noise is `a·pool[p+i] + b·pool[q+i]`. */
export interface NoiseWindow {
  p: number;
  q: number;
  a: number;
  b: number;
}

/**
 * Gaussian noise for the price of two loads a value. A pool of normal draws is made once from the master
 * seed; noise is the sum of two of its windows at random places, turned by a random angle (a² + b² = 1),
 * which is again standard normal: Wallace's idea (ACM TOMS 22, 1996), without feeding the sums back.
 */
export class NoisePool {
  readonly values = new Float32Array(POOL + WINDOW);

  /** @param seed the campaign's master seed: every worker makes the same pool */
  constructor(seed: string) {
    const random = randomStream(seed, 'noise');
    for (let i = 0; i < this.values.length; i++) this.values[i] = normal(random);
  }

  /** Draws the windows of the next `WINDOW` values of noise, scaled by `sigma`, into `into`. */
  draw(random: Random, sigma: number, into: NoiseWindow): void {
    const angle = 2 * Math.PI * random.uniform();
    into.p = random.below(POOL);
    into.q = random.below(POOL);
    into.a = sigma * Math.cos(angle);
    into.b = sigma * Math.sin(angle);
  }
}
