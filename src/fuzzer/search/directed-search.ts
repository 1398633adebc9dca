import type { HazardTarget, NumericalSite } from '../../analysis/numerical-sites/site.ts';
import type { Random } from '../../core/random.ts';
import { isSignatureOf, MAX_MARGINS, slug, TWO_SIDED_MARGINS } from '../../objectives/objective.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';

/** What mutants are brought nearer to: one way in which a site can go wrong, or a violation. Plain data. */
export type SearchGoal = SiteGoal | ObjectiveGoal;

export interface SiteGoal {
  /** Name of the site. */
  readonly site: string;
  readonly hazardTarget: HazardTarget;
}

export interface ObjectiveGoal {
  /** Name of an objective that knows margins. */
  readonly objective: string;
  /** Whether its first margins are of two sides of a border: see `Objective.sided`. */
  readonly isTwoSided: boolean;
  /** The signatures to which its margins lead: see `Objective.ways`. */
  readonly marginSignatures?: readonly string[];
  /** Whether its margins can be told without a whole run: see `Objective.foresee`. */
  readonly predictsBeforeOutput?: boolean;
}

/** Signatures to which a point's targets lead, where each leads to one of its own. */
function marginSignaturesOf(point: SearchGoal): readonly string[] {
  return ('objective' in point ? point.marginSignatures : undefined) ?? [];
}

function goalName(point: SearchGoal): string {
  return 'site' in point ? point.site : point.objective;
}

/** Every way in which one of the sites can go wrong. */
export function siteGoals(sites: readonly NumericalSite[]): SiteGoal[] {
  return sites.flatMap(({ name, targets }) => targets.map((hazardTarget) => ({ site: name, hazardTarget })));
}

/** The point that a task is for. Plain data, and the margins are finite: they pass through JSON. */
export interface GoalAssignment {
  /** Place of the point among all. */
  readonly goalIndex: number;
  /** Of each pick, the target that it is for, its lane there, and the margin to come below. */
  readonly subgoals: readonly number[];
  readonly slots: readonly number[];
  readonly marginsToBeat: readonly number[];
  /** The smallest margin so far of each target; empty while it is not known how many there are. */
  readonly best: readonly number[];
}

/** A mutant that is nearer to going wrong than what it was made from, or than all before it. */
export interface Improvement {
  /** Its place among the task's candidates. */
  readonly candidate: number;
  readonly pick: number;
  readonly subgoal: number;
  readonly margin: number;
}

/** What a task brought for its point. */
export interface GoalProgress {
  /** Targets that the point has. */
  readonly subgoalCount: number;
  readonly improvements: readonly Improvement[];
  /** The smallest margin of each target in the task, whatever became of the mutant. */
  readonly smallestMargins: readonly number[];
}

/** A margin that is not known yet. */
export const UNKNOWN_MARGIN = 1e6;

/** Targets of a point: each element of its operand, or of large ones the nearest and some spread over it. */
const MAX_SUBGOALS = 16;

/**
 * Margins of a point's targets in one row, from those of all elements.
 *
 * @param one whether the nearest element is the only target, since testcases of several sizes have no elements in common
 * @returns how many targets there are
 */
export function subgoalMargins(margins: Float64Array, out: Float64Array, one = false): number {
  const { length } = margins;
  if (length <= MAX_SUBGOALS && !one) {
    for (let i = 0; i < length; i++) out[i] = Math.min(UNKNOWN_MARGIN, margins[i]);
    return length;
  }
  let least = UNKNOWN_MARGIN;
  for (let i = 0; i < length; i++) if (margins[i] < least) least = margins[i];
  out[0] = least;
  if (one) return 1;
  const spread = MAX_SUBGOALS - 1;
  for (let t = 0; t < spread; t++) {
    out[t + 1] = Math.min(UNKNOWN_MARGIN, margins[Math.floor(((t + 0.5) * length) / spread)]);
  }
  return MAX_SUBGOALS;
}

