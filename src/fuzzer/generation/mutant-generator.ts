import { BoundsTracker, isAnchored, type WorkingArray } from '../../constraints/bounds.ts';
import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { ConstraintProjector } from '../../constraints/constraint-projector.ts';
import { UserError } from '../../core/errors.ts';
import { type Random, randomStream } from '../../core/random.ts';
import { callWithTimeout, PluginError } from '../../extensions/plugin-loader.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import {
  groupIntoBatches,
  type ShapeSignature,
  shapeSignatureOf,
  type TestcaseBatch,
} from '../../model/batched-model.ts';
import type { MutationContext } from '../../mutators/mutator.ts';
import { NoisePool } from '../../mutators/simd/noise-pool.ts';
import { cloneData, copyInto, makeData, rowsOf, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import { stackOf } from '../scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import { followLength, type LengthChanges } from './length-changes.ts';
import { makeScratchBuffers, type ScratchBuffers } from './scratch-buffers.ts';

/** What mutants are made by. */
export interface MutantGeneratorOptions {
  readonly descriptors: readonly InputDescriptor[];
  /** Of each input; none leaves it as it is. */
  readonly arms: readonly (readonly Arm[])[];
  readonly limits: ConstraintLimits;
  readonly lengthChanges: LengthChanges | undefined;
  readonly masterSeed: string;
  readonly batch: number;
}

/** Where the parents of a task are. */
export interface ParentSource {
  /** The task's parents and mates, and with a constraint their ancestors and references. */
  entryData(entry: number): CorpusEntryData;
}

/** Some of a task's mutants, all of one form. */
export interface MutantBatch {
  readonly form: ShapeSignature;
  /** Number of the first one in the task. */
  readonly first: number;
  readonly rows: number;
}

/** A part of a task: some picks, and what those mutate instead of their corpus entries. */
export interface TaskStep {
  readonly from: number;
  readonly to: number;
  /** Undefined where a pick mutates its corpus entry. */
  readonly parentOf: (pick: number) => CorpusEntryData | undefined;
  /** Keeps the draws of the steps of a task apart. */
  readonly streamKey: readonly number[];
}

/** All of a task in one step. */
export function wholeTask({ parents }: Task): TaskStep {
  return { from: 0, to: parents.length, parentOf: () => undefined, streamKey: [] };
}

/** Bounds kept for each input; as many as there are seeds would be too much for a folder of photographs. */
const MAX_CACHED_BOUNDS = 64;

/** Draws of a mutant before its row is given up: something of its parent's then fills it. */
const MAX_ATTEMPTS = 4;

/** Makes the mutants of tasks, a batch at a time, in arrays of its own that each batch is written over. */
export class MutantGenerator {
  readonly #options: MutantGeneratorOptions;
  /** Room for a batch of the largest form. */
  readonly #inputs: readonly TensorData[];
  /** Bounds of each input around the ancestors used last. */
  readonly #bounds: readonly Map<number | string, BoundsTracker>[];
  readonly #noise: NoisePool;
  /** Where values of inputs that are no float32 are worked on before they are rounded into the columns. */
  readonly #scratch: readonly ScratchBuffers[];
  readonly #picks: Int32Array;
  /** Rows that hold no mutant, since none was within the constraints. */
  readonly #voidRows: Uint8Array;
  readonly #projector: ConstraintProjector | undefined;
  /** Modules of the user's that mutators come from. */
  readonly #plugins: readonly string[];
  readonly #shapes = new Map<string, ShapeSignature>();
  #rejected = 0;

  constructor(options: MutantGeneratorOptions) {
    this.#options = options;
    const { descriptors, batch, limits, arms } = options;
    this.#plugins = [...new Set(arms.flat().flatMap(({ plugin }) => plugin ?? []))];
    const types = descriptors.map(({ type }) => type);
    const sizes = descriptors.map(({ size }) => size);
    this.#bounds = types.map(() => new Map<number | string, BoundsTracker>());
    const floats = sizes.filter((_, i) => types[i] === 'float32').map((size) => size * batch);
    this.#noise = new NoisePool(options.masterSeed, floats, Math.max(...sizes));
    const fast = [...this.#noise.inputs];
    this.#inputs = types.map((type, i) =>
      type === 'float32' ? (fast.shift() as Float32Array) : makeData(type, sizes[i] * batch),
    );
    this.#scratch = types.map((type, i) => makeScratchBuffers(type, sizes[i], this.#noise.scratch));
    this.#picks = new Int32Array(options.batch);
    this.#voidRows = new Uint8Array(options.batch);
    const mutated = arms.flatMap((list, i) => (list.length > 0 ? [i] : []));
    const keeper = new ConstraintProjector(limits, descriptors, mutated, sizes);
    this.#projector = keeper.isNeeded ? keeper : undefined;
  }

  /**
   * Makes one batch of a task's mutants after the other. All draws come from (master seed, task number, form).
   *
   * @param spent told the seconds that each batch took
   * @param step a part of the task; steps are made in their order
   */
  *batches(
    task: Task,
    view: ParentSource,
    spent: (seconds: number) => void = () => {},
    step: TaskStep = wholeTask(task),
  ): Generator<MutantBatch> {
    if (step.from === 0) this.#rejected = 0;
    let first = step.from * MUTANTS_PER_PICK;
    const { streamKey } = step;
    for (const picks of groupIntoBatches(
      this.#groupPicks(task, view, step),
      ({ form }) => form,
      Number.POSITIVE_INFINITY,
    )) {
      const { form } = picks[0];
      // A stream for each form: what a task's first picks become does not depend on how many there are.
      const random = randomStream(this.#options.masterSeed, 'mutate', task.number, form.key, ...streamKey);
      const all = picks.reduce((sum, { mutants }) => sum + mutants, 0);
      for (let done = 0; done < all; done += this.#options.batch) {
        const start = performance.now();
        const rows = Math.min(this.#options.batch, all - done);
        this.#noise.refresh(random);
        this.#voidRows.fill(0);
        for (let row = 0; row < rows; ) {
          const slice = picks[Math.floor((done + row) / MUTANTS_PER_PICK)];
          const turn = (done + row) % MUTANTS_PER_PICK;
          const some = Math.min(slice.mutants - turn, rows - row);
          this.#picks.fill(slice.pick, row, row + some);
          const at = row;
          this.#guardPlugins(() =>
            this.#mutatePick(task, view, step.parentOf, slice, at, turn, some, random),
          );
          row += some;
        }
        spent((performance.now() - start) / 1000);
        yield { form, first, rows };
        first += rows;
      }
    }
  }

  /** The pick that a row of the batch was made for, by its place in the task. */
  pickOf(row: number): number {
    return this.#picks[row];
  }

  /** Whether a row of the batch holds no mutant and what comes of it is nothing. */
  isVoid(row: number): boolean {
    return this.#voidRows[row] === 1;
  }

  /** Mutants of the task so far that could not be brought within the constraints and were drawn anew. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Rows of the batch: views. */
  rows(form: ShapeSignature, from: number, to: number): TestcaseBatch {
    return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(this.#inputs[i], size, from, to)) };
  }

  /** Rows of the batch, copied. */
  copy(form: ShapeSignature, from: number, to: number): TestcaseData {
    return { form, inputs: this.rows(form, from, to).inputs.map(cloneData) };
  }

  /** Has mutants made; broken off where a mutator of the user's does not come to an end. */
  #guardPlugins(make: () => void): void {
    if (this.#plugins.length === 0) {
      make();
      return;
    }
    try {
      callWithTimeout(this.#plugins.join(' or '), make);
    } catch (error) {
      throw error instanceof PluginError
        ? new UserError(`${error.message}; mend it or leave it out of --mutator`)
        : error;
    }
  }

  /** Fills rows of the batch with mutants of one pick. */
  #mutatePick(
    task: Task,
    view: ParentSource,
    parentOf: TaskStep['parentOf'],
    { pick, form, mutants }: PickSlice,
    row: number,
    turn: number,
    some: number,
    random: Random,
  ): void {
    const { arms, limits } = this.#options;
    const parent = parentOf(pick) ?? view.entryData(task.parents[pick]);
    const mate = task.partners[pick] < 0 ? parent : view.entryData(task.partners[pick]);
    const makers = form.inputs.map((input, i): InputMutation | undefined => {
      if (input.size === 0) return undefined;
      const chain = stackOf(task.stacks, pick, i, form.inputs.length);
      const bounds =
        arms[i].length === 0 ? undefined : this.#boundsAround(form, i, parent.ancestorIndex, view);
      const resized = parent.data.inputs[i].length !== input.size;
      if (chain.length === 0 || bounds === undefined) return resized ? { kind: 'follow' } : undefined;
      const room = this.#scratch[i];
      const own = room.parent(parent.data.inputs[i]);
      return {
        kind: 'mutate',
        stack: chain.map((arm) => arms[i][arm]),
        parent: resized && i !== this.#options.lengthChanges?.leader ? room.resized(own, input.size) : own,
        partner: mate === parent ? undefined : room.partner(mate.data.inputs[i]),
        context: {
          random,
          noise: this.#noise,
          arithmetic: this.#noise.vectorMath,
          bounds,
          shape: input.shape,
          partner: own,
          mutantIndex: turn,
          mutantCount: mutants,
        },
      };
    });
    const allBounds = makers.map((maker) => (maker?.kind === 'mutate' ? maker.context.bounds : undefined));
    const rebases =
      limits.deephunter !== undefined &&
      makers.some((maker) => maker?.kind === 'mutate' && maker.stack.some(({ geometric }) => geometric));
    const reference =
      limits.deephunter === undefined || rebases
        ? undefined
        : { entry: parent.referenceIndex, data: view.entryData(parent.referenceIndex).data };
    const isKept = (at: number): boolean =>
      this.#projector === undefined ||
      this.#projector.project(
        form,
        this.#inputs,
        at,
        allBounds,
        view.entryData(parent.ancestorIndex).data,
        reference,
      );
    for (let n = 0; n < some; n++) {
      const at = row + n;
      for (let attempt = 1; ; attempt++) {
        makers.forEach((maker, i) => {
          this.#mutateInput(maker, form, i, parent, at, turn + n);
        });
        if (isKept(at)) break;
        this.#rejected++;
        if (attempt < MAX_ATTEMPTS) continue;
        this.#copyParent(form, parent, at);
        this.#voidRows[at] = 1;
        break;
      }
    }
  }

  /** Makes one input of one mutant. */
  #mutateInput(
    maker: InputMutation | undefined,
    form: ShapeSignature,
    input: number,
    { data }: CorpusEntryData,
    row: number,
    turn: number,
  ): void {
    const { size, type } = form.inputs[input];
    const column = this.#inputs[input];
    if (maker === undefined) {
      copyInto(column, data.inputs[input], row * size);
      return;
    }
    if (maker.kind === 'follow') {
      copyInto(column, followLength(type, data.inputs[input], size), row * size);
      return;
    }
    const { stack, parent, partner, context } = maker;
    const room = this.#scratch[input];
    const isFloat = column instanceof Float32Array;
    let from = parent;
    context.mutantIndex = turn;
    for (let step = 0; step < stack.length; step++) {
      const { mutator, confined } = stack[step];
      const isLast = step === stack.length - 1;
      const out = isLast ? (isFloat ? column : room.mutant) : room.intermediate(step, size);
      const offset = isLast && isFloat ? row * size : 0;
      context.partner = partner ?? from;
      mutator.mutate(out, offset, from, context);
      if (!confined) this.#noise.vectorMath.clip(out, offset, size, context.bounds);
      from = out;
    }
    if (isFloat) return;
    const { mutant } = room;
    for (let k = 0; k < size; k++) writeNumber(type, column, row * size + k, mutant[k]);
  }

  /** Puts the parent itself in a row, brought to the row's length. */
  #copyParent(form: ShapeSignature, { data }: CorpusEntryData, row: number): void {
    form.inputs.forEach(({ size, type }, i) => {
      const own = data.inputs[i];
      copyInto(this.#inputs[i], own.length === size ? own : followLength(type, own, size), row * size);
    });
  }

  #boundsAround(form: ShapeSignature, input: number, ancestor: number, view: ParentSource): BoundsTracker {
    const { descriptors, limits } = this.#options;
    const { range, columns, fixed } = descriptors[input];
    const options = { range, columns, fixed, linf: limits.linf };
    const kept = this.#bounds[input];
    const anchored = isAnchored(options);
    // Without a constraint the bounds are the range, whoever the ancestor is.
    const key = anchored ? ancestor : form.key;
    let bounds = kept.get(key);
    if (bounds === undefined) {
      if (kept.size >= MAX_CACHED_BOUNDS) kept.clear();
      const { type, size } = form.inputs[input];
      bounds = new BoundsTracker(type, size, options);
      if (anchored) bounds.centreOn(view.entryData(ancestor).data.inputs[input]);
      kept.set(key, bounds);
    }
    return bounds;
  }

  /** A task's picks in turn, those of one form together, so that their mutants share batches. */
  #groupPicks(task: Task, view: ParentSource, { from, to, parentOf, streamKey }: TaskStep): PickSlice[] {
    const byForm = new Map<string, PickSlice[]>();
    const random = randomStream(this.#options.masterSeed, 'resize', task.number, ...streamKey);
    for (let pick = from; pick < to; pick++) {
      const form = this.#shapeOf(
        task,
        pick,
        view,
        parentOf(pick) ?? view.entryData(task.parents[pick]),
        random,
      );
      const slices = byForm.get(form.key) ?? [];
      slices.push({
        pick,
        form,
        mutants: Math.min(MUTANTS_PER_PICK, task.mutants - pick * MUTANTS_PER_PICK),
      });
      byForm.set(form.key, slices);
    }
    return [...byForm.values()].flat();
  }

  /** The form of a pick's mutants: the parent's, unless its first mutator changes the length. */
  #shapeOf(
    task: Task,
    pick: number,
    view: ParentSource,
    { data, ancestorIndex }: CorpusEntryData,
    random: Random,
  ): ShapeSignature {
    const { lengthChanges, arms, limits } = this.#options;
    if (lengthChanges === undefined) return data.form;
    const { leader, followers } = lengthChanges;
    const [arm] = stackOf(task.stacks, pick, leader, data.form.inputs.length);
    const lengthOf = arm === undefined ? undefined : arms[leader][arm].mutator.lengthOf;
    if (lengthOf === undefined) return data.form;
    const parent = this.#scratch[leader].parent(data.inputs[leader]);
    let { minLength, maxLength } = lengthChanges;
    if (limits.edits !== undefined) {
      // Each token more or less is an edit.
      const seed = view.entryData(ancestorIndex).data.inputs[leader].length;
      minLength = Math.max(minLength, seed - limits.edits);
      maxLength = Math.min(maxLength, seed + limits.edits);
    }
    const length = lengthOf(parent, minLength, maxLength, random);
    if (length === parent.length) return data.form;
    const key = `${data.form.key}/${length}`;
    let form = this.#shapes.get(key);
    if (form === undefined) {
      form = shapeSignatureOf(
        data.form.inputs.map((input, i) =>
          i === leader || followers.includes(i) ? { ...input, shape: [length], size: length } : input,
        ),
      );
      this.#shapes.set(key, form);
    }
    return form;
  }
}

/** The part of a task that mutates one pick's entry. */
interface PickSlice {
  readonly pick: number;
  readonly form: ShapeSignature;
  readonly mutants: number;
}

/** How one input of a pick's mutants is made: by mutators, or of another length than the parent's. */
type InputMutation =
  | { readonly kind: 'follow' }
  | {
      readonly kind: 'mutate';
      readonly stack: readonly Arm[];
      /** Of the mutant's length, unless it is the leader's own to change that. */
      readonly parent: WorkingArray;
      readonly partner: WorkingArray | undefined;
      /** Used again for each mutant. */
      readonly context: { -readonly [K in keyof MutationContext]: MutationContext[K] } & {
        readonly bounds: BoundsTracker;
      };
    };
