import { elapsedText } from '../../core/duration.ts';
import { remainingText } from '../../core/progress.ts';
import type { SessionLimits } from './monitor.ts';
import type { Statistics } from './statistics.ts';

/** How long a session of a campaign has run, and how long it will. */
export interface SessionTime {
  readonly elapsedSeconds: number;
  readonly limitSeconds: number | undefined;
  /** Seconds until the first limit is reached; undefined where there is none, or none can be estimated. */
  readonly remainingSeconds: number | undefined;
}

/**
 * The time of a session. What `--execs` leaves is estimated by the current rate.
 *
 * @param now on `performance.now()`'s clock
 */
export function sessionTime(
  { startedAt, seconds, execs }: SessionLimits,
  statistics: Pick<Statistics, 'execs' | 'execsPerSecond' | 'execsPerSecondNow'>,
  now: number,
): SessionTime {
  const elapsedSeconds = Math.max(0, (now - startedAt) / 1000);
  const rate = statistics.execsPerSecondNow > 0 ? statistics.execsPerSecondNow : statistics.execsPerSecond;
  const left = [
    ...(seconds === undefined ? [] : [Math.max(0, seconds - elapsedSeconds)]),
    ...(execs === undefined || rate <= 0 ? [] : [Math.max(0, execs - statistics.execs) / rate]),
  ];
  return {
    elapsedSeconds,
    limitSeconds: seconds,
    remainingSeconds: left.length === 0 ? undefined : Math.min(...left),
  };
}

/** The time for people, in parts: `7 s of 60 s`, `remaining 53 s`. */
export function sessionTimeParts({ elapsedSeconds, limitSeconds, remainingSeconds }: SessionTime): string[] {
  return [
    elapsedText(elapsedSeconds, limitSeconds),
    ...(remainingSeconds === undefined ? [] : [remainingText(remainingSeconds)]),
  ];
}
