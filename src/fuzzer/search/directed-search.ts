import type { Aim, Site } from '../../analysis/numerical-sites/site.ts';
import type { Random } from '../../core/random.ts';
import { isOf, MOST_MARGINS, SIDES, slug } from '../../objectives/objective.ts';
import type { CorpusSize } from '../corpus/corpus.ts';

/** What mutants are brought nearer to: one way in which a site can go wrong, or a violation. Plain data. */
export type Point = SitePoint | ObjectivePoint;

export interface SitePoint {
  /** Name of the site. */
  readonly site: string;
  readonly aim: Aim;
}

export interface ObjectivePoint {
  /** Name of an objective that knows margins. */
  readonly objective: string;
  /** Whether its first margins are of two sides of a border: see `Objective.sided`. */
  readonly sided: boolean;
  /** The signatures to which its margins lead: see `Objective.ways`. */
  readonly ways?: readonly string[];
  /** Whether its margins can be told without a whole run: see `Objective.foresee`. */
  readonly foresees?: boolean;
}

/** Signatures to which a point's targets lead, where each leads to one of its own. */
function waysOf(point: Point): readonly string[] {
  return ('objective' in point ? point.ways : undefined) ?? [];
}

function nameOf(point: Point): string {
  return 'site' in point ? point.site : point.objective;
}

/** Every way in which one of the sites can go wrong. */
export function pointsOf(sites: readonly Site[]): SitePoint[] {
  return sites.flatMap(({ name, aims }) => aims.map((aim) => ({ site: name, aim })));
}

/** The point that a task is for. Plain data, and the margins are finite: they pass through JSON. */
export interface Focus {
  /** Place of the point among all. */
  readonly point: number;
  /** Of each pick, the target that it is for, its lane there, and the margin to come below. */
  readonly targets: readonly number[];
  readonly lanes: readonly number[];
  readonly bars: readonly number[];
  /** The smallest margin so far of each target; empty while it is not known how many there are. */
  readonly best: readonly number[];
}

/** A mutant that is nearer to going wrong than what it was made from, or than all before it. */
export interface Nearer {
  /** Its place among the task's candidates. */
  readonly candidate: number;
  readonly pick: number;
  readonly target: number;
  readonly margin: number;
}

/** What a task brought for its point. */
export interface Approach {
  /** Targets that the point has. */
  readonly targets: number;
  readonly nearer: readonly Nearer[];
  /** The smallest margin of each target in the task, whatever became of the mutant. */
  readonly reached: readonly number[];
}

/** A margin that is not known yet. */
export const FAR = 1e6;

/** Targets of a point: each element of its operand, or of large ones the nearest and some spread over it. */
const MOST_TARGETS = 16;

/**
 * Margins of a point's targets in one row, from those of all elements.
 *
 * @param one whether the nearest element is the only target, since testcases of several sizes have no elements in common
 * @returns how many targets there are
 */
export function targetMargins(margins: Float64Array, out: Float64Array, one = false): number {
  const { length } = margins;
  if (length <= MOST_TARGETS && !one) {
    for (let i = 0; i < length; i++) out[i] = Math.min(FAR, margins[i]);
    return length;
  }
  let least = FAR;
  for (let i = 0; i < length; i++) if (margins[i] < least) least = margins[i];
  out[0] = least;
  if (one) return 1;
  const spread = MOST_TARGETS - 1;
  for (let t = 0; t < spread; t++) {
    out[t + 1] = Math.min(FAR, margins[Math.floor(((t + 0.5) * length) / spread)]);
  }
  return MOST_TARGETS;
}

/** Room for the margins of a point's targets. */
export function targetRoom(): Float64Array {
  return new Float64Array(Math.max(MOST_TARGETS, MOST_MARGINS));
}

/** A line of descent toward one target. */
interface Lane {
  /** The corpus entry that it has come to; below 0 before it has begun. */
  entry: number;
  margin: number;
  /** Mutants since it came nearer. */
  tries: number;
}

interface Target {
  best: number;
  readonly lanes: Lane[];
  /** Whether it is sought no more. */
  done: boolean;
}

