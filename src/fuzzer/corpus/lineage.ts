import type { Origin } from '../../campaign/findings/fault-registry.ts';
import { brokenConstraints } from '../../constraints/checker.ts';
import type { Limits } from '../../constraints/options.ts';
import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { JournalLine } from '../../storage/journal.ts';
import type { ArmTraits } from '../scheduling/mutator-arms.ts';
import { chainNames, chainOf } from '../scheduling/mutator-stack.ts';
import type { Task } from '../scheduling/task.ts';
import type { Corpus } from './corpus.ts';

/** What a mutant is kept for. */
export interface Merit {
  /** Squared L2 distance to the nearest activations. */
  readonly novelty: number;
  /** The site that it came nearer to; undefined where its activations are new. */
  readonly site: string | undefined;
}

/** What descent is told from. */
export interface DescentOptions {
  readonly corpus: Corpus;
  readonly traits: readonly InputTraits[];
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmTraits[])[];
  readonly limits: Limits;
}

/** What the mutants of a task's picks come from, and whether they have strayed too far from it. */
export class Descent {
  readonly #options: DescentOptions;
  readonly #names: readonly string[];
  readonly #isMutated: readonly boolean[];

  constructor(options: DescentOptions) {
    this.#options = options;
    this.#names = options.traits.map(({ name }) => name);
    this.#isMutated = options.arms.map((list) => list.length > 0);
  }

  /** @param path the picks that made it out of the entry one after the other */
  originOf(task: Task, pick: number, path: readonly number[] = [pick]): Origin {
    const { corpus, arms } = this.#options;
    const parent = corpus.at(task.parents[pick]);
    return {
      parent,
      ancestor: corpus.data(parent.ancestorIndex),
      mutators: path.flatMap((one) => chainNames(task.chains, one, this.#names, arms)),
      steps: path.length,
      rebases: this.#rebases(task, pick),
    };
  }

  /** The journal's line for a mutant that enters the corpus. */
  lineOf(
    task: Task,
    pick: number,
    path: readonly number[] | undefined,
    id: string,
    { novelty, site }: Merit,
    outcome: number,
  ): JournalLine {
    const { parent, mutators, steps, rebases } = this.originOf(task, pick, path);
    const reference = rebases ? id : parent.reference;
    return {
      id,
      parent: parent.id,
      ancestor: parent.ancestor,
      ...(reference === undefined ? {} : { reference }),
      generation: parent.generation + steps,
      mutators,
      novelty: Number.isFinite(novelty) ? novelty : null,
      task: task.number,
      ...(site === undefined ? {} : { site }),
      outcome,
    };
  }

  /** The constraints that a mutant breaks: none, unless a mutator is at fault. */
  broken(task: Task, pick: number, data: TestcaseData): string[] {
    const { corpus, traits, limits } = this.#options;
    const { ancestorIndex, referenceIndex } = corpus.at(task.parents[pick]);
    const reference = this.#rebases(task, pick) ? data : corpus.data(referenceIndex);
    const roots = { ancestor: corpus.data(ancestorIndex), reference };
    return brokenConstraints(data, roots, limits, traits, this.#isMutated);
  }

  /** Whether a pick's mutants are what later ones are measured from by DeepHunter's rule. */
  #rebases({ chains }: Task, pick: number): boolean {
    const { arms, limits } = this.#options;
    if (limits.deephunter === undefined) return false;
    return arms.some((list, input) =>
      chainOf(chains, pick, input, arms.length).some((arm) => list[arm].geometric),
    );
  }
}
