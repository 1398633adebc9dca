import { join } from 'node:path';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import type { Fault } from './faults.ts';
import type { Observer, Plan } from './observer.ts';
import type { Figures } from './statistics.ts';

/** Most faults listed on the screen. */
const MOST_FAULTS = 6;

const count = new Intl.NumberFormat('en');

/** The live screen on a terminal: redrawn in place, at most four times a second, within 80 columns. */
export class StatusScreen implements Observer {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  #plan: Plan | undefined;
  #finished = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#draw = createLogUpdate(stream);
  }

  info(text: string): void {
    this.#above(pc.dim(text));
  }

  warn(text: string): void {
    this.#above(pc.yellow(`warning: ${text}`));
  }

  planned(plan: Plan): void {
    this.#plan = plan;
  }

  found(fault: Fault, folder: string): void {
    this.#above(pc.red(`${fault.signature}: ${fault.summary}  ${pc.dim(join(folder, fault.path))}`));
  }

  figures(figures: Figures): void {
    if (this.#plan !== undefined && !this.#finished) this.#draw(screenText(this.#plan, figures));
  }

  /** Takes the screen away, so that what follows starts on a clean line. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#draw.clear();
    this.#draw.done();
  }

  #above(text: string): void {
    this.#draw.clear();
    this.#stream.write(`${text}\n`);
  }
}

/** The screen's lines for the figures of one moment. */
export function screenText(plan: Plan, figures: Figures): string {
  const [slowest, share] = Object.entries(figures.shares).reduce((a, b) => (b[1] > a[1] ? b : a));
  const rows: [label: string, value: string][] = [
    ['campaign', `${plan.folder}, seed ${plan.masterSeed}`],
    ['time', clock(figures.elapsedSeconds)],
    [
      'mutants',
      `${count.format(figures.execs)}, ${count.format(Math.round(figures.execsPerSecondNow))} a second now, ${count.format(Math.round(figures.execsPerSecond))} overall`,
    ],
    [
      'corpus',
      `${count.format(figures.corpus)} (${count.format(figures.seeds)} seeds), last new ${clock(figures.secondsSinceNew)} ago`,
    ],
    ['slowest', `${slowest}, ${Math.round(share * 100)} % of the time`],
    [
      'findings',
      figures.hits === 0
        ? 'none yet'
        : `${plural(figures.hits, 'hit')}, ${plural(figures.faults.length, 'signature')}`,
    ],
  ];
  const lines = rows.map(([label, value]) => `  ${pc.bold(label.padEnd(9))} ${cut(value, 66)}`);
  for (const fault of figures.faults.slice(0, MOST_FAULTS)) {
    lines.push(`  ${' '.repeat(9)} ${pc.red(cut(`${fault.signature}  ${plural(fault.hits, 'hit')}`, 66))}`);
  }
  if (figures.faults.length > MOST_FAULTS)
    lines.push(`            and ${figures.faults.length - MOST_FAULTS} more`);
  return `\n${lines.join('\n')}\n`;
}

/** `1 hit`, `3,394 hits`. */
export function plural(number: number, noun: string): string {
  return `${count.format(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}
