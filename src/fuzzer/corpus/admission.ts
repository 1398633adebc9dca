import type { Feedback } from '../../coverage/feedback/feedback.ts';
import { type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import type { Scheduler } from '../../schedulers/scheduler.ts';
import { activationsAt, unpackTestcase } from '../packed-testcases.ts';
import type { Task, TaskResult } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import type { DirectedSearch } from '../search/directed-search.ts';
import type { SeedAccounts } from '../seeds/seed-accounts.ts';
import type { Corpus } from './corpus.ts';
import type { NewCorpusEntry } from './corpus-entry.ts';
import type { ImportedTestcase } from './imported-testcase.ts';
import type { AdmissionReason, LineageTracker } from './lineage.ts';

export interface AdmissionOptions {
  readonly corpus: Corpus;
  readonly scheduler: Scheduler;
  readonly feedback: Feedback;
  readonly directedSearch: DirectedSearch | undefined;
  readonly lineage: LineageTracker;
  /** Undefined where no objective has accounts of seeds. */
  readonly accounts?: SeedAccounts | undefined;
  /** Entries after which nothing is admitted; of these the last eighth are for goals alone, where there are any. */
  readonly maxEntries: number;
}

/** An admitted entry with the pick that led to it. */
export interface AdmittedEntry {
  readonly pick: number;
  /** How new it is, in units of "just new" (`Novelty.units`): the reward of its mutators. */
  readonly novelty: number;
  readonly entry: NewCorpusEntry;
}

/** The entries that a task's result led to, in the order in which they were added to the corpus. */
export interface Admission {
  /** Entries admitted for coming nearer to the task's goal. */
  readonly improvements: readonly AdmittedEntry[];
  /** Entries admitted for their activations. */
  readonly novel: readonly AdmittedEntry[];
}

/** Share of the largest corpus that is kept for entries that come nearer to a goal. */
const GOAL_SHARE = 1 / 8;

type IsLegal = (pick: number, data: TestcaseData) => boolean;

/**
 * Decides which of a task's candidates enter the corpus: those whose activations are still new, and those that come nearer
 * to the task's goal. Novelty is assessed again here, since the history has grown since the task was planned.
 */
export class CorpusAdmission {
  readonly #options: AdmissionOptions;
  /** Entries after which none is admitted for its activations. */
  readonly #maxNovel: number;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { maxEntries, directedSearch } = options;
    const reserved = directedSearch === undefined ? 0 : GOAL_SHARE * maxEntries;
    this.#maxNovel = Number.isFinite(maxEntries) ? Math.ceil(maxEntries - reserved) : maxEntries;
  }

  /** Whether the corpus holds so many entries that none is admitted for its activations any more. */
  get isFull(): boolean {
    return this.#options.corpus.size.count >= this.#maxNovel;
  }

  /** Adds a seed; undefined if an equal one is in the corpus. */
  admitSeed(
    data: TestcaseData,
    activations: Float32Array,
    predictedClass: number,
  ): NewCorpusEntry | undefined {
    const id = testcaseId(data);
    if (this.#options.corpus.has(id)) return undefined;
    const entry: NewCorpusEntry = {
      id,
      parent: null,
      ancestor: id,
      generation: 0,
      mutators: [],
      novelty: null,
      task: 0,
      outcome: predictedClass,
      data,
      activations,
    };
    this.insert(entry);
    return entry;
  }

  /**
   * Adds a testcase of an earlier campaign.
   *
   * @returns the entry; `known` if the corpus has it, `orphan` if the entry that it is measured from is missing, `full` if there is no
   *   room for it
   */
  admitImported(
    { lineage, site, data }: ImportedTestcase,
    activations: Float32Array,
    predictedClass: number,
  ): NewCorpusEntry | 'known' | 'orphan' | 'full' {
    const { corpus, maxEntries } = this.#options;
    const { id, ancestor, reference = ancestor } = lineage;
    if (corpus.has(id)) return 'known';
    if ([ancestor, reference].some((root) => root !== id && !corpus.has(root))) return 'orphan';
    if (corpus.size.count >= maxEntries) return 'full';
    const entry: NewCorpusEntry = {
      ...lineage,
      novelty: null,
      task: 0,
      ...(site === undefined ? {} : { site }),
      outcome: predictedClass,
      data,
      activations,
    };
    this.insert(entry);
    return entry;
  }

  /** Adds the candidates of a task's result that qualify. */
  admit(task: Task, result: TaskResult, isLegal: IsLegal): Admission {
    const improvements = this.#admitImprovements(task, result, isLegal);
    const novel: AdmittedEntry[] = [];
    for (let i = 0; i < result.candidates.count && !this.isFull; i++) {
      const admitted = this.#admitNovel(task, result, i, isLegal);
      if (admitted !== undefined) novel.push(admitted);
    }
    return { improvements, novel };
  }

  /** Adds an entry to the corpus and the feedback's history, and notifies the scheduler. */
  insert({ data, activations, ...record }: NewCorpusEntry): void {
    const { corpus, feedback, scheduler, directedSearch } = this.#options;
    const entryIndex = corpus.size.count;
    const ancestorIndex =
      record.parent === null ? entryIndex : (corpus.indexOf(record.ancestor) ?? entryIndex);
    const { reference } = record;
    const referenceIndex =
      reference === undefined ? ancestorIndex : (corpus.indexOf(reference) ?? entryIndex);
    corpus.add({ ...record, ancestorIndex, referenceIndex }, data, activations);
    if (record.parent === null) this.#options.accounts?.addSeed(entryIndex, record.id);
    const rank = corpus.rankOf(entryIndex);
    const parent = record.parent === null ? undefined : corpus.indexOf(record.parent);
    // An imported entry that came near a goal is where the search for that goal starts.
    if (record.site !== undefined && record.task === 0) directedSearch?.suggestStart(record.site, entryIndex);
    if (rank !== undefined) scheduler.added?.(rank, parent === undefined ? undefined : corpus.rankOf(parent));
    // A snapshot of the history that was loaded holds the first entries already.
    if (feedback.size <= entryIndex) feedback.add(activations);
  }

  #admitNovel(
    task: Task,
    { candidates }: TaskResult,
    i: number,
    isLegal: IsLegal,
  ): AdmittedEntry | undefined {
    const { isNew, score, units } = this.#options.feedback.assess(activationsAt(candidates, i));
    if (!isNew) return undefined;
    const reason = { novelty: score, goalName: undefined };
    const entry = this.#admitCandidate(task, candidates, i, reason, isLegal);
    if (entry === undefined) return undefined;
    return { pick: candidates.picks[i], novelty: units, entry };
  }

  /** Adds the candidates that came nearer to the task's goal, whether or not their activations are new. */
  #admitImprovements(
    task: Task,
    { progress, candidates, mutants }: TaskResult,
    isLegal: IsLegal,
  ): AdmittedEntry[] {
    const { directedSearch, feedback, corpus } = this.#options;
    const { goal } = task;
    if (directedSearch === undefined || goal === undefined || progress === undefined) return [];
    const mutantsOfPick = (pick: number): number =>
      Math.min(MUTANTS_PER_PICK, mutants - pick * MUTANTS_PER_PICK);
    const admitted: AdmittedEntry[] = [];
    const admitImprovement = (i: number): number | undefined => {
      const known = corpus.indexOf(testcaseId(unpackTestcase(candidates, i).data));
      if (known !== undefined) return known;
      const { isNew, score } = feedback.assess(activationsAt(candidates, i));
      const goalName = isNew ? undefined : directedSearch.goalNameOf(goal);
      const entry = this.#admitCandidate(task, candidates, i, { novelty: score, goalName }, isLegal);
      if (entry === undefined) return undefined;
      admitted.push({ pick: candidates.picks[i], novelty: 1, entry });
      return corpus.indexOf(entry.id);
    };
    directedSearch.apply(goal, progress, mutantsOfPick, admitImprovement, task.radii);
    return admitted;
  }

  /** Adds a candidate; undefined if the corpus is full or has it already, or if it is not legal. */
  #admitCandidate(
    task: Task,
    candidates: TaskResult['candidates'],
    i: number,
    reason: AdmissionReason,
    isLegal: IsLegal,
  ): NewCorpusEntry | undefined {
    const { corpus, maxEntries, lineage } = this.#options;
    if (corpus.size.count >= maxEntries) return undefined;
    const { data, activations } = unpackTestcase(candidates, i);
    const id = testcaseId(data);
    const pick = candidates.picks[i];
    if (corpus.has(id) || !isLegal(pick, data)) return undefined;
    const record = lineage.recordOf(
      task,
      pick,
      candidates.paths?.[i],
      id,
      reason,
      candidates.predictedClasses[i],
      candidates.latents?.[i] ?? undefined,
    );
    const entry = { ...record, data, activations };
    this.insert(entry);
    return entry;
  }
}
