import { type Random, randomStream } from '../../core/random.ts';

/** How the next token is taken from what the model gives. */
export interface SamplerSettings {
  /** What logits are divided by before one is drawn; 0 takes the likeliest. */
  readonly temperature: number;
  /** Of how many of the likeliest tokens one is drawn. */
  readonly topK: number;
  /** With another one every prompt gets another answer. */
  readonly seed: string;
}

/** Takes the next token, drawn or the likeliest. */
export class Sampler {
  readonly #settings: SamplerSettings;
  #probabilities = new Float64Array(0);
  #heap = new Float64Array(0);
  /** Natural logarithm of the share that the token taken last had, by the model and the temperature. */
  logProb = 0;

  constructor(decoding: SamplerSettings) {
    this.#settings = decoding;
  }

  /** The draws of a prompt's answer: always the same ones, whatever batch it is in. */
  randomFor(prompt: ArrayLike<number>): Random | undefined {
    const { temperature, seed } = this.#settings;
    return temperature === 0 ? undefined : randomStream('answer', seed, Array.from(prompt).join());
  }

  /**
   * Takes a token.
   *
   * @param logits of several rows, `size` each
   * @param draws of the row; undefined where the likeliest is taken, of equals the first
   */
  sample(logits: ArrayLike<number>, row: number, size: number, draws: Random | undefined): number {
    const from = row * size;
    let best = 0;
    for (let id = 1; id < size; id++)
      if (logits[from + id] > logits[from + best] || Number.isNaN(logits[from + best])) best = id;
    const largest = logits[from + best];
    if (this.#probabilities.length < size) this.#probabilities = new Float64Array(size);
    const shares = this.#probabilities;
    const { temperature, topK } = this.#settings;
    const scale = temperature === 0 ? 1 : 1 / temperature;
    let sum = 0;
    for (let id = 0; id < size; id++) {
      const share = Math.exp((logits[from + id] - largest) * scale);
      shares[id] = share;
      sum += share;
    }
    // With no number to go by there is nothing to draw.
    const token =
      draws === undefined || !(sum > 0 && sum < Number.POSITIVE_INFINITY)
        ? best
        : this.#drawToken(size, topK, draws);
    this.logProb = (logits[from + token] - largest) * scale - Math.log(sum);
    return token;
  }

  /** Logarithms of the shares that some tokens have together. */
  logProbOfSet(
    logits: ArrayLike<number>,
    row: number,
    size: number,
    wanted: (id: number) => boolean,
  ): number {
    const from = row * size;
    let largest = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < size; id++) if (logits[from + id] > largest) largest = logits[from + id];
    const { temperature } = this.#settings;
    const scale = temperature === 0 ? 1 : 1 / temperature;
    let [sum, own] = [0, 0];
    for (let id = 0; id < size; id++) {
      const share = Math.exp((logits[from + id] - largest) * scale);
      sum += share;
      if (wanted(id)) own += share;
    }
    return Math.log(own) - Math.log(sum);
  }

  #drawToken(size: number, topK: number, draws: Random): number {
    const shares = this.#probabilities;
    const least = topK < size ? this.#kthLargest(size, topK) : 0;
    let sum = 0;
    for (let id = 0; id < size; id++) if (shares[id] >= least) sum += shares[id];
    let left = draws.uniform() * sum;
    let last = 0;
    for (let id = 0; id < size; id++) {
      if (shares[id] < least || shares[id] === 0) continue;
      last = id;
      left -= shares[id];
      if (left < 0) return id;
    }
    return last;
  }

  /** The smallest of the `count` largest shares: the root of a heap of them. */
  #kthLargest(size: number, count: number): number {
    if (this.#heap.length < count) this.#heap = new Float64Array(count);
    const heap = this.#heap;
    const shares = this.#probabilities;
    const sink = (start: number): void => {
      for (let at = start; ; ) {
        let child = 2 * at + 1;
        if (child >= count) return;
        if (child + 1 < count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= heap[at]) return;
        [heap[at], heap[child]] = [heap[child], heap[at]];
        at = child;
      }
    };
    for (let i = 0; i < count; i++) heap[i] = shares[i];
    for (let i = (count >> 1) - 1; i >= 0; i--) sink(i);
    for (let id = count; id < size; id++) {
      if (shares[id] <= heap[0]) continue;
      heap[0] = shares[id];
      sink(0);
    }
    return heap[0];
  }
}
