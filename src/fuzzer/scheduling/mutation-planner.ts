import type { Random } from '../../core/random.ts';
import type { Mate } from '../../mutators/mutator.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { type ArmTraits, LONGEST_CHAIN } from './mutator-arms.ts';
import type { MutatorChoice } from './mutator-scheduler.ts';
import { NO_ARM } from './mutator-stack.ts';

/** Entries that are looked at for a second one of the right kind. */
const TRIES = 8;

/** Second entries are taken out of so many of the newest: older ones may be on disk alone. */
const NEWEST = 8192;

/** What a pick's mutants are made from. */
export interface Picked {
  readonly parent: number;
  /** Below 0 where none is needed. */
  readonly mate: number;
  /** `LONGEST_CHAIN` places for each input. */
  readonly chains: readonly number[];
}

/** Draws picks of an entry: the mutators that change it, and a second entry where they need one. */
export class Picker {
  readonly #corpus: Corpus;
  readonly #arms: readonly (readonly ArmTraits[])[];
  readonly #oneGeometric: boolean;
  /** Of each input, what stands in for a mutator that can't be used. */
  readonly #plainest: readonly number[];

  /** @param oneGeometric whether DeepHunter's rule holds: one geometric change in a line, and that first */
  constructor(corpus: Corpus, arms: readonly (readonly ArmTraits[])[], oneGeometric: boolean) {
    this.#corpus = corpus;
    this.#arms = arms;
    this.#oneGeometric = oneGeometric;
    this.#plainest = arms.map((list) =>
      Math.max(
        0,
        list.findIndex(({ mate, geometric }) => mate === undefined && !geometric),
      ),
    );
  }

  /** Divides the way from one entry to another; undefined where no mutator of theirs does that. */
  across(parent: number, mate: number): Picked | undefined {
    if (!this.#isAlike(parent, mate)) return undefined;
    const chains = this.#arms.map((list) => {
      const arm = list.findIndex(({ mate: kind }) => kind === 'rival');
      return arm < 0 ? [] : [arm];
    });
    return chains.every(({ length }) => length === 0)
      ? undefined
      : { parent, mate, chains: chains.flatMap(padded) };
  }

  /** Draws how an entry is mutated, by a choice among mutators. */
  pick(entry: number, choice: MutatorChoice, random: Random): Picked {
    const chains = choice.draw(random);
    const parent = this.#oneGeometric ? this.#rootOf(entry, chains) : entry;
    const mate = this.#mateFor(parent, chains, random);
    return { parent, mate, chains: chains.flatMap(padded) };
  }

  /**
   * DeepHunter's rule allows a line one geometric change, which becomes what later changes are measured from. It
   * comes first here, of the seed itself: what follows it is then all there is to measure.
   */
  #rootOf(entry: number, chains: number[][]): number {
    const geometric = chains.map((chain, input) => chain.find((arm) => this.#arms[input][arm].geometric));
    if (geometric.every((arm) => arm === undefined)) return entry;
    const { ancestorIndex, referenceIndex } = this.#corpus.at(entry);
    if (referenceIndex !== ancestorIndex) {
      this.#replace(chains, ({ geometric: moves }) => moves);
      return entry;
    }
    chains.forEach((chain, input) => {
      const own = geometric[input];
      chain.splice(0, chain.length, ...(own === undefined ? [] : [own]));
    });
    return ancestorIndex;
  }

  /** The second entry that the chains' mutators need; those for whom there is none give way to the plainest. */
  #mateFor(parent: number, chains: number[][], random: Random): number {
    const wanted = chains.flatMap((chain, input) => chain.map((arm) => this.#arms[input][arm]));
    const first = wanted.find(({ mate }) => mate !== undefined);
    if (first?.mate === undefined) return -1;
    const kind = first.mate;
    const mate = this.#find(kind, parent, first.anyForm, random);
    this.#replace(chains, (arm) => arm.mate !== undefined && (mate < 0 || arm.mate !== kind));
    return mate;
  }

  #find(kind: Mate, parent: number, anyForm: boolean, random: Random): number {
    const corpus = this.#corpus;
    const entry = corpus.at(parent);
    if (kind === 'parent') {
      const place = entry.parent === null ? undefined : corpus.placeOf(entry.parent);
      return place !== undefined && this.#isAlike(parent, place) ? place : -1;
    }
    for (let n = 0; n < TRIES; n++) {
      const { count } = corpus.size;
      const other = count - 1 - random.below(Math.min(count, NEWEST));
      const isRight = kind === 'other' ? other !== parent : corpus.at(other).outcome !== entry.outcome;
      if (isRight && (anyForm || this.#isAlike(parent, other))) return other;
    }
    return -1;
  }

  #isAlike(a: number, b: number): boolean {
    return this.#corpus.data(a).form.key === this.#corpus.data(b).form.key;
  }

  #replace(chains: number[][], isUnfit: (arm: ArmTraits) => boolean): void {
    chains.forEach((chain, input) => {
      chain.forEach((arm, place) => {
        if (isUnfit(this.#arms[input][arm])) chain[place] = this.#plainest[input];
      });
    });
  }
}

function padded(chain: readonly number[]): number[] {
  return Array.from({ length: LONGEST_CHAIN }, (_, place) => chain[place] ?? NO_ARM);
}
