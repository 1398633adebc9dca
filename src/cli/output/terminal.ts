import { escapeControl, escapeControlInJson } from '../../core/escape-control.ts';
import { wrapWords } from './fit.ts';
import { writeAbove } from './write-above.ts';

// All that a command prints goes through here, but for what is redrawn in place and the log, which escape likewise: names come
// from models, folders and messages of strangers. It stands above what is redrawn.

/** Writes lines to standard output. What would end a line within one, or reorder or colour it, is escaped. */
export function printLines(lines: readonly string[]): void {
  writeAbove(() => process.stdout.write(`${lines.map(escapeControl).join('\n')}\n`));
}

/** Writes lines of prose to standard output: as `printLines`, and on a terminal broken between words. */
export function printProse(lines: readonly string[]): void {
  const { isTTY, columns } = process.stdout;
  printLines(isTTY ? lines.flatMap((line) => wrapWords(line, columns)) : lines);
}

/** Writes one line to standard error, after the program's name. */
export function printError(text: string): void {
  writeAbove(() => process.stderr.write(`neurofuzz: ${escapeControl(text)}\n`));
}

/** Writes a stack trace to standard error. */
export function printStack(stack: string): void {
  writeAbove(() => process.stderr.write(`${stack.split('\n').map(escapeControl).join('\n')}\n`));
}

/** Writes a JSON value to standard output, indented. */
export function printJson(value: unknown): void {
  writeAbove(() => process.stdout.write(`${escapeControlInJson(JSON.stringify(value, null, 2))}\n`));
}
