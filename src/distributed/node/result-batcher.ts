import { setTimeout as pause } from 'node:timers/promises';

/** Delay before a batch is sent, and size in bytes at which it is sent at once. */
const GATHER_MS = 25;
const MAX_BATCH_BYTES = 1 << 20;

/** Sends results in batches, because the cost of a round trip hardly depends on its size. */
export class ResultBatcher {
  readonly #send: (batch: Buffer[]) => Promise<void>;
  #queued: Buffer[] = [];
  #bytes = 0;
  #flushing: Promise<void> | undefined;
  #flushNow: () => void = () => {};

  constructor(send: (batch: Buffer[]) => Promise<void>) {
    this.#send = send;
  }

  /** Adds a result; resolves when its batch has been sent, and rejects with the error of sending it. */
  add(result: Buffer): Promise<void> {
    this.#queued.push(result);
    this.#bytes += result.length;
    this.#flushing ??= this.#flush();
    const sent = this.#flushing;
    if (this.#bytes >= MAX_BATCH_BYTES) this.#flushNow();
    return sent;
  }

  async #flush(): Promise<void> {
    const full = new Promise<void>((resolve) => {
      this.#flushNow = resolve;
    });
    await Promise.race([pause(GATHER_MS), full]);
    const batch = this.#queued;
    this.#queued = [];
    this.#bytes = 0;
    this.#flushing = undefined;
    await this.#send(batch);
  }
}
