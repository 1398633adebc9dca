import { isMachineFailureCode } from './errors.ts';

/** What a process that ended wrote last. */
export interface ExitReason {
  /** The error that nobody caught, or the last line. */
  readonly text: string;
  /** Whether it lacked a resource of the machine, or its working folder: no model has anything to do with that. */
  readonly isMachineFailure: boolean;
}

/** Last line that Node.js writes where an exception was not caught; its message stands above, before the stack trace. */
const NODE_VERSION_LINE = /^Node\.js v\d/;

const ERROR_LINE = /^\w*Error\b.*: /;

/**
 * Finds the reason for a process's end.
 *
 * @param stderr the last part of its standard error
 */
export function exitReason(stderr: string): ExitReason {
  const lines = stderr.trim().split('\n');
  const last = lines.at(-1) ?? '';
  if (!NODE_VERSION_LINE.test(last)) return { text: last, isMachineFailure: false };
  const text = lines.findLast((line) => ERROR_LINE.test(line)) ?? last;
  const code = /Error: ([A-Z]+): /.exec(text)?.[1] ?? '';
  return { text, isMachineFailure: isMachineFailureCode(code) || text.endsWith(', uv_cwd') };
}