/** Room for the margins of a point's targets. */
export function makeMarginBuffer(): Float64Array {
  return new Float64Array(Math.max(MAX_SUBGOALS, MAX_MARGINS));
}

/** A line of descent toward one target. */
interface BeamSlot {
  /** The corpus entry that it has come to; below 0 before it has begun. */
  entry: number;
  margin: number;
  /** Mutants since it came nearer. */
  tries: number;
}

interface Subgoal {
  best: number;
  readonly slots: BeamSlot[];
  /** Whether it is sought no more. */
  done: boolean;
}

interface GoalState {
  subgoals: Subgoal[];
  /** Tasks since any target came nearer. */
  idle: number;
  /** Whether it has gone wrong: there is nothing left to look for. */
  done: boolean;
}

/** Climbs as plain data. */
export interface SavedDirectedSearch {
  readonly climbs: readonly {
    readonly targets: readonly {
      readonly best: number;
      readonly lanes: readonly BeamSlot[];
      readonly done: boolean;
    }[];
    readonly idle: number;
    readonly done: boolean;
  }[];
  readonly turn: number;
  readonly turns: number;
}

/** Tasks without coming nearer after which a point has its turns in the order of all alone. */
const MAX_IDLE_TASKS = 64;

/** Halvings from certain at which looking further ahead brings less than trying. */
const NEAR_MARGIN = 10;

/** Lines of descent that each target keeps. */
const BEAM_WIDTH = 3;

/** Mutants without coming nearer after which a lane starts anew elsewhere, unless it is the nearest. */
const MAX_STALE_MUTANTS = 512;

/** Share of picks that go to the nearest target, and to its nearest lane unless that has stood still for long. */
const NEAREST_SHARE = 0.5;

/** Share of lanes that begin at an entry of an older campaign that came near, where there is one. */
const SUGGESTED_SHARE = 0.5;

/** Share of lanes that begin at a seed; the others begin at any entry. */
const SEED_SHARE = 0.5;

/**
 * The search toward points where operations go wrong: each has targets, each target lanes, each lane an entry whose
 * mutants must come nearer to take its place. Points have turns, so that no easy one starves the others.
 */
export class DirectedSearch {
  readonly #goals: readonly SearchGoal[];
  readonly #goalStates: GoalState[];
  /** By the name of a point, entries that came near it in an older campaign. */
  readonly #suggestedStarts = new Map<string, number[]>();
  #currentGoal = 0;
  #turnCount = 0;

