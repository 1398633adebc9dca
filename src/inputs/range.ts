/** An interval of numbers, both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Legal values of one input. */
export interface Range extends Interval {
  /** Where they differ from channel to channel, or from column to column; `low` and `high` are then the outermost. */
  readonly channels?: readonly Interval[] | undefined;
  /** Whether a channel's values lie together, or those of one place. */
  readonly channelsFirst?: boolean | undefined;
}

/** Legal values at a position of a row of `size` values. */
export function intervalAt(range: Range, position: number, size: number): Interval {
  const { channels, channelsFirst } = range;
  if (channels === undefined) return range;
  return channels[
    channelsFirst ? Math.floor((position * channels.length) / size) : position % channels.length
  ];
}
