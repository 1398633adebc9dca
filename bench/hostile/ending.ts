/** How a command ended. */
export interface Ending {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether text holds a control character that is not tab, line feed or carriage return, or one that changes the text's direction. */
function hasRawControl(text: string): boolean {
  return /(?![\t\n\r])\p{Cc}|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/u.test(text);
}

/** A line of the log, which begins with the time of day. */
const LOG_LINE = /^\d\d:\d\d:\d\d {2}/;

const STACK_LINE = /^\s+at .+(:\d+:\d+|<anonymous>)\)?$/m;

/**
 * Holds a command's end against what is promised for any input: one of the exit codes that are allowed, one line that says
 * why where it is 2 or 3, no stack trace, and no control character out of a file.
 *
 * @returns what is wrong; undefined where all is right
 */
export function brokenPromise(
  { code, stdout, stderr }: Ending,
  allowed: readonly number[],
): string | undefined {
  const errors = stderr.split('\n').filter((line) => line !== '' && !LOG_LINE.test(line));
  const quoted = JSON.stringify(errors.slice(-3).join('\n').slice(0, 400));
  if (code === null || !allowed.includes(code)) return `exit ${code}, standard error ends with ${quoted}`;
  if (/neurofuzz: unexpected/.test(stderr)) return `an unexpected error: ${quoted}`;
  if (STACK_LINE.test(stderr)) return `a stack trace: ${quoted}`;
  if (hasRawControl(stdout) || hasRawControl(stderr)) return 'a raw control character in its output';
  if (code < 2) return undefined;
  const messages = errors.filter((line) => line.startsWith('neurofuzz: '));
  if (messages.length !== 1) return `exit ${code} with ${messages.length} messages: ${quoted}`;
  return undefined;
}
