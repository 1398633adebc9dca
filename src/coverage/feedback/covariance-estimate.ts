/**
 * The covariance of a layer's neurons over the inputs so far, estimated incrementally, and its norm: the layer's share of neural
 * coverage (NLC; Yuan, Pang, Wang, ICSE 2023, equations 4 to 8).
 */
export class CovarianceEstimate {
  readonly #size: number;
  readonly #mean: Float64Array;
  /** Lower triangle, row by row: the matrix is symmetric. */
  readonly #covariance: Float64Array;
  readonly #difference: Float64Array;
  #count = 0;
  /** Sum of the magnitudes of the whole matrix. */
  #total = 0;

  /** @param size neurons of the layer */
  constructor(size: number) {
    this.#size = size;
    this.#mean = new Float64Array(size);
    this.#covariance = new Float64Array((size * (size + 1)) / 2);
    this.#difference = new Float64Array(size);
  }

  copy(): CovarianceEstimate {
    const copy = new CovarianceEstimate(this.#size);
    copy.#mean.set(this.#mean);
    copy.#covariance.set(this.#covariance);
    copy.#count = this.#count;
    copy.#total = this.#total;
    return copy;
  }

  /** Mean magnitude of the covariances. */
  get norm(): number {
    return this.#size === 0 ? 0 : this.#total / this.#size ** 2;
  }

  /** By how much an input would raise the norm; negative where it would lower it. */
  gain(values: Float32Array, offset: number): number {
    if (this.#count === 0 || this.#size === 0) return 0;
    const { keep, spread } = this.#weights(values, offset);
    const difference = this.#difference;
    const covariance = this.#covariance;
    let total = 0;
    for (let j = 0, at = 0; j < this.#size; j++) {
      const scaled = spread * difference[j];
      for (let k = 0; k < j; k++, at++) total += 2 * Math.abs(keep * covariance[at] + scaled * difference[k]);
      total += Math.abs(keep * covariance[at] + scaled * difference[j]);
      at++;
    }
    return (total - this.#total) / this.#size ** 2;
  }

  add(values: Float32Array, offset: number): void {
    const { keep, spread } = this.#weights(values, offset);
    const difference = this.#difference;
    const covariance = this.#covariance;
    this.#count++;
    let total = 0;
    for (let j = 0, at = 0; j < this.#size; j++) {
      const scaled = spread * difference[j];
      for (let k = 0; k <= j; k++, at++) {
        covariance[at] = keep * covariance[at] + scaled * difference[k];
        total += (k === j ? 1 : 2) * Math.abs(covariance[at]);
      }
      this.#mean[j] += difference[j] / this.#count;
    }
    this.#total = total;
  }

  /** Number of inputs, mean and lower triangle of the covariance, as `restore` takes them. */
  save(): Float32Array {
    return Float32Array.from([this.#count, ...this.#mean, ...this.#covariance]);
  }

  static restore(size: number, saved: Float32Array): CovarianceEstimate {
    const estimate = new CovarianceEstimate(size);
    estimate.#count = saved[0];
    estimate.#mean.set(saved.subarray(1, 1 + size));
    estimate.#covariance.set(saved.subarray(1 + size));
    for (let j = 0, at = 0; j < size; j++)
      for (let k = 0; k <= j; k++, at++)
        estimate.#total += (k === j ? 1 : 2) * Math.abs(estimate.#covariance[at]);
    return estimate;
  }

  /** Numbers that `save` gives for a layer. */
  static savedLength(size: number): number {
    return 1 + size + (size * (size + 1)) / 2;
  }

  /** With n inputs so far and d the input's difference from their mean, the new covariance is n/(n+1)·C + n/(n+1)²·d·dᵀ. */
  #weights(values: Float32Array, offset: number): { readonly keep: number; readonly spread: number } {
    for (let j = 0; j < this.#size; j++) this.#difference[j] = values[offset + j] - this.#mean[j];
    const count = this.#count;
    return { keep: count / (count + 1), spread: count / (count + 1) ** 2 };
  }
}
