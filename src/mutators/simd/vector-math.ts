import type { Bounds, WorkingArray } from '../../constraints/bounds.ts';
import type { SimdKernel } from './kernel.ts';

/** Arithmetic on whole rows: by the kernel for arrays in its memory, else value by value. */
export class VectorMath {
  readonly #kernel: SimdKernel;

  constructor(kernel: SimdKernel) {
    this.#kernel = kernel;
  }

  /** Writes x + share · (y − x) to `out` from `offset` on. */
  lerp(out: WorkingArray, offset: number, x: WorkingArray, y: WorkingArray, share: number): void {
    if (out instanceof Float32Array && this.#kernel.holds(out)) {
      this.#kernel.lerp(out, offset, x as Float32Array, y as Float32Array, share);
      return;
    }
    for (let i = 0; i < x.length; i++) out[offset + i] = x[i] + share * (y[i] - x[i]);
  }

  /** Writes factor · x + shift to `out` from `offset` on. */
  scale(out: WorkingArray, offset: number, x: WorkingArray, factor: number, shift = 0): void {
    if (out instanceof Float32Array && this.#kernel.holds(out)) {
      this.#kernel.scale(out, offset, x as Float32Array, factor, shift);
      return;
    }
    for (let i = 0; i < x.length; i++) out[offset + i] = factor * x[i] + shift;
  }

  /** Clips a row of `out` to the bounds; NaN becomes the smallest legal value. */
  clip(out: WorkingArray, offset: number, size: number, bounds: Bounds): void {
    if (out instanceof Float32Array && this.#kernel.holds(out)) {
      this.#kernel.clip(out, offset, size, bounds);
      return;
    }
    const { low, high } = bounds;
    for (let i = 0; i < size; i++) {
      const value = out[offset + i];
      out[offset + i] = value > low[i] ? Math.min(value, high[i]) : low[i];
    }
  }
}
