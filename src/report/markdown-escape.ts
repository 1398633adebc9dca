import { escapeControl } from '../core/escape-control.ts';

/** Escapes a text for GitHub Flavored Markdown: no markup, no mention, no end of a table's cell. */
export function escapeMarkdown(text: string): string {
  return escapeControl(text)
    .replace(/[\\`*_{}[\]()#+!|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;');
}

/** Formats a text as inline code, with a fence longer than any run of backticks in it. Not for cells of tables. */
export function inlineCode(text: string): string {
  const printable = escapeControl(text);
  const fence = longestRun(printable, 0);
  const pad = /^[ `]|[ `]$/.test(printable) ? ' ' : '';
  return `${fence}${pad}${printable}${pad}${fence}`;
}

/** Formats a signature as code in a cell of a table. Valid signatures consist of letters, digits, hyphens and dots. */
export function signatureCode(signature: string): string {
  return `\`${escapeControl(signature).replace(/[`|]/g, '')}\``;
}

/** Formats a command as a block of code: lines, from fence to fence. */
export function codeBlock(command: string): string[] {
  const printable = escapeControl(command);
  const fence = longestRun(printable, 2);
  return [`${fence}sh`, printable, fence];
}

/** Backticks, one more than the longest run of them in a text, and more than `least`. */
function longestRun(text: string, least: number): string {
  const runs = text.match(/`+/g) ?? [];
  return '`'.repeat(Math.max(least, ...runs.map((run) => run.length)) + 1);
}
