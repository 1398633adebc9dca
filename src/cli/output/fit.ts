import { escapeControl } from '../../core/escape-control.ts';

/** The first text that fits into so many columns; the last one, shortened, if none does. */
export function firstThatFits(texts: readonly string[], columns: number): string {
  return texts.find((text) => text.length <= columns) ?? shorten(texts.at(-1) ?? '', columns);
}

/**
 * Joins parts with commas, as many as fit: parts are left out whole, from the end, so that no word is cut. The first part is
 * there in any case, and shortened if it is a name that is too long.
 */
export function fitParts(parts: readonly string[], columns: number, separator = ', '): string {
  const [first = '', ...others] = parts.filter((part) => part !== '').map(escapeControl);
  let text = shorten(first, columns);
  for (const part of others) {
    const longer = `${text}${separator}${part}`;
    if (longer.length <= columns) text = longer;
  }
  return text;
}

/**
 * A text on one line of so many columns. What is too long loses whole words from its end; a single word, such as a path or the name
 * of a tensor, loses its beginning, since its end tells more.
 */
export function shorten(raw: string, columns: number): string {
  const text = escapeControl(raw);
  if (text.length <= columns) return text;
  if (columns < 2) return text.slice(0, Math.max(0, columns));
  const head = text.slice(0, columns - 1);
  const space = text[head.length] === ' ' ? head.length : head.lastIndexOf(' ');
  if (space > 0) return `${head.slice(0, space).replace(/[ ,;:]+$/, '')}…`;
  const tail = text.slice(1 - columns);
  const slash = tail.indexOf('/');
  return `…${slash >= 0 && slash < tail.length - 1 ? tail.slice(slash) : tail}`;
}

/** A line that holds a command, which must stay in one piece to be pasted. */
const COMMAND_LINE = /^\s*[\w ]+: (?:npx |node |neurofuzz )/i;

/**
 * Breaks a line between words, so that a terminal of so many columns breaks none; later lines are indented further than the first.
 * Longer words, such as paths, and lines that end in a command are left to the terminal, which does not break them for copying.
 */
export function wrapWords(line: string, columns: number): string[] {
  if (line.length <= columns || COMMAND_LINE.test(line)) return [line];
  const indent = `${/^ */.exec(line)?.[0] ?? ''}  `;
  const lines: string[] = [];
  let current = '';
  for (const word of line.trimStart().split(' ')) {
    const start = lines.length === 0 ? indent.slice(2) : indent;
    if (current === '') current = `${start}${word}`;
    else if (current.length + 1 + word.length <= columns) current += ` ${word}`;
    else {
      lines.push(current);
      current = `${indent}${word}`;
    }
  }
  return [...lines, current];
}

/** Columns of a progress bar. */
const BAR_COLUMNS = 16;

/** A progress bar: `████░░░░░░░░░░░░`. */
export function progressBar(share: number, columns = BAR_COLUMNS): string {
  const full = Math.round(columns * Math.min(1, Math.max(0, share)));
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)}`;
}
