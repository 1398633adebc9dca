const format = new Intl.NumberFormat('en');

/** A number with thousands separators: `12,480`. */
export function formatCount(number: number): string {
  return format.format(number);
}

/** The regular plural of a noun for this count: `fault`, `faults`. */
export function pluralNoun(number: number, noun: string): string {
  return `${noun}${number === 1 ? '' : 's'}`;
}

/** A count with its noun: `1 fault`, `12,480 faults`. */
export function plural(number: number, noun: string): string {
  return `${formatCount(number)} ${pluralNoun(number, noun)}`;
}
