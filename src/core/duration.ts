const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration with its two largest units: `40 s`, `1 min 15 s`, `4 min`, `1 h 6 min`, `2 days 3 h`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return twoUnits(Math.floor(whole / MINUTE), 'min', whole % MINUTE, 's');
  if (whole < DAY) return twoUnits(Math.floor(whole / HOUR), 'h', Math.floor(whole / MINUTE) % 60, 'min');
  const days = Math.floor(whole / DAY);
  return twoUnits(days, days === 1 ? 'day' : 'days', Math.floor(whole / HOUR) % 24, 'h');
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${large} ${largeUnit}${small === 0 ? '' : ` ${small} ${smallUnit}`}`;
}

/**
 * A duration that is an estimate, in one unit as far as it is that certain: `40 s`, `4 min`, `1 h 6 min`. It is rounded up, so
 * that work that is not over never has 0 s left.
 */
export function estimateText(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole <= 1.5 * MINUTE) return `${whole} s`;
  if (whole <= HOUR - MINUTE) return `${Math.ceil(whole / MINUTE)} min`;
  return durationText(MINUTE * Math.ceil(whole / MINUTE));
}

/** How much of a limited time is over, in the unit that the limit is read in: `7 s of 60 s`, `1 min 15 s of 10 min`. */
export function elapsedText(seconds: number, limitSeconds: number | undefined): string {
  if (limitSeconds === undefined) return durationText(seconds);
  const isShort = limitSeconds <= 2 * MINUTE;
  const text = isShort ? (value: number) => `${Math.max(0, Math.floor(value))} s` : durationText;
  return `${text(Math.min(seconds, limitSeconds))} of ${text(limitSeconds)}`;
}
