import { UserError } from '../../core/errors.ts';

/** A quoted cell with doubled quotes inside, or a plain one; then a comma, a line break or the end (RFC 4180). */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

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
    CELL.lastIndex = at;
    const match = CELL.exec(text);
    if (match === null) {
      throw new UserError(
        `${source}, line ${rows.length + 1}: a quotation mark stands where none may; write "" for one inside quotes`,
      );
    }
    const [whole, quoted, plain, end] = match;
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    at += whole.length;
    const isLast = at >= text.length;
    if (end === ',' && isLast) row.push('');
    if (end === ',' && !isLast) continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  const uneven = rows.findIndex(({ length }) => length !== rows[0].length);
  if (uneven >= 0) {
    throw new UserError(
      `${source}: row ${uneven + 1} has ${rows[uneven].length} cells and the first one ${rows[0].length}`,
    );
  }
  return rows;
}
