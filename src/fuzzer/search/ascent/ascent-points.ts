import { NO_CLASS } from '../../../inputs/class-label.ts';
import type { TaskStep } from '../../generation/mutant-generator.ts';
import type { CorpusEntryData } from '../../scheduling/task.ts';
import type { TaskExecution } from '../../task-execution.ts';
import { type GoalAssignment, MAX_MARGIN } from '../search-goal.ts';

/** A testcase whose margin is differentiated. */
export interface Point {
  readonly parent: CorpusEntryData;
  readonly picks: number[];
  readonly subgoal: number;
  /** Where any boundary between two classes will do: its place, the nearest first. */
  readonly rank: number;
}

/** Boundaries that searches which begin anew try in turn. */
const RANKS = 4;

/** The testcases that a step's picks mutate, each once for each subgoal. */
export function pointsOf(
  { task, trajectories }: TaskExecution,
  goal: GoalAssignment,
  { from, to }: TaskStep,
): Point[] {
  const points: Point[] = [];
  for (let pick = from; pick < to; pick++) {
    const parent = trajectories.parentOf(pick);
    const subgoal = goal.subgoals[pick];
    const beginsAnew = from === 0 && goal.marginsToBeat[pick] >= MAX_MARGIN;
    const rank = beginsAnew ? (task.number + RANKS - 2 + pick) % RANKS : 0;
    const known = points.find(
      (point) => point.parent.data === parent.data && point.subgoal === subgoal && point.rank === rank,
    );
    if (known === undefined) points.push({ parent, picks: [pick], subgoal, rank });
    else known.picks.push(pick);
  }
  return points;
}

/** Most testcases whose gradients are computed in one run. */
const MAX_ROWS = 8;

/** Points of one shape together, at most as many as one run takes. */
export function groupByShape(points: readonly Point[], maxRows: number): Point[][] {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const { key } = point.parent.data.form;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  const size = 2 ** Math.floor(Math.log2(Math.max(1, Math.min(maxRows, MAX_ROWS))));
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, i) => group.slice(i * size, (i + 1) * size)),
  );
}

export function labelOf({ task, view }: TaskExecution, point: Point | undefined): number {
  return point === undefined ? NO_CLASS : (view.entryData(task.parents[point.picks[0]]).label ?? NO_CLASS);
}
