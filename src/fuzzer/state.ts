import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { Fault, FaultRegistry, SavedFaults } from '../campaign/findings/fault-registry.ts';
import { type SiteStatistics, siteStatistics } from '../campaign/monitor/site-figures.ts';
import { type ConstraintLimits, needsAncestor } from '../constraints/options.ts';
import { type Random, randomStream } from '../core/random.ts';
import type { NeighbourIndex } from '../coverage/index/neighbour-index.ts';
import type { NoveltyThreshold, SavedNoveltyThreshold } from '../coverage/novelty-threshold.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { Scheduler } from '../schedulers/scheduler.ts';
import type { CampaignStore } from '../storage/campaign-store.ts';
import type { StoredEntry } from '../storage/journal.ts';
import { CorpusAdmission } from './corpus/admission.ts';
import type { Corpus } from './corpus/corpus.ts';
import type { ImportedTestcase } from './corpus/imported-testcase.ts';
import { LineageTracker } from './corpus/lineage.ts';
import type { CorpusSource } from './executor.ts';
import { MutationPlanner, type PlannedMutation } from './scheduling/mutation-planner.ts';
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
import { fromTaskRecord, type TaskRecord, toTaskRecord } from './scheduling/task-record.ts';
import {
  DIRECTED_STEPS,
  directedMutants,
  evaluatesNearest,
  isDirected,
  isDirectedSingleBatch,
  LOOKAHEAD_STEPS,
  MUTANTS_PER_PICK,
  mutantsInTask,
  violationSearchMutants,
} from './scheduling/task-sizes.ts';
import type { DirectedSearch, GoalAssignment, SavedDirectedSearch } from './search/directed-search.ts';

/** Share of the picks with a border to cross that divide the way across it. */
const ACROSS_BOUNDARY_SHARE = 0.5;

/** What the state is made from. */
export interface FuzzerStateOptions {
  readonly store: CampaignStore;
  readonly corpus: Corpus;
  readonly faults: FaultRegistry;
  readonly scheduler: Scheduler;
  readonly mutatorScheduler: MutatorScheduler;
  /** The search toward operations that can go wrong, and the choice of its mutators; none where nothing can. */
  readonly directed: { readonly search: DirectedSearch; readonly choice: MutatorScheduler } | undefined;
  /** Operations that can go wrong, and the names of those that can't within the range of the inputs. */
  readonly sites: readonly NumericalSite[];
  readonly unreachableSites: ReadonlySet<string>;
  readonly index: NeighbourIndex | undefined;
  readonly threshold: NoveltyThreshold;
  readonly masterSeed: string;
  /** Names of the objectives. */
  readonly objectives: readonly string[];
  /** By the id of a seed the class that it shows; undefined where nobody says. */
  readonly labels: ReadonlyMap<string, number> | undefined;
  readonly batch: number;
  readonly descriptors: readonly InputDescriptor[];
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmDescriptor[])[];
  readonly limits: ConstraintLimits;
  /** Mutants in all; infinity without a budget. */
  readonly maxExecs: number;
  /** Tasks that may be out when a task is handed out: see `lagOf` and `epochLag`. */
  readonly feedbackDelay: (task: number) => number;
  /** Whether a task is one batch, since a run of the model takes long. */
  readonly singleBatches: boolean;
  /** Entries after which nothing is kept. */
  readonly maxCorpus: number;
}

/** What taking a result changed. */
export interface AppliedResult {
  readonly addedEntries: number;
  readonly faults: readonly Fault[];
  /** The threshold where it was adapted, with the reason. */
  readonly thresholdChange: { readonly threshold: number; readonly why: string } | undefined;
  /** Plug-ins that failed. */
  readonly disabledObjectives: readonly DisabledObjective[];
  /** Testcases that broke a constraint and were not kept, with what they broke: a fault of a mutator's. */
  readonly brokenConstraints: readonly string[];
}

