import type { BoundsTracker, WorkingArray } from '../../constraints/bounds.ts';
import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import type { Random } from '../../core/random.ts';
import type { ShapeSignature } from '../../model/testcase-batch.ts';
import type { InputSlope, MutationContext, TokenSlope } from '../../mutators/mutator.ts';
import { RowEdits } from '../../mutators/row-edits.ts';
import type { NoisePool } from '../../mutators/simd/noise-pool.ts';
import type { VectorMath } from '../../mutators/simd/vector-math.ts';
import { copyInto, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import { stackOf } from '../scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import type { BoundsCache } from './bounds-cache.ts';
import type { LatentMoves } from './latent-moves.ts';
import { followLength } from './length-changes.ts';
import type { ParentSource } from './parent-source.ts';
import type { ScratchBuffers } from './scratch-buffers.ts';

/** The mutants of one pick. */
export interface PickSlice {
  readonly pick: number;
  readonly form: ShapeSignature;
  readonly mutants: number;
  readonly parent: CorpusEntryData;
  /** Of each input, the slope of the distance from the task's goal at the parent. Absent where it is not known. */
  readonly slopes?: readonly (InputSlope | TokenSlope | undefined)[] | undefined;
  /** Moves of latent vectors of its step. */
  readonly latents?: LatentMoves | undefined;
}

/** How one input of a pick's mutants is made: by mutators, or from the parent at another length. */
export type InputMutation =
  | { readonly kind: 'follow' }
  | {
      readonly kind: 'mutate';
      readonly stack: readonly Arm[];
      /** As long as the mutant, except for the input whose length mutators change. */
      readonly parent: WorkingArray;
      /** Undefined without one: each mutator of the stack then gets the values that it mutates. */
      readonly partner: WorkingArray | undefined;
      /** Reused for each mutant. */
      readonly context: { -readonly [K in keyof MutationContext]: MutationContext[K] } & {
        readonly bounds: BoundsTracker;
      };
    };

export interface InputMutationsOptions {
  /** Of each input; none for an input that is not mutated. */
  readonly arms: readonly (readonly Arm[])[];
  /** The input whose length mutators may change; undefined where lengths are fixed. */
  readonly lengthLeader: number | undefined;
  readonly noise: NoisePool;
  readonly bounds: BoundsCache;
  readonly limits?: ConstraintLimits;
  /** Of each input. */
  readonly scratch: readonly ScratchBuffers[];
  /** Of each input, the array that mutants are written to; absent unless a batch is one row of fixed length. */
  readonly singleRows?: readonly TensorData[];
}

/** Bytes from which on a row is edited in place: copying a shorter one costs next to nothing. */
const MIN_EDITED_BYTES = 1 << 18;

/** Applies the mutator stacks of picks, input by input. */
export class InputMutations {
  readonly #options: InputMutationsOptions;
  /** Of each input; undefined where rows are copied whole. */
  readonly #edits: readonly (RowEdits | undefined)[];

  constructor(options: InputMutationsOptions) {
    this.#options = options;
    // Other types are mutated in a buffer that holds another parent each time.
    this.#edits = options.arms.map((_, input) => {
      const row = options.singleRows?.[input];
      return row instanceof Float32Array && row.byteLength >= MIN_EDITED_BYTES
        ? new RowEdits(row)
        : undefined;
    });
  }

  /**
   * Prepares a pick's mutants. The result is valid until the next call.
   *
   * @returns by input; undefined for an input that is copied from the parent
   */
  prepare(
    task: Task,
    source: ParentSource,
    { pick, form, mutants, parent, slopes }: PickSlice,
    random: Random,
  ): (InputMutation | undefined)[] {
    const { arms, lengthLeader, noise, bounds, limits, scratch } = this.#options;
    const partner = task.partners[pick] < 0 ? parent : source.entryData(task.partners[pick]);
    const strengths = task.goal?.strengths;
    return form.inputs.map((input, i): InputMutation | undefined => {
      if (input.size === 0) return undefined;
      const stack = stackOf(task.stacks, pick, i, form.inputs.length);
      const isResized = parent.data.inputs[i].length !== input.size;
      if (stack.length === 0 || arms[i].length === 0) return isResized ? { kind: 'follow' } : undefined;
      const values = scratch[i].parent(parent.data.inputs[i]);
      const stackedArms = stack.map((arm) => arms[i][arm]);
      const slope = slopes?.[i];
      const isOfTokens = slope !== undefined && 'tokens' in slope;
      const readsInputs = stackedArms.some((arm) => arm.readsInputs === true);
      return {
        kind: 'mutate',
        stack: stackedArms,
        parent: isResized && i !== lengthLeader ? scratch[i].resized(values, input.size) : values,
        partner: partner === parent ? undefined : scratch[i].partner(partner.data.inputs[i]),
        context: {
          random,
          noise,
          arithmetic: noise.vectorMath,
          bounds: bounds.around(
            form,
            i,
            parent.ancestorIndex,
            () => source.entryData(parent.ancestorIndex).data.inputs[i],
          ),
          shape: input.shape,
          partner: values,
          mutantIndex: 0,
          mutantCount: mutants,
          edits: this.#edits[i],
          strength: strengths?.[pick] || undefined,
          slope: isOfTokens ? undefined : slope,
          replacements: isOfTokens ? slope : undefined,
          limits,
          siblings: readsInputs ? this.#siblings(form, parent, i) : undefined,
        },
      };
    });
  }

  /** The parent's values of other inputs of the same type and shape. */
  #siblings({ inputs }: ShapeSignature, { data }: CorpusEntryData, input: number): WorkingArray[] {
    const { type, shape, size } = inputs[input];
    return inputs.flatMap((other, i) => {
      const isSibling = i !== input && other.type === type && String(other.shape) === String(shape);
      return isSibling && data.inputs[i].length === size
        ? [this.#options.scratch[i].parent(data.inputs[i])]
        : [];
    });
  }

  /**
   * Writes one input of one mutant.
   *
   * @param batch the input's values of all rows
   */
  write(
    mutation: InputMutation | undefined,
    { pick, form, latents, parent: { data } }: PickSlice,
    input: number,
    batch: TensorData,
    row: number,
    mutantIndex: number,
  ): void {
    const { size, type } = form.inputs[input];
    if (mutation === undefined) {
      copyInto(batch, data.inputs[input], row * size);
      return;
    }
    if (mutation.kind === 'follow') {
      copyInto(batch, followLength(type, data.inputs[input], size), row * size);
      return;
    }
    const { stack, parent, partner, context } = mutation;
    const scratch = this.#options.scratch[input];
    const { vectorMath } = this.#options.noise;
    const isFloat = batch instanceof Float32Array;
    const { edits } = context;
    let from = parent;
    context.mutantIndex = mutantIndex;
    const last = edits === undefined ? stack.length - 1 : firstInPlace(stack);
    edits?.begin();
    let moves = 0;
    for (let step = 0; step < stack.length; step++) {
      const { mutator, confined } = stack[step];
      const isLast = step >= last;
      const out = isLast ? (isFloat ? batch : scratch.mutant) : scratch.intermediate(step, size);
      const offset = isLast && isFloat ? row * size : 0;
      context.partner = partner ?? from;
      if (mutator.moveLatent !== undefined)
        context.decoded = latents?.decodedMove(pick, mutantIndex, moves++);
      mutator.mutate(out, offset, from, context);
      if (!confined) clip(vectorMath, out, offset, size, context);
      from = out;
    }
    edits?.end(last === 0);
    if (isFloat) return;
    const { mutant } = scratch;
    for (let k = 0; k < size; k++) writeNumber(type, batch, row * size + k, mutant[k]);
  }
}

/** Index of the mutator after which all others edit a part of what it wrote, in the same array. */
function firstInPlace(stack: readonly Arm[]): number {
  let step = stack.length - 1;
  while (step > 0 && stack[step].editsPart === true) step--;
  return step;
}

/** Clips a mutant to the bounds: what was edited, where the rest is its parent's. */
function clip(
  vectorMath: VectorMath,
  out: WorkingArray,
  offset: number,
  size: number,
  { bounds, edits }: Pick<MutationContext, 'edits'> & { readonly bounds: BoundsTracker },
): void {
  if (edits === undefined || !edits.isComplete) {
    vectorMath.clip(out, offset, size, bounds);
    return;
  }
  const { low, high } = bounds;
  edits.forEachRun((from, to) => {
    for (let i = from; i < to; i++) out[i] = out[i] > low[i] ? Math.min(out[i], high[i]) : low[i];
  });
}
