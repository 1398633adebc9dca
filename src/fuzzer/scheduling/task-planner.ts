import { type Random, randomStream } from '../../core/random.ts';
import type { SizeChange } from '../../inputs/sizes/size-change.ts';
import { drawStrength } from '../../mutators/numeric/mutation-strength.ts';
import { drawPatchShare } from '../../mutators/numeric/square.ts';
import type { Scheduler } from '../../schedulers/scheduler.ts';
import type { Corpus } from '../corpus/corpus.ts';
import type { DirectedSearch } from '../search/directed-search.ts';
import type { GoalAssignment } from '../search/search-goal.ts';
import type { SeedAccounts } from '../seeds/seed-accounts.ts';
import type { SeedBudget } from '../seeds/spent-per-seed.ts';
import { ClimbPlanner } from './climb-planner.ts';
import { type AffordableWork, fitToBudget } from './fit-to-budget.ts';
import { MutationPlanner, type PlannedMutation } from './mutation-planner.ts';
import type { ArmDescriptor } from './mutator-arms.ts';
import type { MutatorScheduler } from './mutator-scheduler.ts';
import type { PlannedWork } from './task.ts';
import {
  DIRECTED_STEPS,
  directedMutants,
  evaluatesNearest,
  firstAscentMutants,
  isCatchingUp,
  isDirected,
  isDirectedAtSeeds,
  isDirectedSingleBatch,
  isFirstAscent,
  isResized,
  LOOKAHEAD_STEPS,
  MUTANTS_PER_PICK,
  mutantsInTask,
  resizedMutants,
  sizeIndex,
  violationSearchMutants,
} from './task-sizes.ts';

/** Share of the picks with a known class boundary that bisect the way across it. */
const ACROSS_BOUNDARY_SHARE = 0.5;

/** Share of the picks for a seed that put patches to the ends of what is legal; the others take mutators that the scheduler selects. */
const PATCH_SHARE = 0.9;

/** Entries that are drawn in search of one whose seed is searched, before such a seed itself is mutated. */
const MAX_PARENT_ATTEMPTS = 4;

/** The least radius of mutants of a broken seed, relative to the distance at which it is broken. */
const MIN_RADIUS_FACTOR = 0.7;

export interface TaskPlannerOptions {
  readonly corpus: Corpus;
  readonly scheduler: Scheduler;
  readonly mutatorScheduler: MutatorScheduler;
  /** The directed search with the scheduler of its own mutators; undefined if nothing can be searched for. */
  readonly directed:
    | { readonly search: DirectedSearch; readonly mutatorScheduler: MutatorScheduler }
    | undefined;
  /** Mutators of each input. */
  readonly arms: readonly (readonly ArmDescriptor[])[];
  readonly masterSeed: string;
  /** Mutants that the sizes of tasks are derived from: those of one run of the model, or more where that takes few. */
  readonly batch: number;
  /** Whether a task is one batch: a run of the model takes long. */
  readonly singleBatches: boolean;
  /** Whether DeepHunter's rule allows one geometric transform in a lineage. */
  readonly allowsOneGeometric: boolean;
  /** Whether a mutant is one mutation of a seed, by one mutator; false by default. */
  readonly mutatesOnce?: boolean;
  /** Whether constraints tie a mutant to its ancestor, so that only entries of one ancestor can be combined. */
  readonly isTiedToAncestor: boolean;
  /** Sizes beyond those of the seeds that some tasks have, in turn. */
  readonly sizeChanges: readonly SizeChange[];
  /** Whether tasks may step along gradients. */
  readonly ascends?: boolean;
  /** Undefined where no objective has accounts of seeds. */
  readonly accounts?: SeedAccounts | undefined;
  /** What is left for each seed; undefined where that is not limited. */
  readonly budget?: SeedBudget | undefined;
}

/**
 * Plans tasks: how many mutants one has, and which entries its picks mutate by which mutators. Every other task is for
 * coverage; the rest are for the goal whose turn it is. All draws of task n come from a stream keyed by (master seed, n).
 */
export class TaskPlanner {
  readonly #options: TaskPlannerOptions;
  readonly #mutations: MutationPlanner;
  readonly #climbs: ClimbPlanner;

  constructor(options: TaskPlannerOptions) {
    this.#options = options;
    const { corpus, arms, allowsOneGeometric, mutatesOnce } = options;
    this.#mutations = new MutationPlanner(corpus, arms, allowsOneGeometric, mutatesOnce);
    this.#climbs = new ClimbPlanner(options.corpus, options.arms);
  }

