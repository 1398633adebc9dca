import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds that a result waits for others to go along, and bytes with which none waits any longer. */
const GATHER_MS = 25;
const MAX_BATCH_BYTES = 1 << 20;

/** Sends results several at a time: what one sending costs hardly hangs on how much it sends. */
export class ResultBatcher {
  readonly #send: (all: Buffer[]) => Promise<void>;
  #queued: Buffer[] = [];
  #bytes = 0;
  #flushing: Promise<void> | undefined;
  #flushNow: () => void = () => {};

  constructor(send: (all: Buffer[]) => Promise<void>) {
    this.#send = send;
  }

  /** Settles once it is sent. @throws what sending throws */
  add(one: Buffer): Promise<void> {
    this.#queued.push(one);
    this.#bytes += one.length;
    this.#flushing ??= this.#flush();
    const sent = this.#flushing;
    if (this.#bytes >= MAX_BATCH_BYTES) this.#flushNow();
    return sent;
  }

  async #flush(): Promise<void> {
    const full = new Promise<void>((done) => {
      this.#flushNow = done;
    });
    await Promise.race([pause(GATHER_MS), full]);
    const all = this.#queued;
    this.#queued = [];
    this.#bytes = 0;
    this.#flushing = undefined;
    await this.#send(all);
  }
}
