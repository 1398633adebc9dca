import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds that a result waits for others to go along, and bytes with which none waits any longer. */
const GATHER = 25;
const ENOUGH = 1 << 20;

/** Sends results several at a time: what one sending costs hardly hangs on how much it sends. */
export class Outbox {
  readonly #send: (all: Buffer[]) => Promise<void>;
  #all: Buffer[] = [];
  #bytes = 0;
  #sent: Promise<void> | undefined;
  #full: () => void = () => {};

  constructor(send: (all: Buffer[]) => Promise<void>) {
    this.#send = send;
  }

  /** Settles once it is sent. @throws what sending throws */
  put(one: Buffer): Promise<void> {
    this.#all.push(one);
    this.#bytes += one.length;
    this.#sent ??= this.#soon();
    const sent = this.#sent;
    if (this.#bytes >= ENOUGH) this.#full();
    return sent;
  }

  async #soon(): Promise<void> {
    const full = new Promise<void>((done) => {
      this.#full = done;
    });
    await Promise.race([pause(GATHER), full]);
    const all = this.#all;
    this.#all = [];
    this.#bytes = 0;
    this.#sent = undefined;
    await this.#send(all);
  }
}