  constructor(points: readonly SearchGoal[]) {
    this.#goals = points;
    this.#goalStates = points.map((point) => ({
      subgoals: marginSignaturesOf(point).map(emptySubgoal),
      idle: 0,
      done: false,
    }));
  }

  /**
   * The point whose turn it is; undefined where all have gone wrong. Every other turn goes to the nearest one that
   * still comes nearer, the others to all in their order.
   *
   * @param looks whether the task looks ahead: only some points can be looked ahead to
   */
  nextGoal(looks = false): number | undefined {
    const isOpen = (i: number): boolean => (looks ? this.#supportsLookahead(i) : !this.#goalStates[i].done);
    if (!this.#goals.some((_, i) => isOpen(i))) return undefined;
    this.#turnCount++;
    const nearest = this.#turnCount % 2 === 0 ? this.#nearestGoal() : undefined;
    if (nearest !== undefined && isOpen(nearest)) return nearest;
    do this.#currentGoal = (this.#currentGoal + 1) % this.#goals.length;
    while (!isOpen(this.#currentGoal));
    return this.#currentGoal;
  }

  #nearestGoal(): number | undefined {
    let nearest: number | undefined;
    let least = UNKNOWN_MARGIN;
    this.#goalStates.forEach(({ subgoals, done, idle }, i) => {
      if (done || idle > MAX_IDLE_TASKS) return;
      for (const { best, done: isDone } of subgoals) {
        if (best >= least || isDone) continue;
        least = best;
        nearest = i;
      }
    });
    return nearest;
  }

  /** Whether an objective's violation itself is sought, which lies further from the seeds than most faults of sites. */
  get seeksViolation(): boolean {
    return this.#goals.some((point, i) => 'objective' in point && !this.#goalStates[i].done);
  }

  /** Whether a task for a point goes in steps: a violation lies further off than what operations go wrong by. */
  isMultiStep(point: number): boolean {
    return 'objective' in this.#goals[point];
  }

  /**
   * Whether the next task that climbs looks ahead, whichever point it is for: the margins are told without a whole run. Some
   * try what is near already instead, where something is.
   *
   * @param tries whether it is the turn of what is near
   */
  canLookAhead(tries: boolean): boolean {
    const open = this.#goalStates.filter((_, i) => this.#supportsLookahead(i));
    return open.length > 0 && !(tries && open.some(({ subgoals }) => subgoals.some(isNear)));
  }

  #supportsLookahead(point: number): boolean {
    const what = this.#goals[point];
    return !this.#goalStates[point].done && 'objective' in what && what.predictsBeforeOutput === true;
  }

  /** Names an entry as one to begin at: it came near a point in an older campaign. */
  suggestStart(name: string, entry: number): void {
    const entries = this.#suggestedStarts.get(name) ?? [];
    this.#suggestedStarts.set(name, [...entries, entry]);
  }

  /** The name of the point that a task was for. */
  goalNameOf({ goalIndex }: GoalAssignment): string {
    return goalName(this.#goals[goalIndex]);
  }

  /**
   * Plans a task's picks.
   *
   * @param isMate whether two entries may be mixed
   * @param looks whether the task looks ahead; one that does not, where that could be, is for what is near
   * @returns of each pick, its parent and what lies beyond a border from it, below 0 where nothing is known to
   */
  plan(
    point: number,
    picks: number,
    corpus: CorpusSize,
    random: Random,
    isMate: (a: number, b: number) => boolean = () => true,
    looks = false,
  ): {
    readonly focus: GoalAssignment;
    readonly parents: readonly number[];
    readonly beyond: readonly number[];
  } {
    const { subgoals } = this.#goalStates[point];
    const what = this.#goals[point];
    const sided = 'objective' in what && what.isTwoSided;
    const suggested = this.#suggestedStarts.get(goalName(what)) ?? [];
    const undone = subgoals.flatMap(({ done }, t) => (done ? [] : [t]));
    const near = undone.filter((t) => isNear(subgoals[t]));
    const tries = 'objective' in what && what.predictsBeforeOutput === true && !looks && near.length > 0;
    const open = tries ? near : undone;
    const nearest = open.reduce(
      (best, t) => (subgoals[t].best < subgoals[best].best ? t : best),
      open[0] ?? 0,
    );
    // Each way leads to a fault of its own: the nearest one must not take the turns of the others.
    const nearestShare = marginSignaturesOf(what).length === 0 ? NEAREST_SHARE : 0;
    const chosen = Array.from({ length: picks }, () => {
      // Entries of the corpus may all have gone the same wrong way; seeds have not.
      const anywhere = (): number => {
        if (suggested.length > 0 && random.uniform() < SUGGESTED_SHARE)
          return suggested[random.below(suggested.length)];
        return random.below(random.uniform() < SEED_SHARE ? corpus.seeds : corpus.count);
      };
      if (subgoals.length === 0)
        return { target: 0, lane: 0, bar: UNKNOWN_MARGIN, parent: anywhere(), beyond: -1 };
      const target = random.uniform() < nearestShare ? nearest : open[random.below(open.length)];
      const { slots } = subgoals[target];
      const ahead = slots.reduce((best, { margin }, l) => (margin < slots[best].margin ? l : best), 0);
      const isStale = slots[ahead].tries > MAX_STALE_MUTANTS && !tries;
      const isAhead = tries || (!isStale && random.uniform() < NEAREST_SHARE);
      const lane = isAhead ? ahead : random.below(BEAM_WIDTH);
      const { entry, margin } = slots[lane];
      const across = sided && entry >= 0 ? subgoals[oppositeSubgoal(target)]?.slots : undefined;
      const others = (across ?? []).filter((other) => other.entry >= 0 && isMate(entry, other.entry));
      const beyond = others.reduce<BeamSlot | undefined>(
        (best, other) => (best === undefined || other.margin < best.margin ? other : best),
        undefined,
      );
      const parent = entry < 0 ? anywhere() : entry;
      return { target, lane, bar: margin, parent, beyond: beyond?.entry ?? -1 };
    });
    return {
      parents: chosen.map(({ parent }) => parent),
      beyond: chosen.map(({ beyond }) => beyond),
      focus: {
        goalIndex: point,
        subgoals: chosen.map(({ target }) => target),
        slots: chosen.map(({ lane }) => lane),
        marginsToBeat: chosen.map(({ bar }) => bar),
        best: subgoals.map(({ best }) => best),
      },
    };
  }

  /**
   * Takes what a task brought.
   *
   * @param mutantsOf mutants of a pick
   * @param enter puts a candidate into the corpus and returns its place; undefined where it is not taken
   */
  apply(
    focus: GoalAssignment,
    { subgoalCount: count, improvements, smallestMargins }: GoalProgress,
    mutantsOf: (pick: number) => number,
    enter: (candidate: number) => number | undefined,
  ): void {
    const climb = this.#goalStates[focus.goalIndex];
    if (climb.subgoals.length === 0) climb.subgoals = Array.from({ length: count }, emptySubgoal);
    const { subgoals } = climb;
    if (subgoals.length === 0 || subgoals.length !== count) return;
    focus.subgoals.forEach((target, pick) => {
      subgoals[target].slots[focus.slots[pick]].tries += mutantsOf(pick);
    });
    climb.idle++;
    smallestMargins.forEach((margin, target) => {
      if (margin >= subgoals[target].best) return;
      subgoals[target].best = margin;
      climb.idle = 0;
    });
    // The nearest first: what comes behind it in the same lane then need not be kept.
    for (const { candidate, pick, subgoal, margin } of [...improvements].sort(
      (a, b) => a.margin - b.margin,
    )) {
      const { slots } = subgoals[subgoal];
      const own = focus.best.length > 0 && focus.subgoals[pick] === subgoal;
      const lane = own ? slots[focus.slots[pick]] : farthestSlot(slots);
      if (margin >= lane.margin) continue;
      const entry = enter(candidate);
      if (entry === undefined) continue;
      lane.entry = entry;
      lane.margin = margin;
      lane.tries = 0;
    }
    for (const { slots: lanes } of subgoals) restartStaleSlots(lanes);
    if (!subgoals.some(({ best }) => best === 0)) return;
    const point = this.#goals[focus.goalIndex];
    if ('site' in point) climb.done = true;
    // There is more than one violation of an objective: from another seed the search begins anew.
    else if (marginSignaturesOf(point).length === 0) climb.subgoals = subgoals.map(emptySubgoal);
    // What leads to a way by itself goes on doing so until enough is kept.
    else
      for (const target of subgoals)
        if (target.best === 0)
          target.best = Math.min(UNKNOWN_MARGIN, ...target.slots.map(({ margin }) => margin));
  }

  /** A fault was found: the points of the site that it is named after need no more turns. */
  recordFault(signature: string): void {
    this.#goals.forEach((point, i) => {
      if ('site' in point && isSiteFault(signature, point.site)) this.#goalStates[i].done = true;
    });
  }

  /**
   * Enough is kept of a signature: the objective that it breaks needs no more turns. A value that is not finite says
   * nothing of its margins.
   */
  recordSaturation(signature: string): void {
    let [owner, longest] = ['', 0];
    for (const point of this.#goals) {
      if (!('objective' in point) || point.objective.length <= longest) continue;
      const { objective } = point;
      if (isSignatureOf(signature, objective)) [owner, longest] = [objective, objective.length];
    }
    this.#goals.forEach((point, i) => {
      const way = marginSignaturesOf(point).indexOf(signature);
      if (way < 0) return;
      this.#goalStates[i].subgoals[way].done = true;
      if (this.#goalStates[i].subgoals.every(({ done }) => done)) this.#goalStates[i].done = true;
    });
    const own = this.#goals.find((point) => 'objective' in point && point.objective === owner);
    if (own !== undefined && marginSignaturesOf(own).length > 0) return;
    const rest = signature.slice(longest);
    if (longest > 0 && rest !== '-nan' && !rest.startsWith('-nan-')) this.disableObjective(owner);
  }

  /** An objective's violation is sought no more. */
  disableObjective(objective: string): void {
    this.#goals.forEach((point, i) => {
      if ('objective' in point && point.objective === objective) this.#goalStates[i].done = true;
    });
  }

  /** The smallest margin that came up at each site; absent for one that had no turn yet. */
  get margins(): ReadonlyMap<string, number> {
    const margins = new Map<string, number>();
    this.#goalStates.forEach(({ subgoals }, i) => {
      const name = goalName(this.#goals[i]);
      for (const { best } of subgoals)
        if (best < UNKNOWN_MARGIN) margins.set(name, Math.min(best, margins.get(name) ?? UNKNOWN_MARGIN));
    });
    return margins;
  }

  save(): SavedDirectedSearch {
    const climbs = this.#goalStates.map(({ subgoals, idle, done }) => ({
      idle,
      targets: subgoals.map(({ slots, ...target }) => ({
        ...target,
        lanes: slots.map((lane) => ({ ...lane })),
      })),
      done,
    }));
    return { climbs, turn: this.#currentGoal, turns: this.#turnCount };
  }

  /** @param whole whether the corpus is what it was: lanes speak of entries by their places */
  restore({ climbs, turn, turns }: SavedDirectedSearch, whole: boolean): void {
    climbs.forEach(({ targets, idle, done }, i) => {
      this.#goalStates[i] = {
        idle,
        subgoals: targets.map(({ lanes, ...target }) => ({
          ...target,
          slots: lanes.map((lane) => (whole ? { ...lane } : emptySlot())),
        })),
        done,
      };
    });
    this.#currentGoal = turn;
    this.#turnCount = turns;
  }
}

