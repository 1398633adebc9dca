import type { TensorData } from '../tensor/tensor.ts';

/** Tokens without the places behind them that hold none: a view. */
export function stripPadding(values: TensorData, pad: number | undefined): TensorData {
  if (pad === undefined) return values;
  let { length } = values;
  while (length > 0 && Number(values[length - 1]) === pad) length--;
  return values.subarray(0, length) as TensorData;
}

/** Rows of the table, reused: no allocation a mutant once they are long enough. */
let previousRow = new Int32Array(256);
let currentRow = new Int32Array(256);

/**
 * Whether two sequences are at most `most` insertions, deletions and substitutions apart: Ukkonen's band
 * (Information and Control 64, 1985), which looks at `2·most + 1` cells a row only.
 */
export function isWithinEditDistance(a: ArrayLike<number>, b: ArrayLike<number>, most: number): boolean {
  if (Math.abs(a.length - b.length) > most) return false;
  const width = b.length + 1;
  if (currentRow.length < width) {
    previousRow = new Int32Array(2 * width);
    currentRow = new Int32Array(2 * width);
  }
  const beyond = most + 1;
  for (let j = 0; j < width; j++) previousRow[j] = Math.min(j, beyond);
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - most);
    const to = Math.min(b.length, i + most);
    currentRow[from - 1] = from === 1 ? Math.min(i, beyond) : beyond;
    let least = currentRow[from - 1];
    for (let j = from; j <= to; j++) {
      const above = j === i + most ? beyond : previousRow[j];
      const changed = previousRow[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      currentRow[j] = Math.min(changed, above + 1, currentRow[j - 1] + 1, beyond);
      if (currentRow[j] < least) least = currentRow[j];
    }
    if (least > most) return false;
    [previousRow, currentRow] = [currentRow, previousRow];
  }
  return previousRow[b.length] <= most;
}
