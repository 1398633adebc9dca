import type { SizeChange } from '../../inputs/sizes/size-change.ts';
import type { GoalAssignment } from '../search/search-goal.ts';
import type { Task } from './task.ts';

/** A task as checkpoints hold it. The keys on disk are older than the names in the code, and stay. */
export interface TaskRecord {
  readonly number: number;
  readonly execsBefore: number;
  readonly mutants: number;
  readonly parents: readonly number[];
  readonly mates: readonly number[];
  readonly chains: readonly number[];
  readonly saturated: readonly string[];
  readonly indexed: number;
  readonly threshold: number;
  readonly ended?: readonly string[];
  readonly focus?: {
    readonly point: number;
    readonly targets: readonly number[];
    readonly lanes: readonly number[];
    readonly bars: readonly number[];
    readonly best: readonly number[];
    readonly strengths?: readonly (number | null)[];
    readonly seeds?: readonly number[];
    readonly classes?: readonly number[];
    readonly ascends?: true;
  };
  readonly stride?: number;
  readonly looks?: boolean;
  readonly resized?: SizeChange;
  readonly radii?: readonly (number | null)[];
  readonly queries?: readonly number[];
  readonly neighbours?: true;
}

/** The record of a task for the checkpoint. */
export function toTaskRecord(task: Task): TaskRecord {
  const { number, mutants, parents, threshold, disabledObjectives, goal, picksPerStep, lookahead } = task;
  const { sizeChange, radii, queries, countsNeighbours } = task;
  return {
    number,
    execsBefore: task.firstExec,
    mutants,
    parents,
    mates: task.partners,
    chains: task.stacks,
    saturated: task.saturatedSignatures,
    indexed: task.indexSize,
    threshold,
    ...(disabledObjectives === undefined ? {} : { ended: disabledObjectives }),
    ...(goal === undefined ? {} : { focus: toGoalRecord(goal) }),
    ...(picksPerStep === undefined ? {} : { stride: picksPerStep }),
    ...(lookahead === undefined ? {} : { looks: lookahead }),
    ...(sizeChange === undefined ? {} : { resized: sizeChange }),
    ...(radii === undefined ? {} : { radii }),
    ...(queries === undefined ? {} : { queries }),
    ...(countsNeighbours === undefined ? {} : { neighbours: countsNeighbours }),
  };
}

function toGoalRecord({
  goalIndex,
  subgoals,
  slots,
  marginsToBeat,
  best,
  strengths,
  seeds,
  classes,
  ascends,
}: GoalAssignment): NonNullable<TaskRecord['focus']> {
  return {
    point: goalIndex,
    targets: subgoals,
    lanes: slots,
    bars: marginsToBeat,
    best,
    ...(strengths === undefined ? {} : { strengths }),
    ...(seeds === undefined ? {} : { seeds }),
    ...(classes === undefined ? {} : { classes }),
    ...(ascends === undefined ? {} : { ascends }),
  };
}

/** The task that a checkpoint's record describes. */
export function fromTaskRecord(record: TaskRecord): Task {
  const { number, mutants, parents, threshold, ended, focus, stride, looks, resized } = record;
  const { radii, queries, neighbours } = record;
  return {
    number,
    firstExec: record.execsBefore,
    mutants,
    parents,
    partners: record.mates,
    stacks: record.chains,
    saturatedSignatures: record.saturated,
    indexSize: record.indexed,
    threshold,
    ...(ended === undefined ? {} : { disabledObjectives: ended }),
    ...(focus === undefined
      ? {}
      : {
          goal: {
            goalIndex: focus.point,
            subgoals: focus.targets,
            slots: focus.lanes,
            marginsToBeat: focus.bars,
            best: focus.best,
            ...(focus.strengths === undefined ? {} : { strengths: focus.strengths }),
            ...(focus.seeds === undefined ? {} : { seeds: focus.seeds }),
            ...(focus.classes === undefined ? {} : { classes: focus.classes }),
            ...(focus.ascends === undefined ? {} : { ascends: focus.ascends }),
          },
        }),
    ...(stride === undefined ? {} : { picksPerStep: stride }),
    ...(looks === undefined ? {} : { lookahead: looks }),
    ...(resized === undefined ? {} : { sizeChange: resized }),
    ...(radii === undefined ? {} : { radii }),
    ...(queries === undefined ? {} : { queries }),
    ...(neighbours === undefined ? {} : { countsNeighbours: neighbours }),
  };
}