/** Whether a signature names a fault of a site. */
export function isSiteFault(signature: string, site: string): boolean {
  return /^(?:nonfinite-(?:nan|inf)|crash)-(.*)$/.exec(signature)?.[1] === slug(site);
}

/** The target on the other side of the border; itself where it has no other side. */
function oppositeSubgoal(target: number): number {
  return target < TWO_SIDED_MARGINS ? (target + TWO_SIDED_MARGINS / 2) % TWO_SIDED_MARGINS : target;
}

/** Whether a target is so near that some hundred tries may do. */
function isNear({ best, done }: Subgoal): boolean {
  return !done && best <= NEAR_MARGIN;
}

function emptySlot(): BeamSlot {
  return { entry: -1, margin: UNKNOWN_MARGIN, tries: 0 };
}

function emptySubgoal(): Subgoal {
  return { best: UNKNOWN_MARGIN, slots: Array.from({ length: BEAM_WIDTH }, emptySlot), done: false };
}

function farthestSlot(lanes: readonly BeamSlot[]): BeamSlot {
  return lanes.reduce((far, lane) => (lane.margin > far.margin ? lane : far));
}

/** Lanes that have stood still start anew from any entry, but for the one that is nearest. */
function restartStaleSlots(lanes: BeamSlot[]): void {
  const best = Math.min(...lanes.map(({ margin }) => margin));
  const nearest = lanes.findIndex(({ margin }) => margin === best);
  lanes.forEach(({ tries }, l) => {
    if (l !== nearest && tries > MAX_STALE_MUTANTS) lanes[l] = emptySlot();
  });
}
