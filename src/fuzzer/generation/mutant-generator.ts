import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { ConstraintProjector } from '../../constraints/constraint-projector.ts';
import { SeedBall } from '../../constraints/seed-ball.ts';
import { UserError } from '../../core/errors.ts';
import { type Random, randomStream } from '../../core/random.ts';
import { callWithTimeout, PluginError } from '../../extensions/plugin-loader.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { LatentChange, TestcaseData } from '../../inputs/testcase.ts';
import { groupIntoBatches, type ShapeSignature, type TestcaseBatch } from '../../model/testcase-batch.ts';
import type { InputSlope, TokenSlope } from '../../mutators/mutator.ts';
import { NoisePool } from '../../mutators/simd/noise-pool.ts';
import { cloneData, copyInto, makeData, rowsOf, type TensorData } from '../../tensor/tensor.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import type { SeedNorm } from '../seeds/seed-distance.ts';
import { BoundsCache } from './bounds-cache.ts';
import { type InputMutation, InputMutations, type PickSlice } from './input-mutations.ts';
import type { LatentMoves } from './latent-moves.ts';
import { followLength, type LengthChanges } from './length-changes.ts';
import { MutantShapes } from './mutant-shapes.ts';
import type { ParentSource } from './parent-source.ts';
import { makeScratchBuffers } from './scratch-buffers.ts';

export interface MutantGeneratorOptions {
  readonly descriptors: readonly InputDescriptor[];
  /** Of each input; none for an input that is not mutated. */
  readonly arms: readonly (readonly Arm[])[];
  readonly limits: ConstraintLimits;
  /** Undefined where mutators may not change lengths. */
  readonly lengthChanges: LengthChanges | undefined;
  readonly masterSeed: string;
  /** Most mutants in a batch. */
  readonly batch: number;
  /** The norm of the smaller balls around seeds that tasks may ask for; absent where none does. */
  readonly radiusNorm?: SeedNorm;
}

/** A batch of a task's mutants, all of one shape. */
export interface MutantBatch {
  readonly form: ShapeSignature;
  /** Number in the task of its first mutant. */
  readonly first: number;
  readonly rows: number;
}

/** A step of a task: a range of its picks, and the mutants that those mutate in place of their corpus entries. */
export interface TaskStep {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Undefined for a pick that mutates its corpus entry. */
  readonly parentOf: (pick: number) => CorpusEntryData | undefined;
  /** Added to the keys of random streams, so that each step draws other numbers. */
  readonly streamKey: readonly number[];
  /** By pick, the slope of the distance from the task's goal in each input; absent from a task that does not ascend. */
  readonly slopes?: ReadonlyMap<number, readonly (InputSlope | TokenSlope | undefined)[]>;
  /** Moves of latent vectors; absent where no pick has any. */
  readonly latents?: LatentMoves | undefined;
}

/** All of a task in one step. */
export function wholeTask({ parents }: Task): TaskStep {
  return { from: 0, to: parents.length, parentOf: () => undefined, streamKey: [] };
}

/** Attempts to generate a mutant within the constraints; after that the row is filled with its parent and marked void. */
const MAX_ATTEMPTS = 4;

/** Generates the mutants of tasks, one batch at a time; each batch overwrites the one before it. */
export class MutantGenerator {
  readonly #options: MutantGeneratorOptions;
  /** Of each input, a buffer for a batch of the largest shape. */
  readonly #inputs: readonly TensorData[];
  readonly #mutations: InputMutations;
  readonly #shapes: MutantShapes;
  readonly #noise: NoisePool;
  /** Of each row, its pick. */
  readonly #picks: Int32Array;
  /** Of each row, the number of its mutant among those of its pick. */
  readonly #places: Uint8Array;
  /** Moves of the step whose mutants the batch holds. */
  #latents: LatentMoves | undefined;
  /** Of each row, 1 where it holds its parent, since no mutant was within the constraints. */
  readonly #voidRows: Uint8Array;
  readonly #projector: ConstraintProjector | undefined;
  readonly #seedBall: SeedBall | undefined;
  /** Paths of plug-in modules that mutators come from. */
  readonly #plugins: readonly string[];
  #rejected = 0;

