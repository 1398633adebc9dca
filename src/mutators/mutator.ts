import type { Bounds, WorkingArray } from '../constraints/bounds.ts';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import type { Random } from '../core/random.ts';
import type { DefaultedParameter, ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';
import type { SettingsContext } from '../extensions/settings.ts';
import type { Domain, InputDescriptor } from '../inputs/input-descriptor.ts';
import type { RowEdits } from './row-edits.ts';
import type { NoisePool } from './simd/noise-pool.ts';
import type { VectorMath } from './simd/vector-math.ts';

/** The arguments of one `mutate` call beside the parent; not valid after it. */
export interface MutationContext {
  /** Source of all random numbers: a function of the master seed and the task number. */
  readonly random: Random;
  readonly noise: NoisePool;
  /** Vectorized sums of whole rows; `out` must not be `parent`. */
  readonly arithmetic: VectorMath;
  /** Legal values of each position of the mutant. */
  readonly bounds: Bounds;
  /** Shape of the mutant, without the batch. */
  readonly shape: readonly number[];
  /** Values of the second testcase that `MutatorKind.partner` asks for, in the parent's shape; the parent if there is none. */
  readonly partner: WorkingArray;
  /** Index of this mutant among those made of the parent in a row, `[0, mutantCount)`. */
  readonly mutantIndex: number;
  readonly mutantCount: number;
  /** Copies parents into rows that are expensive to copy, and undoes changes; absent where rows are copied whole. */
  readonly edits?: RowEdits | undefined;
  /** Standard deviation of steps, as a share of the range, for `creep`; undefined where it is to be drawn. */
  readonly strength?: number | undefined;
  /** How the distance from the goal changes with the parent's values, for `ascent`; undefined where that is not known. */
  readonly slope?: InputSlope | undefined;
  /** How far mutants may be from their ancestor, beside the bounds, for `ascent`; projecting them is not up to a mutator. */
  readonly limits?: Pick<ConstraintLimits, 'l0' | 'l2'> | undefined;
  /** Tokens that lead nearer to the goal, for `hotflip`; undefined where they are not known. */
  readonly replacements?: TokenSlope | undefined;
  /** The move of the latent vector that this mutant makes, for kinds with `usesLatent`; undefined where there are no models for it. */
  readonly decoded?: DecodedMove | undefined;
  /** The parent's values of the other inputs of the same type and shape, for kinds with `readsInputs`. */
  readonly siblings?: readonly WorkingArray[] | undefined;
}

/** What the decoder makes of a latent vector before and after a move: as many values as the mutant has. */
export interface DecodedMove {
  readonly before: ArrayLike<number>;
  readonly after: ArrayLike<number>;
}

/** The arguments of one `moveLatent` call beside the latent vector; all vectors have its length. */
export interface LatentContext {
  /** Source of all random numbers of the pick's moves. */
  readonly random: Random;
  /** Standard deviation of each latent value over the seeds. */
  readonly deviations: ArrayLike<number>;
  /** Latent vector of the seed. */
  readonly origin: ArrayLike<number>;
  /** Latent vector of the second testcase; the parent's own if there is none. */
  readonly partner: ArrayLike<number>;
  /** Standard deviation of a move, in that of the latent value. */
  readonly step: number;
}

/** The slope of a distance from a goal at a testcase, in one input. */
export interface InputSlope {
  /** A derivative for each value; finite. */
  readonly derivatives: WorkingArray;
  /** The part of the distance that falls to this input. */
  readonly distance: number;
  /** The same parts of where the goal lies beside a tie of two classes; absent where it begins where the distance is 0. */
  readonly beyond?: { readonly lead: number; readonly spread: number };
}

/** Of each token of a testcase, those that it is best replaced by, the best first: the slope of a distance in an input of tokens. */
export interface TokenSlope {
  /** `[positions, count]`. */
  readonly tokens: Int32Array;
  /** How much of the distance each is forecast to cover, `[positions, count]`; some are below 0. */
  readonly gains: Float32Array;
  readonly count: number;
}

/** Makes mutants of testcases, for one input of the model. */
export interface Mutator {
  /**
   * Writes one mutant of `parent` to `out` from `offset` on. Must not change `parent` and must not allocate.
   * Values outside the bounds are clipped afterwards, unless the kind has `staysInBounds`.
   *
   * @param parent as many values as the mutant has, unless `lengthOf` chose another length
   */
  mutate(out: WorkingArray, offset: number, parent: WorkingArray, context: MutationContext): void;
  /**
   * Number of tokens of the next mutants of a parent, for inputs of variable length.
   *
   * @param min, max the legal lengths, both included
   */
  lengthOf?(parent: WorkingArray, min: number, max: number, random: Random): number;
  /**
   * Writes a latent vector near `from` to `out`, for kinds with `usesLatent`. All moves of a task are made before its mutants, so that they
   * are decoded together; `mutate` then gets what the decoder made of it.
   */
  moveLatent?(out: Float32Array, from: Float32Array, context: LatentContext): void;
}

/**
 * The second testcase that a mutator needs: any `other` entry, the `parent` that this one was made from, a `rival`
 * in another predicted class, or a rival where one is found and another entry where none is.
 */
export type PartnerKind = 'other' | 'parent' | 'rival' | 'rival-first';

/** A kind of mutator. */
export interface MutatorKind extends ExtensionKind<Mutator, InputDescriptor> {
  readonly source: string;
  readonly parameters: readonly DefaultedParameter[];
  /** Inputs that it can work on. */
  readonly domains: readonly Domain[];
  /** The second testcase that it needs; absent if it needs none. */
  readonly partner?: PartnerKind;
  /** Whether it moves values instead of changing them: DeepHunter's rule allows one such change. */
  readonly geometric?: boolean;
  /** Whether climbs to goals alone use it, unless the input has no other: too little changes to be new. */
  readonly forGoals?: boolean;
  /** Whether it reads the values of other inputs: `MutationContext.siblings`. */
  readonly readsInputs?: boolean;
  /** Whether a mutant may belong to another class than its parent: another digit, another sense. */
  readonly mayChangeMeaning?: boolean;
  /** Whether it moves latent vectors, which takes an encoder and a decoder of the input. */
  readonly usesLatent?: boolean;
  /** Whether all values that it writes are within the bounds, so that nothing has to be clipped. */
  readonly staysInBounds?: boolean;
  /**
   * Whether mutants differ from their parent in a part of their values alone. `mutate` then begins with `copyParent`, calls
   * `edits.changed` with each run of positions that it writes, and may be given the parent in `out` itself.
   */
  readonly editsPart?: boolean;
  /** The time of a mutant in copies of its values; the scheduler keeps a smaller floor for expensive ones. */
  readonly cost: number;
  /** As `cost`, of a mutator that edits a part, where the parent need not be copied. */
  readonly editCost?: number;
  /** Makes a mutator for an input and allocates its buffers. @param words settings that are words, by name */
  make(values: ParameterValues, input: InputDescriptor, words?: SettingsContext['words']): Mutator;
}

/** Writes the parent to `out` from `offset` on, for mutators that change a part of it. */
export function copyParent(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  { edits }: Pick<MutationContext, 'edits'>,
): void {
  if (edits === undefined) out.set(parent, offset);
  else edits.copy(out, offset, parent);
}
