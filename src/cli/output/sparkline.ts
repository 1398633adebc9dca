const BARS = '▁▂▃▄▅▆▇█';

/**
 * A bar for each count, full for the largest and blank for zero; of more counts than columns, neighbours are added up.
 *
 * @returns the bars, and how many counts each of them stands for
 */
export function sparkline(
  counts: readonly number[],
  columns = counts.length,
): { readonly bars: string; readonly merged: number } {
  const merged = Math.max(1, Math.ceil(counts.length / Math.max(1, columns)));
  const sums: number[] = [];
  counts.forEach((count, i) => {
    const bar = Math.floor(i / merged);
    sums[bar] = (sums[bar] ?? 0) + count;
  });
  const most = Math.max(1, ...sums);
  const bars = sums
    .map((n) => (n === 0 ? ' ' : BARS[Math.min(BARS.length - 1, Math.floor((n / most) * BARS.length))]))
    .join('');
  return { bars, merged };
}
