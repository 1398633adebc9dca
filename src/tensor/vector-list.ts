/** Vectors of one length side by side, in one array that grows by doubling. */
export class VectorList {
  #values = new Float32Array(1024);
  #count = 0;
  #width = 0;

  /** Length of a vector; 0 while the list is empty. */
  get width(): number {
    return this.#width;
  }

  append(vector: Float32Array): void {
    this.#width = vector.length;
    const end = (this.#count + 1) * this.#width;
    if (end > this.#values.length) {
      const grown = new Float32Array(2 * end);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values.set(vector, this.#count * this.#width);
    this.#count++;
  }

  /** The vectors from index `from` up to `to`, `[to - from, width]`; a copy. */
  slice(from: number, to: number): Float32Array {
    return this.#values.slice(from * this.#width, to * this.#width);
  }
}
