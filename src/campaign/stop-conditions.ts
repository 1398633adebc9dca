import type { StopReason } from './monitor/monitor.ts';

interface Waiter {
  readonly resolve: (reason: StopReason) => void;
  readonly reject: (error: unknown) => void;
}

/** What ends a campaign from outside its loop: a signal, the clock, the disk, or a failure beside the loop. */
export class StopConditions {
  #reason: StopReason | undefined;
  #failure: { readonly error: unknown } | undefined;
  #waiter: Waiter | undefined;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.requestStop('interrupted');

  /** @param milliseconds until time is up; undefined for no end */
  constructor(signal: AbortSignal, milliseconds: number | undefined) {
    this.#signal = signal;
    if (signal.aborted) this.requestStop('interrupted');
    else signal.addEventListener('abort', this.#onAbort, { once: true });
    if (milliseconds !== undefined) {
      // Node.js fires timers beyond 2^31 ms at once.
      this.#timer = setTimeout(() => this.requestStop('time'), Math.min(milliseconds, 2 ** 31 - 1));
    }
  }

  /** Why the campaign should end, once it should. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  requestStop(reason: StopReason): void {
    this.#reason ??= reason;
    this.#waiter?.resolve(this.#reason);
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#waiter?.reject(error);
  }

  /** @throws what `fail` was called with */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Waits for work, one piece at a time, but no longer than until the campaign should end.
   * (`Promise.race` against a promise that lives as long as the campaign would keep every result in memory.)
   *
   * @throws what `fail` was called with, or what the work fails with
   */
  async raceWithStop<T>(work: Promise<T>): Promise<T | StopReason> {
    this.throwIfFailed();
    if (this.#reason !== undefined) return this.#reason;
    try {
      return await new Promise<T | StopReason>((done, failed) => {
        this.#waiter = { resolve: done, reject: failed };
        work.then(done, failed);
      });
    } finally {
      this.#waiter = undefined;
    }
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
