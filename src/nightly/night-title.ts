const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];

const ORDINALS = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

/** A night's name: the date, followed by a number from the second night of that date on. */
export const NIGHT_NAME = /^(\d{4}-\d{2}-\d{2})(?:-(\d+))?$/;

/** A night's name as people write it: `2026-11-29-3` is `29 November 2026, third run`. */
export function nightTitle(name: string): string {
  const [, day, number = '1'] = NIGHT_NAME.exec(name) ?? [];
  if (day === undefined) return name;
  const [year, month, date] = day.split('-').map(Number);
  const written = `${date} ${MONTHS[month - 1]} ${year}`;
  if (number === '1') return written;
  return `${written}, ${ORDINALS[Number(number) - 2] ?? `run ${number}`}${Number(number) <= 10 ? ' run' : ''}`;
}
