import type { MutantOrigin } from '../../campaign/findings/fault-registry.ts';
import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { findBrokenConstraints } from '../../constraints/find-broken-constraints.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { CorpusEntryRecord } from '../../storage/journal.ts';
import type { ArmDescriptor } from '../scheduling/mutator-arms.ts';
import { mutatorNames, stackOf } from '../scheduling/mutator-stack.ts';
import type { Task } from '../scheduling/task.ts';
import type { Corpus } from './corpus.ts';

/** What a mutant is kept for. */
export interface AdmissionReason {
  /** Squared L2 distance to the nearest activations. */
  readonly novelty: number;
  /** The site that it came nearer to; undefined where its activations are new. */
  readonly site: string | undefined;
}

/** What descent is told from. */
export interface LineageOptions {
  readonly corpus: Corpus;
  readonly descriptors: readonly InputDescriptor[];
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmDescriptor[])[];
  readonly limits: ConstraintLimits;
}

/** What the mutants of a task's picks come from, and whether they have strayed too far from it. */
export class LineageTracker {
  readonly #options: LineageOptions;
  readonly #inputNames: readonly string[];
  readonly #isMutated: readonly boolean[];

  constructor(options: LineageOptions) {
    this.#options = options;
    this.#inputNames = options.descriptors.map(({ name }) => name);
    this.#isMutated = options.arms.map((list) => list.length > 0);
  }

  /** @param path the picks that made it out of the entry one after the other */
  originOf(task: Task, pick: number, path: readonly number[] = [pick]): MutantOrigin {
    const { corpus, arms } = this.#options;
    const parent = corpus.at(task.parents[pick]);
    return {
      parent,
      ancestor: corpus.data(parent.ancestorIndex),
      mutators: path.flatMap((one) => mutatorNames(task.stacks, one, this.#inputNames, arms)),
      mutationCount: path.length,
      isRebased: this.#isRebased(task, pick),
    };
  }

  /** The journal's line for a mutant that enters the corpus. */
  recordOf(
    task: Task,
    pick: number,
    path: readonly number[] | undefined,
    id: string,
    { novelty, site }: AdmissionReason,
    outcome: number,
  ): CorpusEntryRecord {
    const { parent, mutators, mutationCount, isRebased } = this.originOf(task, pick, path);
    const reference = isRebased ? id : parent.reference;
    return {
      id,
      parent: parent.id,
      ancestor: parent.ancestor,
      ...(reference === undefined ? {} : { reference }),
      generation: parent.generation + mutationCount,
      mutators,
      novelty: Number.isFinite(novelty) ? novelty : null,
      task: task.number,
      ...(site === undefined ? {} : { site }),
      outcome,
    };
  }

  /** The constraints that a mutant breaks: none, unless a mutator is at fault. */
  brokenConstraints(task: Task, pick: number, data: TestcaseData): string[] {
    const { corpus, descriptors, limits } = this.#options;
    const { ancestorIndex, referenceIndex } = corpus.at(task.parents[pick]);
    const reference = this.#isRebased(task, pick) ? data : corpus.data(referenceIndex);
    const roots = { ancestor: corpus.data(ancestorIndex), reference };
    return findBrokenConstraints(data, roots, limits, descriptors, this.#isMutated);
  }

  /** Whether a pick's mutants are what later ones are measured from by DeepHunter's rule. */
  #isRebased({ stacks }: Task, pick: number): boolean {
    const { arms, limits } = this.#options;
    if (limits.deephunter === undefined) return false;
    return arms.some((list, input) =>
      stackOf(stacks, pick, input, arms.length).some((arm) => list[arm].geometric),
    );
  }
}
