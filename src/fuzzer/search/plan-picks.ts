import type { Random } from '../../core/random.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';
import { BEAM_WIDTH, closestSlot, isStale } from './beam.ts';
import { type GoalState, isClose } from './goal-state.ts';
import { canPredictMargins, type GoalAssignment, MAX_MARGIN, marginSignaturesOf } from './search-goal.ts';

/** Share of picks that go to the closest subgoal, and within a subgoal to its closest slot unless that is stale. */
const CLOSEST_SHARE = 0.5;

/** Share of slots that begin at an entry that came close in an earlier campaign, where there is one. */
const SUGGESTED_SHARE = 0.5;

/** Share of the other slots that begin at a seed; the rest begin at any entry. */
const SEED_SHARE = 0.5;

/** Share of the picks of an ascent that begin elsewhere than at the beam: gradients lead from near entries to one optimum. */
const RESTART_SHARE = 0.35;

/** Entries that are drawn in search of one whose seed is not broken. */
const MAX_START_ATTEMPTS = 16;

/** The picks of a task for a goal. */
export interface PlannedPicks {
  readonly assignment: GoalAssignment;
  /** Of each pick, the corpus entry to mutate. */
  readonly parents: readonly number[];
  /** Of each pick, an entry on the other side of the boundary; below 0 where none is known. */
  readonly acrossBoundary: readonly number[];
  /**
   * Of each pick, the mutation strength that last brought its slot nearer, undefined while none has; null where it may not climb,
   * since its slot has no entry.
   */
  readonly learnedStrengths: readonly (number | undefined | null)[];
  /** Share of the other picks that climb. */
  readonly climbShare: number;
  /** Of each pick, the share of the way to the entry on the other side that its mutants are on. Absent where scores tell how far it is. */
  readonly boundaryShares?: readonly number[];
  /** Of each pick, the mutants spent so far on the search from its seed; absent where the picks are not for seeds. */
  readonly seedQueries?: readonly number[];
  /** Of each pick, the mutants since an improvement on its entry. Absent where that is not counted. */
  readonly stale?: readonly number[];
  /** Of each pick, the largest distance of its mutants from their seed; null for no limit. Absent where none has one. */
  readonly radii?: readonly (number | null)[];
}

/** The part of picks that have no entry across a boundary, and do not climb. */
export function withoutRivals(
  count: number,
): Pick<PlannedPicks, 'acrossBoundary' | 'learnedStrengths' | 'climbShare'> {
  return {
    acrossBoundary: new Array<number>(count).fill(-1),
    learnedStrengths: new Array<null>(count).fill(null),
    climbShare: 0,
  };
}

/** What is known of corpus entries. */
export interface EntryFacts {
  /** The class that the model gives. */
  classOf(entry: number): number;
  /** Equal for testcases of one shape. */
  shapeKeyOf(entry: number): string;
  dataOf(entry: number): TestcaseData;
}

/** All that the picks of a task are drawn from. */
export interface PickRequest {
  readonly goalIndex: number;
  readonly count: number;
  readonly corpus: CorpusSize;
  readonly random: Random;
  /** Whether two entries may be mixed. */
  readonly areCompatible: (a: number, b: number) => boolean;
  /** Whether the task uses lookahead. One that does not, where the goal allows it, is for subgoals that are close. */
  readonly lookahead: boolean;
  /** Whether the task steps along gradients; false by default. */
  readonly ascends?: boolean;
  /** Entries that came close to the goal in an earlier campaign. */
  readonly suggestedStarts: readonly number[];
  /** Whether an entry may be mutated: its seed is not broken, and has queries left. Absent where all may. */
  readonly isOpen?: ((entry: number) => boolean) | undefined;
  /** What is known of an entry; absent where classes do not matter. */
  readonly entries?: EntryFacts;
  /** Whether an attacker has queries left for a seed. Absent where they are not limited. */
  readonly hasQueries?: (seed: number) => boolean;
}

