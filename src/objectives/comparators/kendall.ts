/**
 * Kendall's rank correlation τ-b of two lists of scores, from −1 to 1; 1 where a list holds equal scores alone in both, 0 where
 * it does in one. By sorting and counting the exchanges of a merge sort (Knight, A Computer Method for Calculating Kendall's Tau
 * with Ungrouped Data, JASA 61, 1966), in O(n log n).
 */
export function kendallTau(a: Float64Array, b: Float64Array): number {
  const n = a.length;
  const order = Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => compare(a[i], a[j]) || compare(b[i], b[j]),
  );
  const sortedA = Float64Array.from(order, (i) => a[i]);
  const sortedB = Float64Array.from(order, (i) => b[i]);
  const pairs = (n * (n - 1)) / 2;
  const tiedInA = tiedPairs(n, (i) => sortedA[i] === sortedA[i - 1]);
  const tiedInBoth = tiedPairs(n, (i) => sortedA[i] === sortedA[i - 1] && sortedB[i] === sortedB[i - 1]);
  const exchanges = sortAndCount(sortedB);
  const tiedInB = tiedPairs(n, (i) => sortedB[i] === sortedB[i - 1]);
  const scale = Math.sqrt((pairs - tiedInA) * (pairs - tiedInB));
  if (scale === 0) return tiedInA === tiedInB ? 1 : 0;
  const concordantLessDiscordant = pairs - tiedInA - tiedInB + tiedInBoth - 2 * exchanges;
  return Math.max(-1, Math.min(1, concordantLessDiscordant / scale));
}

function compare(x: number, y: number): number {
  return x < y ? -1 : Number(x > y);
}

/** Pairs within runs of equal elements. */
function tiedPairs(n: number, equalsPrevious: (i: number) => boolean): number {
  let tied = 0;
  let length = 1;
  for (let i = 1; i <= n; i++) {
    if (i < n && equalsPrevious(i)) {
      length++;
      continue;
    }
    tied += (length * (length - 1)) / 2;
    length = 1;
  }
  return tied;
}

/** Sorts values in place by merging; returns the number of pairs that were in the wrong order. */
function sortAndCount(values: Float64Array): number {
  const n = values.length;
  const merged = new Float64Array(n);
  let exchanges = 0;
  for (let width = 1; width < n; width *= 2) {
    for (let from = 0; from < n; from += 2 * width) {
      const middle = Math.min(from + width, n);
      const to = Math.min(from + 2 * width, n);
      let [left, right] = [from, middle];
      for (let k = from; k < to; k++) {
        if (left < middle && (right >= to || values[left] <= values[right])) merged[k] = values[left++];
        else {
          merged[k] = values[right++];
          exchanges += middle - left;
        }
      }
    }
    values.set(merged);
  }
  return exchanges;
}
