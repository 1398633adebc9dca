import type { Random } from '../../core/random.ts';
import { Bandit, type SavedBandit } from './bandit.ts';
import { type ArmDescriptor, MAX_STACK_DEPTH } from './mutator-arms.ts';
import { type MutatorStacks, NO_ARM, stackOf } from './mutator-stack.ts';
import { MUTANTS_PER_PICK } from './task-sizes.ts';

/** How many mutators in a row there may be. */
const STACK_DEPTHS = [1, 2, MAX_STACK_DEPTH] as const;

/** What one more mutator in a row costs, in copies of a mutant's values. */
const MUTATOR_COST = 60;

/** Shares of the picks that all mutators, and all depths, get whatever they bring. */
const MIN_SHARE = 0.1;

/** What a new signature is worth, in entries as far off as the threshold. */
const SIGNATURE_REWARD = 20;

/** Most that one entry is worth: a single leap must not decide for thousands of mutants. */
const MAX_ENTRY_REWARD = 8;

/** One mutator's figures. */
export interface MutatorStatistics {
  readonly input: string;
  readonly mutator: string;
  /** Share of the picks that it has now. */
  readonly share: number;
  /** Mutants that it had a part in, and what those brought. */
  readonly mutants: number;
  readonly entries: number;
  readonly signatures: number;
}

interface Tally {
  mutants: number;
  entries: number;
  signatures: number;
}

/** The state of the choice as plain data. */
export interface SavedMutatorScheduler {
  readonly arms: readonly SavedBandit[];
  readonly depths: SavedBandit;
  readonly tallies: readonly (readonly Readonly<Tally>[])[];
}

/**
 * Chooses the mutators of each pick: how many in a row, and for each input which. What they brought teaches it, in
 * the order of the tasks.
 */
export class MutatorScheduler {
  readonly #inputs: readonly string[];
  readonly #arms: readonly (readonly ArmDescriptor[])[];
  readonly #bandits: readonly Bandit[];
  readonly #depths: Bandit;
  readonly #tallies: Tally[][];
  readonly #isAdaptive: boolean;

  /**
   * @param arms of each input; none for one that stays
   * @param learns whether what mutators brought counts: without guidance each has the same share for good
   */
  constructor(inputs: readonly string[], arms: readonly (readonly ArmDescriptor[])[], learns: boolean) {
    this.#inputs = inputs;
    this.#arms = arms;
    this.#isAdaptive = learns;
    this.#bandits = arms.map(
      (list) =>
        new Bandit(
          list.map(({ cost }) => cost),
          MIN_SHARE,
        ),
    );
    this.#depths = new Bandit(
      STACK_DEPTHS.map((depth) => depth * MUTATOR_COST),
      MIN_SHARE,
    );
    this.#tallies = arms.map((list) => list.map(() => ({ mutants: 0, entries: 0, signatures: 0 })));
  }

  /** Draws the chain of each input for one pick. */
  select(random: Random): number[][] {
    const hasChoice = this.#arms.some((list) => list.length > 1);
    const depth = hasChoice ? STACK_DEPTHS[this.#depths.select(random)] : 1;
    return this.#bandits.map((bandit, input) => {
      const arms = this.#arms[input].length;
      if (arms === 0) return [];
      // One mutator alone is what its user asked for: its amount is not to be doubled.
      const length = arms === 1 ? 1 : depth;
      return Array.from({ length }, () => bandit.select(random));
    });
  }

  /**
   * Takes note of a task that was run.
   *
   * @param entries squared distance to the nearest activations, over the threshold, of each entry that a pick led to
   * @param signatures picks that led to a new signature
   */
  reward(
    chains: MutatorStacks,
    mutants: number,
    entries: readonly { readonly pick: number; readonly novelty: number }[],
    signatures: readonly number[],
  ): void {
    const picks = Math.ceil(mutants / MUTANTS_PER_PICK);
    const worth = new Float64Array(picks);
    for (const { pick, novelty } of entries) worth[pick] += Math.min(MAX_ENTRY_REWARD, Math.sqrt(novelty));
    for (const pick of signatures) worth[pick] += SIGNATURE_REWARD;
    for (let pick = 0; pick < picks; pick++) {
      const count = Math.min(MUTANTS_PER_PICK, mutants - pick * MUTANTS_PER_PICK);
      let longest = 0;
      for (let input = 0; input < this.#arms.length; input++) {
        const from = (pick * this.#arms.length + input) * MAX_STACK_DEPTH;
        for (let place = 0; place < MAX_STACK_DEPTH && chains[from + place] !== NO_ARM; place++) {
          const arm = chains[from + place];
          if (this.#isAdaptive) this.#bandits[input].addReward(arm, count, worth[pick]);
          this.#tallies[input][arm].mutants += count;
          longest = Math.max(longest, place + 1);
        }
      }
      const depth = STACK_DEPTHS.indexOf(longest as (typeof STACK_DEPTHS)[number]);
      if (this.#isAdaptive && depth >= 0) this.#depths.addReward(depth, count, worth[pick]);
    }
    for (const { pick } of entries) this.#count(chains, pick, 'entries');
    for (const pick of signatures) this.#count(chains, pick, 'signatures');
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

  #count(chains: MutatorStacks, pick: number, what: 'entries' | 'signatures'): void {
    for (let input = 0; input < this.#arms.length; input++)
      for (const arm of stackOf(chains, pick, input, this.#arms.length)) this.#tallies[input][arm][what]++;
  }
}
