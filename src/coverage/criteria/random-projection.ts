import { randomStream } from '../../core/random.ts';
import { toFiniteFloat32 } from '../observation.ts';

/** Numbers in a projected vector: the relative error of squared distances is √(2/64), about 18 %, whatever the width was. */
export const PROJECTED_WIDTH = 64;

/**
 * A seeded random projection to `PROJECTED_WIDTH` numbers: each value is added with a random sign to one random position.
 * Squared lengths and distances keep their expectation and have the variance of a dense projection, for one addition a value
 * (feature hashing: Weinberger et al., ICML 2009, lemma 2).
 */
export class RandomProjection {
  readonly #width: number;
  readonly #targets: Uint8Array;
  readonly #signs: Float32Array;
  readonly #sums = new Float64Array(PROJECTED_WIDTH);

  /** @param width numbers in a vector before the projection */
  constructor(width: number, seed: string) {
    // One stream for all widths, so that the values that two have in common, such as the start of a sequence, are projected alike.
    const random = randomStream(seed, 'projection');
    this.#width = width;
    this.#targets = new Uint8Array(width);
    this.#signs = new Float32Array(width);
    for (let i = 0; i < width; i++) {
      this.#targets[i] = random.below(PROJECTED_WIDTH);
      this.#signs[i] = random.uniform() < 0.5 ? -1 : 1;
    }
  }

  /** Projects `[rows, width]` to `[rows, PROJECTED_WIDTH]`. Finite rows stay finite, and others stay as they are. */
  project(values: Float32Array, rows: number): Float32Array {
    const projected = new Float32Array(rows * PROJECTED_WIDTH);
    for (let row = 0; row < rows; row++) {
      this.#accumulate(values, row * this.#width);
      for (let i = 0; i < PROJECTED_WIDTH; i++)
        projected[row * PROJECTED_WIDTH + i] = toFiniteFloat32(this.#sums[i]);
    }
    return projected;
  }

  // Hot where a wide layer is watched: one pass over its values.
  #accumulate(values: Float32Array, offset: number): void {
    const targets = this.#targets;
    const signs = this.#signs;
    const sums = this.#sums;
    sums.fill(0);
    for (let i = 0; i < targets.length; i++) sums[targets[i]] += signs[i] * values[offset + i];
  }
}
