import { type Random, randomStream } from '../../core/random.ts';

/** Settings of sampling the next token. */
export interface SamplerSettings {
  /** Divisor of the logits before a token is sampled; 0 decodes greedily. */
  readonly temperature: number;
  /** Number of likeliest tokens to sample from. */
  readonly topK: number;
  /** Seeds the draws, together with the prompt. */
  readonly seed: string;
}

/** Chooses the next token by its logits: sampled with temperature and top-k, or greedily. */
export class Sampler {
  readonly #settings: SamplerSettings;
  /** Unnormalized probabilities of the row sampled last. */
  #weights = new Float64Array(0);
  #heap = new Float64Array(0);
  /** Natural log-probability of the token chosen last, at the temperature (at 1 for greedy decoding). */
  logProb = 0;

  constructor(settings: SamplerSettings) {
    this.#settings = settings;
  }

  /** Random stream of a prompt's answer, the same in every batch; undefined for greedy decoding. */
  randomFor(prompt: ArrayLike<number>): Random | undefined {
    const { temperature, seed } = this.#settings;
    return temperature === 0 ? undefined : randomStream('answer', seed, Array.from(prompt).join());
  }

  /**
   * Chooses a token and sets `logProb`.
   *
   * @param logits `[rows, size]`
   * @param random of the row; undefined for the likeliest token, the first of equals
   */
  sample(logits: ArrayLike<number>, row: number, size: number, random: Random | undefined): number {
    const from = row * size;
    let best = 0;
    for (let id = 1; id < size; id++)
      if (logits[from + id] > logits[from + best] || Number.isNaN(logits[from + best])) best = id;
    const largest = logits[from + best];
    if (this.#weights.length < size) this.#weights = new Float64Array(size);
    const weights = this.#weights;
    const { topK } = this.#settings;
    const scale = this.#scale;
    let sum = 0;
    for (let id = 0; id < size; id++) {
      const weight = Math.exp((logits[from + id] - largest) * scale);
      weights[id] = weight;
      sum += weight;
    }
    // NaN or infinite logits give no probabilities to sample by.
    const canSample = sum > 0 && sum < Number.POSITIVE_INFINITY;
    const token = random === undefined || !canSample ? best : this.#drawToken(size, topK, random);
    this.logProb = (logits[from + token] - largest) * scale - Math.log(sum);
    return token;
  }

  /** Natural log-probability of a set of tokens together. */
  logProbOfSet(
    logits: ArrayLike<number>,
    row: number,
    size: number,
    isInSet: (id: number) => boolean,
  ): number {
    const from = row * size;
    let largest = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < size; id++) if (logits[from + id] > largest) largest = logits[from + id];
    const scale = this.#scale;
    let [sum, setSum] = [0, 0];
    for (let id = 0; id < size; id++) {
      const weight = Math.exp((logits[from + id] - largest) * scale);
      sum += weight;
      if (isInSet(id)) setSum += weight;
    }
    return Math.log(setSum) - Math.log(sum);
  }

  /**
   * Adds the derivatives of −log₂ of the probability of a set of tokens with respect to a row of logits.
   *
   * @param slope `[rows, size]`, as the logits
   */
  addSlopeOfSet(
    logits: ArrayLike<number>,
    row: number,
    size: number,
    isInSet: (id: number) => boolean,
    slope: Float32Array,
  ): void {
    const from = row * size;
    let largest = Number.NEGATIVE_INFINITY;
    let largestInSet = Number.NEGATIVE_INFINITY;
    for (let id = 0; id < size; id++) {
      if (logits[from + id] > largest) largest = logits[from + id];
      if (logits[from + id] > largestInSet && isInSet(id)) largestInSet = logits[from + id];
    }
    const scale = this.#scale;
    let [sum, setSum] = [0, 0];
    for (let id = 0; id < size; id++) {
      sum += Math.exp((logits[from + id] - largest) * scale);
      if (isInSet(id)) setSum += Math.exp((logits[from + id] - largestInSet) * scale);
    }
    const unit = scale / Math.LN2;
    for (let id = 0; id < size; id++) {
      const share = Math.exp((logits[from + id] - largest) * scale) / sum;
      const shareOfSet = isInSet(id) ? Math.exp((logits[from + id] - largestInSet) * scale) / setSum : 0;
      const derivative = unit * (share - shareOfSet);
      if (Number.isFinite(derivative)) slope[from + id] += derivative;
    }
  }

  get #scale(): number {
    const { temperature } = this.#settings;
    return temperature === 0 ? 1 : 1 / temperature;
  }

  /** Draws a token by the weights, of which there are `size`. */
  #drawToken(size: number, topK: number, random: Random): number {
    const weights = this.#weights;
    const smallest = topK < size ? this.#kthLargest(size, topK) : 0;
    let sum = 0;
    for (let id = 0; id < size; id++) if (weights[id] >= smallest) sum += weights[id];
    let left = random.uniform() * sum;
    let last = 0;
    for (let id = 0; id < size; id++) {
      if (weights[id] < smallest || weights[id] === 0) continue;
      last = id;
      left -= weights[id];
      if (left < 0) return id;
    }
    return last;
  }

  /** The smallest of the `count` largest weights: the root of a min-heap of them. */
  #kthLargest(size: number, count: number): number {
    if (this.#heap.length < count) this.#heap = new Float64Array(count);
    const heap = this.#heap;
    const weights = this.#weights;
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
    for (let i = 0; i < count; i++) heap[i] = weights[i];
    for (let i = (count >> 1) - 1; i >= 0; i--) sink(i);
    for (let id = count; id < size; id++) {
      if (weights[id] <= heap[0]) continue;
      heap[0] = weights[id];
      sink(0);
    }
    return heap[0];
  }
}
