import { BoundsKeeper, isAnchored, type Values } from '../../constraints/bounds.ts';
import type { Limits } from '../../constraints/options.ts';
import { ConstraintKeeper } from '../../constraints/projector.ts';
import { UserError } from '../../core/errors.ts';
import { type Random, randomStream } from '../../core/random.ts';
import { guarded, PluginFailure } from '../../extensions/plugin-loader.ts';
import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { batches, type Form, formOf, type Rows } from '../../model/batched-model.ts';
import type { Given } from '../../mutators/mutator.ts';
import { NoisePool } from '../../mutators/simd/noise-pool.ts';
import { copyInto, copyOf, makeData, rowsOf, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import { chainOf } from '../scheduling/mutator-stack.ts';
import type { Parcel, Task } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import { followed, type Resizing } from './length-changes.ts';
import { makeRoom, type Room } from './scratch-buffers.ts';

/** What mutants are made by. */
export interface MakerOptions {
  readonly traits: readonly InputTraits[];
  /** Of each input; none leaves it as it is. */
  readonly arms: readonly (readonly Arm[])[];
  readonly limits: Limits;
  readonly resizing: Resizing | undefined;
  readonly masterSeed: string;
  readonly batch: number;
}

/** Where the parents of a task are. */
export interface Parents {
  /** The task's parents and mates, and with a constraint their ancestors and references. */
  parcel(entry: number): Parcel;
}

/** Some of a task's mutants, all of one form. */
export interface Batch {
  readonly form: Form;
  /** Number of the first one in the task. */
  readonly first: number;
  readonly rows: number;
}

/** A part of a task: some picks, and what those mutate instead of their corpus entries. */
export interface Step {
  readonly from: number;
  readonly to: number;
  /** Undefined where a pick mutates its corpus entry. */
  readonly parentOf: (pick: number) => Parcel | undefined;
  /** Keeps the draws of the steps of a task apart. */
  readonly key: readonly number[];
}

/** All of a task in one step. */
export function wholeOf({ parents }: Task): Step {
  return { from: 0, to: parents.length, parentOf: () => undefined, key: [] };
}

/** Bounds kept for each input; as many as there are seeds would be too much for a folder of photographs. */
const MOST_BOUNDS = 64;

/** Draws of a mutant before its row is given up: something of its parent's then fills it. */
const ATTEMPTS = 4;

/** Makes the mutants of tasks, a batch at a time, in arrays of its own that each batch is written over. */
export class BatchMaker {
  readonly #options: MakerOptions;
  /** Room for a batch of the largest form. */
  readonly #columns: readonly TensorData[];
  /** Bounds of each input around the ancestors used last. */
  readonly #bounds: readonly Map<number | string, BoundsKeeper>[];
  readonly #noise: NoisePool;
  /** Where values of inputs that are no float32 are worked on before they are rounded into the columns. */
  readonly #rooms: readonly Room[];
  readonly #picks: Int32Array;
  /** Rows that hold no mutant, since none was within the constraints. */
  readonly #void: Uint8Array;
  readonly #keeper: ConstraintKeeper | undefined;
  /** Modules of the user's that mutators come from. */
  readonly #plugins: readonly string[];
  readonly #forms = new Map<string, Form>();
  #rejected = 0;

  constructor(options: MakerOptions) {
    this.#options = options;
    const { traits, batch, limits, arms } = options;
    this.#plugins = [...new Set(arms.flat().flatMap(({ plugin }) => plugin ?? []))];
    const types = traits.map(({ type }) => type);
    const sizes = traits.map(({ size }) => size);
    this.#bounds = types.map(() => new Map<number | string, BoundsKeeper>());
    const floats = sizes.filter((_, i) => types[i] === 'float32').map((size) => size * batch);
    this.#noise = new NoisePool(options.masterSeed, floats, Math.max(...sizes));
    const fast = [...this.#noise.columns];
    this.#columns = types.map((type, i) =>
      type === 'float32' ? (fast.shift() as Float32Array) : makeData(type, sizes[i] * batch),
    );
    this.#rooms = types.map((type, i) => makeRoom(type, sizes[i], this.#noise.stages));
    this.#picks = new Int32Array(options.batch);
    this.#void = new Uint8Array(options.batch);
    const mutated = arms.flatMap((list, i) => (list.length > 0 ? [i] : []));
    const keeper = new ConstraintKeeper(limits, traits, mutated, sizes);
    this.#keeper = keeper.isNeeded ? keeper : undefined;
  }

  /**
   * Makes one batch of a task's mutants after the other. All draws come from (master seed, task number, form).
   *
   * @param spent told the seconds that each batch took
   * @param step a part of the task; steps are made in their order
   */
  *batches(
    task: Task,
    view: Parents,
    spent: (seconds: number) => void = () => {},
    step: Step = wholeOf(task),
  ): Generator<Batch> {
    if (step.from === 0) this.#rejected = 0;
    let first = step.from * MUTANTS_PER_PICK;
    const { key } = step;
    for (const picks of batches(
      this.#slices(task, view, step),
      ({ form }) => form,
      Number.POSITIVE_INFINITY,
    )) {
      const { form } = picks[0];
      // A stream for each form: what a task's first picks become does not depend on how many there are.
      const random = randomStream(this.#options.masterSeed, 'mutate', task.number, form.key, ...key);
      const all = picks.reduce((sum, { mutants }) => sum + mutants, 0);
      for (let done = 0; done < all; done += this.#options.batch) {
        const start = performance.now();
        const rows = Math.min(this.#options.batch, all - done);
        this.#noise.refresh(random);
        this.#void.fill(0);
        for (let row = 0; row < rows; ) {
          const slice = picks[Math.floor((done + row) / MUTANTS_PER_PICK)];
          const turn = (done + row) % MUTANTS_PER_PICK;
          const some = Math.min(slice.mutants - turn, rows - row);
          this.#picks.fill(slice.pick, row, row + some);
          const at = row;
          this.#watched(() => this.#mutate(task, view, step.parentOf, slice, at, turn, some, random));
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
    return this.#void[row] === 1;
  }

  /** Mutants of the task so far that could not be brought within the constraints and were drawn anew. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Rows of the batch: views. */
  rows(form: Form, from: number, to: number): Rows {
    return { form, columns: form.inputs.map(({ size }, i) => rowsOf(this.#columns[i], size, from, to)) };
  }

  /** Rows of the batch, copied. */
  copy(form: Form, from: number, to: number): TestcaseData {
    return { form, columns: this.rows(form, from, to).columns.map(copyOf) };
  }

  /** Has mutants made; broken off where a mutator of the user's does not come to an end. */
  #watched(make: () => void): void {
    if (this.#plugins.length === 0) {
      make();
      return;
    }
    try {
      guarded(this.#plugins.join(' or '), make);
    } catch (error) {
      throw error instanceof PluginFailure
        ? new UserError(`${error.message}; mend it or leave it out of --mutator`)
        : error;
    }
  }

  /** Fills rows of the batch with mutants of one pick. */
  #mutate(
    task: Task,
    view: Parents,
    parentOf: Step['parentOf'],
    { pick, form, mutants }: Slice,
    row: number,
    turn: number,
    some: number,
    random: Random,
  ): void {
    const { arms, limits } = this.#options;
    const parent = parentOf(pick) ?? view.parcel(task.parents[pick]);
    const mate = task.mates[pick] < 0 ? parent : view.parcel(task.mates[pick]);
    const makers = form.inputs.map((input, i): Maker | undefined => {
      if (input.size === 0) return undefined;
      const chain = chainOf(task.chains, pick, i, form.inputs.length);
      const bounds = arms[i].length === 0 ? undefined : this.#boundsAround(form, i, parent.ancestor, view);
      const resized = parent.data.columns[i].length !== input.size;
      if (chain.length === 0 || bounds === undefined) return resized ? { kind: 'follow' } : undefined;
      const room = this.#rooms[i];
      const own = room.parent(parent.data.columns[i]);
      return {
        kind: 'mutate',
        chain: chain.map((arm) => arms[i][arm]),
        parent: resized && i !== this.#options.resizing?.leader ? room.resized(own, input.size) : own,
        mate: mate === parent ? undefined : room.mate(mate.data.columns[i]),
        given: {
          random,
          noise: this.#noise,
          arithmetic: this.#noise.arithmetic,
          bounds,
          shape: input.shape,
          mate: own,
          turn,
          turns: mutants,
        },
      };
    });
    const allBounds = makers.map((maker) => (maker?.kind === 'mutate' ? maker.given.bounds : undefined));
    const rebases =
      limits.deephunter !== undefined &&
      makers.some((maker) => maker?.kind === 'mutate' && maker.chain.some(({ geometric }) => geometric));
    const reference =
      limits.deephunter === undefined || rebases
        ? undefined
        : { entry: parent.reference, data: view.parcel(parent.reference).data };
    const isKept = (at: number): boolean =>
      this.#keeper === undefined ||
      this.#keeper.keep(form, this.#columns, at, allBounds, view.parcel(parent.ancestor).data, reference);
    for (let n = 0; n < some; n++) {
      const at = row + n;
      for (let attempt = 1; ; attempt++) {
        makers.forEach((maker, i) => {
          this.#make(maker, form, i, parent, at, turn + n);
        });
        if (isKept(at)) break;
        this.#rejected++;
        if (attempt < ATTEMPTS) continue;
        this.#repeat(form, parent, at);
        this.#void[at] = 1;
        break;
      }
    }
  }

  /** Makes one input of one mutant. */
  #make(
    maker: Maker | undefined,
    form: Form,
    input: number,
    { data }: Parcel,
    row: number,
    turn: number,
  ): void {
    const { size, type } = form.inputs[input];
    const column = this.#columns[input];
    if (maker === undefined) {
      copyInto(column, data.columns[input], row * size);
      return;
    }
    if (maker.kind === 'follow') {
      copyInto(column, followed(type, data.columns[input], size), row * size);
      return;
    }
    const { chain, parent, mate, given } = maker;
    const room = this.#rooms[input];
    const isFloat = column instanceof Float32Array;
    let from = parent;
    given.turn = turn;
    for (let step = 0; step < chain.length; step++) {
      const { mutator, confined } = chain[step];
      const isLast = step === chain.length - 1;
      const out = isLast ? (isFloat ? column : room.mutant) : room.stage(step, size);
      const offset = isLast && isFloat ? row * size : 0;
      given.mate = mate ?? from;
      mutator.mutate(out, offset, from, given);
      if (!confined) this.#noise.arithmetic.clip(out, offset, size, given.bounds);
      from = out;
    }
    if (isFloat) return;
    const { mutant } = room;
    for (let k = 0; k < size; k++) writeNumber(type, column, row * size + k, mutant[k]);
  }

  /** Puts the parent itself in a row, brought to the row's length. */
  #repeat(form: Form, { data }: Parcel, row: number): void {
    form.inputs.forEach(({ size, type }, i) => {
      const own = data.columns[i];
      copyInto(this.#columns[i], own.length === size ? own : followed(type, own, size), row * size);
    });
  }

  #boundsAround(form: Form, input: number, ancestor: number, view: Parents): BoundsKeeper {
    const { traits, limits } = this.#options;
    const { range, columns, fixed } = traits[input];
    const options = { range, columns, fixed, linf: limits.linf };
    const kept = this.#bounds[input];
    const anchored = isAnchored(options);
    // Without a constraint the bounds are the range, whoever the ancestor is.
    const key = anchored ? ancestor : form.key;
    let bounds = kept.get(key);
    if (bounds === undefined) {
      if (kept.size >= MOST_BOUNDS) kept.clear();
      const { type, size } = form.inputs[input];
      bounds = new BoundsKeeper(type, size, options);
      if (anchored) bounds.around(view.parcel(ancestor).data.columns[input]);
      kept.set(key, bounds);
    }
    return bounds;
  }

  /** A task's picks in turn, those of one form together, so that their mutants share batches. */
  #slices(task: Task, view: Parents, { from, to, parentOf, key }: Step): Slice[] {
    const byForm = new Map<string, Slice[]>();
    const random = randomStream(this.#options.masterSeed, 'resize', task.number, ...key);
    for (let pick = from; pick < to; pick++) {
      const form = this.#formOf(task, pick, view, parentOf(pick) ?? view.parcel(task.parents[pick]), random);
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
  #formOf(task: Task, pick: number, view: Parents, { data, ancestor }: Parcel, random: Random): Form {
    const { resizing, arms, limits } = this.#options;
    if (resizing === undefined) return data.form;
    const { leader, followers } = resizing;
    const [arm] = chainOf(task.chains, pick, leader, data.form.inputs.length);
    const lengthOf = arm === undefined ? undefined : arms[leader][arm].mutator.lengthOf;
    if (lengthOf === undefined) return data.form;
    const parent = this.#rooms[leader].parent(data.columns[leader]);
    let { least, most } = resizing;
    if (limits.edits !== undefined) {
      // Each token more or less is an edit.
      const seed = view.parcel(ancestor).data.columns[leader].length;
      least = Math.max(least, seed - limits.edits);
      most = Math.min(most, seed + limits.edits);
    }
    const length = lengthOf(parent, least, most, random);
    if (length === parent.length) return data.form;
    const key = `${data.form.key}/${length}`;
    let form = this.#forms.get(key);
    if (form === undefined) {
      form = formOf(
        data.form.inputs.map((input, i) =>
          i === leader || followers.includes(i) ? { ...input, shape: [length], size: length } : input,
        ),
      );
      this.#forms.set(key, form);
    }
    return form;
  }
}

/** The part of a task that mutates one pick's entry. */
interface Slice {
  readonly pick: number;
  readonly form: Form;
  readonly mutants: number;
}

/** How one input of a pick's mutants is made: by mutators, or of another length than the parent's. */
type Maker =
  | { readonly kind: 'follow' }
  | {
      readonly kind: 'mutate';
      readonly chain: readonly Arm[];
      /** Of the mutant's length, unless it is the leader's own to change that. */
      readonly parent: Values;
      readonly mate: Values | undefined;
      /** Used again for each mutant. */
      readonly given: { -readonly [K in keyof Given]: Given[K] } & { readonly bounds: BoundsKeeper };
    };
