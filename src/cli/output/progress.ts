import pc from 'picocolors';
import {
  countText,
  type OnProgress,
  type Progress,
  progressShare,
  RemainingTime,
  remainingText,
} from '../../core/progress.ts';
import { firstThatFits, progressBar, shorten } from './fit.ts';
import { canRedraw, columnsOf, LiveArea, type TerminalStream } from './live-area.ts';
import { makeLogger, type OutputOptions } from './logging.ts';

/** Milliseconds between two drawings on a terminal, and between two lines where there is none. */
const REDRAW_MS = 250;
const LINE_MS = 10_000;

/** Shows the progress of a command. */
export interface ProgressDisplay {
  /** Takes the latest progress; may be called as often as there is any. */
  readonly update: OnProgress;
  /** Removes what is shown; may be called repeatedly. */
  finish(): void;
}

/**
 * Shows the progress of a command on standard error: on a terminal a line for each level with a bar and the remaining time,
 * redrawn in place; elsewhere a line in the log every ten seconds; with --quiet nothing. Lines that are printed meanwhile
 * (`printLines`, `printError`, the log) stand above it.
 */
export function showProgress(
  options: OutputOptions,
  stream: TerminalStream = process.stderr,
): ProgressDisplay {
  if (options.quiet === true) return { update: () => {}, finish: () => {} };
  const remaining = new RemainingTime(() => performance.now());
  let latest: Progress | undefined;
  const isLive = canRedraw(stream);
  const area = isLive ? new LiveArea(stream) : undefined;
  const log = isLive ? undefined : makeLogger(options);
  const show = (): void => {
    if (latest === undefined) return;
    const seconds = remaining.estimate(latest);
    area?.draw(progressScreen(latest, seconds, columnsOf(stream)));
    log?.info({ progress: progressShare(latest) }, progressLine(latest, seconds));
  };
  const timer = setInterval(show, isLive ? REDRAW_MS : LINE_MS);
  // It must not keep a process alive that has nothing left to do.
  timer.unref();
  return {
    update: (progress) => {
      const isFirst = latest === undefined;
      latest = progress;
      remaining.estimate(progress);
      if (isFirst && isLive) show();
    },
    finish: () => {
      clearInterval(timer);
      area?.finish();
    },
  };
}

/** Runs a piece of work with its progress shown, which is removed at the end of the work. */
export async function withProgress<T>(
  options: OutputOptions,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const display = showProgress(options);
  try {
    return await work(display.update);
  } finally {
    display.finish();
  }
}

function levelsOf(progress: Progress): Progress[] {
  return [progress, ...(progress.inner === undefined ? [] : levelsOf(progress.inner))];
}

/**
 * The progress on one line: `replaying: 3 of 12 findings, remaining 2 min`.
 *
 * @param seconds left of each level, as `RemainingTime` gives them
 */
export function progressLine(progress: Progress, seconds: readonly (number | undefined)[]): string {
  return levelsOf(progress)
    .map((level, depth) => {
      const left = seconds[depth];
      const remaining = left === undefined ? '' : `, ${remainingText(left, level.isUpperBound)}`;
      return `${level.label}: ${countText(level)}${remaining}`;
    })
    .join('; ');
}

/** The progress on a terminal, a line for each level, within so many columns. */
export function progressScreen(
  progress: Progress,
  seconds: readonly (number | undefined)[],
  columns: number,
): string {
  return levelsOf(progress)
    .map((level, depth) => levelLine(level, seconds[depth], '  '.repeat(depth + 1), columns))
    .join('\n');
}

/** Most columns of a label: what is left is for the figures. */
const LABEL_SHARE = 0.5;

function levelLine(level: Progress, left: number | undefined, indent: string, columns: number): string {
  const share = progressShare(level);
  const label = shorten(level.label, Math.floor(LABEL_SHARE * columns));
  const bar = share === undefined ? '' : `${progressBar(share)}  `;
  const remaining = left === undefined ? '' : `, ${remainingText(left, level.isUpperBound)}`;
  const short = left === undefined ? '' : `, ${remainingText(left)}`;
  const figures = firstThatFits(
    [
      `${bar}${countText(level)}${remaining}`,
      `${countText(level)}${remaining}`,
      `${countText(level)}${short}`,
      `${countText(level, false)}${short}`,
      countText(level, false),
    ],
    columns - indent.length - label.length - 2 - 1,
  );
  return `${indent}${pc.bold(label)}  ${figures}`;
}
