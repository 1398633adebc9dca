import type { ConstraintLimits } from '../../constraints/constraint-limits.ts';
import { findBrokenConstraints } from '../../constraints/find-broken-constraints.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { resizeTestcase } from '../../inputs/sizes/size-change.ts';
import type { LatentChange, Lineage, TestcaseData } from '../../inputs/testcase.ts';
import type { ArmDescriptor } from '../scheduling/mutator-arms.ts';
import { mutatorNames, stackOf } from '../scheduling/mutator-stack.ts';
import type { Task } from '../scheduling/task.ts';
import type { Corpus } from './corpus.ts';
import type { CorpusEntry, CorpusEntryRecord } from './corpus-entry.ts';

/** Why a mutant is admitted to the corpus. */
export interface AdmissionReason {
  /** Novelty of its activations, as the journal records it. */
  readonly novelty: number;
  /** Name of the goal it came nearer to; undefined if its activations are new. */
  readonly goalName: string | undefined;
}

/** The entry that a mutant was made from, the mutators that made it, and the values of its ancestor seed. */
export interface MutantOrigin {
  readonly parent: Pick<CorpusEntry, 'id' | 'ancestor' | 'reference' | 'generation'>;
  readonly ancestor: TestcaseData;
  readonly mutators: readonly string[];
  /** Mutation steps between the parent and the mutant. */
  readonly mutationCount: number;
  /** Whether DeepHunter's rule measures later mutants from this one. */
  readonly isRebased: boolean;
  /** Queries spent on the seed until this mutant had run, those of its pick included; undefined where they are not limited. */
  readonly queries?: number | undefined;
  /** How its latent vector moved; undefined where it did not. */
  readonly latent?: LatentChange | undefined;
}

export interface LineageOptions {
  readonly corpus: Pick<Corpus, 'at' | 'data'>;
  readonly descriptors: readonly InputDescriptor[];
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmDescriptor[])[];
  readonly limits: ConstraintLimits;
}

/** Derives a mutant's lineage from its task and re-checks the constraints against its ancestor. */
export class LineageTracker {
  readonly #options: LineageOptions;
  readonly #inputNames: readonly string[];
  readonly #isMutated: readonly boolean[];

  constructor(options: LineageOptions) {
    this.#options = options;
    this.#inputNames = options.descriptors.map(({ name }) => name);
    this.#isMutated = options.arms.map((inputArms) => inputArms.length > 0);
  }

  /** @param path the picks that made the mutant out of the corpus entry, one after the other */
  originOf(task: Task, pick: number, path: readonly number[] = [pick], latent?: LatentChange): MutantOrigin {
    const { corpus, arms } = this.#options;
    const parent = corpus.at(task.parents[pick]);
    return {
      parent,
      ancestor: corpus.data(parent.ancestorIndex),
      mutators: [
        ...sizeMutators(task, this.#inputNames),
        ...path.flatMap((step) => mutatorNames(task.stacks, step, this.#inputNames, arms)),
      ],
      mutationCount: path.length,
      isRebased: this.#isRebased(task, pick),
      queries: task.queries?.[pick],
      ...(latent === undefined ? {} : { latent }),
    };
  }

  /** The journal's record of a mutant that is admitted to the corpus. */
  recordOf(
    task: Task,
    pick: number,
    path: readonly number[] | undefined,
    id: string,
    { novelty, goalName }: AdmissionReason,
    predictedClass: number,
    latent?: LatentChange,
  ): CorpusEntryRecord {
    return {
      ...lineageOf(this.originOf(task, pick, path, latent), id),
      novelty: Number.isFinite(novelty) ? novelty : null,
      task: task.number,
      ...(goalName === undefined ? {} : { site: goalName }),
      outcome: predictedClass,
    };
  }

  /** Descriptions of the constraints that a mutant breaks; empty unless a mutator is at fault. */
  brokenConstraints(task: Task, pick: number, data: TestcaseData): string[] {
    const { corpus, descriptors, limits } = this.#options;
    const { ancestorIndex, referenceIndex } = corpus.at(task.parents[pick]);
    const reference = this.#isRebased(task, pick) ? data : this.#atSizeOf(task, corpus.data(referenceIndex));
    const roots = { ancestor: this.#atSizeOf(task, corpus.data(ancestorIndex)), reference };
    return findBrokenConstraints(data, roots, limits, descriptors, this.#isMutated);
  }

  /** A testcase at the size that a task's mutants have. */
  #atSizeOf({ sizeChange }: Task, data: TestcaseData): TestcaseData {
    const { descriptors } = this.#options;
    return sizeChange === undefined
      ? data
      : resizeTestcase(data, sizeChange, (input) => descriptors[input].tokens?.special ?? []);
  }

  #isRebased({ stacks }: Task, pick: number): boolean {
    const { arms, limits } = this.#options;
    if (limits.deephunter === undefined) return false;
    return arms.some((inputArms, input) =>
      stackOf(stacks, pick, input, arms.length).some((arm) => inputArms[arm].geometric),
    );
  }
}

/** `input:size` of each input that a task gives another size. */
function sizeMutators({ sizeChange }: Task, names: readonly string[]): string[] {
  if (sizeChange === undefined) return [];
  return [...new Set(sizeChange.places.map(({ input }) => `${names[input]}:size`))];
}

/** The lineage of a mutant with this id. */
export function lineageOf(
  { parent, mutators, mutationCount, isRebased, latent }: MutantOrigin,
  id: string,
): Lineage {
  const reference = isRebased ? id : parent.reference;
  return {
    id,
    parent: parent.id,
    ancestor: parent.ancestor,
    ...(reference === undefined ? {} : { reference }),
    generation: parent.generation + mutationCount,
    mutators,
    ...(latent === undefined ? {} : { latent }),
  };
}
