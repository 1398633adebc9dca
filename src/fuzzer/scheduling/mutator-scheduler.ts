import type { Random } from '../../core/random.ts';
import { Bandit, RUN_COST, type SavedBandit } from './bandit.ts';
import { type ArmDescriptor, MAX_STACK_DEPTH } from './mutator-arms.ts';
import { type MutatorStacks, stackOf } from './mutator-stack.ts';
import { MUTANTS_PER_PICK } from './task-sizes.ts';

/** Stack depths to choose among. */
const STACK_DEPTHS: readonly number[] = [1, 2, MAX_STACK_DEPTH];

/** Cost of one more mutator in a stack, in copies of a mutant's values. */
const MUTATOR_COST = 60;

/** Share of the picks that all mutators together, and all depths, get whatever their rewards. */
const MIN_SHARE = 0.1;

/** Reward of a new signature, in corpus entries whose novelty is exactly at the threshold. */
const SIGNATURE_REWARD = 20;

/** Most reward of one entry: a single outlier must not decide over thousands of mutants. */
const MAX_ENTRY_REWARD = 8;

/** Statistics of one mutator of one input. */
export interface MutatorStatistics {
  readonly input: string;
  readonly mutator: string;
  /** Its current share of the picks. */
  readonly share: number;
  /** Mutants whose stack it was part of. */
  readonly mutants: number;
  /** Corpus entries among them. */
  readonly entries: number;
  /** Signatures that came up first in one of them. */
  readonly signatures: number;
}

interface Tally {
  mutants: number;
  entries: number;
  signatures: number;
}

/** A mutator scheduler as plain data. */
export interface SavedMutatorScheduler {
  readonly arms: readonly SavedBandit[];
  readonly depths: SavedBandit;
  readonly tallies: readonly (readonly Readonly<Tally>[])[];
}

/**
 * Selects the mutators of each pick with bandits: one for the stack depth, and one for each input. Results must be
 * rewarded in the order of their tasks.
 */
export class MutatorScheduler {
  readonly #inputs: readonly string[];
  readonly #arms: readonly (readonly ArmDescriptor[])[];
  /** Of each input, whether each arm is selected here; the others are for climbs, whose planner chooses them. */
  readonly #isSelectable: readonly (readonly boolean[])[];
  /** Of each input, the number of arms that are selected here. */
  readonly #selectableCounts: readonly number[];
  readonly #hasChoice: boolean;
  readonly #bandits: readonly Bandit[];
  readonly #depths: Bandit;
  readonly #tallies: Tally[][];
  readonly #isAdaptive: boolean;
  /** Of each input, the share of the picks that mutate it; undefined for all. */
  readonly #pickShares: readonly (number | undefined)[];

