import { join } from 'node:path';
import pc from 'picocolors';
import type { Fault } from '../../campaign/findings/fault-registry.ts';
import {
  type CampaignPlan,
  type Monitor,
  phaseText,
  type StartPhase,
} from '../../campaign/monitor/monitor.ts';
import type { Statistics } from '../../campaign/monitor/statistics.ts';
import { durationText } from '../../core/duration.ts';
import { escapeControl } from '../../core/escape-control.ts';
import { fitParts, progressBar, wrapWords } from './fit.ts';
import { columnsOf, LiveArea, type TerminalStream } from './live-area.ts';
import { passesLevel } from './logging.ts';
import { campaignRows, DEFAULT_ROWS, LABEL_COLUMNS, screenLines } from './status-rows.ts';
import { writeAbove } from './write-above.ts';

export interface StatusScreenOptions {
  /** The command that resumes the campaign in a folder. */
  readonly resumeLine: (folder: string) => string;
  /** One of `LOG_LEVELS`: which lines are printed above the screen. */
  readonly logLevel?: string | undefined;
  /** Lines above the campaign's own, within so many columns, such as its place among others. */
  readonly header?: ((columns: number) => readonly string[]) | undefined;
}

/** The live screen on a terminal: redrawn in place, at most four times a second, as wide as the terminal at most. */
export class StatusScreen implements Monitor {
  readonly #stream: TerminalStream;
  readonly #area: LiveArea;
  readonly #options: StatusScreenOptions;
  readonly #started = performance.now();
  #plan: CampaignPlan | undefined;

  /** @param area where it is drawn; of its own by default, which `finish` removes */
  constructor(stream: TerminalStream, options: StatusScreenOptions, area = new LiveArea(stream)) {
    this.#stream = stream;
    this.#options = options;
    this.#area = area;
  }

  info(text: string): void {
    this.#printAbove('info', text, pc.dim);
  }

  warn(text: string): void {
    this.#printAbove('warn', `warning: ${text}`, pc.yellow);
  }

  onPhase(phase: StartPhase): void {
    const seconds = (performance.now() - this.#started) / 1000;
    this.#draw(phaseLines(phase, seconds, columnsOf(this.#stream)));
  }

  onStart(plan: CampaignPlan): void {
    this.#plan = plan;
    // Above the screen it is not shortened, however long the folder's name is.
    this.info('Press Ctrl-C to stop.');
    this.info(`Resume: ${this.#options.resumeLine(plan.folder)}`);
  }

  onFault(fault: Fault, folder: string): void {
    this.#printAbove('warn', `new fault: ${fault.signature}: ${fault.summary}`, pc.red);
    this.#printAbove('warn', `  ${join(folder, fault.path)}`, pc.dim);
  }

  onThresholdChange(threshold: number, why: string): void {
    this.#printAbove('debug', thresholdText(threshold, why), pc.dim);
  }

  onStatistics(statistics: Statistics): void {
    if (this.#plan === undefined) return;
    const columns = columnsOf(this.#stream);
    const rows = campaignRows(this.#plan, statistics, columns - LABEL_COLUMNS, performance.now());
    const height = (this.#stream.rows ?? DEFAULT_ROWS) - this.#header().length;
    this.#draw(screenLines(rows, statistics.faults, columns, height));
  }

  /** Removes the screen, so that later output starts on a clean line. May be called repeatedly. */
  finish(): void {
    this.#area.finish();
  }

  #draw(lines: readonly string[]): void {
    this.#area.draw(`\n${[...this.#header(), ...lines].join('\n')}\n`);
  }

  #header(): readonly string[] {
    return this.#options.header?.(columnsOf(this.#stream)) ?? [];
  }

  #printAbove(level: string, text: string, colour: (text: string) => string): void {
    if (!passesLevel(level, this.#options.logLevel)) return;
    const lines = wrapWords(escapeControl(text), columnsOf(this.#stream)).map(colour);
    writeAbove(() => void this.#stream.write(`${lines.join('\n')}\n`));
  }
}

/** A change of the coverage threshold for people. */
export function thresholdText(threshold: number, why: string): string {
  return `coverage threshold ${Number(threshold.toPrecision(3))}: ${why}`;
}

/** The screen before the first mutant: what is being done, how far it is, and for how long. */
export function phaseLines(phase: StartPhase, seconds: number, columns: number): string[] {
  const { done = 0, total = 0 } = phase;
  const bar = total === 0 ? '' : progressBar(done / total);
  const text = fitParts([phaseText(phase), durationText(seconds), bar], columns - LABEL_COLUMNS);
  return [`  ${pc.bold('state'.padEnd(LABEL_COLUMNS - 3))} ${text}`];
}
