import type { GoalAssignment } from '../search/search-goal.ts';
import type { SeedBudget } from '../seeds/spent-per-seed.ts';
import type { PlannedWork, Task } from './task.ts';
import { MUTANTS_PER_PICK } from './task-sizes.ts';

/** Work that a budget of queries allows, with its number of mutants. */
export type AffordableWork = PlannedWork & Pick<Task, 'mutants' | 'queries'>;

/**
 * Takes the picks out of a task that the budget does not allow, and spends the queries of the others. The picks of a task with
 * steps that go on from each other are taken out together.
 *
 * @param mutants number of mutants of all picks
 * @param seedOf entry of the seed that an entry descends from
 * @returns undefined where no pick is left; nothing is spent then
 */
export function fitToBudget(
  work: PlannedWork,
  mutants: number,
  budget: SeedBudget,
  seedOf: (entry: number) => number,
): AffordableWork | undefined {
  const { parents, goal, picksPerStep = parents.length } = work;
  const price = budget.priceOfPick(goal?.ascends === true);
  const spentBefore = new Map<number, number>();
  const isKept = Array.from({ length: picksPerStep }, (_, column) => {
    const seed = seedOf(parents[column]);
    const cost = price * Math.ceil((parents.length - column) / picksPerStep);
    if (!budget.canSpend(seed, cost)) return false;
    const spent = budget.spend(seed, cost);
    if (!spentBefore.has(seed)) spentBefore.set(seed, spent - cost);
    return true;
  });
  const picks = parents.flatMap((_, pick) => (isKept[pick % picksPerStep] ? [pick] : []));
  if (picks.length === 0) return undefined;
  const queries = picks.map((pick) => {
    const seed = seedOf(parents[pick]);
    const spent = (spentBefore.get(seed) ?? 0) + price;
    spentBefore.set(seed, spent);
    return spent;
  });
  if (picks.length === parents.length) return { ...work, mutants, queries };
  const { partners, stacks, radii } = work;
  const stackSize = stacks.length / parents.length;
  return {
    ...work,
    parents: picks.map((pick) => parents[pick]),
    partners: picks.map((pick) => partners[pick]),
    stacks: picks.flatMap((pick) => stacks.slice(pick * stackSize, (pick + 1) * stackSize)),
    ...(goal === undefined ? {} : { goal: goalOf(goal, picks) }),
    ...(work.picksPerStep === undefined ? {} : { picksPerStep: isKept.filter(Boolean).length }),
    ...(radii === undefined ? {} : { radii: picks.map((pick) => radii[pick]) }),
    mutants: Math.min(mutants, picks.length * MUTANTS_PER_PICK),
    queries,
  };
}

/** The assignment of some of the picks. */
function goalOf(goal: GoalAssignment, picks: readonly number[]): GoalAssignment {
  const { subgoals, slots, marginsToBeat, strengths } = goal;
  return {
    ...goal,
    subgoals: picks.map((pick) => subgoals[pick]),
    slots: picks.map((pick) => slots[pick]),
    marginsToBeat: picks.map((pick) => marginsToBeat[pick]),
    ...(strengths === undefined ? {} : { strengths: picks.map((pick) => strengths[pick]) }),
  };
}