interface Climb {
  targets: Target[];
  /** Tasks since any target came nearer. */
  idle: number;
  /** Whether it has gone wrong: there is nothing left to look for. */
  done: boolean;
}

/** Climbs as plain data. */
export interface SavedClimbs {
  readonly climbs: readonly {
    readonly targets: readonly {
      readonly best: number;
      readonly lanes: readonly Lane[];
      readonly done: boolean;
    }[];
    readonly idle: number;
    readonly done: boolean;
  }[];
  readonly turn: number;
  readonly turns: number;
}

/** Tasks without coming nearer after which a point has its turns in the order of all alone. */
const IDLE_TASKS = 64;

/** Halvings from certain at which looking further ahead brings less than trying. */
const NEAR = 10;

/** Lines of descent that each target keeps. */
const LANES = 3;

/** Mutants without coming nearer after which a lane starts anew elsewhere, unless it is the nearest. */
const PATIENCE = 512;

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
export class Climbs {
  readonly #points: readonly Point[];
  readonly #climbs: Climb[];
  /** By the name of a point, entries that came near it in an older campaign. */
  readonly #suggested = new Map<string, number[]>();
  #turn = 0;
  #turns = 0;

  constructor(points: readonly Point[]) {
    this.#points = points;
    this.#climbs = points.map((point) => ({ targets: waysOf(point).map(emptyTarget), idle: 0, done: false }));
  }

  /**
   * The point whose turn it is; undefined where all have gone wrong. Every other turn goes to the nearest one that
   * still comes nearer, the others to all in their order.
   *
   * @param looks whether the task looks ahead: only some points can be looked ahead to
   */
  next(looks = false): number | undefined {
    const isOpen = (i: number): boolean => (looks ? this.#canLook(i) : !this.#climbs[i].done);
    if (!this.#points.some((_, i) => isOpen(i))) return undefined;
    this.#turns++;
    const nearest = this.#turns % 2 === 0 ? this.#nearest() : undefined;
    if (nearest !== undefined && isOpen(nearest)) return nearest;
    do this.#turn = (this.#turn + 1) % this.#points.length;
    while (!isOpen(this.#turn));
    return this.#turn;
  }

  #nearest(): number | undefined {
    let nearest: number | undefined;
    let least = FAR;
    this.#climbs.forEach(({ targets, done, idle }, i) => {
      if (done || idle > IDLE_TASKS) return;
      for (const { best, done: isDone } of targets) {
        if (best >= least || isDone) continue;
        least = best;
        nearest = i;
      }
    });
    return nearest;
  }

  /** Whether an objective's violation itself is sought, which lies further from the seeds than most faults of sites. */
  get seeksViolation(): boolean {
    return this.#points.some((point, i) => 'objective' in point && !this.#climbs[i].done);
  }

  /** Whether a task for a point goes in steps: a violation lies further off than what operations go wrong by. */
  goesInSteps(point: number): boolean {
    return 'objective' in this.#points[point];
  }

  /**
   * Whether the next task that climbs looks ahead, whichever point it is for: the margins are told without a whole run. Some
   * try what is near already instead, where something is.
   *
   * @param tries whether it is the turn of what is near
   */
  looksAhead(tries: boolean): boolean {
    const open = this.#climbs.filter((_, i) => this.#canLook(i));
    return open.length > 0 && !(tries && open.some(({ targets }) => targets.some(isNear)));
  }

  #canLook(point: number): boolean {
    const what = this.#points[point];
    return !this.#climbs[point].done && 'objective' in what && what.foresees === true;
  }

  /** Names an entry as one to begin at: it came near a point in an older campaign. */
  suggest(name: string, entry: number): void {
    const entries = this.#suggested.get(name) ?? [];
    this.#suggested.set(name, [...entries, entry]);
  }

