import type { Bounds } from '../../constraints/bounds.ts';
import { KERNEL_BASE64 } from './kernel-binary.ts';

interface KernelExports {
  addWithin(
    out: number,
    parent: number,
    noise: number,
    count: number,
    scale: number,
    low: number,
    high: number,
  ): void;
  addWithinEach(
    out: number,
    parent: number,
    noise: number,
    count: number,
    scale: number,
    lows: number,
    highs: number,
  ): void;
  clip(out: number, count: number, low: number, high: number): void;
  clipEach(out: number, count: number, lows: number, highs: number): void;
  lerp(out: number, x: number, y: number, count: number, share: number): void;
  scale(out: number, x: number, count: number, factor: number, shift: number): void;
}

const PAGE_BYTES = 1 << 16;
const ALIGNMENT_BYTES = 64;

const kernelModule = new WebAssembly.Module(Buffer.from(KERNEL_BASE64, 'base64'));

/**
 * WebAssembly kernel that processes four values at a time (kernel.wat). Its arrays lie in its own memory: the batch that
 * mutants are written to, the noise, and copies of the parent, the partner and the bounds in use.
 */
export class SimdKernel {
  readonly #buffer: ArrayBuffer;
  readonly #exports: KernelExports;
  #usedBytes = 0;
  readonly #parent: Float32Array;
  readonly #partner: Float32Array;
  readonly #low: Float32Array;
  readonly #high: Float32Array;
  #stagedParent: unknown;
  #stagedPartner: unknown;
  #stagedBounds: unknown;

  /**
   * @param arrays lengths of the float32 arrays that `array` allocates
   * @param longest values in the longest row
   */
  constructor(arrays: readonly number[], longest: number) {
    const bytes = [...arrays, longest, longest, longest, longest].reduce(
      (sum, length) => sum + alignBytes(4 * length),
      0,
    );
    // Memory never grows: growing would detach every array in it.
    const pages = Math.ceil(bytes / PAGE_BYTES) + 1;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#buffer = memory.buffer;
    const { exports } = new WebAssembly.Instance(kernelModule, { kernel: { memory } });
    this.#exports = exports as typeof exports & KernelExports;
    this.#parent = this.array(longest);
    this.#partner = this.array(longest);
    this.#low = this.array(longest);
    this.#high = this.array(longest);
  }

  /** Allocates an array in the kernel's memory, of one of the constructor's lengths. */
  array(length: number): Float32Array {
    const array = new Float32Array(this.#buffer, this.#usedBytes, length);
    this.#usedBytes += alignBytes(4 * length);
    return array;
  }

  /** Whether an array lies in the kernel's memory. */
  holds(array: ArrayBufferView): boolean {
    return array.buffer === this.#buffer;
  }

  /**
   * Writes parent + scale · noise, clipped to the bounds, to `out` from `offset` on, for positions `from` to
   * `to` of a row. Bounds and parents outside this memory are cached by identity: their values must not change.
   *
   * @param out an array of this memory
   * @param noise an array of this memory; position i reads `noise[noiseStart + i]`
   */
  add(
    out: Float32Array,
    offset: number,
    parent: Float32Array,
    bounds: Bounds,
    noise: Float32Array,
    noiseStart: number,
    scale: number,
    from: number,
    to: number,
  ): void {
    const at = out.byteOffset + 4 * (offset + from);
    const parentAt = this.#addressOf(parent) + 4 * from;
    const noiseAt = noise.byteOffset + 4 * (noiseStart + from);
    const count = 4 * (to - from);
    if (bounds.uniform) {
      this.#exports.addWithin(at, parentAt, noiseAt, count, scale, bounds.low[0], bounds.high[0]);
      return;
    }
    this.#stageBounds(bounds);
    const lowAt = this.#low.byteOffset + 4 * from;
    const highAt = this.#high.byteOffset + 4 * from;
    this.#exports.addWithinEach(at, parentAt, noiseAt, count, scale, lowAt, highAt);
  }

  /**
   * Clips `size` values of `out`, from `offset` on, to the bounds; NaN becomes the smallest legal value.
   *
   * @param out an array of this memory
   */
  clip(out: Float32Array, offset: number, size: number, bounds: Bounds): void {
    const at = out.byteOffset + 4 * offset;
    if (bounds.uniform) {
      this.#exports.clip(at, 4 * size, bounds.low[0], bounds.high[0]);
      return;
    }
    this.#stageBounds(bounds);
    this.#exports.clipEach(at, 4 * size, this.#low.byteOffset, this.#high.byteOffset);
  }

  /** Writes x + share · (y − x) to `out`, an array of this memory; x and y as in `add`. */
  lerp(out: Float32Array, offset: number, x: Float32Array, y: Float32Array, share: number): void {
    if (!this.holds(y) && this.#stagedPartner !== y) {
      this.#partner.set(y);
      this.#stagedPartner = y;
    }
    const partnerAt = this.holds(y) ? y.byteOffset : this.#partner.byteOffset;
    this.#exports.lerp(out.byteOffset + 4 * offset, this.#addressOf(x), partnerAt, 4 * x.length, share);
  }

  /** Writes factor · x + shift to `out`, an array of this memory; x as in `add`. */
  scale(out: Float32Array, offset: number, x: Float32Array, factor: number, shift: number): void {
    this.#exports.scale(out.byteOffset + 4 * offset, this.#addressOf(x), 4 * x.length, factor, shift);
  }

  #addressOf(parent: Float32Array): number {
    if (this.holds(parent)) return parent.byteOffset;
    if (this.#stagedParent !== parent) {
      this.#parent.set(parent);
      this.#stagedParent = parent;
    }
    return this.#parent.byteOffset;
  }

  #stageBounds(bounds: Bounds): void {
    if (this.#stagedBounds === bounds) return;
    this.#low.set(bounds.low);
    this.#high.set(bounds.high);
    this.#stagedBounds = bounds;
  }
}

function alignBytes(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
