import pino, { type Logger } from 'pino';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { escapeControl, escapeControlInJson } from '../../core/escape-control.ts';
import { writeAbove } from './write-above.ts';

/** Flags that control the output of a command. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** `text` for people, `json` for programs: a JSON object a line, with the figures as fields. */
export const LOG_FORMATS = ['text', 'json'] as const;

/** Logs to standard error. Writes synchronously, so that the last line is written when the process exits. */
export function makeLogger(options: OutputOptions): Logger {
  const level = options.logLevel ?? (options.quiet === true ? 'error' : 'info');
  const destination = pino.destination({ fd: 2, sync: true });
  // It writes past the stream, which is the one place where failures of standard error are noticed.
  destination.on('error', (error) => process.stderr.emit('error', error));
  const format = options.logFormat === 'json' ? escapeControlInJson : textLine;
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => writeAbove(() => destination.write(format(line))) },
  );
}

/** Whether a message of a level is logged at a limit; without one, those of information are. */
export function passesLevel(level: string, limit: string = 'info'): boolean {
  const rank = (name: string): number => (LOG_LEVELS as readonly string[]).indexOf(name);
  return rank(level) >= rank(limit);
}

/** Words before messages that are no plain information, by pino's numbers of levels. */
const LEVEL_WORDS = new Map([
  [pino.levels.values.debug, 'debug: '],
  [pino.levels.values.warn, 'warning: '],
  [pino.levels.values.error, 'error: '],
]);

/** A line of the log for people: the time of day, the level if it matters, the campaign if there are several, the message. */
export function textLine(json: string): string {
  const { level, time, name, msg } = JSON.parse(json) as {
    readonly level: number;
    readonly time: string;
    readonly name?: string;
    readonly msg?: string;
  };
  const campaign = name === undefined ? '' : `${escapeControl(name)}: `;
  return `${new Date(time).toTimeString().slice(0, 8)}  ${LEVEL_WORDS.get(level) ?? ''}${campaign}${escapeControl(msg ?? '')}\n`;
}

/** Makes notices that are written to the log of a command. */
export function logNotices(options: OutputOptions): Notices {
  const log = makeLogger(options);
  return { info: (text) => log.info(text), warn: (text) => log.warn(text) };
}
