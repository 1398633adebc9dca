/** A number rounded to `digits` significant digits, without trailing zeros: `0.125`, `1.23457e-7`, `NaN`. */
export function formatNumber(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

const GROUPED = new Intl.NumberFormat('en');

/** A number with thousands separators: `12,480`. */
export function formatCount(number: number): string {
  return GROUPED.format(number);
}

/** The regular plural of a noun for this count: `fault`, `faults`. */
export function pluralNoun(number: number, noun: string): string {
  return `${noun}${number === 1 ? '' : 's'}`;
}

/** A count with its noun: `1 hit`, `3,394 hits`. */
export function plural(number: number, noun: string): string {
  return `${formatCount(number)} ${pluralNoun(number, noun)}`;
}
