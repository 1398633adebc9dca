import type { Random } from '../../core/random.ts';
import type { PartnerKind } from '../../mutators/mutator.ts';
import type { Corpus } from '../corpus/corpus.ts';
import { type ArmDescriptor, MAX_STACK_DEPTH } from './mutator-arms.ts';
import type { MutatorScheduler } from './mutator-scheduler.ts';
import { NO_ARM } from './mutator-stack.ts';

/** Entries that are looked at for a second one of the right kind. */
const MAX_PARTNER_ATTEMPTS = 8;

/** Second entries are taken out of so many of the newest: older ones may be on disk alone. */
const PARTNER_POOL_SIZE = 8192;

/** What a pick's mutants are made from. */
export interface PlannedMutation {
  readonly parent: number;
  /** Below 0 where none is needed. */
  readonly partner: number;
  /** `LONGEST_CHAIN` places for each input. */
  readonly stacks: readonly number[];
}

/** Draws picks of an entry: the mutators that change it, and a second entry where they need one. */
export class MutationPlanner {
  readonly #corpus: Corpus;
  readonly #arms: readonly (readonly ArmDescriptor[])[];
  readonly #allowsOneGeometric: boolean;
  /** Of each input, what stands in for a mutator that can't be used. */
  readonly #fallbackArms: readonly number[];

  /** @param oneGeometric whether DeepHunter's rule holds: one geometric change in a line, and that first */
  constructor(corpus: Corpus, arms: readonly (readonly ArmDescriptor[])[], oneGeometric: boolean) {
    this.#corpus = corpus;
    this.#arms = arms;
    this.#allowsOneGeometric = oneGeometric;
    this.#fallbackArms = arms.map((list) =>
      Math.max(
        0,
        list.findIndex(({ partner, geometric }) => partner === undefined && !geometric),
      ),
    );
  }

  /** Divides the way from one entry to another; undefined where no mutator of theirs does that. */
  planAcrossBoundary(parent: number, mate: number): PlannedMutation | undefined {
    if (!this.#haveSameShape(parent, mate)) return undefined;
    const chains = this.#arms.map((list) => {
      const arm = list.findIndex(({ partner: kind }) => kind === 'rival');
      return arm < 0 ? [] : [arm];
    });
    return chains.every(({ length }) => length === 0)
      ? undefined
      : { parent, partner: mate, stacks: chains.flatMap(padStack) };
  }

  /** Draws how an entry is mutated, by a choice among mutators. */
  plan(entry: number, choice: MutatorScheduler, random: Random): PlannedMutation {
    const chains = choice.select(random);
    const parent = this.#allowsOneGeometric ? this.#geometricParent(entry, chains) : entry;
    const mate = this.#choosePartner(parent, chains, random);
    return { parent, partner: mate, stacks: chains.flatMap(padStack) };
  }

  /**
   * DeepHunter's rule allows a line one geometric change, which becomes what later changes are measured from. It
   * comes first here, of the seed itself: what follows it is then all there is to measure.
   */
  #geometricParent(entry: number, chains: number[][]): number {
    const geometric = chains.map((chain, input) => chain.find((arm) => this.#arms[input][arm].geometric));
    if (geometric.every((arm) => arm === undefined)) return entry;
    const { ancestorIndex, referenceIndex } = this.#corpus.at(entry);
    if (referenceIndex !== ancestorIndex) {
      this.#replaceUnfit(chains, ({ geometric: moves }) => moves);
      return entry;
    }
    chains.forEach((chain, input) => {
      const own = geometric[input];
      chain.splice(0, chain.length, ...(own === undefined ? [] : [own]));
    });
    return ancestorIndex;
  }

  /** The second entry that the chains' mutators need; those for whom there is none give way to the plainest. */
  #choosePartner(parent: number, chains: number[][], random: Random): number {
    const wanted = chains.flatMap((chain, input) => chain.map((arm) => this.#arms[input][arm]));
    const first = wanted.find(({ partner }) => partner !== undefined);
    if (first?.partner === undefined) return -1;
    const kind = first.partner;
    const mate = this.#findPartner(kind, parent, first.acceptsAnyShape, random);
    this.#replaceUnfit(chains, (arm) => arm.partner !== undefined && (mate < 0 || arm.partner !== kind));
    return mate;
  }

  #findPartner(kind: PartnerKind, parent: number, anyForm: boolean, random: Random): number {
    const corpus = this.#corpus;
    const entry = corpus.at(parent);
    if (kind === 'parent') {
      const place = entry.parent === null ? undefined : corpus.indexOf(entry.parent);
      return place !== undefined && this.#haveSameShape(parent, place) ? place : -1;
    }
    for (let n = 0; n < MAX_PARTNER_ATTEMPTS; n++) {
      const { count } = corpus.size;
      const other = count - 1 - random.below(Math.min(count, PARTNER_POOL_SIZE));
      const isRight = kind === 'other' ? other !== parent : corpus.at(other).outcome !== entry.outcome;
      if (isRight && (anyForm || this.#haveSameShape(parent, other))) return other;
    }
    return -1;
  }

  #haveSameShape(a: number, b: number): boolean {
    return this.#corpus.data(a).form.key === this.#corpus.data(b).form.key;
  }

  #replaceUnfit(chains: number[][], isUnfit: (arm: ArmDescriptor) => boolean): void {
    chains.forEach((chain, input) => {
      chain.forEach((arm, place) => {
        if (isUnfit(this.#arms[input][arm])) chain[place] = this.#fallbackArms[input];
      });
    });
  }
}

function padStack(chain: readonly number[]): number[] {
  return Array.from({ length: MAX_STACK_DEPTH }, (_, place) => chain[place] ?? NO_ARM);
}
