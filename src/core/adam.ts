/** Keeps the quotient of a step finite. */
const EPSILON = 1e-8;

/** Steps of Adam (Kingma & Ba, ICLR 2015). */
export class Adam {
  readonly #mean: Float64Array;
  readonly #square: Float64Array;
  readonly #decays: readonly [mean: number, square: number];
  #steps = 0;

  /** @param decays of the means of the gradient and of its square */
  constructor(size: number, decays: readonly [mean: number, square: number] = [0.9, 0.999]) {
    this.#mean = new Float64Array(size);
    this.#square = new Float64Array(size);
    this.#decays = decays;
  }

  /** Moves weights against a gradient, in place. @param rate length of a step */
  step(weights: Float64Array | Float32Array, gradient: ArrayLike<number>, rate: number): void {
    const [first, second] = this.#decays;
    this.#steps++;
    const [firstScale, secondScale] = [1 - first ** this.#steps, 1 - second ** this.#steps];
    for (let i = 0; i < weights.length; i++) {
      this.#mean[i] = first * this.#mean[i] + (1 - first) * gradient[i];
      this.#square[i] = second * this.#square[i] + (1 - second) * gradient[i] * gradient[i];
      const root = Math.sqrt(this.#square[i] / secondScale) + EPSILON;
      weights[i] -= (rate * (this.#mean[i] / firstScale)) / root;
    }
  }
}
