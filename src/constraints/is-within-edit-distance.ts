/** Two rows of the dynamic-programming table, reused so that a mutant needs no allocation. */
const table = { previous: new Int32Array(256), current: new Int32Array(256) };

/**
 * Whether two sequences of token ids are at most `maxEdits` insertions, deletions and substitutions apart: Ukkonen's band
 * (Information and Control 64, 1985), which computes `2·maxEdits + 1` cells per row.
 */
export function isWithinEditDistance(
  a: ArrayLike<number | bigint>,
  b: ArrayLike<number | bigint>,
  maxEdits: number,
): boolean {
  if (Math.abs(a.length - b.length) > maxEdits) return false;
  const width = b.length + 1;
  if (table.current.length < width) {
    table.previous = new Int32Array(2 * width);
    table.current = new Int32Array(2 * width);
  }
  let { previous, current } = table;
  const beyond = maxEdits + 1;
  for (let j = 0; j < width; j++) previous[j] = Math.min(j, beyond);
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - maxEdits);
    const to = Math.min(b.length, i + maxEdits);
    current[from - 1] = from === 1 ? Math.min(i, beyond) : beyond;
    let fewest = current[from - 1];
    for (let j = from; j <= to; j++) {
      const insertion = current[j - 1] + 1;
      const deletion = (j === i + maxEdits ? beyond : previous[j]) + 1;
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(substitution, deletion, insertion, beyond);
      if (current[j] < fewest) fewest = current[j];
    }
    if (fewest > maxEdits) return false;
    [previous, current] = [current, previous];
  }
  return previous[b.length] <= maxEdits;
}
