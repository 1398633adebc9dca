import type { Stopped } from './monitor/monitor.ts';

interface Waiting {
  readonly stopped: (reason: Stopped) => void;
  readonly failed: (error: unknown) => void;
}

/** What ends a campaign from outside its loop: a signal, the clock, the disk, or a failure beside the loop. */
export class Stop {
  #reason: Stopped | undefined;
  #failure: { readonly error: unknown } | undefined;
  #waiting: Waiting | undefined;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.ask('interrupted');

  /** @param milliseconds until time is up; undefined for no end */
  constructor(signal: AbortSignal, milliseconds: number | undefined) {
    this.#signal = signal;
    if (signal.aborted) this.ask('interrupted');
    else signal.addEventListener('abort', this.#onAbort, { once: true });
    if (milliseconds !== undefined) {
      // Node.js fires timers beyond 2^31 ms at once.
      this.#timer = setTimeout(() => this.ask('time'), Math.min(milliseconds, 2 ** 31 - 1));
    }
  }

  /** Why the campaign should end, once it should. */
  get reason(): Stopped | undefined {
    return this.#reason;
  }

  ask(reason: Stopped): void {
    this.#reason ??= reason;
    this.#waiting?.stopped(this.#reason);
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#waiting?.failed(error);
  }

  /** @throws what `fail` was called with */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Waits for work, one piece at a time, but no longer than until the campaign should end.
   * (`Promise.race` against a promise that lives as long as the campaign would keep every result in memory.)
   *
   * @throws what `fail` was called with, or what the work fails with
   */
  async orWork<T>(work: Promise<T>): Promise<T | Stopped> {
    this.check();
    if (this.#reason !== undefined) return this.#reason;
    try {
      return await new Promise<T | Stopped>((done, failed) => {
        this.#waiting = { stopped: done, failed };
        work.then(done, failed);
      });
    } finally {
      this.#waiting = undefined;
    }
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