/** Draws subgoal, beam slot and parent of each pick of a task for a goal. */
export function planPicks(state: GoalState, request: PickRequest): PlannedPicks {
  const { goal, subgoals } = state;
  const { goalIndex, count, random, areCompatible, lookahead, ascends } = request;
  const open = subgoals.flatMap(({ done }, i) => (done ? [] : [i]));
  const close = open.filter((i) => isClose(subgoals[i]));
  const exploits = canPredictMargins(goal) && !lookahead && close.length > 0;
  const eligible = exploits ? close : open;
  const closest = eligible.reduce(
    (best, i) => (subgoals[i].best < subgoals[best].best ? i : best),
    eligible[0] ?? 0,
  );
  // Subgoals with signatures of their own lead to different faults: the closest must not starve the others.
  const closestShare = marginSignaturesOf(goal).length === 0 ? CLOSEST_SHARE : 0;
  const picks = Array.from({ length: count }, () => {
    if (subgoals.length === 0)
      return {
        subgoal: 0,
        slotIndex: 0,
        margin: MAX_MARGIN,
        parent: drawStart(request),
        acrossBoundary: -1,
        learnedStrength: null,
        stale: 0,
      };
    const subgoal = random.uniform() < closestShare ? closest : eligible[random.below(eligible.length)];
    const { slots } = subgoals[subgoal];
    if (ascends === true && random.uniform() < RESTART_SHARE)
      return {
        subgoal,
        slotIndex: random.below(BEAM_WIDTH),
        margin: MAX_MARGIN,
        parent: drawStart(request),
        acrossBoundary: -1,
        learnedStrength: null,
        stale: 0,
      };
    const front = closestSlot(slots);
    const takesFront = exploits || (!isStale(slots[front]) && random.uniform() < CLOSEST_SHARE);
    const slotIndex = takesFront ? front : random.below(BEAM_WIDTH);
    const { entry, margin, strength, tries } = slots[slotIndex];
    const opposite = entry < 0 ? [] : state.slotsAcrossBoundary(subgoal);
    const partners = opposite.filter((slot) => slot.entry >= 0 && areCompatible(entry, slot.entry));
    const partner = partners[closestSlot(partners)];
    const parent = entry < 0 ? drawStart(request) : entry;
    const learnedStrength = entry < 0 ? null : strength;
    const acrossBoundary = partner?.entry ?? -1;
    const stale = entry < 0 ? 0 : tries;
    return { subgoal, slotIndex, margin, parent, acrossBoundary, learnedStrength, stale };
  });
  return {
    parents: picks.map(({ parent }) => parent),
    acrossBoundary: picks.map(({ acrossBoundary }) => acrossBoundary),
    climbShare: state.climbShare,
    stale: picks.map(({ stale }) => stale),
    learnedStrengths: picks.map(({ learnedStrength }) => learnedStrength),
    assignment: {
      goalIndex,
      subgoals: picks.map(({ subgoal }) => subgoal),
      slots: picks.map(({ slotIndex }) => slotIndex),
      marginsToBeat: picks.map(({ margin }) => margin),
      best: subgoals.map(({ best }) => best),
    },
  };
}

/** The entry that a slot begins at. Seeds get a share of their own: all later entries may have failed in the same way. */
function drawStart(request: PickRequest): number {
  const { isOpen } = request;
  let start = drawAnyStart(request);
  for (let attempt = 1; attempt < MAX_START_ATTEMPTS && isOpen?.(start) === false; attempt++)
    start = drawAnyStart(request);
  return start;
}

function drawAnyStart({ suggestedStarts, random, corpus }: PickRequest): number {
  if (suggestedStarts.length > 0 && random.uniform() < SUGGESTED_SHARE)
    return suggestedStarts[random.below(suggestedStarts.length)];
  return random.below(random.uniform() < SEED_SHARE ? corpus.seeds : corpus.count);
}
