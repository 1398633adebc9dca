import type { Site } from '../analysis/numerical-sites/site.ts';
import type { Fault, Faults, SavedFaults } from '../campaign/findings/fault-registry.ts';
import { type SiteFigures, siteFigures } from '../campaign/monitor/site-figures.ts';
import { type Limits, tiesToAncestor } from '../constraints/options.ts';
import { type Random, randomStream } from '../core/random.ts';
import type { NeighbourIndex } from '../coverage/index/neighbour-index.ts';
import type { SavedThreshold, Threshold } from '../coverage/novelty-threshold.ts';
import type { InputTraits } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { Scheduler } from '../schedulers/scheduler.ts';
import type { Store } from '../storage/campaign-store.ts';
import type { StoredEntry } from '../storage/journal.ts';
import type { Supply } from '../workers/worker-supervisor.ts';
import { Intake } from './corpus/admission.ts';
import type { Corpus } from './corpus/corpus.ts';
import type { Imported } from './corpus/imported-testcase.ts';
import { Descent } from './corpus/lineage.ts';
import { type Picked, Picker } from './scheduling/mutation-planner.ts';
import type { ArmTraits } from './scheduling/mutator-arms.ts';
import type { MutatorChoice, MutatorFigures, SavedChoice } from './scheduling/mutator-scheduler.ts';
import {
  type Hit,
  lookedIn,
  type Parcel,
  type PluginEnd,
  type Task,
  type TaskResult,
} from './scheduling/task.ts';
import {
  CLIMB_STEPS,
  climbMutants,
  isClimbing,
  isClimbingSingly,
  LOOK_STEPS,
  MUTANTS_PER_PICK,
  mutantsOf,
  seekMutants,
  triesWhatIsNear,
} from './scheduling/task-sizes.ts';
import type { Climbs, Focus, SavedClimbs } from './search/directed-search.ts';

/** Share of the picks with a border to cross that divide the way across it. */
const ACROSS_SHARE = 0.5;

/** What the state is made from. */
export interface StateOptions {
  readonly store: Store;
  readonly corpus: Corpus;
  readonly faults: Faults;
  readonly scheduler: Scheduler;
  readonly choice: MutatorChoice;
  /** The search toward operations that can go wrong, and the choice of its mutators; none where nothing can. */
  readonly climbs: { readonly search: Climbs; readonly choice: MutatorChoice } | undefined;
  /** Operations that can go wrong, and the names of those that can't within the range of the inputs. */
  readonly sites: readonly Site[];
  readonly unreachable: ReadonlySet<string>;
  readonly index: NeighbourIndex | undefined;
  readonly threshold: Threshold;
  readonly masterSeed: string;
  /** Names of the objectives. */
  readonly objectives: readonly string[];
  /** By the id of a seed the class that it shows; undefined where nobody says. */
  readonly labels: ReadonlyMap<string, number> | undefined;
  readonly batch: number;
  readonly traits: readonly InputTraits[];
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmTraits[])[];
  readonly limits: Limits;
  /** Mutants in all; infinity without a budget. */
  readonly execs: number;
  /** Tasks that may be out when a task is handed out: see `lagOf` and `epochLag`. */
  readonly lag: (task: number) => number;
  /** Whether a task is one batch, since a run of the model takes long. */
  readonly singleBatches: boolean;
  /** Entries after which nothing is kept. */
  readonly maxCorpus: number;
}

/** What taking a result changed. */
export interface Step {
  readonly added: number;
  readonly faults: readonly Fault[];
  /** The threshold where it was adapted, with the reason. */
  readonly adapted: { readonly threshold: number; readonly why: string } | undefined;
  /** Plug-ins that failed. */
  readonly ends: readonly PluginEnd[];
  /** Testcases that broke a constraint and were not kept, with what they broke: a fault of a mutator's. */
  readonly illegal: readonly string[];
}

/** The state as plain data; corpus and index come from the journal. */
export interface SavedState {
  /** Number of the last task whose result was taken. */
  readonly taken: number;
  readonly planned: number;
  readonly execs: number;
  readonly lost: number;
  readonly looked?: number;
  readonly spoken?: number;
  readonly threshold: SavedThreshold;
  readonly scheduler: unknown;
  readonly choice: SavedChoice;
  readonly climbs?: { readonly search: SavedClimbs; readonly choice: SavedChoice };
  readonly rejected: number;
  readonly faults: SavedFaults;
  /** Objectives that are no more judged. */
  readonly ended?: readonly string[];
  /** Tasks that were out, as they were handed out. */
  readonly out: readonly Task[];
}

