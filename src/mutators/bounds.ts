/** Values as mutators see them: floats as they are, integers and bools as float64 to be rounded after. */
export type Values = Float32Array | Float64Array;

/** Legal values of each position of a row: the input's range, narrowed to the ball around the ancestor. */
export interface Bounds {
  readonly low: Values;
  readonly high: Values;
  /** Whether `low` and `high` hold one value each throughout. */
  readonly uniform: boolean;
  /** Width of the input's whole range. */
  readonly width: number;
}
