/** A number rounded to `digits` significant digits, without trailing zeros: `0.125`, `1.23457e-7`, `NaN`. */
export function formatNumber(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

/**
 * A number with as many digits as tell it from its neighbours: of single precision, the fewest that give it back (at most 9);
 * of double precision, all. 1.0000001 is not 1, and where a bound is 1 that is the point.
 */
export function formatExactly(value: number): string {
  if (!Number.isFinite(value) || Math.fround(value) !== value) return String(value);
  let digits = 1;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return formatNumber(value, digits);
}

const GROUPED = new Intl.NumberFormat('en');

/** A number with thousands separators: `12,480`. */
export function formatCount(number: number): string {
  return GROUPED.format(number);
}

/** A noun for this count: `fault`, `faults`. The plural is regular where none is given. */
export function pluralNoun(number: number, noun: string, irregular = `${noun}s`): string {
  return number === 1 ? noun : irregular;
}

/** A count with its noun: `1 hit`, `3,394 hits`, `2 processes`. */
export function plural(number: number, noun: string, irregular?: string): string {
  return `${formatCount(number)} ${pluralNoun(number, noun, irregular)}`;
}