  /** The name of the point that a task was for. */
  nameOf({ point }: Focus): string {
    return nameOf(this.#points[point]);
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
  ): { readonly focus: Focus; readonly parents: readonly number[]; readonly beyond: readonly number[] } {
    const { targets } = this.#climbs[point];
    const what = this.#points[point];
    const sided = 'objective' in what && what.sided;
    const suggested = this.#suggested.get(nameOf(what)) ?? [];
    const undone = targets.flatMap(({ done }, t) => (done ? [] : [t]));
    const near = undone.filter((t) => isNear(targets[t]));
    const tries = 'objective' in what && what.foresees === true && !looks && near.length > 0;
    const open = tries ? near : undone;
    const nearest = open.reduce((best, t) => (targets[t].best < targets[best].best ? t : best), open[0] ?? 0);
    // Each way leads to a fault of its own: the nearest one must not take the turns of the others.
    const nearestShare = waysOf(what).length === 0 ? NEAREST_SHARE : 0;
    const chosen = Array.from({ length: picks }, () => {
      // Entries of the corpus may all have gone the same wrong way; seeds have not.
      const anywhere = (): number => {
        if (suggested.length > 0 && random.uniform() < SUGGESTED_SHARE)
          return suggested[random.below(suggested.length)];
        return random.below(random.uniform() < SEED_SHARE ? corpus.seeds : corpus.count);
      };
      if (targets.length === 0) return { target: 0, lane: 0, bar: FAR, parent: anywhere(), beyond: -1 };
      const target = random.uniform() < nearestShare ? nearest : open[random.below(open.length)];
      const { lanes } = targets[target];
      const ahead = lanes.reduce((best, { margin }, l) => (margin < lanes[best].margin ? l : best), 0);
      const isStale = lanes[ahead].tries > PATIENCE && !tries;
      const isAhead = tries || (!isStale && random.uniform() < NEAREST_SHARE);
      const lane = isAhead ? ahead : random.below(LANES);
      const { entry, margin } = lanes[lane];
      const across = sided && entry >= 0 ? targets[acrossFrom(target)]?.lanes : undefined;
      const others = (across ?? []).filter((other) => other.entry >= 0 && isMate(entry, other.entry));
      const beyond = others.reduce<Lane | undefined>(
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
        point,
        targets: chosen.map(({ target }) => target),
        lanes: chosen.map(({ lane }) => lane),
        bars: chosen.map(({ bar }) => bar),
        best: targets.map(({ best }) => best),
      },
    };
  }

  /**
   * Takes what a task brought.
   *
   * @param mutantsOf mutants of a pick
   * @param enter puts a candidate into the corpus and returns its place; undefined where it is not taken
   */
  take(
    focus: Focus,
    { targets: count, nearer, reached }: Approach,
    mutantsOf: (pick: number) => number,
    enter: (candidate: number) => number | undefined,
  ): void {
    const climb = this.#climbs[focus.point];
    if (climb.targets.length === 0) climb.targets = Array.from({ length: count }, emptyTarget);
    const { targets } = climb;
    if (targets.length === 0 || targets.length !== count) return;
    focus.targets.forEach((target, pick) => {
      targets[target].lanes[focus.lanes[pick]].tries += mutantsOf(pick);
    });
    climb.idle++;
    reached.forEach((margin, target) => {
      if (margin >= targets[target].best) return;
      targets[target].best = margin;
      climb.idle = 0;
    });
    // The nearest first: what comes behind it in the same lane then need not be kept.
    for (const { candidate, pick, target, margin } of [...nearer].sort((a, b) => a.margin - b.margin)) {
      const { lanes } = targets[target];
      const own = focus.best.length > 0 && focus.targets[pick] === target;
      const lane = own ? lanes[focus.lanes[pick]] : farthest(lanes);
      if (margin >= lane.margin) continue;
      const entry = enter(candidate);
      if (entry === undefined) continue;
      lane.entry = entry;
      lane.margin = margin;
      lane.tries = 0;
    }
    for (const { lanes } of targets) restart(lanes);
    if (!targets.some(({ best }) => best === 0)) return;
    const point = this.#points[focus.point];
    if ('site' in point) climb.done = true;
    // There is more than one violation of an objective: from another seed the search begins anew.
    else if (waysOf(point).length === 0) climb.targets = targets.map(emptyTarget);
    // What leads to a way by itself goes on doing so until enough is kept.
    else
      for (const target of targets)
        if (target.best === 0) target.best = Math.min(FAR, ...target.lanes.map(({ margin }) => margin));
  }

  /** A fault was found: the points of the site that it is named after need no more turns. */
  found(signature: string): void {
    this.#points.forEach((point, i) => {
      if ('site' in point && isFaultOf(signature, point.site)) this.#climbs[i].done = true;
    });
  }

