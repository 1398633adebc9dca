import { argmax } from '../objectives/output-difference.ts';
import { type ClassMap, classLoss, evenLoss, type LogitLoss, mappedLoss } from './losses.ts';

/** What a program is trained for. Plain data, sent between processes. */
export type ProgramGoal =
  /** All inputs get a class. */
  | { readonly kind: 'class'; readonly target: number }
  /** The model is sure of no class: the largest softmax share is below this. */
  | { readonly kind: 'abstain'; readonly below: number }
  /** Another task: the label of each training input, how many labels there are, and the classes of each or how they are found. */
  | {
      readonly kind: 'task';
      readonly labels: readonly number[];
      readonly labelCount: number;
      readonly map: ClassMap | 'assign';
    };

/** A goal of a change that leads all inputs to the same. */
export type UniversalGoal = Exclude<ProgramGoal, { readonly kind: 'task' }>;

/** What tells goals apart, in keys of draws and in names of files and findings. */
export function goalName(goal: ProgramGoal): string {
  return goal.kind === 'class' ? `${goal.target}` : goal.kind;
}

/** The loss of a goal, of rows that are training inputs. @param map the classes of the labels of a task */
export function lossOf(goal: ProgramGoal, rows: readonly number[], map: ClassMap): LogitLoss {
  switch (goal.kind) {
    case 'class':
      return classLoss(goal.target);
    case 'abstain':
      return evenLoss();
    case 'task':
      return mappedLoss(
        map,
        rows.map((row) => goal.labels[row]),
      );
  }
}

/** Whether a row of logits is what a goal asks for. */
export function isReached(goal: UniversalGoal, logits: Float64Array): boolean {
  return goal.kind === 'class' ? argmax(logits) === goal.target : topShare(logits) < goal.below;
}

/** The largest softmax share. */
function topShare(logits: Float64Array): number {
  const top = logits[argmax(logits)];
  return 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
}

/** Whether an input counts for a goal: those of the class itself do not. */
export function counts(goal: UniversalGoal, label: number): boolean {
  return goal.kind === 'abstain' || label !== goal.target;
}

/** Share of the inputs that count for a goal that reach it; 0 where there are none. */
export function successOf(
  goal: UniversalGoal,
  logits: readonly Float64Array[],
  labels: readonly number[],
): number {
  const counted = logits.filter((_, i) => counts(goal, labels[i]));
  return counted.length === 0 ? 0 : counted.filter((row) => isReached(goal, row)).length / counted.length;
}
