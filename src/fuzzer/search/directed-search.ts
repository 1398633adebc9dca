import type { NearestTarget } from '../../analysis/numerical-sites/closeness.ts';
import type { Random } from '../../core/random.ts';
import { isNoFault } from '../../objectives/objective.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';
import type { Task } from '../scheduling/task.ts';
import type { SeedAccounts } from '../seeds/seed-accounts.ts';
import { AscentShare, TEXT_PRIOR_RATIO } from './ascent/ascent-share.ts';
import { BoundarySearch } from './boundary-search.ts';
import { GoalState, isClose } from './goal-state.ts';
import { type EntryFacts, type PickRequest, type PlannedPicks, planPicks } from './plan-picks.ts';
import {
  canPredictMargins,
  type GoalAssignment,
  type GoalProgress,
  goalName,
  isSiteFault,
  MAX_MARGIN,
  marginSignaturesOf,
  type ObjectiveGoal,
  owningObjective,
  type SavedDirectedSearch,
  type SearchGoal,
} from './search-goal.ts';
import { SeedSearch } from './seed-search.ts';

/** Tasks without an improvement after which a goal no longer gets the extra turns of the closest one. */
const MAX_IDLE_TASKS = 64;

/** Share of a goal's tasks that step along gradients from which on these are preferred. */
const PREFERRED_ASCENT_SHARE = 0.5;

/** What a task's picks depend on beside the goal. */
export interface PlanOptions {
  /** Whether two entries may be mixed; all may by default. */
  readonly areCompatible?: (a: number, b: number) => boolean;
  /** Whether the task uses lookahead. One that does not, where the goal allows it, is for close subgoals. */
  readonly lookahead?: boolean;
  /** The seed's entry of an entry; itself by default. */
  readonly ancestorOf?: (entry: number) => number;
  /** Whether the task steps along gradients. */
  readonly ascends?: boolean;
  /** Whether an attacker has queries left for a seed; undefined where they are not limited. */
  readonly hasQueries?: ((seed: number) => boolean) | undefined;
  /** What is known of corpus entries. */
  readonly entries?: EntryFacts;
}

/**
 * Directed search (as in AFLGo) toward operations that can go wrong and toward objectives' violations. Each goal has
 * subgoals, each subgoal a beam of corpus entries, and a mutant must have a smaller margin than an entry to replace it.
 * Goals take turns, so that an easy one does not starve the others.
 */
export class DirectedSearch {
  readonly #goals: readonly SearchGoal[];
  readonly #states: readonly GoalState[];
  /** By the name of a goal, entries that came close to it in an earlier campaign. */
  readonly #suggestedStarts = new Map<string, number[]>();
  readonly #accounts: SeedAccounts | undefined;
  /** By the index of a goal, the search from each seed by itself. */
  readonly #seedSearches = new Map<number, SeedSearch>();
  /** By the index of a goal, the search along boundaries, where classes are all that is seen. */
  readonly #boundarySearches = new Map<number, BoundarySearch>();
  /** Of each goal. */
  readonly #ascents: readonly AscentShare[];
  #currentGoal = 0;
  #turnCount = 0;

