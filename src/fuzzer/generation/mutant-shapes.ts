import type { Random } from '../../core/random.ts';
import { type ShapeSignature, shapeSignatureOf } from '../../model/testcase-batch.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import { stackOf } from '../scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import type { LengthChanges } from './length-changes.ts';
import type { ScratchBuffers } from './scratch-buffers.ts';

/** Everything that the shapes of mutants depend on beside the task. */
export interface MutantShapesOptions {
  /** Of each input; none for an input that is not mutated. */
  readonly arms: readonly (readonly Arm[])[];
  /** Undefined where mutators may not change lengths. */
  readonly lengthChanges: LengthChanges | undefined;
  /** Most edits between a mutant and its ancestor; undefined for no limit. */
  readonly maxEdits: number | undefined;
  /** Of each input. */
  readonly scratch: readonly ScratchBuffers[];
}

/** The shapes of mutants: their parents', unless the first mutator of a stack changes the length. */
export class MutantShapes {
  readonly #options: MutantShapesOptions;
  /** By the parent's shape and the new length, so that mutants of one shape share a signature. */
  readonly #resized = new Map<string, ShapeSignature>();

  constructor(options: MutantShapesOptions) {
    this.#options = options;
  }

  /**
   * The shape of a pick's mutants.
   *
   * @param ancestorLength number of tokens of the parent's ancestor; called only where edits are limited
   */
  shapeOf(
    task: Task,
    pick: number,
    { data }: Pick<CorpusEntryData, 'data'>,
    ancestorLength: (leader: number) => number,
    random: Random,
  ): ShapeSignature {
    const { lengthChanges, arms, maxEdits, scratch } = this.#options;
    if (lengthChanges === undefined) return data.form;
    const { leader } = lengthChanges;
    const [arm] = stackOf(task.stacks, pick, leader, data.form.inputs.length);
    const lengthOf = arm === undefined ? undefined : arms[leader][arm].mutator.lengthOf;
    if (lengthOf === undefined) return data.form;
    const parent = scratch[leader].parent(data.inputs[leader]);
    let { minLength, maxLength } = lengthChanges;
    if (maxEdits !== undefined) {
      // Each token more or less is an edit.
      const length = ancestorLength(leader);
      minLength = Math.max(minLength, length - maxEdits);
      maxLength = Math.min(maxLength, length + maxEdits);
    }
    const length = lengthOf(parent, minLength, maxLength, random);
    return length === parent.length ? data.form : this.#withLength(data.form, length, lengthChanges);
  }

  #withLength(shape: ShapeSignature, length: number, { leader, followers }: LengthChanges): ShapeSignature {
    const key = `${shape.key}/${length}`;
    let resized = this.#resized.get(key);
    if (resized === undefined) {
      resized = shapeSignatureOf(
        shape.inputs.map((input, i) =>
          i === leader || followers.includes(i) ? { ...input, shape: [length], size: length } : input,
        ),
      );
      this.#resized.set(key, resized);
    }
    return resized;
  }
}