/** The state as plain data; corpus and index come from the journal. */
export interface SavedFuzzerState {
  /** Number of the last task whose result was taken. */
  readonly taken: number;
  readonly planned: number;
  readonly execs: number;
  readonly lost: number;
  readonly looked?: number;
  readonly spoken?: number;
  readonly threshold: SavedNoveltyThreshold;
  readonly scheduler: unknown;
  readonly choice: SavedMutatorScheduler;
  readonly climbs?: { readonly search: SavedDirectedSearch; readonly choice: SavedMutatorScheduler };
  readonly rejected: number;
  readonly faults: SavedFaults;
  /** Objectives that are no more judged. */
  readonly ended?: readonly string[];
  /** Tasks that were out, as they were handed out. */
  readonly out: readonly TaskRecord[];
}

/**
 * The campaign's whole state: corpus, index, threshold, scheduler and faults. It changes by tasks handed
 * out and results taken, both in the order of their numbers and interleaved as the lag says, and by nothing
 * else: equal results give equal states.
 */
export class FuzzerState implements CorpusSource {
  readonly #options: FuzzerStateOptions;
  #inFlight: Task[] = [];
  #lastApplied = 0;
  #plannedExecs = 0;
  #execs = 0;
  #lost = 0;
  #lookaheadMutants = 0;
  #generatedTokens = 0;
  #rejected = 0;
  readonly #disabledObjectives = new Set<string>();
  readonly #planner: MutationPlanner;
  readonly #lineage: LineageTracker;
  readonly #admission: CorpusAdmission;
  readonly #isTiedToAncestor: boolean;

