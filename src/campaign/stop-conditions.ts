import type { StopReason } from './monitor/monitor.ts';

/**
 * Milliseconds that are left of a time limit, which counts from the command's start: loading, seeds and calibrating are part
 * of it. Undefined without a limit.
 */
export function timeLeft(limitMs: number | undefined, startedAt: number, now: number): number | undefined {
  return limitMs === undefined ? undefined : Math.max(0, startedAt + limitMs - now);
}

interface Waiter {
  readonly resolve: (reason: StopReason) => void;
  readonly reject: (error: unknown) => void;
}

/** Conditions that end a campaign from outside its main loop: a signal, the time limit, a full disk, or an error elsewhere. */
export class StopConditions {
  #reason: StopReason | undefined;
  #failure: { readonly error: unknown } | undefined;
  #waiter: Waiter | undefined;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.requestStop('interrupted');

  /** @param milliseconds until the time limit; undefined for none */
  constructor(signal: AbortSignal, milliseconds: number | undefined) {
    this.#signal = signal;
    if (signal.aborted) this.requestStop('interrupted');
    else signal.addEventListener('abort', this.#onAbort, { once: true });
    if (milliseconds !== undefined) {
      // Node.js fires timers beyond 2^31 ms immediately.
      this.#timer = setTimeout(() => this.requestStop('time'), Math.min(milliseconds, 2 ** 31 - 1));
    }
  }

  /** The first reason to end the campaign; undefined while there is none. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Ends the current wait; a reason after the first one changes nothing. */
  requestStop(reason: StopReason): void {
    this.#reason ??= reason;
    this.#waiter?.resolve(this.#reason);
  }

  /** Has the current or next wait throw the error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#waiter?.reject(error);
  }

  /** @throws the error that `fail` was called with */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Waits for a promise or for a reason to end, whichever comes first. One wait at a time.
   * (`Promise.race` against a promise that lives as long as the campaign would keep every result in memory.)
   *
   * @throws the error that `fail` was called with, or the promise's rejection
   */
  async raceWithStop<T>(work: Promise<T>): Promise<T | StopReason> {
    this.throwIfFailed();
    if (this.#reason !== undefined) return this.#reason;
    try {
      return await new Promise<T | StopReason>((resolve, reject) => {
        this.#waiter = { resolve, reject };
        work.then(resolve, reject);
      });
    } finally {
      this.#waiter = undefined;
    }
  }

  /** Stops the timer and the signal's listener. */
  release(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
