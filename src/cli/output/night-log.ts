import type { Logger } from 'pino';
import { durationText, elapsedText } from '../../core/duration.ts';
import { formatCount } from '../../core/format-number.ts';
import { remainingText } from '../../core/progress.ts';
import type { CampaignFailure, NightMonitor, NightTurn } from '../../nightly/turns.ts';
import { failureText } from '../../report/fault-groups.ts';
import { createLogMonitor } from './monitors.ts';
import { NightCounts } from './night-counts.ts';

/** The time of a night. */
export class NightClock {
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #totalSeconds: number;

  /**
   * @param totalMs the budget in milliseconds
   * @param now clock in milliseconds
   */
  constructor(totalMs: number, now: () => number) {
    this.#now = now;
    this.#startMs = now();
    this.#totalSeconds = totalMs / 1000;
  }

  /** The time for people: `1 h 2 min of 8 h`, `remaining 6 h 58 min`. */
  get parts(): string[] {
    const seconds = (this.#now() - this.#startMs) / 1000;
    return [
      elapsedText(seconds, this.#totalSeconds),
      remainingText(Math.max(0, this.#totalSeconds - seconds)),
    ];
  }
}

/** A turn for people: `campaign 2 of 5: digits`. */
export function turnText({ name, number, total }: NightTurn): string {
  return `campaign ${number} of ${total}: ${name}`;
}

/** What a phase is at: `2 of 5` where one is done, and `5 of 5` at its end. */
export function placeText(done: number, total: number): string {
  return `${formatCount(Math.min(done + 1, total))} of ${formatCount(total)}`;
}

/** Logs a night, for output that is not a terminal: each turn, and each campaign's lines after its name. */
export function createNightLog(log: Logger, totalMs: number, now = () => performance.now()): NightMonitor {
  const counts = new NightCounts();
  const clock = new NightClock(totalMs, now);
  return {
    campaignMonitor: (turn) => {
      const turnTime = durationText(turn.milliseconds / 1000);
      log.info(
        `${turnText(turn)}, up to ${turnTime}; night: ${[...clock.parts, ...counts.parts].join(', ')}`,
      );
      const monitor = createLogMonitor(log.child({ name: turn.name }));
      return {
        ...monitor,
        onFault: (fault, folder) => {
          if (turn.knownSignatures.has(fault.signature))
            log.info(`${turn.name}: known fault: ${fault.signature}: ${fault.summary}`);
          else monitor.onFault(fault, folder);
        },
        onStatistics: (statistics) => {
          counts.addFaults(turn, statistics.faults);
          monitor.onStatistics(statistics);
        },
      };
    },
    onPhase: (text, done, total) =>
      log.info(total === undefined || done === undefined ? text : `${text}: ${placeText(done, total)}`),
    onFailure: (failure: CampaignFailure) => {
      counts.addFailure(failure);
      log.warn(failureText(failure));
    },
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
  };
}
