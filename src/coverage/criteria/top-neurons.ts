/**
 * Indices of the `k` greatest of `count` values from `offset`, relative to it, the greatest first. Of equal values the one that comes
 * first is greater; what is not a number is none of them.
 */
export function topNeurons(
  values: Float32Array,
  offset: number,
  count: number,
  k: number,
  top: number[],
): void {
  top.length = 0;
  for (let i = 0; i < count; i++) {
    const value = values[offset + i];
    if (Number.isNaN(value)) continue;
    if (top.length === k && !(value > values[offset + top[k - 1]])) continue;
    let at = top.length < k ? top.length : k - 1;
    for (; at > 0 && value > values[offset + top[at - 1]]; at--) top[at] = top[at - 1];
    top[at] = i;
  }
}
