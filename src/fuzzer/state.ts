import type { NearestTarget } from '../analysis/numerical-sites/closeness.ts';
import { type ConstraintLimits, needsAncestor } from '../constraints/constraint-limits.ts';
import type { Feedback } from '../coverage/feedback/feedback.ts';
import type { SavedNoveltyThreshold, ThresholdChange } from '../coverage/feedback/novelty-threshold.ts';
import type { IndexRecall, SavedRecallSample } from '../coverage/index/recall-sample.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { SizeChange } from '../inputs/sizes/size-change.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { Scheduler } from '../schedulers/scheduler.ts';
import { type Admission, CorpusAdmission } from './corpus/admission.ts';
import type { Corpus } from './corpus/corpus.ts';
import type { NewCorpusEntry } from './corpus/corpus-entry.ts';
import type { ImportedTestcase } from './corpus/imported-testcase.ts';
import { LineageTracker, type MutantOrigin } from './corpus/lineage.ts';
import type { CorpusSource } from './executor.ts';
import { latentAfter } from './generation/latent-moves.ts';
import { requiredEntries } from './required-entries.ts';
import type { ArmDescriptor } from './scheduling/mutator-arms.ts';
import type {
  MutatorScheduler,
  MutatorStatistics,
  SavedMutatorScheduler,
} from './scheduling/mutator-scheduler.ts';
import {
  type CorpusEntryData,
  countLookaheadMutants,
  type DisabledObjective,
  type Hit,
  type Task,
  type TaskResult,
} from './scheduling/task.ts';
import { TaskPlanner } from './scheduling/task-planner.ts';
import { fromTaskRecord, type TaskRecord, toTaskRecord } from './scheduling/task-record.ts';
import type { DirectedSearch } from './search/directed-search.ts';
import type { SavedDirectedSearch } from './search/search-goal.ts';
import type { SavedSeedAccounts, SeedAccounts } from './seeds/seed-accounts.ts';
import type { SeedHit } from './seeds/seed-distance.ts';
import type { SavedSeedBudget, SeedBudget } from './seeds/spent-per-seed.ts';
import { SubmissionBudget } from './seeds/submission-budget.ts';

/** The parts of a campaign's state, and the settings that its tasks follow from. */
export interface FuzzerStateOptions {
  readonly corpus: {
    readonly entries: Corpus;
    /** Entries after which nothing is admitted; see `AdmissionOptions`. */
    readonly maxEntries: number;
    /** Class that each labelled seed shows, by the seed's id; undefined without labels. */
    readonly labels: ReadonlyMap<string, number> | undefined;
  };
  /** Decides which activations are new. */
  readonly feedback: Feedback;
  readonly mutation: {
    readonly scheduler: Scheduler;
    readonly mutatorScheduler: MutatorScheduler;
    readonly descriptors: readonly InputDescriptor[];
    /** Mutators of each input. */
    readonly arms: readonly (readonly ArmDescriptor[])[];
    readonly limits: ConstraintLimits;
  };
  /** The directed search with the scheduler of its own mutators; undefined if there is no goal. */
  readonly search:
    | { readonly directed: DirectedSearch; readonly mutatorScheduler: MutatorScheduler }
    | undefined;
  readonly tasks: {
    readonly masterSeed: string;
    /** Mutants in one run of the model. */
    readonly batch: number;
    /** Mutants in the whole campaign; infinite without a budget. */
    readonly maxExecs: number;
    /** Tasks that may be in flight when a task is handed out: see `feedbackDelay` and `epochFeedbackDelay`. */
    readonly feedbackDelay: (taskNumber: number) => number;
    /** Whether a task is one batch: a run of the model takes long. */
    readonly singleBatches: boolean;
    /** Sizes beyond those of the seeds that some tasks have; absent for none. */
    readonly sizeChanges?: readonly SizeChange[];
    /** Whether tasks may step along gradients; false by default. */
    readonly ascends?: boolean;
  };
  /** Names of the objectives. */
  readonly objectives: readonly string[];
  /** Accounts of the seeds; undefined where no objective has any. */
  readonly accounts?: SeedAccounts | undefined;
  /** The queries or submissions that an attacker has left; undefined where they are not limited. */
  readonly budget?: SeedBudget | undefined;
}

