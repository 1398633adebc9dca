import type { Bounds, WorkingArray } from '../constraints/bounds.ts';
import type { Random } from '../core/random.ts';
import type { Domain, InputDescriptor } from '../inputs/input-descriptor.ts';
import type { NoisePool } from './simd/noise-pool.ts';
import type { VectorMath } from './simd/vector-math.ts';

/** What a mutator is given beside the parent; good for one call. */
export interface MutationContext {
  /** Where all random numbers come from: a function of the master seed and the task number. */
  readonly random: Random;
  readonly noise: NoisePool;
  /** For mutants that are a sum of whole rows: `out` must not be `parent` there. */
  readonly arithmetic: VectorMath;
  /** Legal values of each position of the mutant. */
  readonly bounds: Bounds;
  /** Shape of the mutant, without the batch. */
  readonly shape: readonly number[];
  /** A second testcase's values, of the parent's shape, as `MutatorKind.mate` says; the parent where there is none. */
  readonly partner: WorkingArray;
  /** Which of the mutants in a row of this parent it is, and how many there are. */
  readonly mutantIndex: number;
  readonly mutantCount: number;
}

/** Makes a new testcase out of an old one, for one input of the model. */
export interface Mutator {
  /**
   * Writes one mutant of `parent` to `out` from `offset` on. Must leave `parent` alone and allocate nothing.
   * Values outside the bounds are clipped afterwards, unless the kind says that there are none.
   *
   * @param parent as many values as the mutant has, unless `lengthOf` said otherwise
   */
  mutate(out: WorkingArray, offset: number, parent: WorkingArray, given: MutationContext): void;
  /**
   * How many tokens the next mutants of a parent have, where the model leaves the length open.
   *
   * @param least fewest that there may be, `most` the most
   */
  lengthOf?(parent: WorkingArray, least: number, most: number, random: Random): number;
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

/** Values of a mutator's parameters, by name, the defaults included. */
export type ParameterValues = (parameter: Parameter) => number;

/**
 * Which second testcase a mutator takes: any `other`, the `parent` that this one was made from, or a `rival`
 * that the model answers otherwise.
 */
export type PartnerKind = 'other' | 'parent' | 'rival';

/** A kind of mutator: what the registry lists, and what a plug-in gives. */
export interface MutatorKind {
  readonly name: string;
  readonly help: string;
  /** Paper or program that it is taken from. */
  readonly source: string;
  /** Inputs that it is for. */
  readonly domains: readonly Domain[];
  readonly parameters: readonly Parameter[];
  readonly partner?: PartnerKind;
  /** Whether it moves values about instead of changing them: DeepHunter's rule allows one such change. */
  readonly geometric?: boolean;
  /** Whether what it makes may show something else than its parent does: another digit, another sense. */
  readonly mayChangeMeaning?: boolean;
  /** Whether all it writes is within the bounds, so that nothing has to be clipped. */
  readonly staysInBounds?: boolean;
  /** Path of the module that it comes from. Absent for our own. */
  readonly plugin?: string;
  /** What a mutant costs, in copies of its values: dear ones keep a smaller floor among the others. */
  readonly cost: number;
  /** Makes one for an input; whatever it needs room for, it gets here. */
  make(value: ParameterValues, input: InputDescriptor): Mutator;
}
