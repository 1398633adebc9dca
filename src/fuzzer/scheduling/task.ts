import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Violation } from '../../objectives/objective.ts';
import type { ObservedTestcase, PackedTestcases } from '../packed-testcases.ts';
import type { GoalAssignment, GoalProgress } from '../search/search-goal.ts';
import type { MutatorStacks } from './mutator-stack.ts';
import { MUTANTS_PER_PICK } from './task-sizes.ts';

/** One numbered piece of work: plain data, the same wherever it is computed. */
export interface Task {
  readonly number: number;
  /** Mutants in all tasks before this one. */
  readonly firstExec: number;
  readonly mutants: number;
  /** Corpus entries to mutate, each for the next `MUTANTS_PER_PICK` mutants. */
  readonly parents: readonly number[];
  /** Of each pick, the entry that mutators may take a part of; below 0 where there is none. */
  readonly partners: readonly number[];
  /** The mutators of each pick. */
  readonly stacks: MutatorStacks;
  /** Signatures of which enough findings are kept: their hits are counted only. */
  readonly saturatedSignatures: readonly string[];
  /** The index that the task sees: the activations of the first so many entries. */
  readonly indexSize: number;
  /** Squared L2 distance above which activations are new. */
  readonly threshold: number;
  /** Objectives that are no more judged, since their plug-in failed. */
  readonly disabledObjectives?: readonly string[];
  /** The point that it is for; absent where it is for coverage alone. */
  readonly goal?: GoalAssignment;
  /**
   * Picks of a step, where it goes in steps: the next so many picks mutate what the ones before them brought nearest,
   * and where that is nothing the same again. Absent where all picks mutate corpus entries.
   */
  readonly picksPerStep?: number;
  /** Whether all steps but the last only look ahead: the model takes in the mutants and their margins are told, no more. */
  readonly lookahead?: boolean;
}

/** Mutants of a task that are looked ahead from alone: those of all steps but the last. */
export function countLookaheadMutants({ lookahead, picksPerStep, parents }: Task): number {
  if (lookahead !== true || picksPerStep === undefined) return 0;
  return MUTANTS_PER_PICK * picksPerStep * (Math.ceil(parents.length / picksPerStep) - 1);
}

/** What a worker needs to know of an entry to make mutants of it. */
export interface CorpusEntryData extends ObservedTestcase {
  readonly entryIndex: number;
  readonly ancestorIndex: number;
  /** What DeepHunter's rule measures from: the ancestor, or what a geometric change made of it. */
  readonly referenceIndex: number;
  /** The class that the ancestor shows; below 0 where nobody says. */
  readonly label?: number;
}

/** Mutants that looked new to the corpus as the task saw it, in the order in which they were made. */
export interface Candidates extends PackedTestcases {
  /** Of each, the pick that it was made for, by its place in the task. */
  readonly picks: readonly number[];
  /** Of each, the class that the model puts it in. */
  readonly predictedClasses: readonly number[];
  /** Of each, the picks that made it out of its parent one after the other. Absent where the task goes in no steps. */
  readonly paths?: readonly (readonly number[])[];
}

/** A mutant that breaks an objective, with what is needed to run it again as it ran. */
export interface Hit {
  /** The pick that it was made for, by its place in the task; −1 for a seed. */
  readonly pick: number;
  /** The picks that made it out of its parent one after the other. Absent where its task goes in no steps. */
  readonly path?: readonly number[];
  /** Number of the mutant in the campaign, from 1. */
  readonly execs: number;
  readonly violation: Violation;
  readonly data: TestcaseData;
  /** The class that its seed shows, where its objective needs to know. */
  readonly label?: number;
  /** The testcase as its objective has it changed for a second run. */
  readonly transformed?: TestcaseData;
  /** The batch it ran in and its row there. */
  readonly batch: { readonly data: TestcaseData; readonly rows: number; readonly row: number };
}

/** Hits of one signature in a task. */
export interface HitCount {
  readonly signature: string;
  readonly hits: number;
}

/** A plug-in that failed on a testcase: its objective is not judged any more. */
export interface DisabledObjective {
  /** Name of the objective. */
  readonly objective: string;
  /** Which plug-in, and how. */
  readonly message: string;
  readonly data: TestcaseData;
}

/** Seconds spent in each part of the work. */
export interface PhaseSeconds {
  mutate: number;
  model: number;
  objectives: number;
  coverage: number;
}

/** What a task brought: only what may matter to the campaign. */
export interface TaskResult {
  readonly task: number;
  readonly mutants: number;
  /** Mutants that did not run, since the model ended its process before. */
  readonly lost: number;
  /** Mutants that could not be brought within the constraints and were drawn anew. */
  readonly rejected: number;
  /** Tokens that a model which goes on with texts said, or was asked how likely they are. */
  readonly generatedTokens?: number;
  readonly candidates: Candidates;
  /** What it brought for its point; absent where it has none, or nothing was run. */
  readonly progress?: GoalProgress;
  /** In the order in which they were made; at most `keep` a signature. */
  readonly hits: readonly Hit[];
  readonly counts: readonly HitCount[];
  /** Absent where no plug-in failed. */
  readonly disabledObjectives?: readonly DisabledObjective[];
  readonly seconds: PhaseSeconds;
}

/** Mutants of a task, numbered from 0; `to` is the first one after. */
export interface Span {
  readonly from: number;
  readonly to: number;
}
