import { readdirSync, readFileSync } from 'node:fs';

/** What a process does at one moment. */
export interface ProcessActivity {
  /** Whether it is stopped, waits for a processor or for the disk, or sleeps; of its threads the first in this order. */
  readonly state: 'stopped' | 'runnable' | 'asleep';
  /** Milliseconds of computing since it started, on all threads. */
  readonly cpu: number;
}

/** Longest time that one tick counts: where more has passed, this process itself did not get to run. */
const MAX_TICK_MS = 500;

/** Milliseconds of silence before the process is looked at. */
const MIN_SILENCE_MS = 1000;

/** How much longer than it counts a process may take by the clock. */
const MAX_STARVATION = 10;

/** Milliseconds of a tick of /proc's clock. */
const CLOCK_TICK_MS = 10;

/**
 * Measures how long a process has been silent although it could run. While it waits for a processor that others have, only its
 * own computing counts; while it is stopped, nothing. So a machine with too much to do makes no hang.
 */
export class RunningTime {
  readonly #look: () => ProcessActivity | undefined;
  readonly #now: () => number;
  #startedAt = 0;
  #tickedAt = 0;
  #counted = 0;
  #cpu: number | undefined;

  constructor(look: () => ProcessActivity | undefined, now: () => number = () => performance.now()) {
    this.#look = look;
    this.#now = now;
    this.reset();
  }

  /** Begins to count, since the process has been heard. */
  reset(): void {
    this.#startedAt = this.#tickedAt = this.#now();
    this.#counted = 0;
    this.#cpu = undefined;
  }

  /** Whether it has been silent for as many milliseconds. Call it several times a second. */
  exceeds(limit: number): boolean {
    const now = this.#now();
    const passed = Math.min(now - this.#tickedAt, MAX_TICK_MS);
    this.#tickedAt = now;
    this.#counted += now - this.#startedAt < MIN_SILENCE_MS ? passed : this.#share(passed);
    return this.#counted >= limit || now - this.#startedAt >= MAX_STARVATION * limit;
  }

  /** How much of the time since the last tick counts. */
  #share(passed: number): number {
    const activity = this.#look();
    if (activity === undefined) return passed;
    const { state, cpu } = activity;
    const computed = cpu - (this.#cpu ?? cpu - passed);
    this.#cpu = cpu;
    if (state === 'asleep') return passed;
    return state === 'stopped' ? 0 : Math.min(passed, computed);
  }
}

/** What a process does; undefined where that is not known: outside Linux, or where there is no such process. */
export function activityOf(pid: number): ProcessActivity | undefined {
  try {
    const folder = `/proc/${pid}/task`;
    const states = readdirSync(folder).map((thread) => statFields(`${folder}/${thread}/stat`)[0]);
    const fields = statFields(`/proc/${pid}/stat`);
    const has = (...letters: readonly string[]): boolean => states.some((state) => letters.includes(state));
    return {
      state: has('T', 't') ? 'stopped' : has('R', 'D') ? 'runnable' : 'asleep',
      cpu: (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS,
    };
  } catch {
    return undefined;
  }
}

/** Fields of a stat file from the state on; the name before it may hold blanks and brackets. */
function statFields(path: string): string[] {
  const text = readFileSync(path, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
