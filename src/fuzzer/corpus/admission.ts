import type { NeighbourIndex } from '../../coverage/index/neighbour-index.ts';
import type { NoveltyThreshold } from '../../coverage/novelty-threshold.ts';
import { type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import type { Scheduler } from '../../schedulers/scheduler.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import type { StoredEntry } from '../../storage/journal.ts';
import { activationsAt, unpackTestcase } from '../packed-testcases.ts';
import type { Task, TaskResult } from '../scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import type { DirectedSearch } from '../search/directed-search.ts';
import type { GoalAssignment } from '../search/search-goal.ts';
import type { Corpus } from './corpus.ts';
import type { ImportedTestcase } from './imported-testcase.ts';
import type { AdmissionReason, LineageTracker } from './lineage.ts';

/** What the intake puts entries into, and asks. */
export interface AdmissionOptions {
  readonly corpus: Corpus;
  readonly store: CampaignStore;
  readonly scheduler: Scheduler;
  readonly index: NeighbourIndex | undefined;
  readonly threshold: NoveltyThreshold;
  readonly directedSearch: DirectedSearch | undefined;
  readonly lineage: LineageTracker;
  /** Entries after which nothing is kept. */
  readonly maxCorpus: number;
}

/** An entry that a pick led to, and what it is worth: squared distance over the threshold. */
export interface AdmittedEntry {
  readonly pick: number;
  readonly novelty: number;
}

type IsLegal = (pick: number, data: TestcaseData) => boolean;

/** Decides which of a task's candidates enter the corpus: what is still new, and what comes nearer to a point. */
export class CorpusAdmission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Takes a seed in; false where an equal one is there. */
  admitSeed(data: TestcaseData, activations: Float32Array, outcome: number): boolean {
    const { corpus, store } = this.#options;
    const id = testcaseId(data);
    if (corpus.has(id)) return false;
    const origin = { parent: null, ancestor: id, generation: 0, mutators: [], novelty: null, task: 0 };
    const entry = { id, ...origin, outcome, data, activations };
    this.insert(entry);
    store.addEntry(entry);
    return true;
  }

  /** Takes in a testcase of an older campaign; false where what it is measured from is not there. */
  admitImported(
    { lineage, site, data }: ImportedTestcase,
    activations: Float32Array,
    outcome: number,
  ): boolean {
    const { corpus, store } = this.#options;
    const { id, ancestor, reference = ancestor } = lineage;
    if (corpus.has(id)) return true;
    if ([ancestor, reference].some((root) => root !== id && !corpus.has(root))) return false;
    const kept = site === undefined ? {} : { site };
    const entry = { ...lineage, novelty: null, task: 0, ...kept, outcome, data, activations };
    this.insert(entry);
    store.addEntry(entry);
    return true;
  }

  /**
   * Takes in what a task sent back. What looked new to it is asked again, since the index has grown meanwhile.
   *
   * @returns the entries that are new, and those that were kept for coming nearer
   */
  admit(
    task: Task,
    result: TaskResult,
    isLegal: IsLegal,
  ): { readonly fresh: readonly AdmittedEntry[]; readonly nearer: readonly AdmittedEntry[] } {
    const { threshold } = this.#options;
    const nearer = this.#admitImprovements(task, result, isLegal);
    const fresh: AdmittedEntry[] = [];
    for (let i = 0; i < result.candidates.count; i++) {
      const novelty = this.#admitNovel(task, result, i, isLegal);
      if (novelty === undefined) continue;
      const worth = novelty / Math.max(threshold.value, Number.MIN_VALUE);
      fresh.push({ pick: result.candidates.picks[i], novelty: worth });
    }
    return { fresh, nearer };
  }

  /** Takes a candidate in where it is still new and legal; returns how new, squared. */
  #admitNovel(task: Task, { candidates }: TaskResult, i: number, isLegal: IsLegal): number | undefined {
    const { index, threshold } = this.#options;
    const novelty = index?.nearest(activationsAt(candidates, i)) ?? 0;
    if (!(novelty > threshold.value)) return undefined;
    const place = this.#admitCandidate(task, candidates, i, { novelty, site: undefined }, isLegal);
    return place === undefined ? undefined : novelty;
  }

  /** Takes in what came nearer to a point, whatever its activations; returns the picks of the new entries. */
  #admitImprovements(
    task: Task,
    { progress, candidates, mutants }: TaskResult,
    isLegal: IsLegal,
  ): AdmittedEntry[] {
    const { directedSearch, index, corpus, threshold } = this.#options;
    if (directedSearch === undefined || task.goal === undefined || progress === undefined) return [];
    const mutantsOfPick = (pick: number): number =>
      Math.min(MUTANTS_PER_PICK, mutants - pick * MUTANTS_PER_PICK);
    const entered: AdmittedEntry[] = [];
    directedSearch.apply(task.goal, progress, mutantsOfPick, (i) => {
      const known = corpus.indexOf(testcaseId(unpackTestcase(candidates, i).data));
      if (known !== undefined) return known;
      const novelty = index?.nearest(activationsAt(candidates, i)) ?? 0;
      const site =
        novelty > threshold.value ? undefined : directedSearch.goalNameOf(task.goal as GoalAssignment);
      const place = this.#admitCandidate(task, candidates, i, { novelty, site }, isLegal);
      if (place !== undefined) entered.push({ pick: candidates.picks[i], novelty: 1 });
      return place;
    });
    return entered;
  }

  /** Puts a candidate into the corpus; returns its place, or undefined where it is there already or not legal. */
  #admitCandidate(
    task: Task,
    candidates: TaskResult['candidates'],
    i: number,
    why: AdmissionReason,
    isLegal: IsLegal,
  ): number | undefined {
    const { corpus, store, maxCorpus, lineage } = this.#options;
    if (corpus.size.count >= maxCorpus) return undefined;
    const { data, activations } = unpackTestcase(candidates, i);
    const id = testcaseId(data);
    const pick = candidates.picks[i];
    if (corpus.has(id) || !isLegal(pick, data)) return undefined;
    const line = lineage.recordOf(task, pick, candidates.paths?.[i], id, why, candidates.predictedClasses[i]);
    const entry = { ...line, data, activations };
    this.insert(entry);
    store.addEntry(entry);
    return corpus.indexOf(id);
  }

  /** Puts an entry into corpus and index, and tells the scheduler of it. */
  insert({ data, activations, ...entry }: StoredEntry & { readonly activations: Float32Array }): void {
    const { corpus, index, scheduler } = this.#options;
    const place = corpus.size.count;
    const ancestorIndex = entry.parent === null ? place : (corpus.indexOf(entry.ancestor) ?? place);
    const { reference } = entry;
    const referenceIndex = reference === undefined ? ancestorIndex : (corpus.indexOf(reference) ?? place);
    corpus.add({ ...entry, ancestorIndex, referenceIndex }, data, activations);
    const rank = corpus.rankOf(place);
    const parent = entry.parent === null ? undefined : corpus.indexOf(entry.parent);
    // What an older campaign kept for a margin is where lines of descent begin.
    if (entry.site !== undefined && entry.task === 0)
      this.#options.directedSearch?.suggestStart(entry.site, place);
    if (rank !== undefined) scheduler.added?.(rank, parent === undefined ? undefined : corpus.rankOf(parent));
    // A sealed index that was loaded holds the first entries already.
    if (index !== undefined && index.size <= place) index.add(activations);
  }
}
