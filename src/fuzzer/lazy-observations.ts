import { isFiniteVector } from '../coverage/observation.ts';
import { rowsOf } from '../tensor/tensor.ts';

/** A run's observations, computed on first use: in many runs no row is compared. */
export class LazyObservations {
  readonly #observe: () => Float32Array;
  readonly #rows: number;
  #vectors: Float32Array | undefined;

  /** @param observe makes them, `[rows, width]` */
  constructor(observe: () => Float32Array, rows: number) {
    this.#observe = observe;
    this.#rows = rows;
  }

  /** `[rows, width]` */
  get vectors(): Float32Array {
    this.#vectors ??= this.#observe();
    return this.#vectors;
  }

  get width(): number {
    return this.vectors.length / this.#rows;
  }

  isFinite(row: number): boolean {
    return isFiniteVector(this.vectors, row * this.width, this.width);
  }

  /** A row, copied. */
  at(row: number): Float32Array {
    return rowsOf(this.vectors, this.width, row, row + 1).slice();
  }
}
