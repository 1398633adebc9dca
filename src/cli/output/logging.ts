import pino, { type Logger } from 'pino';
import type { Notices } from '../../campaign/resolve/model-settings.ts';

/** How much a command tells. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: string;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Logs as JSON lines on standard error; synchronous, so that the last line is out when the process ends. */
export function makeLogger(options: OutputOptions): Logger {
  const level = options.logLevel ?? (options.quiet === true ? 'error' : 'info');
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** Notices of a command, written to its log. */
export function logNotices(options: OutputOptions): Notices {
  const log = makeLogger(options);
  return { info: (text) => log.info(text), warn: (text) => log.warn(text) };
}

/** Writes the one JSON object that a program reads. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