  constructor(options: MutantGeneratorOptions) {
    this.#options = options;
    const { descriptors, batch, limits, arms, lengthChanges } = options;
    this.#plugins = [...new Set(arms.flat().flatMap(({ plugin }) => plugin ?? []))];
    const sizes = descriptors.map(({ size }) => size);
    const floatInputs = descriptors.flatMap(({ type }, i) => (type === 'float32' ? [i] : []));
    this.#noise = new NoisePool(
      options.masterSeed,
      floatInputs.map((i) => sizes[i] * batch),
      Math.max(...sizes),
    );
    this.#inputs = descriptors.map(({ type, size }, i) =>
      // Arrays in the memory of the noise pool's SIMD kernel.
      type === 'float32' ? this.#noise.inputs[floatInputs.indexOf(i)] : makeData(type, size * batch),
    );
    const scratch = descriptors.map(({ type, size }) => makeScratchBuffers(type, size, this.#noise.scratch));
    const mutated = arms.flatMap((list, i) => (list.length > 0 ? [i] : []));
    const projector = new ConstraintProjector(limits, descriptors, mutated, sizes);
    this.#projector = projector.isNeeded ? projector : undefined;
    this.#seedBall = options.radiusNorm && new SeedBall(options.radiusNorm, descriptors, mutated, sizes);
    // A projected row differs from its parent in other places than those that mutators wrote.
    const isProjected = this.#projector !== undefined || this.#seedBall !== undefined;
    const isSingleRow = batch === 1 && lengthChanges === undefined && !isProjected;
    this.#mutations = new InputMutations({
      arms,
      lengthLeader: lengthChanges?.leader,
      noise: this.#noise,
      bounds: new BoundsCache(descriptors, limits.linf),
      limits,
      scratch,
      ...(isSingleRow ? { singleRows: this.#inputs } : {}),
    });
    this.#shapes = new MutantShapes({
      arms,
      lengthChanges,
      maxEdits: limits.edits,
      scratch,
    });
    this.#picks = new Int32Array(batch);
    this.#places = new Uint8Array(batch);
    this.#voidRows = new Uint8Array(batch);
  }

  /**
   * Generates a task's mutants batch by batch. All random numbers come from (master seed, task number, shape).
   *
   * @param addSeconds receives the seconds that each batch took
   * @param step the part of the task to generate; steps must be generated in order
   */
  *batches(
    task: Task,
    source: ParentSource,
    addSeconds: (seconds: number) => void = () => {},
    step: TaskStep = wholeTask(task),
  ): Generator<MutantBatch> {
    if (step.from === 0) this.#rejected = 0;
    this.#latents = step.latents;
    let first = step.from * MUTANTS_PER_PICK;
    for (const slices of groupIntoBatches(
      this.#groupPicks(task, source, step),
      ({ form }) => form,
      Number.POSITIVE_INFINITY,
    )) {
      const [{ form }] = slices;
      // A stream for each shape: a pick's mutants do not depend on the picks of other shapes.
      const random = randomStream(
        this.#options.masterSeed,
        'mutate',
        task.number,
        form.key,
        ...step.streamKey,
      );
      const total = slices.reduce((sum, { mutants }) => sum + mutants, 0);
      for (let done = 0; done < total; done += this.#options.batch) {
        const start = performance.now();
        const rows = Math.min(this.#options.batch, total - done);
        this.#noise.refresh(random);
        this.#voidRows.fill(0);
        for (let row = 0; row < rows; ) {
          const slice = slices[Math.floor((done + row) / MUTANTS_PER_PICK)];
          const mutantIndex = (done + row) % MUTANTS_PER_PICK;
          const count = Math.min(slice.mutants - mutantIndex, rows - row);
          this.#picks.fill(slice.pick, row, row + count);
          for (let n = 0; n < count; n++) this.#places[row + n] = mutantIndex + n;
          const span = { row, mutantIndex, count };
          this.#guardPlugins(() => this.#mutatePick(task, source, slice, span, random));
          row += count;
        }
        addSeconds((performance.now() - start) / 1000);
        yield { form, first, rows };
        first += rows;
      }
    }
  }

  /** Index in the task of the pick that a row of the batch was made for. */
  pickOf(row: number): number {
    return this.#picks[row];
  }

  /** How the latent vector of a row moved; undefined where it did not. */
  latentChangeOf(row: number): LatentChange | undefined {
    return this.#latents?.changeOf(this.#picks[row], this.#places[row]);
  }

  /** Whether a row of the batch holds no mutant: its outcome must be ignored. */
  isVoid(row: number): boolean {
    return this.#voidRows[row] === 1;
  }

  /** Takes a row out of the batch: it holds no mutant from now on, and counts as rejected. */
  exclude(row: number): void {
    if (this.#voidRows[row] === 1) return;
    this.#voidRows[row] = 1;
    this.#rejected++;
  }

  /** Draws of the task so far that could not be projected into the constraints and were repeated. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Rows of the batch, as views. */
  rows(form: ShapeSignature, from: number, to: number): TestcaseBatch {
    return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(this.#inputs[i], size, from, to)) };
  }

  /** Rows of the batch, copied. */
  copy(form: ShapeSignature, from: number, to: number): TestcaseData {
    return { form, inputs: this.rows(form, from, to).inputs.map(cloneData) };
  }

  /** @throws UserError where a plug-in's mutator exceeds its time limit */
  #guardPlugins(mutate: () => void): void {
    if (this.#plugins.length === 0) {
      mutate();
      return;
    }
    try {
      callWithTimeout(this.#plugins.join(' or '), mutate);
    } catch (error) {
      throw error instanceof PluginError
        ? new UserError(`${error.message}; fix it or remove it from --mutator`)
        : error;
    }
  }

  /** Fills rows of the batch with mutants of one pick. */
  #mutatePick(
    task: Task,
    source: ParentSource,
    slice: PickSlice,
    { row, mutantIndex, count }: PickSpan,
    random: Random,
  ): void {
    const { form, parent } = slice;
    const mutations = this.#mutations.prepare(task, source, slice, random);
    const shrink = this.#shrinking(task, source, slice);
    const isLegal = this.#projection(source, slice, mutations);
    for (let n = 0; n < count; n++) {
      const at = row + n;
      for (let attempt = 1; ; attempt++) {
        for (let i = 0; i < mutations.length; i++)
          this.#mutations.write(mutations[i], slice, i, this.#inputs[i], at, mutantIndex + n);
        shrink?.(at);
        if (isLegal === undefined || isLegal(at)) break;
        this.#rejected++;
        if (attempt < MAX_ATTEMPTS) continue;
        this.#copyParent(form, parent, at);
        this.#voidRows[at] = 1;
        break;
      }
    }
  }

  /** Projects a row onto the ball around its seed that the task wants; undefined where it wants none. */
  #shrinking(
    { radii }: Task,
    source: ParentSource,
    { pick, form, parent }: PickSlice,
  ): ((row: number) => void) | undefined {
    const ball = this.#seedBall;
    const radius = radii?.[pick] ?? null;
    if (ball === undefined || radius === null) return undefined;
    const seed = source.entryData(parent.ancestorIndex).data;
    return (row) => ball.project(radius, form, this.#inputs, row, seed);
  }

  /** Projects a row into the constraints, and returns false where that is impossible; undefined where there are none. */
  #projection(
    source: ParentSource,
    { form, parent }: PickSlice,
    mutations: readonly (InputMutation | undefined)[],
  ): ((row: number) => boolean) | undefined {
    const projector = this.#projector;
    if (projector === undefined) return undefined;
    const { deephunter } = this.#options.limits;
    const bounds = mutations.map((mutation) =>
      mutation?.kind === 'mutate' ? mutation.context.bounds : undefined,
    );
    // A geometric mutant is what DeepHunter's rule measures its descendants from.
    const isRebased = mutations.some(
      (mutation) => mutation?.kind === 'mutate' && mutation.stack.some(({ geometric }) => geometric),
    );
    const reference =
      deephunter === undefined || isRebased
        ? undefined
        : { entry: parent.referenceIndex, data: source.entryData(parent.referenceIndex).data };
    const ancestor = source.entryData(parent.ancestorIndex).data;
    return (row) => projector.project(form, this.#inputs, row, bounds, ancestor, reference);
  }

  /** Copies the parent into the row, truncated or padded to the row's length. */
  #copyParent(form: ShapeSignature, { data }: CorpusEntryData, row: number): void {
    form.inputs.forEach(({ size, type }, i) => {
      const values = data.inputs[i];
      const fitted = values.length === size ? values : followLength(type, values, size);
      copyInto(this.#inputs[i], fitted, row * size);
    });
  }

  /** A step's picks in order, but those of one shape together, so that their mutants share batches. */
  #groupPicks(
    task: Task,
    source: ParentSource,
    { from, to, parentOf, streamKey, slopes: slopesByPick, latents }: TaskStep,
  ): PickSlice[] {
    const byShape = new Map<string, PickSlice[]>();
    const random = randomStream(this.#options.masterSeed, 'resize', task.number, ...streamKey);
    for (let pick = from; pick < to; pick++) {
      const parent = parentOf(pick) ?? source.entryData(task.parents[pick]);
      const ancestorLength = (leader: number): number =>
        source.entryData(parent.ancestorIndex).data.inputs[leader].length;
      const form = this.#shapes.shapeOf(task, pick, parent, ancestorLength, random);
      const slices = byShape.get(form.key) ?? [];
      const mutants = Math.min(MUTANTS_PER_PICK, task.mutants - pick * MUTANTS_PER_PICK);
      slices.push({ pick, form, mutants, parent, slopes: slopesByPick?.get(pick), latents });
      byShape.set(form.key, slices);
    }
    return [...byShape.values()].flat();
  }
}

/** A pick's rows in a batch: which of its mutants they hold. */
interface PickSpan {
  readonly row: number;
  readonly mutantIndex: number;
  readonly count: number;
}
