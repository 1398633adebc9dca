/** Vectors of one length, of which the oldest can be dropped. Indices count dropped ones as well. */
export class RecentVectors {
  #values = new Float32Array(1024);
  /** Index of the first vector that is here. */
  #first = 0;
  #end = 0;
  #width = 0;

  /** Length of a vector; 0 until one was added. */
  get width(): number {
    return this.#width;
  }

  /** Index of the first vector that was not dropped. */
  get first(): number {
    return this.#first;
  }

  append(vector: Float32Array): void {
    this.#width = vector.length;
    const start = (this.#end - this.#first) * this.#width;
    if (start + this.#width > this.#values.length) {
      const grown = new Float32Array(2 * (start + this.#width));
      grown.set(this.#values.subarray(0, start));
      this.#values = grown;
    }
    this.#values.set(vector, start);
    this.#end++;
  }

  /** The vectors from index `from`, which is here, up to `to`, `[to - from, width]`; a copy. */
  slice(from: number, to: number): Float32Array {
    return this.#values.slice((from - this.#first) * this.#width, (to - this.#first) * this.#width);
  }

  /** Drops the vectors before an index where they are more than `maxBytes`. */
  dropBefore(index: number, maxBytes: number): void {
    const dropped = (index - this.#first) * this.#width;
    if (dropped * Float32Array.BYTES_PER_ELEMENT <= maxBytes) return;
    this.#values = this.#values.slice(dropped, (this.#end - this.#first) * this.#width);
    this.#first = index;
  }
}
