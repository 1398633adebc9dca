import type { HazardTarget, NumericalSite } from '../../analysis/numerical-sites/site.ts';
import { tensorsToWatch } from '../../analysis/numerical-sites/site-margins.ts';
import { isSignatureOf, slug } from '../../objectives/objective.ts';

/** A goal of directed search: one way in which a numerical site can go wrong, or an objective's violation. Plain data. */
export type SearchGoal = SiteGoal | ObjectiveGoal;

export interface SiteGoal {
  /** Name of the site. */
  readonly site: string;
  readonly hazardTarget: HazardTarget;
  /** Inner tensors that the site computes, by which runs are judged. */
  readonly results?: readonly string[];
}

export interface ObjectiveGoal {
  /** Name of an objective that measures margins. */
  readonly objective: string;
  /** Whether its first margins lie on two sides of a decision boundary: see `Objective.isTwoSided`. */
  readonly isTwoSided: boolean;
  /** The signature that each of its margins leads to: see `Objective.marginSignatures`. */
  readonly marginSignatures?: readonly string[];
  /** Whether margins can be predicted before the model has given an output: see `Objective.predictMargins`. */
  readonly predictsBeforeOutput?: boolean;
}

/** One goal for every way in which one of the sites can go wrong. */
export function siteGoals(sites: readonly NumericalSite[]): SiteGoal[] {
  return sites.flatMap(({ name, results, targets }) =>
    targets.map((hazardTarget) => ({ site: name, hazardTarget, results })),
  );
}

/** Tensors to watch in runs that are directed at a goal: for its margins, and what its site computes. */
export function goalTensors(goal: SearchGoal): readonly string[] {
  if (!('site' in goal)) return [];
  return [...new Set([...tensorsToWatch(goal.hazardTarget), ...(goal.results ?? [])])];
}

/** A goal with those of its site's results that can be watched. */
export function withResults(goal: SearchGoal, isWatchable: (tensor: string) => boolean): SearchGoal {
  return 'site' in goal ? { ...goal, results: (goal.results ?? []).filter(isWatchable) } : goal;
}

/** Name of the site or objective. Several goals may share one: a site can go wrong in several ways. */
export function goalName(goal: SearchGoal): string {
  return 'site' in goal ? goal.site : goal.objective;
}

/** Signatures that a goal's subgoals lead to, one each; empty where a subgoal may lead to any. */
export function marginSignaturesOf(goal: SearchGoal): readonly string[] {
  return ('objective' in goal ? goal.marginSignatures : undefined) ?? [];
}

/** Whether a task for the goal may use lookahead: margins from the prompt alone. */
export function canPredictMargins(goal: SearchGoal): boolean {
  return 'objective' in goal && goal.predictsBeforeOutput === true;
}

/** Whether a signature names a fault of a site. */
export function isSiteFault(signature: string, site: string): boolean {
  return /^(?:(?:nonfinite|absorbed)-(?:nan|inf)|crash)-(.*)$/.exec(signature)?.[1] === slug(site);
}

/** The objective that a signature belongs to; of two whose names both fit, the longer one. */
export function owningObjective(goals: readonly SearchGoal[], signature: string): ObjectiveGoal | undefined {
  let owner: ObjectiveGoal | undefined;
  for (const goal of goals) {
    if (!('objective' in goal) || goal.objective.length <= (owner?.objective.length ?? 0)) continue;
    if (isSignatureOf(signature, goal.objective)) owner = goal;
  }
  return owner;
}

/** Upper bound of margins, and that of one not yet measured. Finite, since assignments and checkpoints pass through JSON. */
export const MAX_MARGIN = 1e6;

/** The part of a task that directs it at a goal. Plain data. */
export interface GoalAssignment {
  /** Index of the goal among the campaign's goals. */
  readonly goalIndex: number;
  /** Of each pick, the subgoal it is for. */
  readonly subgoals: readonly number[];
  /** Of each pick, the beam slot of that subgoal it starts from. */
  readonly slots: readonly number[];
  /** Of each pick, the margin below which a mutant improves on that slot. */
  readonly marginsToBeat: readonly number[];
  /** The smallest margin so far of each subgoal; empty until a task has told how many subgoals there are. */
  readonly best: readonly number[];
  /**
   * Of each pick that climbs, the mutation strength of its steps, 0 for steps without one; null for other picks. Absent where no
   * pick climbs.
   */
  readonly strengths?: readonly (number | null)[];
  /**
   * The seeds that are searched from, one for each subgoal: a mutant's margin is the least of its objective's, and counts for the
   * subgoal of its pick alone. Absent where subgoals are the objective's margins or the elements of a site.
   */
  readonly seeds?: readonly number[];
  /**
   * Of each of these seeds, its class, where classes are all that is seen: a mutant of a pick then comes nearer to another class the
   * later it was made, as long as it has this one. Absent where margins tell.
   */
  readonly classes?: readonly number[];
  /** Of each pick, the picks without an improvement on its parent in earlier tasks; absent where no mutator moves latent vectors. */
  readonly stale?: readonly number[];
  /** Whether all picks step along the gradient of the margin; absent for false. */
  readonly ascends?: true;
}

