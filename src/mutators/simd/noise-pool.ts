import { type Bounds, type Values, widthAt } from '../../constraints/bounds.ts';
import { normal, type Random, randomStream } from '../../core/random.ts';
import { Kernel } from './kernel.ts';
import { Arithmetic } from './vector-math.ts';

/** Draws of each kind made once. */
const POOL = 1 << 16;

/** Places in the batch's noise that a window may begin at: with it, small enough for a first-level cache. */
const PLACES = 1 << 12;

/** Longest run of values that is read from one place. */
export const WINDOW = 1024;

/** Standard normal draws, or uniform ones in [-1, 1). */
export type NoiseKind = 'normal' | 'uniform';

/** Two rows that chains of mutators pass values through. */
const STAGES = 2;

/**
 * Noise for the price of one load a value, in two steps. Pools of normal and uniform draws are made once from
 * the master seed. For each batch, `refresh` makes noise that no other batch has. Normal: sums of two stretches
 * of the pool at random places, turned by a random angle (a² + b² = 1), which are again standard normal:
 * Wallace's idea (ACM TOMS 22, 1996), without feeding the sums back. Uniform: sums of two stretches modulo 1,
 * which are again uniform. A mutant then reads windows of that noise at places of its own.
 */
export class NoisePool {
  /** One array for each length asked for, that noise is added into fastest. */
  readonly columns: readonly Float32Array[];
  /** Two arrays of the longest row, in the same memory. */
  readonly stages: readonly Float32Array[];
  /** The batch's noise. */
  readonly #values: Readonly<Record<NoiseKind, Float32Array>>;
  readonly #pools: Readonly<Record<NoiseKind, Float32Array>>;
  /** Uniform noise is made where a batch first asks for it. */
  #stale = true;
  #shift = 0;
  #places: readonly [number, number] = [0, 0];
  readonly #kernel: Kernel;
  /** Arithmetic on rows of the same memory. */
  readonly arithmetic: Arithmetic;

  /**
   * @param seed the campaign's master seed: every worker makes the same pool
   * @param columns lengths of the arrays that mutants are written to
   * @param longest values in the longest row
   */
  constructor(seed: string, columns: readonly number[] = [], longest = 0) {
    const random = randomStream(seed, 'noise');
    const pool = (draw: () => number): Float32Array =>
      Float32Array.from({ length: POOL + WINDOW }, () => draw());
    this.#pools = { normal: pool(() => normal(random)), uniform: pool(() => random.uniform()) };
    const stages = new Array<number>(STAGES).fill(longest);
    const noise = PLACES + WINDOW;
    this.#kernel = new Kernel([noise, noise, ...columns, ...stages], longest);
    this.arithmetic = new Arithmetic(this.#kernel);
    this.#values = { normal: this.#kernel.array(noise), uniform: this.#kernel.array(noise) };
    this.columns = columns.map((length) => this.#kernel.array(length));
    this.stages = stages.map((length) => this.#kernel.array(length));
  }

  /** Makes the noise of the next batch. */
  refresh(random: Random): void {
    const pool = this.#pools.normal;
    const values = this.#values.normal;
    for (let from = 0; from < values.length; from += WINDOW) {
      const angle = 2 * Math.PI * random.uniform();
      const a = Math.cos(angle);
      const b = Math.sin(angle);
      const p = random.below(POOL);
      const q = random.below(POOL);
      for (let i = 0; i < WINDOW; i++) values[from + i] = a * pool[p + i] + b * pool[q + i];
    }
    this.#stale = true;
    this.#shift = random.uniform();
    this.#places = [random.below(POOL), random.below(POOL)];
  }

  /** The batch's noise of a kind, and a place where up to `WINDOW` values may be read, drawn from `random`. */
  window(kind: NoiseKind, random: Random): { readonly values: Float32Array; readonly place: number } {
    if (kind === 'uniform' && this.#stale) this.#refreshUniform();
    return { values: this.#values[kind], place: random.below(PLACES) };
  }

  #refreshUniform(): void {
    this.#stale = false;
    const pool = this.#pools.uniform;
    const values = this.#values.uniform;
    let [p, q] = this.#places;
    for (let from = 0; from < values.length; from += WINDOW) {
      for (let i = 0; i < WINDOW; i++) {
        const sum = pool[p + i] + pool[q + i] + this.#shift;
        values[from + i] = 2 * (sum - Math.floor(sum)) - 1;
      }
      // Steps that share no factor with the pool: no two stretches meet again within a batch.
      p = (p + 7919) % POOL;
      q = (q + 15013) % POOL;
    }
  }

  /**
   * Writes parent + scale · noise, clipped to the bounds, to `out` from `offset` on. The scale is a share of
   * each position's range.
   */
  add(
    kind: NoiseKind,
    out: Values,
    offset: number,
    parent: Values,
    bounds: Bounds,
    random: Random,
    scale: number,
  ): void {
    for (let from = 0; from < parent.length; from += WINDOW) {
      const to = Math.min(from + WINDOW, parent.length);
      const { values, place } = this.window(kind, random);
      // A window read upside down is another one.
      const signed = random.uniform() < 0.5 ? -scale : scale;
      if (out instanceof Float32Array && bounds.widths === undefined && this.#kernel.holds(out)) {
        const row = parent as Float32Array;
        const width = signed * bounds.width;
        this.#kernel.add(out, offset, row, bounds, values, place - from, width, from, to);
        continue;
      }
      const { low, high } = bounds;
      for (let i = from; i < to; i++) {
        const value = parent[i] + signed * widthAt(bounds, i) * values[place - from + i];
        out[offset + i] = Math.min(high[i], Math.max(low[i], value));
      }
    }
  }
}
