import pino, { type Logger } from 'pino';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { escapeControlInJson } from '../../core/escape-control.ts';

/** Flags that control the output of a command. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: string;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Logs JSON lines to standard error. Writes synchronously, so that the last line is written when the process exits. */
export function makeLogger(options: OutputOptions): Logger {
  const level = options.logLevel ?? (options.quiet === true ? 'error' : 'info');
  const destination = pino.destination({ fd: 2, sync: true });
  // It writes past the stream, which is the one place where failures of standard error are noticed.
  destination.on('error', (error) => process.stderr.emit('error', error));
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => destination.write(escapeControlInJson(line)) },
  );
}

/** Makes notices that are written to the log of a command. */
export function logNotices(options: OutputOptions): Notices {
  const log = makeLogger(options);
  return { info: (text) => log.info(text), warn: (text) => log.warn(text) };
}
