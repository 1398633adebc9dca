import pc from 'picocolors';
import type { Monitor } from '../../campaign/monitor/monitor.ts';
import type { Statistics } from '../../campaign/monitor/statistics.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import type { CampaignFailure, NightMonitor, NightTurn } from '../../nightly/turns.ts';
import { failureText } from '../../report/fault-groups.ts';
import { resumeLine } from '../launcher.ts';
import { fitParts, progressBar, wrapWords } from './fit.ts';
import { columnsOf, LiveArea, type TerminalStream } from './live-area.ts';
import { passesLevel } from './logging.ts';
import { NightCounts } from './night-counts.ts';
import { NightClock, placeText, turnText } from './night-log.ts';
import { LABEL_COLUMNS } from './status-rows.ts';
import { StatusScreen } from './status-screen.ts';
import { writeAbove } from './write-above.ts';

export interface NightScreenOptions {
  /** Time budget in milliseconds. */
  readonly totalMs: number;
  /** Whether campaigns run concurrently: each has one line then. */
  readonly isParallel: boolean;
  /** One of `LOG_LEVELS`: which lines are printed above the screen; by default `warn`, since every turn has notices. */
  readonly logLevel?: string | undefined;
  /** Clock in milliseconds. */
  readonly now?: () => number;
}

/**
 * The live screen of a night on a terminal: which campaign it is at, the remaining time, faults new and known, and below these the
 * campaign's own screen.
 */
export class NightScreen implements NightMonitor {
  readonly #stream: TerminalStream;
  readonly #area: LiveArea;
  readonly #isParallel: boolean;
  readonly #logLevel: string;
  readonly #counts = new NightCounts();
  readonly #clock: NightClock;
  /** The running campaigns, and the latest figures of each. */
  readonly #running = new Map<NightTurn, Statistics | undefined>();

  constructor(
    stream: TerminalStream,
    { totalMs, isParallel, logLevel = 'warn', now = () => performance.now() }: NightScreenOptions,
  ) {
    this.#stream = stream;
    this.#area = new LiveArea(stream);
    this.#isParallel = isParallel;
    this.#logLevel = logLevel;
    this.#clock = new NightClock(totalMs, now);
  }

  campaignMonitor(turn: NightTurn): Monitor & { finish(): void } {
    this.#running.set(turn, undefined);
    const screen = this.#isParallel
      ? undefined
      : new StatusScreen(
          this.#stream,
          {
            resumeLine,
            logLevel: this.#logLevel,
            header: (columns) => [...this.#header(columns), ''],
          },
          this.#area,
        );
    const print = (level: string, text: string): void =>
      this.#printAbove(level, `${turn.name}: ${text}`, level === 'warn' ? pc.yellow : pc.dim);
    return {
      info: (text) => print('info', text),
      warn: (text) => print('warn', `warning: ${text}`),
      onPhase: (phase) => screen?.onPhase(phase),
      onStart: (plan) => screen?.onStart(plan),
      onFault: (fault) => {
        const isKnown = turn.knownSignatures.has(fault.signature);
        this.#printAbove(
          isKnown ? 'info' : 'warn',
          `${turn.name}: ${isKnown ? 'known' : 'new'} fault: ${fault.signature}: ${fault.summary}`,
          isKnown ? pc.dim : pc.red,
        );
      },
      onThresholdChange: (threshold, why) => screen?.onThresholdChange(threshold, why),
      onStatistics: (statistics) => {
        this.#counts.addFaults(turn, statistics.faults);
        this.#running.set(turn, statistics);
        if (screen === undefined) this.#drawCampaigns();
        else screen.onStatistics(statistics);
      },
      finish: () => void this.#running.delete(turn),
    };
  }

  onPhase(text: string, done = 0, total = 0): void {
    const columns = columnsOf(this.#stream);
    const progress = total === 0 ? [] : [placeText(done, total), progressBar(done / total)];
    const faults = row('faults', this.#counts.parts, columns);
    this.#draw([faults, row('state', [text, ...progress], columns)]);
  }

  onFailure(failure: CampaignFailure): void {
    this.#counts.addFailure(failure);
    this.warn(failureText(failure));
  }

  info(text: string): void {
    this.#printAbove('info', text, pc.dim);
  }

  warn(text: string): void {
    this.#printAbove('warn', `warning: ${text}`, pc.yellow);
  }

  /** Removes the screen, so that later output starts on a clean line. May be called repeatedly. */
  finish(): void {
    this.#area.finish();
  }

  #header(columns: number): string[] {
    const turns = [...this.#running.keys()];
    const [turn] = turns;
    const night =
      turns.length > 1
        ? [`${plural(turns.length, 'campaign')} at once`]
        : turn === undefined
          ? []
          : [turnText(turn)];
    return [
      ...(night.length === 0 ? [] : [row('night', night, columns)]),
      row('budget', this.#clock.parts, columns),
      row('faults', this.#counts.parts, columns),
    ];
  }

  /** Campaigns that run concurrently, a line each. */
  #drawCampaigns(): void {
    const columns = columnsOf(this.#stream);
    const lines = [...this.#running].map(([{ name }, statistics]) =>
      row(
        '',
        statistics === undefined
          ? [name, 'starting']
          : [
              name,
              plural(statistics.execs, 'mutant'),
              `${formatCount(Math.round(statistics.execsPerSecondNow))} per second`,
              plural(statistics.faults.length, 'fault'),
            ],
        columns,
      ),
    );
    this.#draw([...this.#header(columns), '', ...lines]);
  }

  #draw(lines: readonly string[]): void {
    this.#area.draw(`\n${lines.join('\n')}\n`);
  }

  #printAbove(level: string, text: string, colour: (text: string) => string): void {
    if (!passesLevel(level, this.#logLevel)) return;
    const lines = wrapWords(escapeControl(text), columnsOf(this.#stream)).map(colour);
    writeAbove(() => void this.#stream.write(`${lines.join('\n')}\n`));
  }
}

/** A row of the screen: its label, and as many parts as fit. */
function row(label: string, parts: readonly string[], columns: number): string {
  return `  ${pc.bold(label.padEnd(LABEL_COLUMNS - 3))} ${fitParts(parts, columns - LABEL_COLUMNS)}`;
}