/** A task's hits that satisfy the constraints, and descriptions of the constraints that the others break. */
export interface LegalHits {
  readonly hits: readonly Hit[];
  readonly brokenConstraints: readonly string[];
}

/** The outcome of confirming a task's hits, as far as the engine learns from it. */
export interface ConfirmedHits {
  /** Faults that a hit of the task revealed and that are repeatable, with the first pick that hit each. */
  readonly newFaults: readonly { readonly signature: string; readonly pick: number }[];
  /** Signatures with enough findings on disk: nothing is searched for that leads to them alone. */
  readonly saturatedSignatures: readonly string[];
  /** Signatures whose hits are only counted from now on: those, and those of which none is due to be run again. */
  readonly countedSignatures: readonly string[];
  /** Which hits break their seeds, where the model decides that and not the search: on a surrogate, or on a random model. */
  readonly submitted?: SubmittedHits;
}

/** Hits that were submitted to the model. */
export interface SubmittedHits {
  /** The entry of the seed of each submission; none where the search runs on the model itself. */
  readonly seeds: readonly number[];
  /** What those say of their seeds that violate an objective on the model, or hold in its reruns. */
  readonly seedHits: readonly SeedHit[];
}

/** The changes that a result led to. */
export interface AppliedResult {
  /** New corpus entries in the order of their indices, to be written to disk. */
  readonly entries: readonly NewCorpusEntry[];
  /** The threshold if it was adapted, with the reason. */
  readonly thresholdChange: ThresholdChange | undefined;
  /** Objectives whose plug-in failed. */
  readonly disabledObjectives: readonly DisabledObjective[];
  /** Descriptions of constraints that candidates broke: these were left out, and a mutator is at fault. */
  readonly brokenConstraints: readonly string[];
}

/** The state as plain data; corpus and index are restored from the journal. The keys are those of checkpoints on disk. */
export interface SavedFuzzerState {
  /** Number of the last task whose result was applied. */
  readonly taken: number;
  readonly planned: number;
  readonly execs: number;
  readonly lost: number;
  readonly looked?: number;
  readonly forwards?: number;
  readonly gradients?: number;
  readonly spoken?: number;
  readonly read?: number;
  readonly threshold: SavedNoveltyThreshold;
  readonly recall?: SavedRecallSample;
  readonly scheduler: unknown;
  readonly choice: SavedMutatorScheduler;
  readonly climbs?: { readonly search: SavedDirectedSearch; readonly choice: SavedMutatorScheduler };
  readonly seeds?: SavedSeedAccounts;
  readonly queries?: SavedSeedBudget;
  readonly rejected: number;
  /** Names of disabled objectives. */
  readonly ended?: readonly string[];
  /** Tasks in flight, as they were handed out. */
  readonly out: readonly TaskRecord[];
}

/**
 * The engine's whole state: corpus, feedback, schedulers and directed search. Synchronous. Once seeds and imports are in or
 * a checkpoint is restored, it changes by `nextTask` and `apply` alone, both called in the order of task numbers and
 * interleaved as the feedback delay says, so that equal results give equal states.
 */
export class FuzzerState implements CorpusSource {
  readonly #options: FuzzerStateOptions;
  readonly #planner: TaskPlanner;
  readonly #lineage: LineageTracker;
  readonly #admission: CorpusAdmission;
  readonly #isTiedToAncestor: boolean;
  readonly #disabledObjectives = new Set<string>();
  #countedSignatures: readonly string[] = [];
  #inFlight: Task[] = [];
  #lastApplied = 0;
  #plannedExecs = 0;
  #execs = 0;
  #lost = 0;
  #lookaheadMutants = 0;
  #generatedTokens = 0;
  #readTokens = 0;
  #forwards = 0;
  #gradients = 0;
  #rejected = 0;

