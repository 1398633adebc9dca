import { type Bounds, type WorkingArray, widthAt } from '../../constraints/bounds.ts';
import { drawNormal, type Random, randomStream } from '../../core/random.ts';
import { SimdKernel } from './kernel.ts';
import { VectorMath } from './vector-math.ts';

/** Number of draws in each pool. */
const POOL_SIZE = 1 << 16;

/** Number of positions in the batch's noise at which a window may start: the noise fits into a first-level cache. */
const WINDOW_STARTS = 1 << 12;

/** Maximum number of values read from one start. */
export const WINDOW_SIZE = 1024;

/** Standard normal draws, or uniform ones in [-1, 1). */
export type NoiseKind = 'normal' | 'uniform';

/** Rows through which stacked mutators pass intermediate values. */
const SCRATCH_ROWS = 2;

/**
 * Precomputed noise, at the cost of one load per value. Pools of normal and uniform draws are made once from the master
 * seed. For each batch, `refresh` combines new noise from them. Normal: a·p + b·q of two random stretches of the pool with
 * a² + b² = 1, which is again standard normal: Wallace's method (ACM TOMS 22, 1996), without feeding the sums back. Uniform:
 * sums of two stretches modulo 1, which are again uniform. A mutant then reads windows of that noise at random starts.
 */
export class NoisePool {
  /** Arrays in the kernel's memory, one for each length of the constructor's `columns`: noise is added to them fastest. */
  readonly inputs: readonly Float32Array[];
  /** Two arrays of the longest row, in the same memory. */
  readonly scratch: readonly Float32Array[];
  /** The batch's noise. */
  readonly #batchNoise: Readonly<Record<NoiseKind, Float32Array>>;
  readonly #pools: Readonly<Record<NoiseKind, Float32Array>>;
  /** Whether the batch's uniform noise must be computed before its first use. */
  #isUniformStale = true;
  #shift = 0;
  #uniformStarts: readonly [number, number] = [0, 0];
  readonly #kernel: SimdKernel;
  /** Arithmetic on rows of the same memory. */
  readonly vectorMath: VectorMath;

  /**
   * @param seed the campaign's master seed: every worker makes the same pool
   * @param columns lengths of the arrays that mutants are written to
   * @param longest values in the longest row
   */
  constructor(seed: string, columns: readonly number[] = [], longest = 0) {
    const random = randomStream(seed, 'noise');
    const pool = (draw: () => number): Float32Array =>
      Float32Array.from({ length: POOL_SIZE + WINDOW_SIZE }, () => draw());
    this.#pools = { normal: pool(() => drawNormal(random)), uniform: pool(() => random.uniform()) };
    const scratchLengths = new Array<number>(SCRATCH_ROWS).fill(longest);
    const noise = WINDOW_STARTS + WINDOW_SIZE;
    this.#kernel = new SimdKernel([noise, noise, ...columns, ...scratchLengths], longest);
    this.vectorMath = new VectorMath(this.#kernel);
    this.#batchNoise = { normal: this.#kernel.array(noise), uniform: this.#kernel.array(noise) };
    this.inputs = columns.map((length) => this.#kernel.array(length));
    this.scratch = scratchLengths.map((length) => this.#kernel.array(length));
  }

  /** Draws the noise of the next batch. */
  refresh(random: Random): void {
    const pool = this.#pools.normal;
    const values = this.#batchNoise.normal;
    for (let from = 0; from < values.length; from += WINDOW_SIZE) {
      const angle = 2 * Math.PI * random.uniform();
      const a = Math.cos(angle);
      const b = Math.sin(angle);
      const p = random.below(POOL_SIZE);
      const q = random.below(POOL_SIZE);
      for (let i = 0; i < WINDOW_SIZE; i++) values[from + i] = a * pool[p + i] + b * pool[q + i];
    }
    this.#isUniformStale = true;
    this.#shift = random.uniform();
    this.#uniformStarts = [random.below(POOL_SIZE), random.below(POOL_SIZE)];
  }

  /** The batch's noise of a kind, and a random start from which up to `WINDOW_SIZE` values may be read. */
  window(kind: NoiseKind, random: Random): { readonly values: Float32Array; readonly start: number } {
    if (kind === 'uniform' && this.#isUniformStale) this.#refreshUniform();
    return { values: this.#batchNoise[kind], start: random.below(WINDOW_STARTS) };
  }

  #refreshUniform(): void {
    this.#isUniformStale = false;
    const pool = this.#pools.uniform;
    const values = this.#batchNoise.uniform;
    let [p, q] = this.#uniformStarts;
    for (let from = 0; from < values.length; from += WINDOW_SIZE) {
      for (let i = 0; i < WINDOW_SIZE; i++) {
        const sum = pool[p + i] + pool[q + i] + this.#shift;
        values[from + i] = 2 * (sum - Math.floor(sum)) - 1;
      }
      // Steps without a common factor with the pool's size: no pair of stretches repeats within a batch.
      p = (p + 7919) % POOL_SIZE;
      q = (q + 15013) % POOL_SIZE;
    }
  }

  /**
   * Writes parent + scale · noise, clipped to the bounds, to `out` from `offset` on. The scale is a share of
   * each position's range.
   */
  add(
    kind: NoiseKind,
    out: WorkingArray,
    offset: number,
    parent: WorkingArray,
    bounds: Bounds,
    random: Random,
    scale: number,
  ): void {
    for (let from = 0; from < parent.length; from += WINDOW_SIZE) {
      const to = Math.min(from + WINDOW_SIZE, parent.length);
      const { values, start } = this.window(kind, random);
      // A random sign doubles the number of distinct windows.
      const signed = random.uniform() < 0.5 ? -scale : scale;
      if (out instanceof Float32Array && bounds.widths === undefined && this.#kernel.holds(out)) {
        const row = parent as Float32Array;
        const width = signed * bounds.width;
        this.#kernel.add(out, offset, row, bounds, values, start - from, width, from, to);
        continue;
      }
      const { low, high } = bounds;
      for (let i = from; i < to; i++) {
        const value = parent[i] + signed * widthAt(bounds, i) * values[start - from + i];
        out[offset + i] = Math.min(high[i], Math.max(low[i], value));
      }
    }
  }
}
