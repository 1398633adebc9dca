import type { Random } from '../random.ts';
import type { Bounds, Values } from './bounds.ts';
import type { NoisePool } from './noise.ts';

/** Where random numbers come from; all of it is a function of the master seed and the task number. */
export interface Draws {
  readonly random: Random;
  readonly noise: NoisePool;
}

/** Makes a new testcase out of an old one, for one input of the model. */
export interface Mutator {
  readonly name: string;
  /**
   * Writes one mutant of `parent` to `out` from `offset` on, within `bounds`; must not allocate.
   * `parent` and `bounds` have one value for each value of a row.
   */
  mutate(out: Values, offset: number, parent: Values, bounds: Bounds, draws: Draws): void;
}

/** A parameter of a mutator, as users may set it: `gaussian:sigma=0.05`. */
export interface Parameter {
  readonly name: string;
  readonly default: number;
  /** What it does and what its value is relative to. */
  readonly help: string;
  /** Legal values, both ends excluded. */
  readonly between: readonly [low: number, high: number];
}

/** A kind of mutator in the registry. */
export interface MutatorKind {
  readonly name: string;
  readonly help: string;
  /** Paper or program that it is taken from. */
  readonly source: string;
  readonly parameters: readonly Parameter[];
  make(parameters: ReadonlyMap<string, number>): Mutator;
}
