import { randomStream } from '../../core/random.ts';
import { type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import type { LatentCodec } from '../../latent/latent-codec.ts';
import type { Arm } from '../scheduling/mutator-arms.ts';
import { stackOf } from '../scheduling/mutator-stack.ts';
import type { CorpusEntryData, Task } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import { LatentMoves, type PickVectors, rowOf } from './latent-moves.ts';
import type { TaskStep } from './mutant-generator.ts';
import type { ParentSource } from './parent-source.ts';

/** The latent space that mutators move in. */
export interface LatentSpace {
  readonly codec: Pick<LatentCodec, 'encode' | 'decode' | 'roles'>;
  /** Index of the input that is encoded. */
  readonly input: number;
  /** Standard deviation of each latent value over the seeds. */
  readonly deviations: readonly number[];
  /** Of a generator, which encodes nothing: the vectors of its samples, by the ids of these. */
  readonly seedVectors?: ReadonlyMap<string, Float32Array> | undefined;
}

export interface LatentSourceOptions {
  readonly space: LatentSpace;
  /** Of each input. */
  readonly arms: readonly (readonly Arm[])[];
  readonly masterSeed: string;
  /** Vectors that are decoded in one run. */
  readonly batch: number;
}

/** Standard deviation of the first moves from an entry, in that of a latent value over the seeds. */
const FIRST_STEP = 0.3;

/** Factors of the step along a line of descent: after a mutant that came nearer or was kept, and after picks without one. */
const LONGER = 1.1;
const SHORTER = 0.97;

/** The shortest and the longest step. */
const LEAST_STEP = 0.01;
const LONGEST_STEP = 3;

/** The step of a pick's moves: that of the entry's own move, longer; shorter for each pick without an improvement since. */
export function stepOf(kept: number | undefined, failures: number): number {
  const step = (kept === undefined ? FIRST_STEP : kept * LONGER) * SHORTER ** failures;
  return Math.min(LONGEST_STEP, Math.max(LEAST_STEP, step));
}

/**
 * Moves the latent vectors of a step's picks before its mutants are made. Each entry is encoded alone and all vectors of a step are decoded in
 * the same order, so that a mutant does not depend on which worker makes it.
 */
export class LatentSource {
  readonly #options: LatentSourceOptions;
  /** Vectors of testcases that were encoded. */
  readonly #encoded = new WeakMap<TestcaseData, Float32Array>();

  constructor(options: LatentSourceOptions) {
    this.#options = options;
  }

  /** Whether a mutator of the campaign moves latent vectors. */
  get isNeeded(): boolean {
    const { arms, space } = this.#options;
    return arms[space.input].some(({ mutator }) => mutator.moveLatent !== undefined);
  }

  /**
   * Moves and decodes; undefined where no pick of the step has a mutator that moves latent vectors.
   *
   * @param failuresOf picks without an improvement on a pick's parent
   * @throws Error where the encoder or the decoder fails
   */
  async movesFor(
    task: Task,
    step: TaskStep,
    view: ParentSource,
    failuresOf: (pick: number) => number,
  ): Promise<LatentMoves | undefined> {
    const { space, batch } = this.#options;
    const { size, decodedSize } = space.codec.roles;
    // The decoder gives one size alone.
    if (task.sizeChange !== undefined) return undefined;
    const picks = new Map<number, PickVectors>();
    const blocks: Float32Array[] = [];
    const labels: number[] = [];
    for (let pick = step.from; pick < step.to; pick++) {
      const movers = this.#moversOf(task, pick);
      if (movers.length === 0) continue;
      const parent = step.parentOf(pick) ?? view.entryData(task.parents[pick]);
      const mutants = Math.min(MUTANTS_PER_PICK, task.mutants - pick * MUTANTS_PER_PICK);
      const vectors: PickVectors = {
        firstRow: labels.length,
        moves: movers.length,
        base: parent.latent?.base ?? (await this.#latentOf(parent)),
        step: stepOf(parent.latent?.step, failuresOf(pick)),
      };
      const block = await this.#move(task, pick, parent, view, { ...vectors, firstRow: 0 }, movers, mutants);
      picks.set(pick, vectors);
      blocks.push(block);
      for (let row = 0; row < block.length / size; row++) labels.push(parent.label ?? 0);
    }
    if (picks.size === 0) return undefined;
    const latents = new Float32Array(labels.length * size);
    let offset = 0;
    for (const block of blocks) {
      latents.set(block, offset);
      offset += block.length;
    }
    const decoded = await space.codec.decode(latents, labels, batch);
    return new LatentMoves(space.input, picks, [latents, size], [decoded, decodedSize]);
  }

  /** The mutators of a pick that move latent vectors, in the order of its stack. */
  #moversOf({ stacks }: Task, pick: number): Arm['mutator'][] {
    const { arms, space } = this.#options;
    return stackOf(stacks, pick, space.input, arms.length).flatMap((arm) => {
      const { mutator } = arms[space.input][arm];
      return mutator.moveLatent === undefined ? [] : [mutator];
    });
  }

  /** The vectors of a pick: its parent's, then those of each mutant, move after move. */
  async #move(
    task: Task,
    pick: number,
    parent: CorpusEntryData,
    view: ParentSource,
    vectors: PickVectors,
    movers: readonly Arm['mutator'][],
    mutants: number,
  ): Promise<Float32Array> {
    const { space, masterSeed } = this.#options;
    const { size } = space.codec.roles;
    const partner = task.partners[pick] < 0 ? parent : view.entryData(task.partners[pick]);
    const from = await this.#latentOf(parent);
    const context = {
      random: randomStream(masterSeed, 'latent', task.number, pick),
      deviations: space.deviations,
      origin: await this.#latentOf(view.entryData(parent.ancestorIndex)),
      partner: partner === parent ? from : await this.#latentOf(partner),
      step: vectors.step,
    };
    const block = new Float32Array((1 + mutants * movers.length) * size);
    block.set(from);
    for (let mutant = 0; mutant < mutants; mutant++) {
      let before = from;
      movers.forEach((mover, move) => {
        const row = rowOf(vectors, mutant, move);
        const after = block.subarray(row * size, (row + 1) * size);
        mover.moveLatent?.(after, before, context);
        before = after;
      });
    }
    return block;
  }

  /** The latent vector of a testcase: the one that it was decoded from, else the encoder's. */
  async #latentOf({ data, latent, label }: CorpusEntryData): Promise<Float32Array> {
    if (latent !== undefined) return latent.vector;
    const known = this.#encoded.get(data);
    if (known !== undefined) return known;
    const { codec, input, seedVectors } = this.#options.space;
    const encoded =
      seedVectors?.get(testcaseId(data)) ??
      (await codec.encode(data.form.inputs[input].type, data.inputs[input], label));
    this.#encoded.set(data, encoded);
    return encoded;
  }
}
