/** Duration of a session's first backoff, and the maximum. */
const MIN_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 30_000;

/** Exponential backoff per session, after shards of it have failed. */
export class Backoffs {
  readonly #bySession = new Map<string, { readonly until: number; readonly times: number }>();
  readonly #now: () => number;

  /** @param now clock in ms */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  isActive(session: string): boolean {
    return (this.#bySession.get(session)?.until ?? 0) > this.#now();
  }

  /** Starts the next backoff of a session and returns its duration in ms: twice as long each time, up to the maximum. */
  start(session: string): number {
    const times = this.#bySession.get(session)?.times ?? 0;
    const duration = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** times);
    this.#bySession.set(session, { until: this.#now() + duration, times: times + 1 });
    return duration;
  }

  /** Forgets all sessions but these. */
  retain(sessions: ReadonlySet<string>): void {
    for (const session of this.#bySession.keys()) if (!sessions.has(session)) this.#bySession.delete(session);
  }
}
