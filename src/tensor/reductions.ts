/** Values from which on sums run in four lanes: one lane waits for each addition before the next. */
const MIN_LANES_LENGTH = 1 << 14;

/**
 * The sum of the squares of `values[from]` to `values[to - 1]`, in double precision. The order of the additions depends on
 * their number alone.
 */
export function sumOfSquares(values: Float32Array | Float64Array, from: number, to: number): number {
  if (to - from < MIN_LANES_LENGTH) {
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i] * values[i];
    return sum;
  }
  // Another form of these loops takes six times as long: `bench:large` covers them.
  const whole = from + ((to - from) & ~3);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = from; i < whole; i += 4) {
    const p = values[i];
    const q = values[i + 1];
    const r = values[i + 2];
    const s = values[i + 3];
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let i = whole; i < to; i++) {
    const p = values[i];
    a += p * p;
  }
  return a + b + (c + d);
}

/** Whether all values are finite. Without branches: v·0 is 0 for every finite v and NaN for all others. */
export function areFinite(values: Float32Array | Float64Array): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const { length } = values;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a += values[i] * 0;
    b += values[i + 1] * 0;
    c += values[i + 2] * 0;
    d += values[i + 3] * 0;
  }
  for (; i < length; i++) a += values[i] * 0;
  return a + b + c + d === 0;
}

/** Index of the greatest value from `from` up to `to`, relative to `from`: the first of equal ones, 0 where none is a number. */
export function indexOfGreatest(values: Float32Array | Float64Array, from: number, to: number): number {
  let best = from;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best - from;
}