/**
 * The campaign's whole state: corpus, index, threshold, scheduler and faults. It changes by tasks handed
 * out and results taken, both in the order of their numbers and interleaved as the lag says, and by nothing
 * else: equal results give equal states.
 */
export class State implements Supply {
  readonly #options: StateOptions;
  #out: Task[] = [];
  #taken = 0;
  #planned = 0;
  #execs = 0;
  #lost = 0;
  #looked = 0;
  #spoken = 0;
  #rejected = 0;
  readonly #ended = new Set<string>();
  readonly #picker: Picker;
  readonly #descent: Descent;
  readonly #intake: Intake;
  readonly #isTied: boolean;

  constructor(options: StateOptions) {
    this.#options = options;
    const { corpus, arms, limits, traits } = options;
    this.#picker = new Picker(corpus, arms, limits.deephunter !== undefined);
    this.#descent = new Descent(options);
    this.#intake = new Intake({ ...options, climbs: options.climbs?.search, descent: this.#descent });
    this.#isTied = tiesToAncestor(limits, traits);
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
  get looked(): number {
    return this.#looked;
  }

  /** Tokens that the model said, or was asked how likely they are. */
  get spoken(): number {
    return this.#spoken;
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
  get mutators(): readonly MutatorFigures[] {
    const { choice, climbs } = this.#options;
    const climbing = climbs?.choice.figures;
    return choice.figures.map((own, i) => (climbing === undefined ? own : together(own, climbing[i])));
  }

  /** What is known of each operation that can go wrong. */
  get sites(): readonly SiteFigures[] {
    const { sites, unreachable, climbs, faults } = this.#options;
    return siteFigures(sites, unreachable, climbs?.search.margins ?? new Map(), faults.confirmed);
  }

  /** Whether an objective is left to judge mutants by. */
  get isJudging(): boolean {
    return this.#options.objectives.some((name) => !this.#ended.has(name));
  }

  /** Tasks handed out whose results were not taken. */
  get out(): readonly Task[] {
    return this.#out;
  }

  /** Whether the next result has to be taken before the next task may be handed out. */
  get mustTake(): boolean {
    return this.#out.length > 0 && this.#taken < this.#upcoming - this.#options.lag(this.#upcoming);
  }

  /** Whether the budget leaves less than a whole next task. */
  get isEnding(): boolean {
    const { batch, execs } = this.#options;
    return execs - this.#planned < this.#mutantsOf(this.#upcoming, batch);
  }

  get #upcoming(): number {
    return this.#taken + this.#out.length + 1;
  }

  get width(): number {
    return this.corpus.width;
  }

  parcel(entry: number): Parcel {
    const { ancestorIndex, referenceIndex } = this.corpus.at(entry);
    const label = this.#options.labels?.get(this.corpus.at(ancestorIndex).id);
    return {
      entry,
      ancestor: ancestorIndex,
      reference: referenceIndex,
      ...(label === undefined ? {} : { label }),
      data: this.corpus.data(entry),
      activations: this.corpus.activations(entry, entry + 1),
    };
  }

  needs({ parents, mates }: Task): number[] {
    const needs = new Set(parents);
    for (const mate of mates) if (mate >= 0) needs.add(mate);
    if (!this.#isTied) return [...needs];
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
    return this.#intake.seed(data, activations, outcome);
  }

  /** Puts a testcase of an older campaign into corpus and index; false where what it is measured from is not there. */
  addImported(imported: Imported, activations: Float32Array, outcome: number): boolean {
    return this.#intake.imported(imported, activations, outcome);
  }

  /** Loads what of the index of the first `count` entries is stored; call before those are restored. */
  skipIndexed(count: number): void {
    this.#options.index?.skip(count);
  }

  /** Puts back an entry that is on disk. */
  restoreEntry(entry: StoredEntry, activations: Float32Array): void {
    this.#intake.enter({ ...entry, activations });
  }

  /** The next task, or undefined when the budget of mutants is handed out. */
  nextTask(): Task | undefined {
    const { batch, execs, masterSeed, faults, index } = this.#options;
    const number = this.#upcoming;
    const mutants = Math.min(this.#mutantsOf(number, batch), execs - this.#planned);
    if (mutants <= 0) return undefined;
    const random = randomStream(masterSeed, 'schedule', number);
    const { picks, focus, stride, looks } = this.#plan(number, Math.ceil(mutants / MUTANTS_PER_PICK), random);
    const task: Task = {
      number,
      execsBefore: this.#planned,
      mutants,
      parents: picks.map(({ parent }) => parent),
      mates: picks.map(({ mate }) => mate),
      chains: picks.flatMap(({ chains }) => chains),
      saturated: faults.saturated,
      indexed: index === undefined ? 0 : this.corpus.size.count,
      threshold: this.threshold,
      ...(this.#ended.size === 0 ? {} : { ended: [...this.#ended] }),
      ...(focus === undefined ? {} : { focus }),
      ...(stride === undefined ? {} : { stride }),
      ...(looks === undefined ? {} : { looks }),
    };
    this.#planned += mutants;
    this.#out.push(task);
    return task;
  }

  #mutantsOf(task: number, batch: number): number {
    const { climbs, singleBatches } = this.#options;
    if (singleBatches)
      return isClimbingSingly(task) && climbs?.search.looksAhead(triesWhatIsNear(task))
        ? LOOK_STEPS * batch
        : batch;
    if (climbs?.search.seeksViolation) return seekMutants(task, batch);
    return climbs !== undefined && isClimbing(task) ? climbMutants(batch) : mutantsOf(task, batch);
  }

  /** What a task mutates: entries that lead to new activations, or toward the point whose turn it is. */
  #plan(
    number: number,
    count: number,
    random: Random,
  ): {
    readonly picks: Picked[];
    readonly focus?: Focus;
    readonly stride?: number;
    readonly looks?: boolean;
  } {
    const { climbs, corpus, scheduler, choice, singleBatches } = this.#options;
    const picks = (entryAt: (pick: number) => number, by: MutatorChoice): Picked[] =>
      Array.from({ length: count }, (_, pick) => this.#picker.pick(entryAt(pick), by, random));
    const climbsNow = singleBatches ? isClimbingSingly(number) : isClimbing(number);
    const looks = climbsNow && singleBatches && climbs?.search.looksAhead(triesWhatIsNear(number)) === true;
    const point = climbsNow ? climbs?.search.next(looks) : undefined;
    if (climbs === undefined || point === undefined)
      return {
        picks: this.#scheduled(() =>
          picks(() => corpus.scheduledAt(scheduler.pick(corpus.scheduled, random)), choice),
        ),
      };
    const isMate = (a: number, b: number): boolean =>
      !this.#isTied || corpus.at(a).ancestorIndex === corpus.at(b).ancestorIndex;
    // DeepHunter's rule allows one geometric change in a line, which a step knows nothing of.
    const goesOn =
      climbs.search.goesInSteps(point) && !singleBatches && this.#options.limits.deephunter === undefined;
    const steps = looks ? LOOK_STEPS : goesOn ? CLIMB_STEPS : 1;
    const stride = Math.ceil(count / steps);
    const lines = climbs.search.plan(point, stride, corpus.size, random, isMate, looks);
    const repeated = <T>(list: readonly T[]): T[] =>
      Array.from({ length: count }, (_, pick) => list[pick % stride]);
    const [parents, beyond] = [repeated(lines.parents), repeated(lines.beyond)];
    const { targets, lanes, bars } = lines.focus;
    const focus = {
      ...lines.focus,
      targets: repeated(targets),
      lanes: repeated(lanes),
      bars: repeated(bars),
    };
    const toward = (pick: number): Picked | undefined =>
      beyond[pick] < 0 || random.uniform() >= ACROSS_SHARE
        ? undefined
        : this.#picker.across(parents[pick], beyond[pick]);
    const climbing = parents.map(
      (parent, pick) => toward(pick) ?? this.#picker.pick(parent, climbs.choice, random),
    );
    return { picks: climbing, focus, ...(steps === 1 ? {} : { stride }), ...(looks ? { looks } : {}) };
  }

  /** Lets the scheduler pick. */
  #scheduled(picks: () => Picked[]): Picked[] {
    const { scheduler } = this.#options;
    return scheduler.together === undefined ? picks() : scheduler.together(picks);
  }

  /**
   * Takes the result of the next task in order. What looked new to the task is asked again, since the index
   * has grown meanwhile. Findings are on disk before anything changes, so that a result is taken whole or
   * not at all.
   *
   * @param untilFinding take no more findings than the first confirmed one
   */
  async take(result: TaskResult, seconds: number, untilFinding: boolean): Promise<Step> {
    const { faults, threshold, choice } = this.#options;
    const [task] = this.#out;
    const illegal: string[] = [];
    const isLegal = (pick: number, data: TestcaseData): boolean => {
      const broken = this.#descent.broken(task, pick, data);
      illegal.push(...broken.slice(0, 1));
      return broken.length === 0;
    };
    const hits = result.hits.filter(({ pick, data }) => isLegal(pick, data));
    const origin = ({ pick, path }: Hit) => this.#descent.originOf(task, pick, path);
    const kept = await faults.keep(hits, result.task, origin, untilFinding);
    const found = faults.enter(kept, seconds);
    faults.count(result.counts);
    const { fresh, nearer } = this.#intake.take(task, result, isLegal);
    // What the machine did, or what does not come up again, teaches nothing: it would not be the same next time.
    const lasting = found.filter((fault) => fault.kept > 0 && !faults.dependsOnMachine(fault));
    const ids = new Set(lasting.map(({ signature }) => signature));
    const firsts = hits.filter(({ violation: { signature } }) => ids.delete(signature));
    const signatures = firsts.map(({ pick }) => pick);
    if (task.focus === undefined) choice.learn(task.chains, result.mutants, fresh, signatures);
    else {
      // What is new by the way counts as brought, and teaches nothing about climbing.
      const brought = [...nearer, ...fresh.map(({ pick }) => ({ pick, novelty: 0 }))];
      this.#options.climbs?.choice.learn(task.chains, result.mutants, brought, signatures);
    }
    for (const signature of lasting.map((fault) => fault.signature))
      this.#options.climbs?.search.found(signature);
    for (const signature of faults.saturated) this.#options.climbs?.search.enough(signature);
    const ends = (result.ends ?? []).filter(({ objective }) => !this.#ended.has(objective));
    for (const { objective } of ends) {
      this.#ended.add(objective);
      this.#options.climbs?.search.end(objective);
    }
    this.#execs += result.mutants;
    this.#lost += result.lost;
    this.#looked += lookedIn(task);
    this.#spoken += result.spoken ?? 0;
    this.#rejected += result.rejected;
    this.#taken = result.task;
    this.#out.shift();
    // What is kept for its margin alone says nothing about how far new activations lie.
    const adapted =
      task.focus === undefined ? threshold.observe(result.mutants, fresh.length, task.threshold) : undefined;
    return { added: fresh.length + nearer.length, faults: found, adapted, ends, illegal };
  }

  save(): SavedState {
    const { threshold, scheduler, choice, climbs, faults } = this.#options;
    return {
      taken: this.#taken,
      planned: this.#planned,
      execs: this.#execs,
      lost: this.#lost,
      ...(this.#looked === 0 ? {} : { looked: this.#looked }),
      ...(this.#spoken === 0 ? {} : { spoken: this.#spoken }),
      rejected: this.#rejected,
      threshold: threshold.save(),
      scheduler: scheduler.save?.() ?? null,
      choice: choice.save(),
      ...(climbs === undefined
        ? {}
        : { climbs: { search: climbs.search.save(), choice: climbs.choice.save() } }),
      faults: faults.save(),
      ...(this.#ended.size === 0 ? {} : { ended: [...this.#ended] }),
      out: [...this.#out],
    };
  }

  /**
   * Goes on from a saved state; the entries are restored already.
   *
   * @param whole whether all entries came back: the tasks that were out, and what the scheduler learnt, speak
   *   of entries by their places and are given up where some are missing
   */
  restore(saved: SavedState, whole: boolean): void {
    const { threshold, scheduler, choice, climbs, faults } = this.#options;
    this.#taken = saved.taken;
    this.#execs = saved.execs;
    this.#lost = saved.lost;
    this.#looked = saved.looked ?? 0;
    this.#spoken = saved.spoken ?? 0;
    this.#rejected = saved.rejected;
    threshold.restore(saved.threshold);
    choice.restore(saved.choice);
    if (climbs !== undefined && saved.climbs !== undefined) {
      climbs.search.restore(saved.climbs.search, whole);
      climbs.choice.restore(saved.climbs.choice);
    }
    faults.restore(saved.faults);
    for (const objective of saved.ended ?? []) this.#ended.add(objective);
    if (whole) {
      scheduler.restore?.(saved.scheduler);
      this.#planned = saved.planned;
      this.#out = [...saved.out];
    } else this.#planned = saved.execs;
  }
}

/** A mutator's figures with what it did and brought for margins; its share is that for coverage. */
function together(own: MutatorFigures, other: MutatorFigures): MutatorFigures {
  return {
    ...own,
    mutants: own.mutants + other.mutants,
    entries: own.entries + other.entries,
    signatures: own.signatures + other.signatures,
  };
}
