/** Memory limit of the tensors that one run gives, in bytes. */
const MAX_BYTES_PER_RUN = 8 << 20;

/** Tensors of the first run, whose sizes are not known yet. */
const INITIAL_TENSORS = 4;

/** Number of tensors to watch in one run, adapted to their sizes so that memory stays bounded. */
export class ChunkSize {
  readonly #maxTensors: number;
  #tensors = INITIAL_TENSORS;

  constructor(maxTensors: number) {
    this.#maxTensors = maxTensors;
  }

  get tensors(): number {
    return this.#tensors;
  }

  /** @param bytes of all the `tensors` that the last run gave */
  adapt(bytes: number, tensors: number): void {
    const bytesPerTensor = Math.max(1, bytes / tensors);
    const fitting = Math.floor(MAX_BYTES_PER_RUN / bytesPerTensor);
    this.#tensors = Math.max(1, Math.min(this.#maxTensors, fitting));
  }
}
