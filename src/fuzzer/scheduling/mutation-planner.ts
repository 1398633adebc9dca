import type { Random } from '../../core/random.ts';
import type { PartnerKind } from '../../mutators/mutator.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';
import type { CorpusEntry } from '../corpus/corpus-entry.ts';
import type { ArmDescriptor } from './mutator-arms.ts';
import type { MutatorScheduler } from './mutator-scheduler.ts';
import { padStacks } from './mutator-stack.ts';

/** Entries that are drawn in search of a crossover partner before the mutation falls back to another mutator. */
const MAX_PARTNER_ATTEMPTS = 8;

/** Partners are drawn from this many of the newest entries: older ones may have to be read from disk. */
const PARTNER_POOL_SIZE = 8192;

/** The part of the corpus that planning reads. */
export interface PlannerCorpus {
  readonly size: CorpusSize;
  at(entry: number): Pick<CorpusEntry, 'parent' | 'ancestorIndex' | 'referenceIndex' | 'outcome'>;
  indexOf(id: string): number | undefined;
  shapeKey(entry: number): string;
}

/** How the mutants of a pick are made. */
export interface PlannedMutation {
  readonly parent: number;
  /** The crossover partner; below 0 where no mutator needs one. */
  readonly partner: number;
  /** `[inputs, MAX_STACK_DEPTH]` arms: a pick's part of `MutatorStacks`. */
  readonly stacks: readonly number[];
}

/** Plans the mutation of corpus entries: the mutators to stack, and a crossover partner for those that need one. */
export class MutationPlanner {
  readonly #corpus: PlannerCorpus;
  readonly #arms: readonly (readonly ArmDescriptor[])[];
  readonly #allowsOneGeometric: boolean;
  readonly #mutatesOnce: boolean;
  /** Of each input, the arm that replaces a mutator that cannot be used. */
  readonly #fallbackArms: readonly number[];

  /**
   * @param allowsOneGeometric whether DeepHunter's rule holds: one geometric mutation of a seed and its descendants
   * @param mutatesOnce whether a mutant is one mutation of a seed, by one mutator
   */
  constructor(
    corpus: PlannerCorpus,
    arms: readonly (readonly ArmDescriptor[])[],
    allowsOneGeometric: boolean,
    mutatesOnce = false,
  ) {
    this.#corpus = corpus;
    this.#arms = arms;
    this.#allowsOneGeometric = allowsOneGeometric;
    this.#mutatesOnce = mutatesOnce;
    this.#fallbackArms = arms.map((list) =>
      Math.max(
        0,
        list.findIndex(({ partner, geometric }) => partner === undefined && !geometric),
      ),
    );
  }

  /**
   * Plans mutants on the line between two entries on either side of a decision boundary; undefined where no mutator
   * interpolates, or the two differ in shape.
   */
  planAcrossBoundary(parent: number, partner: number): PlannedMutation | undefined {
    if (!this.#haveSameShape(parent, partner)) return undefined;
    const stacks = this.#arms.map((list) => {
      const arm = list.findIndex(({ partner: kind }) => kind === 'rival');
      return arm < 0 ? [] : [arm];
    });
    return stacks.every(({ length }) => length === 0)
      ? undefined
      : { parent, partner, stacks: padStacks(stacks) };
  }

  /** Plans the mutation of an entry with mutators that the scheduler selects. */
  plan(entry: number, scheduler: Pick<MutatorScheduler, 'select'>, random: Random): PlannedMutation {
    const stacks = scheduler.select(random);
    if (this.#mutatesOnce)
      return {
        parent: this.#corpus.at(entry).ancestorIndex,
        partner: -1,
        stacks: padStacks(onlyFirst(stacks)),
      };
    const parent = this.#allowsOneGeometric ? this.#applyGeometricRule(entry, stacks) : entry;
    const partner = this.#choosePartner(parent, stacks, random);
    return { parent, partner, stacks: padStacks(stacks) };
  }

  /**
   * DeepHunter's rule allows one geometric mutation in a lineage, and measures later changes from its result. Here it is
   * always the first mutation and made from the seed itself, so that nothing before it needs measuring.
   *
   * @param stacks changed in place
   * @returns the entry to mutate
   */
  #applyGeometricRule(entry: number, stacks: number[][]): number {
    const geometricArms = stacks.map((stack, input) => stack.find((arm) => this.#arms[input][arm].geometric));
    if (geometricArms.every((arm) => arm === undefined)) return entry;
    const { ancestorIndex, referenceIndex } = this.#corpus.at(entry);
    if (referenceIndex !== ancestorIndex) {
      this.#replaceUnfit(stacks, ({ geometric }) => geometric);
      return entry;
    }
    stacks.forEach((stack, input) => {
      const arm = geometricArms[input];
      stack.splice(0, stack.length, ...(arm === undefined ? [] : [arm]));
    });
    return ancestorIndex;
  }

  /**
   * Chooses the crossover partner that mutators need. Mutators without a fitting one are replaced.
   *
   * @param stacks changed in place
   */
  #choosePartner(parent: number, stacks: number[][], random: Random): number {
    const first = this.#firstWithPartner(stacks);
    if (first?.partner === undefined) return -1;
    const kind = first.partner;
    const partner = this.#findPartner(kind, parent, first.acceptsAnyShape, random);
    this.#replaceUnfit(stacks, (arm) => arm.partner !== undefined && (partner < 0 || arm.partner !== kind));
    return partner;
  }

  #firstWithPartner(stacks: readonly (readonly number[])[]): ArmDescriptor | undefined {
    for (let input = 0; input < stacks.length; input++)
      for (const index of stacks[input]) {
        const arm = this.#arms[input][index];
        if (arm.partner !== undefined) return arm;
      }
    return undefined;
  }

  #findPartner(kind: PartnerKind, parent: number, acceptsAnyShape: boolean, random: Random): number {
    const corpus = this.#corpus;
    const entry = corpus.at(parent);
    if (kind === 'parent') {
      const partner = entry.parent === null ? undefined : corpus.indexOf(entry.parent);
      return partner !== undefined && this.#haveSameShape(parent, partner) ? partner : -1;
    }
    let other = -1;
    for (let attempt = 0; attempt < MAX_PARTNER_ATTEMPTS; attempt++) {
      const { count } = corpus.size;
      const partner = count - 1 - random.below(Math.min(count, PARTNER_POOL_SIZE));
      const isOfKind = kind === 'other' ? partner !== parent : corpus.at(partner).outcome !== entry.outcome;
      const isUsable = acceptsAnyShape || this.#haveSameShape(parent, partner);
      if (isOfKind && isUsable) return partner;
      if (kind === 'rival-first' && isUsable && partner !== parent) other = partner;
    }
    return other;
  }

  #haveSameShape(a: number, b: number): boolean {
    return this.#corpus.shapeKey(a) === this.#corpus.shapeKey(b);
  }

  #replaceUnfit(stacks: number[][], isUnfit: (arm: ArmDescriptor) => boolean): void {
    stacks.forEach((stack, input) => {
      stack.forEach((arm, step) => {
        if (isUnfit(this.#arms[input][arm])) stack[step] = this.#fallbackArms[input];
      });
    });
  }
}

/** The first mutator of the first input that has one. */
function onlyFirst(stacks: readonly (readonly number[])[]): number[][] {
  const first = stacks.findIndex(({ length }) => length > 0);
  return stacks.map((stack, input) => (input === first ? stack.slice(0, 1) : []));
}
