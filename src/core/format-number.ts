/** A number rounded to `digits` significant digits, without trailing zeros: `0.125`, `1.23457e-7`, `NaN`. */
export function formatNumber(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

const GROUPED = new Intl.NumberFormat('en');

/** A count with its noun: `1 hit`, `3,394 hits`. */
export function plural(number: number, noun: string): string {
  return `${GROUPED.format(number)} ${noun}${number === 1 ? '' : 's'}`;
}