  constructor(options: FuzzerStateOptions) {
    this.#options = options;
    const { corpus, feedback, mutation, search, tasks, accounts, budget } = options;
    const { arms, descriptors, limits, scheduler } = mutation;
    this.#isTiedToAncestor = needsAncestor(limits, descriptors);
    this.#lineage = new LineageTracker({ corpus: corpus.entries, descriptors, arms, limits });
    this.#admission = new CorpusAdmission({
      feedback,
      corpus: corpus.entries,
      maxEntries: corpus.maxEntries,
      scheduler,
      directedSearch: search?.directed,
      lineage: this.#lineage,
      accounts,
    });
    this.#planner = new TaskPlanner({
      corpus: corpus.entries,
      scheduler,
      mutatorScheduler: mutation.mutatorScheduler,
      directed: search && { search: search.directed, mutatorScheduler: search.mutatorScheduler },
      arms,
      masterSeed: tasks.masterSeed,
      batch: tasks.batch,
      singleBatches: tasks.singleBatches,
      allowsOneGeometric: limits.deephunter !== undefined,
      mutatesOnce: limits.once === true,
      isTiedToAncestor: this.#isTiedToAncestor,
      sizeChanges: tasks.sizeChanges ?? [],
      ascends: tasks.ascends ?? false,
      accounts,
      budget,
    });
  }

  get corpus(): Corpus {
    return this.#options.corpus.entries;
  }

  /** Inputs that were submitted to the model; undefined where the search runs on the model itself. */
  get submissions(): SubmissionBudget | undefined {
    const { budget } = this.#options;
    return budget instanceof SubmissionBudget ? budget : undefined;
  }

  /** Novelty above which activations are new, as it stands now. */
  get threshold(): number {
    return this.#options.feedback.threshold;
  }

  /** Recall of the index on a sample of the searches; undefined where searches are exact. */
  get indexRecall(): IndexRecall | undefined {
    return this.#options.feedback.recallSample?.recall;
  }

  /** Whether the corpus holds so many entries that no mutant is kept for its activations any more. */
  get isCorpusFull(): boolean {
    return this.#admission.isFull;
  }

  /** Mutants whose results were applied, those that never ran included. */
  get execs(): number {
    return this.#execs;
  }

  /** Mutants that were scored by lookahead alone, without an output. */
  get lookaheadMutants(): number {
    return this.#lookaheadMutants;
  }

  /** Tokens that a language model generated or scored. */
  get generatedTokens(): number {
    return this.#generatedTokens;
  }

  /** Tokens that a language model read, each as often as it ran: of prompts, of answers, and of what was scored. */
  get readTokens(): number {
    return this.#readTokens;
  }

  /** Testcases that the model ran for their gradients, beside the mutants, and gradients of a testcase so far. */
  get ascent(): { readonly forwards: number; readonly gradients: number } {
    return { forwards: this.#forwards, gradients: this.#gradients };
  }

  /** Mutants that never ran, because the model ended its process before. */
  get lost(): number {
    return this.#lost;
  }

  /** Mutants that could not be projected onto the constraints and were drawn again. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Accounts of the seeds; undefined where no objective has any. */
  get accounts(): SeedAccounts | undefined {
    return this.#options.accounts;
  }

  /** Use and yield of each mutator, for coverage and for goals together. */
  get mutatorStatistics(): readonly MutatorStatistics[] {
    const { mutation, search } = this.#options;
    const directed = search?.mutatorScheduler.statistics;
    return mutation.mutatorScheduler.statistics.map((statistics, i) =>
      directed === undefined ? statistics : mergeStatistics(statistics, directed[i]),
    );
  }

  /** The target of each site that a run came nearest to, by the site's name. */
  get nearestTargets(): ReadonlyMap<string, NearestTarget> {
    return this.#options.search?.directed.nearestTargets ?? new Map();
  }

  /** Whether an objective is left to judge mutants by. */
  get isJudging(): boolean {
    return this.#options.objectives.some((name) => !this.#disabledObjectives.has(name));
  }

  /** Tasks handed out whose results were not applied, in order. */
  get inFlight(): readonly Task[] {
    return this.#inFlight;
  }

  /** Whether the next result has to be applied before the next task may be handed out. */
  get mustApply(): boolean {
    const { feedbackDelay } = this.#options.tasks;
    return (
      this.#inFlight.length > 0 && this.#lastApplied < this.#nextNumber - feedbackDelay(this.#nextNumber)
    );
  }

  /** Whether the budget leaves less than a whole next task. */
  get isEnding(): boolean {
    return this.#options.tasks.maxExecs - this.#plannedExecs < this.#planner.mutantsIn(this.#nextNumber);
  }

  get #nextNumber(): number {
    return this.#lastApplied + this.#inFlight.length + 1;
  }

  get width(): number {
    return this.corpus.width;
  }

  entryData(entryIndex: number): CorpusEntryData {
    const { ancestorIndex, referenceIndex, latent } = this.corpus.at(entryIndex);
    const label = this.#options.corpus.labels?.get(this.corpus.at(ancestorIndex).id);
    return {
      entryIndex,
      ancestorIndex,
      referenceIndex,
      ...(label === undefined ? {} : { label }),
      ...(latent === undefined ? {} : { latent: { vector: latentAfter(latent), step: latent.step } }),
      data: this.corpus.data(entryIndex),
      activations: this.corpus.activations(entryIndex, entryIndex + 1),
    };
  }

  requiredEntries(task: Task): number[] {
    const movesLatents = this.#options.mutation.arms.some((list) =>
      list.some(({ usesLatent }) => usesLatent),
    );
    const needsAncestors = this.#isTiedToAncestor || this.accounts !== undefined || movesLatents;
    return requiredEntries(task, needsAncestors, (entryIndex) => this.corpus.at(entryIndex));
  }

  vectors(from: number, to: number): Float32Array {
    return this.corpus.activations(from, to);
  }

  /** Adds a seed to corpus and index; undefined if an equal one is there. */
  addSeed(data: TestcaseData, activations: Float32Array, predictedClass: number): NewCorpusEntry | undefined {
    return this.#admission.admitSeed(data, activations, predictedClass);
  }

  /** Adds a testcase of an earlier campaign; see `CorpusAdmission.admitImported`. */
  addImported(
    imported: ImportedTestcase,
    activations: Float32Array,
    predictedClass: number,
  ): ReturnType<CorpusAdmission['admitImported']> {
    return this.#admission.admitImported(imported, activations, predictedClass);
  }

  /** Loads a snapshot of the index of the first `count` entries, if one is stored; call before those are restored. */
  loadStoredIndex(count: number): void {
    this.#options.feedback.loadPrefix(count);
  }

  /** Adds an entry that is on disk already. */
  restoreEntry(entry: NewCorpusEntry): void {
    this.#admission.insert(entry);
    this.corpus.evict(this.corpus.size.count);
  }

  /** Sets the signatures whose hits are only counted, after findings of seeds and imports were stored. */
  setCountedSignatures(signatures: readonly string[]): void {
    this.#countedSignatures = signatures;
  }

  /** The next task; undefined once the budget of mutants, or of queries, is handed out. */
  nextTask(): Task | undefined {
    const { feedback, tasks } = this.#options;
    const number = this.#nextNumber;
    const maxMutants = Math.min(this.#planner.mutantsIn(number), tasks.maxExecs - this.#plannedExecs);
    if (maxMutants <= 0) return undefined;
    const work = this.#planner.planWithinBudget(number, maxMutants);
    if (work === undefined) return undefined;
    const { mutants, parents, partners, stacks, ...others } = work;
    const task: Task = {
      number,
      firstExec: this.#plannedExecs,
      mutants,
      parents,
      partners,
      stacks,
      saturatedSignatures: this.#countedSignatures,
      indexSize: feedback.size,
      // Workers then send back what comes nearer to a goal, and nothing else.
      threshold: this.isCorpusFull ? Number.MAX_VALUE : this.threshold,
      ...(this.#options.mutation.scheduler.observed === undefined ? {} : { countsNeighbours: true }),
      ...(this.#disabledObjectives.size === 0 ? {} : { disabledObjectives: [...this.#disabledObjectives] }),
      ...others,
    };
    this.#plannedExecs += mutants;
    this.#inFlight.push(task);
    return task;
  }

  /** The hits of the next result in order, without those whose testcases break a constraint. Changes nothing. */
  legalHits(result: TaskResult): LegalHits {
    const task = this.#taskOf(result);
    const brokenConstraints: string[] = [];
    const isLegal = this.#legalityCheck(task, brokenConstraints);
    return { hits: result.hits.filter(({ pick, data }) => isLegal(pick, data)), brokenConstraints };
  }

  /** Entry of the seed of a hit of the next result in order. */
  seedOf({ pick }: Pick<Hit, 'pick'>): number {
    const [task] = this.#inFlight;
    if (task === undefined) throw new Error('no task is in flight');
    return this.corpus.at(task.parents[pick]).ancestorIndex;
  }

  /** Lineage of a hit of the next result in order. */
  originOf({ pick, path, latent }: Pick<Hit, 'pick' | 'path' | 'latent'>): MutantOrigin {
    const [task] = this.#inFlight;
    if (task === undefined) throw new Error('no task is in flight');
    return this.#lineage.originOf(task, pick, path, latent);
  }

  /**
   * Applies the result of the next task in order. The caller has confirmed its hits and stored the findings, so that a
   * result is applied as a whole or not at all.
   */
  apply(result: TaskResult, confirmed: ConfirmedHits): AppliedResult {
    const task = this.#taskOf(result);
    const brokenConstraints: string[] = [];
    const { submitted } = confirmed;
    const seedHits = submitted?.seedHits ?? result.seedHits ?? [];
    this.accounts?.apply(task, seedHits, (entry) => this.corpus.at(entry).ancestorIndex);
    for (const seed of submitted?.seeds ?? []) this.submissions?.submit(seed);
    this.#countNeighbours(result);
    const admission = this.#admission.admit(task, result, this.#legalityCheck(task, brokenConstraints));
    this.#reward(task, result, admission, confirmed);
    this.#updateGoals(confirmed);
    const disabledObjectives = this.#disableObjectives(result);
    this.#countedSignatures = confirmed.countedSignatures;
    this.#execs += result.mutants;
    this.#lost += result.lost;
    this.#lookaheadMutants += countLookaheadMutants(task);
    this.#generatedTokens += result.generatedTokens ?? 0;
    this.#readTokens += result.readTokens ?? 0;
    this.#forwards += result.progress?.ascent?.forwards ?? 0;
    this.#gradients += result.progress?.ascent?.gradients ?? 0;
    this.#rejected += result.rejected;
    this.#lastApplied = result.task;
    this.#inFlight.shift();
    // Entries admitted for a goal alone say nothing about how far new activations lie, nor does a corpus that is full.
    const thresholdChange =
      task.goal === undefined && task.sizeChange === undefined && !this.isCorpusFull
        ? this.#options.feedback.adapt(
            result.mutants,
            admission.novel.map(({ entry }) => entry.novelty ?? Number.MAX_VALUE),
            task.threshold,
          )
        : undefined;
    return {
      entries: [...admission.improvements, ...admission.novel].map(({ entry }) => entry),
      thresholdChange,
      disabledObjectives,
      brokenConstraints,
    };
  }

  save(): SavedFuzzerState {
    const { feedback, mutation, search } = this.#options;
    return {
      taken: this.#lastApplied,
      planned: this.#plannedExecs,
      execs: this.#execs,
      lost: this.#lost,
      ...(this.#lookaheadMutants === 0 ? {} : { looked: this.#lookaheadMutants }),
      ...(this.#generatedTokens === 0 ? {} : { spoken: this.#generatedTokens }),
      ...(this.#readTokens === 0 ? {} : { read: this.#readTokens }),
      ...(this.#forwards === 0 ? {} : { forwards: this.#forwards }),
      ...(this.#gradients === 0 ? {} : { gradients: this.#gradients }),
      rejected: this.#rejected,
      threshold: feedback.save(),
      ...(feedback.recallSample === undefined ? {} : { recall: feedback.recallSample.save() }),
      scheduler: mutation.scheduler.save?.() ?? null,
      choice: mutation.mutatorScheduler.save(),
      ...(search === undefined
        ? {}
        : { climbs: { search: search.directed.save(), choice: search.mutatorScheduler.save() } }),
      ...(this.accounts === undefined ? {} : { seeds: this.accounts.save() }),
      ...(this.#options.budget === undefined ? {} : { queries: this.#options.budget.save() }),
      ...(this.#disabledObjectives.size === 0 ? {} : { ended: [...this.#disabledObjectives] }),
      out: this.#inFlight.map(toTaskRecord),
    };
  }

  /**
   * Restores a saved state; the entries are restored already.
   *
   * @param isComplete whether all entries came back. The tasks in flight and the scheduler's state refer to entries by
   *   index, and are dropped if some are missing
   */
  restore(saved: SavedFuzzerState, isComplete: boolean): void {
    const { feedback, mutation, search } = this.#options;
    this.#lastApplied = saved.taken;
    this.#execs = saved.execs;
    this.#lost = saved.lost;
    this.#lookaheadMutants = saved.looked ?? 0;
    this.#generatedTokens = saved.spoken ?? 0;
    this.#readTokens = saved.read ?? 0;
    this.#forwards = saved.forwards ?? 0;
    this.#gradients = saved.gradients ?? 0;
    this.#rejected = saved.rejected;
    feedback.restore(saved.threshold);
    if (saved.recall !== undefined) feedback.recallSample?.restore(saved.recall);
    if (saved.seeds !== undefined) this.accounts?.restore(saved.seeds, isComplete);
    if (saved.queries !== undefined) this.#options.budget?.restore(saved.queries, isComplete);
    mutation.mutatorScheduler.restore(saved.choice);
    if (search !== undefined && saved.climbs !== undefined) {
      search.directed.restore(saved.climbs.search, isComplete);
      search.mutatorScheduler.restore(saved.climbs.choice);
    }
    for (const objective of saved.ended ?? []) {
      this.#disabledObjectives.add(objective);
      this.accounts?.disableObjective(objective);
    }
    if (isComplete) {
      mutation.scheduler.restore?.(saved.scheduler);
      this.#plannedExecs = saved.planned;
      this.#inFlight = saved.out.map(fromTaskRecord);
    } else this.#plannedExecs = saved.execs;
  }

  #taskOf(result: TaskResult): Task {
    const [task] = this.#inFlight;
    if (task?.number !== result.task)
      throw new Error(`the result of task ${result.task} is out of order: task ${task?.number} is next`);
    return task;
  }

  /** @param broken collects what illegal testcases break, one description each */
  #legalityCheck(task: Task, broken: string[]): (pick: number, data: TestcaseData) => boolean {
    return (pick, data) => {
      const [first] = this.#lineage.brokenConstraints(task, pick, data);
      if (first !== undefined) broken.push(first);
      return first === undefined;
    };
  }

  /** Rewards the mutators of the picks that led to entries and to faults. */
  #reward(
    { goal, stacks, sizeChange }: Task,
    { mutants }: TaskResult,
    { improvements, novel }: Admission,
    confirmed: ConfirmedHits,
  ): void {
    // Nothing of another size is kept, which says nothing about the mutators.
    if (sizeChange !== undefined) return;
    const { mutation, search } = this.#options;
    const faultPicks = confirmed.newFaults.map(({ pick }) => pick);
    if (goal === undefined) {
      mutation.mutatorScheduler.reward(stacks, mutants, novel, faultPicks);
      return;
    }
    // An entry that is merely new counts as found, but does not teach how to come nearer to a goal.
    const found = [...improvements, ...novel.map(({ pick }) => ({ pick, novelty: 0 }))];
    search?.mutatorScheduler.reward(stacks, mutants, found, faultPicks);
  }

  /** Tells the scheduler which entries' neighbourhoods the task's mutants were in. */
  #countNeighbours({ neighbours }: TaskResult): void {
    const { scheduler } = this.#options.mutation;
    neighbours?.entries.forEach((entryIndex, i) => {
      const rank = this.corpus.rankOf(entryIndex);
      if (rank !== undefined) scheduler.observed?.(rank, neighbours.mutants[i]);
    });
  }

  #updateGoals({ newFaults, saturatedSignatures }: ConfirmedHits): void {
    const directed = this.#options.search?.directed;
    for (const { signature } of newFaults) directed?.recordFault(signature);
    for (const signature of saturatedSignatures) directed?.recordSaturation(signature);
  }

  /** Stops judging by objectives whose plug-in failed; returns those that were judged until now. */
  #disableObjectives({ disabledObjectives = [] }: TaskResult): DisabledObjective[] {
    const newlyDisabled = disabledObjectives.filter(
      ({ objective }) => !this.#disabledObjectives.has(objective),
    );
    for (const { objective } of newlyDisabled) {
      this.#disabledObjectives.add(objective);
      this.#options.search?.directed.disableObjective(objective);
      this.accounts?.disableObjective(objective);
    }
    return newlyDisabled;
  }
}

/** A mutator's statistics for coverage with its use and yield for goals added; the share is that for coverage. */
function mergeStatistics(coverage: MutatorStatistics, goals: MutatorStatistics): MutatorStatistics {
  return {
    ...coverage,
    mutants: coverage.mutants + goals.mutants,
    entries: coverage.entries + goals.entries,
    signatures: coverage.signatures + goals.signatures,
  };
}