/** A mutant with a smaller margin than the beam slot it started from, or than any before it. */
export interface Improvement {
  /** Its index among the task's candidates. */
  readonly candidate: number;
  readonly pick: number;
  readonly subgoal: number;
  readonly margin: number;
}

/** The outcome of a task for its goal. */
export interface GoalProgress {
  readonly subgoalCount: number;
  readonly improvements: readonly Improvement[];
  /** The smallest margin of each subgoal in the task, also of mutants that are not kept. */
  readonly smallestMargins: readonly number[];
  /** Of a task that ascends: what its gradients took. */
  readonly ascent?: AscentAccount;
}

/** What the gradients of a task took. */
export interface AscentAccount {
  /** Testcases that the model ran for their gradients, beside the mutants. */
  readonly forwards: number;
  /** Gradients of a testcase that were computed, and runs that computed them. */
  readonly gradients: number;
  readonly runs: number;
  /** Seconds of the runs that computed them, and of all that was done for them. Nothing is decided by these. */
  readonly gradientSeconds: number;
  readonly seconds: number;
  /** Why there is no gradient, a clause for people; absent where there is one. */
  readonly refusal?: string;
  /** Whether computing the gradient ended the worker's process: none is computed any more. */
  readonly isDeadly?: true;
}

/** Mutants of one kind of pick, and the halvings of the distance that they gained. */
export interface ClimbYield {
  mutants: number;
  gain: number;
}

/** A climb share in a checkpoint. */
export interface SavedClimbShare {
  readonly climbs: Readonly<ClimbYield>;
  readonly others: Readonly<ClimbYield>;
}

/** A goal's search state in a checkpoint. The keys on disk are older than the names in the code, and stay. */
export interface SavedGoal {
  readonly targets: readonly {
    readonly best: number;
    readonly lanes: readonly {
      readonly entry: number;
      readonly margin: number;
      readonly tries: number;
      readonly strength?: number;
      readonly gained?: number;
    }[];
    readonly done: boolean;
  }[];
  readonly idle: number;
  readonly gained?: number;
  /** Of a site's goal, once a pick has counted. */
  readonly climb?: SavedClimbShare;
  readonly done: boolean;
}

/** The search along boundaries in a checkpoint. */
export interface SavedBoundarySearch {
  readonly turn: number;
  /** Seed, number of the rival among those tried, rival, picks, 1 where the next one is planned, entry, and share of the way. */
  readonly bisections: readonly (readonly [
    seed: number,
    number: number,
    rival: number,
    step: number,
    planned: number,
    entry: number,
    share: number,
  ])[];
  /** Seed, and rivals that were tried. */
  readonly tried: readonly (readonly [seed: number, rivals: number])[];
}

/** The search from seeds by themselves in a checkpoint. */
export interface SavedSeedSearch {
  readonly turn: number;
  readonly brokenTurn: number;
  readonly turns: number;
  /** Seed, entry, margin, mutants, mutants since the last improvement, radius, and 1 where no nearer violation is sought. */
  readonly slots: readonly (readonly [
    seed: number,
    entry: number,
    margin: number,
    queries: number,
    stale: number,
    radius: number | null,
    settled: number,
  ])[];
}

/** Directed search in a checkpoint. */
export interface SavedDirectedSearch {
  readonly climbs: readonly SavedGoal[];
  readonly turn: number;
  readonly turns: number;
  /** By the name of an objective; absent where none is searched for from seeds. */
  readonly seeds?: Readonly<Record<string, SavedSeedSearch>>;
  /** By the name of an objective; absent where margins are seen. */
  readonly boundaries?: Readonly<Record<string, SavedBoundarySearch>>;
  /** Of each goal, in their order; absent where none has ascended. */
  readonly ascents?: readonly SavedAscentShare[];
}

/** What ascents and other tasks of a goal gained, in a checkpoint. */
export interface SavedAscentShare extends SavedClimbShare {
  readonly idleRuns?: number;
  readonly isRefused?: true;
}
