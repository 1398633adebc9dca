import { escapeControl } from '../../core/escape-control.ts';

/**
 * Formats rows as aligned lines without trailing spaces; columns are as wide as their widest cell. Cells are escaped, so that
 * what is printed is as wide as what was measured.
 */
export function table(cells: readonly (readonly string[])[], indent = '  '): string[] {
  const rows = cells.map((row) => row.map(escapeControl));
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? '').length)),
  );
  return rows.map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd());
}