  /**
   * @param accounts those of the campaign's seeds; undefined where no objective has any
   * @param seesLabelsAlone whether the model answers with classes alone
   */
  constructor(goals: readonly SearchGoal[], accounts?: SeedAccounts, seesLabelsAlone = false) {
    this.#goals = goals;
    this.#accounts = accounts;
    this.#states = goals.map((goal) => new GoalState(goal));
    this.#ascents = goals.map(
      (goal) => new AscentShare(canPredictMargins(goal) ? TEXT_PRIOR_RATIO : undefined),
    );
    goals.forEach((goal, i) => {
      if (accounts !== undefined && hasSeedSearch(goal) && accounts.has(goal.objective))
        this.#seedSearches.set(i, new SeedSearch(goal.objective, accounts));
      if (accounts !== undefined && seesLabelsAlone && 'objective' in goal && goal.isTwoSided)
        this.#boundarySearches.set(i, new BoundarySearch(goal.objective, accounts));
    });
  }

  /**
   * The goal whose turn it is; undefined where all are done. Every other turn goes to the closest goal that still
   * improves, the others to all goals in order.
   *
   * @param lookahead whether the task uses lookahead: only goals that allow it have turns then
   */
  nextGoal(lookahead = false): number | undefined {
    const isOpen = (i: number): boolean =>
      !this.#states[i].isDone && (!lookahead || canPredictMargins(this.#goals[i]));
    if (!this.#goals.some((_, i) => isOpen(i))) return undefined;
    this.#turnCount++;
    const closest = this.#turnCount % 2 === 0 ? this.#closestGoal() : undefined;
    if (closest !== undefined && isOpen(closest)) return closest;
    do this.#currentGoal = (this.#currentGoal + 1) % this.#goals.length;
    while (!isOpen(this.#currentGoal));
    return this.#currentGoal;
  }

  #closestGoal(): number | undefined {
    let closest: number | undefined;
    let least = MAX_MARGIN;
    this.#states.forEach(({ isDone, idleTasks, closestOpenMargin }, i) => {
      if (isDone || idleTasks > MAX_IDLE_TASKS || closestOpenMargin >= least) return;
      least = closestOpenMargin;
      closest = i;
    });
    return closest;
  }

  /** Whether an objective's violation is searched for: that lies further from the seeds than most faults of sites. */
  get seeksViolation(): boolean {
    return this.#states.some(({ goal, isDone }) => 'objective' in goal && !isDone);
  }

  /** Whether a goal that is left is searched for along the boundaries of classes alone. */
  get followsBoundaries(): boolean {
    return [...this.#boundarySearches.keys()].some((goal) => !this.#states[goal].isDone);
  }

  /** Whether gradients are expected to lead to a goal that is left sooner than mutation. */
  get prefersAscents(): boolean {
    return this.#ascents.some(({ share }, i) => !this.#states[i].isDone && share >= PREFERRED_ASCENT_SHARE);
  }

  /** Whether a goal that is left may have a gradient. */
  get mayAscend(): boolean {
    return this.#ascents.some(({ share }, i) => !this.#states[i].isDone && share > 0);
  }

  /** Whether a task for a goal mutates in several steps: a violation lies further from the seeds than a site's fault. */
  isMultiStep(goalIndex: number): boolean {
    return 'objective' in this.#goals[goalIndex] && !this.#boundarySearches.has(goalIndex);
  }

  /**
   * Whether the next directed task may use lookahead, whichever goal it is for.
   *
   * @param evaluatesClose whether it is the turn of close subgoals: where there is one, its mutants are evaluated in full
   */
  canLookAhead(evaluatesClose: boolean): boolean {
    const open = this.#states.filter(({ goal, isDone }) => !isDone && canPredictMargins(goal));
    return open.length > 0 && !(evaluatesClose && open.some(({ subgoals }) => subgoals.some(isClose)));
  }

  /** Share of a goal's tasks that step along its gradient; where margins are predicted, of those with lookahead. */
  ascentShare(goalIndex: number, lookahead = false): number {
    return canPredictMargins(this.#goals[goalIndex]) && !lookahead ? 0 : this.#ascents[goalIndex].share;
  }

  /** Registers an entry that came close to a goal in an earlier campaign as one to begin at. */
  suggestStart(name: string, entry: number): void {
    const entries = this.#suggestedStarts.get(name) ?? [];
    this.#suggestedStarts.set(name, [...entries, entry]);
  }

  /** The name of the goal that a task was for. */
  goalNameOf({ goalIndex }: GoalAssignment): string {
    return goalName(this.#goals[goalIndex]);
  }

  /** Plans a task's picks. */
  plan(
    goalIndex: number,
    count: number,
    corpus: CorpusSize,
    random: Random,
    {
      areCompatible = () => true,
      lookahead = false,
      ancestorOf = (entry) => entry,
      ascends = false,
      hasQueries,
      entries,
    }: PlanOptions = {},
  ): PlannedPicks {
    const suggestedStarts = this.#suggestedStarts.get(goalName(this.#goals[goalIndex])) ?? [];
    const isUnbroken = this.#opennessFor(this.#goals[goalIndex], ancestorOf);
    const isOpen =
      hasQueries === undefined
        ? isUnbroken
        : (entry: number): boolean => isUnbroken?.(entry) !== false && hasQueries(ancestorOf(entry));
    if (isOpen !== undefined) this.#states[goalIndex].restartSlots(isOpen);
    const request: PickRequest = {
      goalIndex,
      count,
      corpus,
      random,
      areCompatible,
      lookahead,
      ascends,
      suggestedStarts,
      isOpen,
      ...(entries === undefined ? {} : { entries }),
      ...(hasQueries === undefined ? {} : { hasQueries }),
    };
    return (
      this.#boundarySearches.get(goalIndex)?.plan(request) ??
      this.#seedSearches.get(goalIndex)?.plan(request) ??
      planPicks(this.#states[goalIndex], request)
    );
  }

  /** Whether entries may be mutated for a goal: those of unbroken seeds, as long as there are some. Undefined where all may. */
  #opennessFor(
    goal: SearchGoal,
    ancestorOf: (entry: number) => number,
  ): ((entry: number) => boolean) | undefined {
    const accounts = this.#accounts;
    if (!('objective' in goal) || accounts?.hasUnbroken(goal.objective) !== true) return undefined;
    return (entry) => accounts.isUnbroken(ancestorOf(entry), goal.objective);
  }

  /**
   * Applies the outcome of a task.
   *
   * @param mutantsOf number of mutants of a pick
   * @param admit puts a candidate into the corpus and returns its entry; undefined where it is not admitted
   * @param radii of each pick, as the task has them
   */
  apply(
    assignment: GoalAssignment,
    progress: GoalProgress,
    mutantsOf: (pick: number) => number,
    admit: (candidate: number) => number | undefined,
    radii?: Task['radii'],
  ): void {
    const { goalIndex, seeds } = assignment;
    const mutants = assignment.subgoals.reduce((sum, _, pick) => sum + mutantsOf(pick), 0);
    this.#ascents[goalIndex].apply(assignment, progress, mutants);
    // The gradients of other goals go through the same operations, and each would cost several processes.
    if (progress.ascent?.isDeadly === true) for (const share of this.#ascents) share.refuse();
    if (assignment.classes !== undefined)
      this.#boundarySearches.get(goalIndex)?.apply(assignment, progress, admit);
    else if (seeds === undefined) this.#states[goalIndex].apply(assignment, progress, mutantsOf, admit);
    else this.#seedSearches.get(goalIndex)?.apply(assignment, progress, mutantsOf, admit, radii);
  }

  /** Closes the goals of the site that a new fault is named after. */
  recordFault(signature: string): void {
    for (const state of this.#states)
      if ('site' in state.goal && isSiteFault(signature, state.goal.site)) state.close();
  }

  /**
   * Closes the goal, or the subgoal, of a signature that has enough findings. Signatures of values that are not finite
   * close no objective: its margins say nothing about those. Nor do ties, beyond which a fault may lie, nor any as long as seeds are
   * to be broken, or broken at smaller distances.
   */
  recordSaturation(signature: string): void {
    if (isNoFault(signature)) return;
    for (const state of this.#states) state.closeSubgoal(signature);
    const owner = owningObjective(this.#goals, signature);
    if (owner === undefined || marginSignaturesOf(owner).length > 0 || this.seeksSeeds(owner.objective))
      return;
    const rest = signature.slice(owner.objective.length);
    if (rest !== '-nan' && !rest.startsWith('-nan-')) this.disableObjective(owner.objective);
  }

  /** Whether seeds are to be broken for an objective, or broken at smaller distances. */
  seeksSeeds(objective: string): boolean {
    const accounts = this.#accounts;
    return accounts?.has(objective) === true && (accounts.seeksLeast || accounts.hasUnbroken(objective));
  }

  /** Closes the goals of an objective. */
  disableObjective(objective: string): void {
    for (const state of this.#states)
      if ('objective' in state.goal && state.goal.objective === objective) state.close();
  }

  /** The target of each site that a run came nearest to, by the site's name; absent for one that had no turn yet. */
  get nearestTargets(): ReadonlyMap<string, NearestTarget> {
    const nearest = new Map<string, NearestTarget>();
    for (const { goal, subgoals } of this.#states) {
      if (!('site' in goal)) continue;
      for (const { best } of subgoals)
        if (best < (nearest.get(goal.site)?.margin ?? MAX_MARGIN))
          nearest.set(goal.site, { target: goal.hazardTarget, margin: best });
    }
    return nearest;
  }

  save(): SavedDirectedSearch {
    return {
      climbs: this.#states.map((state) => state.save()),
      turn: this.#currentGoal,
      turns: this.#turnCount,
      ...(this.#ascents.every(({ isUntaught }) => isUntaught)
        ? {}
        : { ascents: this.#ascents.map((share) => share.save()) }),
      ...(this.#seedSearches.size === 0
        ? {}
        : {
            seeds: Object.fromEntries(
              [...this.#seedSearches].map(([goal, search]) => [goalName(this.#goals[goal]), search.save()]),
            ),
          }),
      ...(this.#boundarySearches.size === 0
        ? {}
        : {
            boundaries: Object.fromEntries(
              [...this.#boundarySearches].map(([goal, search]) => [
                goalName(this.#goals[goal]),
                search.save(),
              ]),
            ),
          }),
    };
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else all beams restart */
  restore(
    { climbs, turn, turns, seeds = {}, boundaries = {}, ascents = [] }: SavedDirectedSearch,
    keepsEntries: boolean,
  ): void {
    for (const [goal, search] of this.#seedSearches) {
      const saved = seeds[goalName(this.#goals[goal])];
      if (saved !== undefined) search.restore(saved, keepsEntries);
    }
    for (const [goal, search] of this.#boundarySearches) {
      const saved = boundaries[goalName(this.#goals[goal])];
      if (saved !== undefined) search.restore(saved, keepsEntries);
    }
    climbs.forEach((saved, i) => {
      this.#states[i]?.restore(saved, keepsEntries);
    });
    ascents.forEach((saved, i) => {
      this.#ascents[i]?.restore(saved);
    });
    this.#currentGoal = turn;
    this.#turnCount = turns;
  }
}

/**
 * Whether an objective is searched for from each seed by itself. Where a violation lies between two sides of a boundary, the
 * entries of one side and of the other lead to it instead.
 */
function hasSeedSearch(goal: SearchGoal): goal is ObjectiveGoal {
  return (
    'objective' in goal &&
    !goal.isTwoSided &&
    marginSignaturesOf(goal).length === 0 &&
    !canPredictMargins(goal)
  );
}