  constructor(options: FuzzerStateOptions) {
    this.#options = options;
    const { corpus, arms, limits, descriptors } = options;
    this.#planner = new MutationPlanner(corpus, arms, limits.deephunter !== undefined);
    this.#lineage = new LineageTracker(options);
    this.#admission = new CorpusAdmission({
      ...options,
      directedSearch: options.directed?.search,
      lineage: this.#lineage,
    });
    this.#isTiedToAncestor = needsAncestor(limits, descriptors);
  }

  get corpus(): Corpus {
    return this.#options.corpus;
  }

  /** Squared L2 distance above which activations are new, as it stands now. */
  get threshold(): number {
    return this.#options.threshold.value;
  }

  /** Mutants whose results were taken, and those of them that never ran. */
  get execs(): number {
    return this.#execs;
  }

  /** Mutants that were looked ahead from alone, and gave no answer. */
  get lookaheadMutants(): number {
    return this.#lookaheadMutants;
  }

  /** Tokens that the model said, or was asked how likely they are. */
  get generatedTokens(): number {
    return this.#generatedTokens;
  }

  /** Mutants that never ran, since the model ended its process before. */
  get lost(): number {
    return this.#lost;
  }

  /** Mutants that could not be brought within the constraints and were drawn anew. */
  get rejected(): number {
    return this.#rejected;
  }

  /** What each mutator did and brought, for coverage and for margins. */
  get mutatorStatistics(): readonly MutatorStatistics[] {
    const { mutatorScheduler, directed } = this.#options;
    const climbing = directed?.choice.statistics;
    return mutatorScheduler.statistics.map((own, i) =>
      climbing === undefined ? own : mergeStatistics(own, climbing[i]),
    );
  }

  /** What is known of each operation that can go wrong. */
  get siteStatistics(): readonly SiteStatistics[] {
    const { sites, unreachableSites, directed, faults } = this.#options;
    return siteStatistics(sites, unreachableSites, directed?.search.margins ?? new Map(), faults.confirmed);
  }

  /** Whether an objective is left to judge mutants by. */
  get isJudging(): boolean {
    return this.#options.objectives.some((name) => !this.#disabledObjectives.has(name));
  }

  /** Tasks handed out whose results were not taken. */
  get inFlight(): readonly Task[] {
    return this.#inFlight;
  }

  /** Whether the next result has to be taken before the next task may be handed out. */
  get mustApply(): boolean {
    return (
      this.#inFlight.length > 0 &&
      this.#lastApplied < this.#nextNumber - this.#options.feedbackDelay(this.#nextNumber)
    );
  }

  /** Whether the budget leaves less than a whole next task. */
  get isEnding(): boolean {
    const { batch, maxExecs } = this.#options;
    return maxExecs - this.#plannedExecs < this.#mutantsInTask(this.#nextNumber, batch);
  }

  get #nextNumber(): number {
    return this.#lastApplied + this.#inFlight.length + 1;
  }

  get width(): number {
    return this.corpus.width;
  }

  entryData(entry: number): CorpusEntryData {
    const { ancestorIndex, referenceIndex } = this.corpus.at(entry);
    const label = this.#options.labels?.get(this.corpus.at(ancestorIndex).id);
    return {
      entryIndex: entry,
      ancestorIndex,
      referenceIndex,
      ...(label === undefined ? {} : { label }),
      data: this.corpus.data(entry),
      activations: this.corpus.activations(entry, entry + 1),
    };
  }

  requiredEntries({ parents, partners }: Task): number[] {
    const needs = new Set(parents);
    for (const mate of partners) if (mate >= 0) needs.add(mate);
    if (!this.#isTiedToAncestor) return [...needs];
    for (const entry of parents) {
      const { ancestorIndex, referenceIndex } = this.corpus.at(entry);
      needs.add(ancestorIndex).add(referenceIndex);
    }
    return [...needs];
  }

  vectors(from: number, to: number): Float32Array {
    return this.corpus.activations(from, to);
  }

  /** Puts a seed into corpus and index; false where an equal one is there. */
  addSeed(data: TestcaseData, activations: Float32Array, outcome: number): boolean {
    return this.#admission.admitSeed(data, activations, outcome);
  }

  /** Puts a testcase of an older campaign into corpus and index; false where what it is measured from is not there. */
  addImported(imported: ImportedTestcase, activations: Float32Array, outcome: number): boolean {
    return this.#admission.admitImported(imported, activations, outcome);
  }

  /** Loads what of the index of the first `count` entries is stored; call before those are restored. */
  loadStoredIndex(count: number): void {
    this.#options.index?.loadPrefix(count);
  }

  /** Puts back an entry that is on disk. */
  restoreEntry(entry: StoredEntry, activations: Float32Array): void {
    this.#admission.insert({ ...entry, activations });
  }

  /** The next task, or undefined when the budget of mutants is handed out. */
  nextTask(): Task | undefined {
    const { batch, maxExecs, masterSeed, faults, index } = this.#options;
    const number = this.#nextNumber;
    const mutants = Math.min(this.#mutantsInTask(number, batch), maxExecs - this.#plannedExecs);
    if (mutants <= 0) return undefined;
    const random = randomStream(masterSeed, 'schedule', number);
    const { picks, focus, stride, looks } = this.#planTask(
      number,
      Math.ceil(mutants / MUTANTS_PER_PICK),
      random,
    );
    const task: Task = {
      number,
      firstExec: this.#plannedExecs,
      mutants,
      parents: picks.map(({ parent }) => parent),
      partners: picks.map(({ partner }) => partner),
      stacks: picks.flatMap(({ stacks }) => stacks),
      saturatedSignatures: faults.saturatedSignatures,
      indexSize: index === undefined ? 0 : this.corpus.size.count,
      threshold: this.threshold,
      ...(this.#disabledObjectives.size === 0 ? {} : { disabledObjectives: [...this.#disabledObjectives] }),
      ...(focus === undefined ? {} : { goal: focus }),
      ...(stride === undefined ? {} : { picksPerStep: stride }),
      ...(looks === undefined ? {} : { lookahead: looks }),
    };
    this.#plannedExecs += mutants;
    this.#inFlight.push(task);
    return task;
  }

  #mutantsInTask(task: number, batch: number): number {
    const { directed, singleBatches } = this.#options;
    if (singleBatches)
      return isDirectedSingleBatch(task) && directed?.search.canLookAhead(evaluatesNearest(task))
        ? LOOKAHEAD_STEPS * batch
        : batch;
    if (directed?.search.seeksViolation) return violationSearchMutants(task, batch);
    return directed !== undefined && isDirected(task) ? directedMutants(batch) : mutantsInTask(task, batch);
  }

  /** What a task mutates: entries that lead to new activations, or toward the point whose turn it is. */
  #planTask(
    number: number,
    count: number,
    random: Random,
  ): {
    readonly picks: PlannedMutation[];
    readonly focus?: GoalAssignment;
    readonly stride?: number;
    readonly looks?: boolean;
  } {
    const { directed, corpus, scheduler, mutatorScheduler, singleBatches } = this.#options;
    const picks = (entryAt: (pick: number) => number, by: MutatorScheduler): PlannedMutation[] =>
      Array.from({ length: count }, (_, pick) => this.#planner.plan(entryAt(pick), by, random));
    const climbsNow = singleBatches ? isDirectedSingleBatch(number) : isDirected(number);
    const looks =
      climbsNow && singleBatches && directed?.search.canLookAhead(evaluatesNearest(number)) === true;
    const point = climbsNow ? directed?.search.nextGoal(looks) : undefined;
    if (directed === undefined || point === undefined)
      return {
        picks: this.#pickTogether(() =>
          picks(() => corpus.scheduledAt(scheduler.pick(corpus.scheduled, random)), mutatorScheduler),
        ),
      };
    const isMate = (a: number, b: number): boolean =>
      !this.#isTiedToAncestor || corpus.at(a).ancestorIndex === corpus.at(b).ancestorIndex;
    // DeepHunter's rule allows one geometric change in a line, which a step knows nothing of.
    const goesOn =
      directed.search.isMultiStep(point) && !singleBatches && this.#options.limits.deephunter === undefined;
    const steps = looks ? LOOKAHEAD_STEPS : goesOn ? DIRECTED_STEPS : 1;
    const stride = Math.ceil(count / steps);
    const lines = directed.search.plan(point, stride, corpus.size, random, isMate, looks);
    const repeated = <T>(list: readonly T[]): T[] =>
      Array.from({ length: count }, (_, pick) => list[pick % stride]);
    const [parents, beyond] = [repeated(lines.parents), repeated(lines.beyond)];
    const { subgoals, slots, marginsToBeat } = lines.focus;
    const focus: GoalAssignment = {
      ...lines.focus,
      subgoals: repeated(subgoals),
      slots: repeated(slots),
      marginsToBeat: repeated(marginsToBeat),
    };
    const toward = (pick: number): PlannedMutation | undefined =>
      beyond[pick] < 0 || random.uniform() >= ACROSS_BOUNDARY_SHARE
        ? undefined
        : this.#planner.planAcrossBoundary(parents[pick], beyond[pick]);
    const climbing = parents.map(
      (parent, pick) => toward(pick) ?? this.#planner.plan(parent, directed.choice, random),
    );
    return { picks: climbing, focus, ...(steps === 1 ? {} : { stride }), ...(looks ? { looks } : {}) };
  }

  /** Lets the scheduler pick. */
  #pickTogether(picks: () => PlannedMutation[]): PlannedMutation[] {
    const { scheduler } = this.#options;
    return scheduler.guardPicks === undefined ? picks() : scheduler.guardPicks(picks);
  }

  /**
   * Takes the result of the next task in order. What looked new to the task is asked again, since the index
   * has grown meanwhile. Findings are on disk before anything changes, so that a result is taken whole or
   * not at all.
   *
   * @param untilFinding take no more findings than the first confirmed one
   */
  async apply(result: TaskResult, seconds: number, untilFinding: boolean): Promise<AppliedResult> {
    const { faults, threshold, mutatorScheduler } = this.#options;
    const [task] = this.#inFlight;
    const illegal: string[] = [];
    const isLegal = (pick: number, data: TestcaseData): boolean => {
      const broken = this.#lineage.brokenConstraints(task, pick, data);
      illegal.push(...broken.slice(0, 1));
      return broken.length === 0;
    };
    const hits = result.hits.filter(({ pick, data }) => isLegal(pick, data));
    const origin = ({ pick, path }: Hit) => this.#lineage.originOf(task, pick, path);
    const kept = await faults.confirmAndStore(hits, result.task, origin, untilFinding);
    const found = faults.register(kept, seconds);
    faults.countHits(result.counts);
    const { fresh, nearer } = this.#admission.admit(task, result, isLegal);
    // What the machine did, or what does not come up again, teaches nothing: it would not be the same next time.
    const lasting = found.filter((fault) => fault.kept > 0 && !faults.dependsOnMachine(fault));
    const ids = new Set(lasting.map(({ signature }) => signature));
    const firsts = hits.filter(({ violation: { signature } }) => ids.delete(signature));
    const signatures = firsts.map(({ pick }) => pick);
    if (task.goal === undefined) mutatorScheduler.reward(task.stacks, result.mutants, fresh, signatures);
    else {
      // What is new by the way counts as brought, and teaches nothing about climbing.
      const brought = [...nearer, ...fresh.map(({ pick }) => ({ pick, novelty: 0 }))];
      this.#options.directed?.choice.reward(task.stacks, result.mutants, brought, signatures);
    }
    for (const signature of lasting.map((fault) => fault.signature))
      this.#options.directed?.search.recordFault(signature);
    for (const signature of faults.saturatedSignatures)
      this.#options.directed?.search.recordSaturation(signature);
    const ends = (result.disabledObjectives ?? []).filter(
      ({ objective }) => !this.#disabledObjectives.has(objective),
    );
    for (const { objective } of ends) {
      this.#disabledObjectives.add(objective);
      this.#options.directed?.search.disableObjective(objective);
    }
    this.#execs += result.mutants;
    this.#lost += result.lost;
    this.#lookaheadMutants += countLookaheadMutants(task);
    this.#generatedTokens += result.generatedTokens ?? 0;
    this.#rejected += result.rejected;
    this.#lastApplied = result.task;
    this.#inFlight.shift();
    // What is kept for its margin alone says nothing about how far new activations lie.
    const adapted =
      task.goal === undefined ? threshold.observe(result.mutants, fresh.length, task.threshold) : undefined;
    return {
      addedEntries: fresh.length + nearer.length,
      faults: found,
      thresholdChange: adapted,
      disabledObjectives: ends,
      brokenConstraints: illegal,
    };
  }

  save(): SavedFuzzerState {
    const { threshold, scheduler, mutatorScheduler, directed, faults } = this.#options;
    return {
      taken: this.#lastApplied,
      planned: this.#plannedExecs,
      execs: this.#execs,
      lost: this.#lost,
      ...(this.#lookaheadMutants === 0 ? {} : { looked: this.#lookaheadMutants }),
      ...(this.#generatedTokens === 0 ? {} : { spoken: this.#generatedTokens }),
      rejected: this.#rejected,
      threshold: threshold.save(),
      scheduler: scheduler.save?.() ?? null,
      choice: mutatorScheduler.save(),
      ...(directed === undefined
        ? {}
        : { climbs: { search: directed.search.save(), choice: directed.choice.save() } }),
      faults: faults.save(),
      ...(this.#disabledObjectives.size === 0 ? {} : { ended: [...this.#disabledObjectives] }),
      out: this.#inFlight.map(toTaskRecord),
    };
  }

  /**
   * Goes on from a saved state; the entries are restored already.
   *
   * @param whole whether all entries came back: the tasks that were out, and what the scheduler learnt, speak
   *   of entries by their places and are given up where some are missing
   */
  restore(saved: SavedFuzzerState, whole: boolean): void {
    const { threshold, scheduler, mutatorScheduler, directed, faults } = this.#options;
    this.#lastApplied = saved.taken;
    this.#execs = saved.execs;
    this.#lost = saved.lost;
    this.#lookaheadMutants = saved.looked ?? 0;
    this.#generatedTokens = saved.spoken ?? 0;
    this.#rejected = saved.rejected;
    threshold.restore(saved.threshold);
    mutatorScheduler.restore(saved.choice);
    if (directed !== undefined && saved.climbs !== undefined) {
      directed.search.restore(saved.climbs.search, whole);
      directed.choice.restore(saved.climbs.choice);
    }
    faults.restore(saved.faults);
    for (const objective of saved.ended ?? []) this.#disabledObjectives.add(objective);
    if (whole) {
      scheduler.restore?.(saved.scheduler);
      this.#plannedExecs = saved.planned;
      this.#inFlight = saved.out.map(fromTaskRecord);
    } else this.#plannedExecs = saved.execs;
  }
}

/** A mutator's figures with what it did and brought for margins; its share is that for coverage. */
function mergeStatistics(own: MutatorStatistics, other: MutatorStatistics): MutatorStatistics {
  return {
    ...own,
    mutants: own.mutants + other.mutants,
    entries: own.entries + other.entries,
    signatures: own.signatures + other.signatures,
  };
}