  /** Mutants in a task, by its number and the state of the directed search. */
  mutantsIn(taskNumber: number): number {
    const { directed, singleBatches, batch } = this.#options;
    if (singleBatches)
      return isDirectedSingleBatch(taskNumber) && directed?.search.canLookAhead(evaluatesNearest(taskNumber))
        ? LOOKAHEAD_STEPS * batch
        : batch;
    if (this.#sizeChangeOf(taskNumber) !== undefined) return resizedMutants(batch);
    const isForGoal = this.#isForGoal(taskNumber);
    if ((isForGoal || taskNumber === 1) && this.#prefersAscents && isFirstAscent(taskNumber))
      return firstAscentMutants(taskNumber, batch);
    if (isForGoal && this.#catchesUp(taskNumber)) return firstAscentMutants(taskNumber, batch);
    // Where classes are all that is seen, nothing that mutants for coverage find leads the search: they would take its queries.
    if (directed?.search.followsBoundaries && !isForGoal) return directedMutants(batch);
    if (directed?.search.seeksViolation) return violationSearchMutants(taskNumber, batch, isForGoal);
    return directed !== undefined && isForGoal ? directedMutants(batch) : mutantsInTask(taskNumber, batch);
  }

  /**
   * Plans a task of at most so many mutants within the budget of queries, and spends them.
   *
   * @returns undefined where no seed is left that has queries, and is unbroken if nothing else is asked for
   */
  planWithinBudget(taskNumber: number, mutants: number): AffordableWork | undefined {
    const { budget, masterSeed } = this.#options;
    if (budget === undefined) return { ...this.plan(taskNumber, mutants), mutants };
    if (this.#openSeeds.length === 0) return undefined;
    const afford = (work: PlannedWork): AffordableWork | undefined =>
      fitToBudget(work, mutants, budget, (entry) => this.#seedOf(entry));
    const affordable = afford(this.plan(taskNumber, mutants));
    if (affordable !== undefined) return affordable;
    // A task in several steps may be too dear for what is left to each seed.
    const random = randomStream(masterSeed, 'queries', taskNumber);
    return afford(toWork(this.#planForCoverage(Math.ceil(mutants / MUTANTS_PER_PICK), random)));
  }

  #seedOf(entry: number): number {
    return this.#options.corpus.at(entry).ancestorIndex;
  }

  /** Seeds with queries left, or all if queries are not limited; the unbroken ones alone where nothing but these is asked for. */
  get #openSeeds(): number[] {
    const { corpus, accounts, budget } = this.#options;
    const seeds = accounts?.seeds ?? Array.from({ length: corpus.size.seeds }, (_, seed) => seed);
    const affordable = seeds.filter((seed) => this.#hasQueries(seed));
    if (accounts?.isExclusive !== true) return affordable;
    const unbroken = affordable.filter((seed) => accounts.isUnbroken(seed));
    return unbroken.length > 0 || (budget !== undefined && !accounts.seeksLeast) ? unbroken : affordable;
  }

  /** Whether there are queries left for another pick for a seed. */
  #hasQueries(seed: number): boolean {
    const { budget } = this.#options;
    return budget?.canSpend(seed, budget.priceOfPick(false)) ?? true;
  }

  /** Plans the picks of a task of so many mutants. */
  plan(taskNumber: number, mutants: number): PlannedWork {
    const { directed, singleBatches, masterSeed } = this.#options;
    const random = randomStream(masterSeed, 'schedule', taskNumber);
    const pickCount = Math.ceil(mutants / MUTANTS_PER_PICK);
    const sizeChange = this.#sizeChangeOf(taskNumber);
    if (sizeChange !== undefined) return { ...toWork(this.#planForCoverage(pickCount, random)), sizeChange };
    const isForGoal = this.#isForGoal(taskNumber);
    const lookahead =
      isForGoal && singleBatches && directed?.search.canLookAhead(evaluatesNearest(taskNumber)) === true;
    const goalIndex = isForGoal ? directed?.search.nextGoal(lookahead) : undefined;
    const work =
      goalIndex === undefined
        ? toWork(this.#planForCoverage(pickCount, random))
        : this.#planForGoal(goalIndex, pickCount, lookahead, random);
    const radii = work.radii ?? this.#drawRadii(work.parents, random);
    return radii === undefined ? work : { ...work, radii };
  }

  /** Whether a task steps along the gradient of its goal. Where no input has that mutator, nothing is drawn. */
  #drawAscent(goalIndex: number, lookahead: boolean, random: Random): boolean {
    const { directed, ascends } = this.#options;
    if (ascends !== true || directed === undefined || !this.#climbs.canAscend) return false;
    const share = directed.search.ascentShare(goalIndex, lookahead);
    return share > 0 && random.uniform() < share;
  }

  /** Whether a task is for a goal, if there is one. */
  #isForGoal(taskNumber: number): boolean {
    const { singleBatches, accounts } = this.#options;
    if (singleBatches) return isDirectedSingleBatch(taskNumber);
    const prefersAscents = this.#prefersAscents;
    const prefersGoals = prefersAscents || this.#catchesUp(taskNumber);
    return accounts?.isExclusive === true && accounts.hasUnbroken() && !prefersAscents
      ? isDirectedAtSeeds(taskNumber)
      : isDirected(taskNumber, prefersGoals);
  }

  get #movesLatents(): boolean {
    return this.#options.arms.some((list) => list.some(({ usesLatent }) => usesLatent === true));
  }

  /** Whether gradients are expected to lead to a goal sooner than mutation. */
  get #prefersAscents(): boolean {
    return this.#canAscend && this.#options.directed?.search.prefersAscents === true;
  }

  /** Whether tasks of several batches may step along gradients. */
  get #canAscend(): boolean {
    const { ascends, singleBatches } = this.#options;
    return ascends === true && !singleBatches && this.#climbs.canAscend;
  }

  /** Whether tasks for sites make up for gradients that were tried in vain. */
  #catchesUp(taskNumber: number): boolean {
    const { directed } = this.#options;
    return (
      isCatchingUp(taskNumber) &&
      this.#canAscend &&
      directed?.search.mayAscend === true &&
      !directed.search.seeksViolation &&
      !this.#prefersAscents
    );
  }

  /** Radii for mutants of broken seeds, where only nearer violations are of use; undefined where none has one. */
  #drawRadii(parents: readonly number[], random: Random): (number | null)[] | undefined {
    const { accounts, corpus } = this.#options;
    if (accounts?.isExclusive !== true || !accounts.seeksLeast) return undefined;
    const radii = parents.map((parent) => {
      const distance = accounts.leastDistance(corpus.at(parent).ancestorIndex);
      const radius = distance * (MIN_RADIUS_FACTOR + (1 - MIN_RADIUS_FACTOR) * random.uniform());
      return Number.isFinite(radius) && radius > 0 ? radius : null;
    });
    return radii.some((radius) => radius !== null) ? radii : undefined;
  }

  #sizeChangeOf(taskNumber: number): SizeChange | undefined {
    const { sizeChanges, singleBatches } = this.#options;
    if (sizeChanges.length === 0 || singleBatches || !isResized(taskNumber)) return undefined;
    return sizeChanges[sizeIndex(taskNumber, sizeChanges.length)];
  }

  #planForCoverage(pickCount: number, random: Random): PlannedMutation[] {
    const { scheduler, mutatorScheduler } = this.#options;
    const pick = (): PlannedMutation[] =>
      Array.from({ length: pickCount }, () => {
        return this.#mutations.plan(this.#pickParent(random), mutatorScheduler, random);
      });
    return scheduler.guardPicks === undefined ? pick() : scheduler.guardPicks(pick);
  }

