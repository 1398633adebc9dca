/** A closed interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Legal values of one input. */
export interface Range extends Interval {
  /** Ranges by channel or table column; `low` and `high` then span all of them. */
  readonly channels?: readonly Interval[] | undefined;
  /** Layout of the channels: CHW if true, else HWC. */
  readonly channelsFirst?: boolean | undefined;
}

/** A range for messages, its ends to four digits. */
export function rangeText({ low, high, channels, channelsFirst }: Range): string {
  const ends = [low, high].map((end) => Number(end.toPrecision(4))).join(' to ');
  if (channels === undefined) return ends;
  return `${ends}, ${channelsFirst === true ? 'by channel' : 'by column'}`;
}

/** Legal interval at a position of a row of `size` values. */
export function intervalAt(range: Range, position: number, size: number): Interval {
  const { channels, channelsFirst } = range;
  if (channels === undefined) return range;
  const { length } = channels;
  return channels[channelsFirst ? Math.floor((position * length) / size) : position % length];
}