  /**
   * Enough is kept of a signature: the objective that it breaks needs no more turns. A value that is not finite says
   * nothing of its margins.
   */
  enough(signature: string): void {
    let [owner, longest] = ['', 0];
    for (const point of this.#points) {
      if (!('objective' in point) || point.objective.length <= longest) continue;
      const { objective } = point;
      if (isOf(signature, objective)) [owner, longest] = [objective, objective.length];
    }
    this.#points.forEach((point, i) => {
      const way = waysOf(point).indexOf(signature);
      if (way < 0) return;
      this.#climbs[i].targets[way].done = true;
      if (this.#climbs[i].targets.every(({ done }) => done)) this.#climbs[i].done = true;
    });
    const own = this.#points.find((point) => 'objective' in point && point.objective === owner);
    if (own !== undefined && waysOf(own).length > 0) return;
    const rest = signature.slice(longest);
    if (longest > 0 && rest !== '-nan' && !rest.startsWith('-nan-')) this.end(owner);
  }

  /** An objective's violation is sought no more. */
  end(objective: string): void {
    this.#points.forEach((point, i) => {
      if ('objective' in point && point.objective === objective) this.#climbs[i].done = true;
    });
  }

  /** The smallest margin that came up at each site; absent for one that had no turn yet. */
  get margins(): ReadonlyMap<string, number> {
    const margins = new Map<string, number>();
    this.#climbs.forEach(({ targets }, i) => {
      const name = nameOf(this.#points[i]);
      for (const { best } of targets)
        if (best < FAR) margins.set(name, Math.min(best, margins.get(name) ?? FAR));
    });
    return margins;
  }

  save(): SavedClimbs {
    const climbs = this.#climbs.map(({ targets, idle, done }) => ({
      idle,
      targets: targets.map(({ lanes, ...target }) => ({
        ...target,
        lanes: lanes.map((lane) => ({ ...lane })),
      })),
      done,
    }));
    return { climbs, turn: this.#turn, turns: this.#turns };
  }

  /** @param whole whether the corpus is what it was: lanes speak of entries by their places */
  restore({ climbs, turn, turns }: SavedClimbs, whole: boolean): void {
    climbs.forEach(({ targets, idle, done }, i) => {
      this.#climbs[i] = {
        idle,
        targets: targets.map(({ lanes, ...target }) => ({
          ...target,
          lanes: lanes.map((lane) => (whole ? { ...lane } : emptyLane())),
        })),
        done,
      };
    });
    this.#turn = turn;
    this.#turns = turns;
  }
}

/** Whether a signature names a fault of a site. */
export function isFaultOf(signature: string, site: string): boolean {
  return /^(?:nonfinite-(?:nan|inf)|crash)-(.*)$/.exec(signature)?.[1] === slug(site);
}

/** The target on the other side of the border; itself where it has no other side. */
function acrossFrom(target: number): number {
  return target < SIDES ? (target + SIDES / 2) % SIDES : target;
}

/** Whether a target is so near that some hundred tries may do. */
function isNear({ best, done }: Target): boolean {
  return !done && best <= NEAR;
}

function emptyLane(): Lane {
  return { entry: -1, margin: FAR, tries: 0 };
}

function emptyTarget(): Target {
  return { best: FAR, lanes: Array.from({ length: LANES }, emptyLane), done: false };
}

function farthest(lanes: readonly Lane[]): Lane {
  return lanes.reduce((far, lane) => (lane.margin > far.margin ? lane : far));
}

/** Lanes that have stood still start anew from any entry, but for the one that is nearest. */
function restart(lanes: Lane[]): void {
  const best = Math.min(...lanes.map(({ margin }) => margin));
  const nearest = lanes.findIndex(({ margin }) => margin === best);
  lanes.forEach(({ tries }, l) => {
    if (l !== nearest && tries > PATIENCE) lanes[l] = emptyLane();
  });
}