  /**
   * The scheduler's pick: a descendant of a seed with queries left; where nothing but broken seeds is asked for, of an unbroken one as
   * long as there is one.
   */
  #pickParent(random: Random): number {
    const { corpus, scheduler, accounts, budget } = this.#options;
    const pick = (): number => corpus.scheduledAt(scheduler.pick(corpus.scheduled, random));
    const seeksUnbroken = accounts?.isExclusive === true && accounts.hasUnbroken();
    if (!seeksUnbroken && budget === undefined) return pick();
    for (let attempt = 0; attempt < MAX_PARENT_ATTEMPTS; attempt++) {
      const parent = pick();
      const seed = this.#seedOf(parent);
      if (this.#hasQueries(seed) && (!seeksUnbroken || accounts.isUnbroken(seed))) return parent;
    }
    const open = this.#openSeeds;
    return open.length === 0 ? pick() : open[random.below(open.length)];
  }

  #planForGoal(goalIndex: number, pickCount: number, lookahead: boolean, random: Random): PlannedWork {
    const { corpus, directed, singleBatches, allowsOneGeometric, isTiedToAncestor } = this.#options;
    if (directed === undefined) throw new Error('there is no directed search');
    const { search, mutatorScheduler } = directed;
    const canCombine = (a: number, b: number): boolean =>
      !isTiedToAncestor || this.#seedOf(a) === this.#seedOf(b);
    const ascends = this.#drawAscent(goalIndex, lookahead, random);
    // A step does not know whether the steps before it used up the one geometric transform of DeepHunter's rule.
    const isMultiStep = (ascends || (search.isMultiStep(goalIndex) && !allowsOneGeometric)) && !singleBatches;
    const steps = lookahead ? LOOKAHEAD_STEPS : isMultiStep ? DIRECTED_STEPS : 1;
    const picksPerStep = Math.ceil(pickCount / steps);
    const plan = search.plan(goalIndex, picksPerStep, corpus.size, random, {
      areCompatible: canCombine,
      lookahead,
      ancestorOf: (entry) => this.#seedOf(entry),
      ascends,
      hasQueries: this.#options.budget && ((seed) => this.#hasQueries(seed)),
      entries: {
        classOf: (entry) => corpus.at(entry).outcome,
        shapeKeyOf: (entry) => corpus.shapeKey(entry),
        dataOf: (entry) => corpus.data(entry),
      },
    });
    const forAllSteps = <T>(list: readonly T[]): T[] =>
      Array.from({ length: pickCount }, (_, pick) => list[pick % picksPerStep]);
    const parents = forAllSteps(plan.parents);
    const acrossBoundary = forAllSteps(plan.acrossBoundary);
    const planAcross = (pick: number): PlannedMutation | undefined =>
      acrossBoundary[pick] < 0 || random.uniform() >= ACROSS_BOUNDARY_SHARE
        ? undefined
        : this.#mutations.planAcrossBoundary(parents[pick], acrossBoundary[pick]);
    const strengths = new Array<number | null>(pickCount).fill(null);
    const learnedStrengths = forAllSteps(plan.learnedStrengths);
    const planClimb = (pick: number): PlannedMutation | undefined => {
      const learned = learnedStrengths[pick];
      if (learned === null || random.uniform() >= plan.climbShare) return undefined;
      const climb = this.#climbs.plan(parents[pick], random);
      if (climb !== undefined) strengths[pick] = climb.hasStrength ? drawStrength(random, learned) : 0;
      return climb;
    };
    const { seedQueries, radii, boundaryShares } = plan;
    const planAlongBoundary = (pick: number): PlannedMutation | undefined => {
      if (boundaryShares === undefined) return undefined;
      const bisection = this.#mutations.planAcrossBoundary(parents[pick], acrossBoundary[pick]);
      if (bisection !== undefined) strengths[pick] = boundaryShares[pick % picksPerStep];
      return bisection;
    };
    const planPatch = (pick: number): PlannedMutation | undefined => {
      if (seedQueries === undefined) return undefined;
      const step = Math.floor(pick / picksPerStep);
      const queries = seedQueries[pick % picksPerStep] + step * MUTANTS_PER_PICK;
      if (queries > 0 && random.uniform() >= PATCH_SHARE) return undefined;
      const patch = this.#climbs.planPatch(parents[pick], random);
      if (patch !== undefined) strengths[pick] = drawPatchShare(queries, random);
      return patch;
    };
    const picks = parents.map((parent, pick) =>
      ascends
        ? this.#climbs.planAscent(parent)
        : (planAlongBoundary(pick) ??
          planPatch(pick) ??
          planAcross(pick) ??
          planClimb(pick) ??
          this.#mutations.plan(parent, mutatorScheduler, random)),
    );
    const goal: GoalAssignment = {
      ...plan.assignment,
      subgoals: forAllSteps(plan.assignment.subgoals),
      slots: forAllSteps(plan.assignment.slots),
      marginsToBeat: forAllSteps(plan.assignment.marginsToBeat),
      ...(strengths.some((strength) => strength !== null) ? { strengths } : {}),
      ...(plan.stale !== undefined && this.#movesLatents
        ? { stale: forAllSteps(plan.stale).map((mutants) => Math.floor(mutants / MUTANTS_PER_PICK)) }
        : {}),
      ...(ascends ? { ascends } : {}),
    };
    return {
      ...toWork(picks),
      goal,
      ...(steps === 1 ? {} : { picksPerStep }),
      ...(lookahead ? { lookahead } : {}),
      ...(radii === undefined ? {} : { radii: forAllSteps(radii) }),
    };
  }
}

function toWork(picks: readonly PlannedMutation[]): PlannedWork {
  const stacks: number[] = [];
  for (const pick of picks) for (const arm of pick.stacks) stacks.push(arm);
  return {
    parents: picks.map(({ parent }) => parent),
    partners: picks.map(({ partner }) => partner),
    stacks,
  };
}
