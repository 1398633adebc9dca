/** Side of a cell, and room for words, in pixels. */
const CELL = 18;
const LETTER = 7;
const MARGIN = 6;

/** Letters of a word that are shown. */
const MAX_LETTERS = 16;

/**
 * A heat map with a row for each query and a column for each key, as SVG: dark where the value is the largest. The same text for the same
 * values.
 *
 * @param values `[rows, columns]`, at least 0; one that is no number is drawn red
 * @param columns in a row of `values`, of which as many as there are words are drawn
 */
export function heatMapSvg(
  values: ArrayLike<number>,
  columns: number,
  rowWords: readonly string[],
  columnWords: readonly string[],
): string {
  const [rows, keys] = [rowWords, columnWords].map((words) => words.map(shorten));
  const left = MARGIN + LETTER * Math.max(1, ...rows.map(({ length }) => length));
  const top = MARGIN + LETTER * Math.max(1, ...keys.map(({ length }) => length));
  let largest = 0;
  rows.forEach((_, row) =>
    keys.forEach((__, column) => {
      const value = values[row * columns + column];
      if (Number.isFinite(value)) largest = Math.max(largest, value);
    }),
  );
  const cells = rows.flatMap((_, row) =>
    keys.map((__, column) => {
      const value = values[row * columns + column];
      const level = Math.round(255 * (1 - (largest === 0 ? 0 : value / largest)));
      const fill = Number.isFinite(value) ? `rgb(${level},${level},255)` : 'rgb(178,24,43)';
      return `<rect x="${left + column * CELL}" y="${top + row * CELL}" width="${CELL}" height="${CELL}" fill="${fill}"><title>${Number(value.toPrecision(4))}</title></rect>`;
    }),
  );
  const rowTexts = rows.map(
    (word, row) =>
      `<text x="${left - 3}" y="${top + row * CELL + 13}" text-anchor="end">${escapeXml(word)}</text>`,
  );
  const columnTexts = keys.map((word, column) => {
    const [x, y] = [left + column * CELL + 13, top - 3];
    return `<text x="${x}" y="${y}" transform="rotate(-90 ${x} ${y})">${escapeXml(word)}</text>`;
  });
  const [width, height] = [left + keys.length * CELL + MARGIN, top + rows.length * CELL + MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="monospace" font-size="11">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...rowTexts,
    ...columnTexts,
    ...cells,
    '</svg>',
    '',
  ].join('\n');
}

function shorten(word: string): string {
  const letters = [...word];
  return letters.length <= MAX_LETTERS ? word : `${letters.slice(0, MAX_LETTERS - 1).join('')}…`;
}

/** Text for XML: control characters, which it may not hold, become a mark. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
      .replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, '·')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  );
}