  /**
   * @param arms of each input; none for an input that is not mutated
   * @param isAdaptive whether rewards change the shares: without guidance they stay as they are
   * @param runCost of running a mutant, in copies of its values
   * @param pickShares of each input, the share of the picks that mutate it; undefined for all
   */
  constructor(
    inputs: readonly string[],
    arms: readonly (readonly ArmDescriptor[])[],
    isAdaptive: boolean,
    runCost = RUN_COST,
    pickShares: readonly (number | undefined)[] = [],
  ) {
    this.#inputs = inputs;
    this.#pickShares = pickShares;
    this.#arms = arms;
    this.#isAdaptive = isAdaptive;
    this.#isSelectable = arms.map((list) => {
      const hasOthers = list.some(({ forGoals }) => forGoals !== true);
      return list.map(({ forGoals }) => !hasOthers || forGoals !== true);
    });
    this.#selectableCounts = this.#isSelectable.map((list) => list.filter(Boolean).length);
    this.#hasChoice = this.#selectableCounts.some((count) => count > 1);
    this.#bandits = arms.map(
      (list, input) =>
        new Bandit(
          list.map(({ cost }, arm) => (this.#isSelectable[input][arm] ? cost : Number.POSITIVE_INFINITY)),
          MIN_SHARE,
          runCost,
        ),
    );
    this.#depths = new Bandit(
      STACK_DEPTHS.map((depth) => depth * MUTATOR_COST),
      MIN_SHARE,
      runCost,
    );
    this.#tallies = arms.map((list) => list.map(() => ({ mutants: 0, entries: 0, signatures: 0 })));
  }

  /** Draws the mutator stack of each input for one pick, as indices of the input's arms. */
  select(random: Random): number[][] {
    const depth = this.#hasChoice ? STACK_DEPTHS[this.#depths.select(random)] : 1;
    return this.#bandits.map((bandit, input) => {
      const arms = this.#selectableCounts[input];
      const pickShare = this.#pickShares[input];
      if (arms === 0 || (pickShare !== undefined && random.uniform() >= pickShare)) return [];
      // A single mutator was asked for as it is: stacking it would change by how much it mutates.
      const length = arms === 1 ? 1 : depth;
      return Array.from({ length }, () => bandit.select(random));
    });
  }

  /**
   * Rewards the mutators of a task.
   *
   * @param entries corpus entries that the task led to: their pick, and their squared distance to the nearest activations
   *   over the threshold
   * @param signatures picks that led to a new signature
   */
  reward(
    stacks: MutatorStacks,
    mutants: number,
    entries: readonly { readonly pick: number; readonly novelty: number }[],
    signatures: readonly number[],
  ): void {
    const picks = Math.ceil(mutants / MUTANTS_PER_PICK);
    const rewards = new Float64Array(picks);
    for (const { pick, novelty } of entries) rewards[pick] += Math.min(MAX_ENTRY_REWARD, Math.sqrt(novelty));
    for (const pick of signatures) rewards[pick] += SIGNATURE_REWARD;
    for (let pick = 0; pick < picks; pick++) {
      const count = Math.min(MUTANTS_PER_PICK, mutants - pick * MUTANTS_PER_PICK);
      let deepest = 0;
      let isSelected = true;
      for (let input = 0; input < this.#arms.length; input++) {
        const stack = stackOf(stacks, pick, input, this.#arms.length);
        for (const arm of stack) {
          isSelected &&= this.#isSelectable[input][arm];
          if (this.#isAdaptive && this.#isSelectable[input][arm])
            this.#bandits[input].addReward(arm, count, rewards[pick]);
          this.#tallies[input][arm].mutants += count;
        }
        deepest = Math.max(deepest, stack.length);
      }
      const depth = STACK_DEPTHS.indexOf(deepest);
      if (this.#isAdaptive && isSelected && depth >= 0) this.#depths.addReward(depth, count, rewards[pick]);
    }
    for (const { pick } of entries) this.#count(stacks, pick, 'entries');
    for (const pick of signatures) this.#count(stacks, pick, 'signatures');
    if (!this.#isAdaptive) return;
    for (const bandit of [...this.#bandits, this.#depths]) bandit.decay(mutants);
  }

  get statistics(): MutatorStatistics[] {
    return this.#arms.flatMap((list, input) =>
      list.map(({ name }, arm) => ({
        input: this.#inputs[input],
        mutator: name,
        share: Number(this.#bandits[input].shares[arm].toPrecision(4)),
        ...this.#tallies[input][arm],
      })),
    );
  }

  save(): SavedMutatorScheduler {
    return {
      arms: this.#bandits.map((bandit) => bandit.save()),
      depths: this.#depths.save(),
      tallies: this.#tallies.map((list) => list.map((tally) => ({ ...tally }))),
    };
  }

  restore({ arms, depths, tallies }: SavedMutatorScheduler): void {
    arms.forEach((saved, input) => {
      this.#bandits[input].restore(saved);
    });
    this.#depths.restore(depths);
    tallies.forEach((list, input) => {
      this.#tallies[input] = list.map((tally) => ({ ...tally }));
    });
  }

  #count(stacks: MutatorStacks, pick: number, outcome: 'entries' | 'signatures'): void {
    for (let input = 0; input < this.#arms.length; input++)
      for (const arm of stackOf(stacks, pick, input, this.#arms.length)) this.#tallies[input][arm][outcome]++;
  }
}
