import { UserError } from '../../core/errors.ts';

/** A plain cell, and what ends any: a comma, a line break or the end (RFC 4180). */
const PLAIN_CELL = /[^",\r\n]*/y;
const CELL_END = /,|\r\n|\n|\r|$/y;

/**
 * Decodes comma-separated values into rows of cells; empty lines are left out.
 *
 * @throws UserError on a quotation mark within a plain cell, one that is not closed, or rows of different lengths
 */
export function decodeCsv(text: string, source: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at);
    const end = cell === undefined ? undefined : matchAt(CELL_END, text, cell.end);
    if (cell === undefined || end === undefined) {
      throw new UserError(
        `${source}, line ${rows.length + 1}: misplaced quotation mark; write "" for one inside quotes`,
      );
    }
    row.push(cell.value);
    at = cell.end + end.length;
    const isLast = at >= text.length;
    if (end === ',' && isLast) row.push('');
    if (end === ',' && !isLast) continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  const uneven = rows.findIndex(({ length }) => length !== rows[0].length);
  if (uneven >= 0) {
    throw new UserError(
      `${source}: row ${uneven + 1} has ${rows[uneven].length} cells, but the first row has ${rows[0].length}`,
    );
  }
  return rows;
}

/** A cell's value, and where it ends in the text. */
interface Cell {
  readonly value: string;
  readonly end: number;
}

/** A quoted cell with doubled quotes inside; undefined if it is not closed. A regular expression would need a stack as deep as it is long. */
function quotedCell(text: string, at: number): Cell | undefined {
  for (let from = at + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return undefined;
    if (text[quote + 1] !== '"')
      return { value: text.slice(at + 1, quote).replaceAll('""', '"'), end: quote + 1 };
    from = quote + 2;
  }
}

function plainCell(text: string, at: number): Cell {
  const value = matchAt(PLAIN_CELL, text, at) ?? '';
  return { value, end: at + value.length };
}

/** What a sticky pattern matches at a place. */
function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
