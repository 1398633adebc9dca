import type { SizeChange } from '../../inputs/sizes/size-change.ts';
import type { LatentChange, TestcaseData } from '../../inputs/testcase.ts';
import type { Violation } from '../../objectives/objective.ts';
import type { NeighbourCounts } from '../neighbour-counter.ts';
import type { ObservedTestcase, PackedTestcases } from '../packed-testcases.ts';
import type { GoalAssignment, GoalProgress } from '../search/search-goal.ts';
import type { SeedHit } from '../seeds/seed-distance.ts';
import type { MutatorStacks } from './mutator-stack.ts';
import { MUTANTS_PER_PICK } from './task-sizes.ts';

/** A unit of work for a worker: plain data, with a result that is the same wherever it is computed. */
export interface Task {
  readonly number: number;
  /** Number of mutants in all tasks before this one. */
  readonly firstExec: number;
  readonly mutants: number;
  /** Corpus entries to mutate, each for the next `MUTANTS_PER_PICK` mutants. */
  readonly parents: readonly number[];
  /** Of each pick, the crossover partner; below 0 where there is none. */
  readonly partners: readonly number[];
  /** The mutators of each pick. */
  readonly stacks: MutatorStacks;
  /** Signatures whose hits are counted and not kept: enough findings are, or none of the hits is due to be run again yet. */
  readonly saturatedSignatures: readonly string[];
  /** Size of the index that the task sees: the number of corpus entries whose activations are in it. */
  readonly indexSize: number;
  /** Score above which an observation is new: a squared L2 distance, or a number of new elements. */
  readonly threshold: number;
  /** Whether the scheduler needs the counts of mutants by neighbourhood; absent where it does not. */
  readonly countsNeighbours?: true;
  /** Names of objectives disabled because their plug-in failed. */
  readonly disabledObjectives?: readonly string[];
  /** The goal that it is for; absent for a task that seeks coverage alone. */
  readonly goal?: GoalAssignment;
  /**
   * Number of picks in each step of a task that hill-climbs. A step mutates the best mutants of the steps before it, or
   * again their corpus entries where none improved. Absent where all picks mutate corpus entries.
   */
  readonly picksPerStep?: number;
  /** Whether all steps but the last use lookahead: margins are predicted from the prompt, and no answer is generated. */
  readonly lookahead?: boolean;
  /**
   * The size that all mutants have in place of their parents'. They are judged and not kept: activations of different sizes
   * cannot be compared.
   */
  readonly sizeChange?: SizeChange;
  /** Of each pick, the largest distance of its mutants from their seed; null for no limit but the constraints. Absent for none. */
  readonly radii?: readonly (number | null)[];
  /** Of each pick, the queries spent on its seed once its mutants have run. Absent where queries are not limited. */
  readonly queries?: readonly number[];
}

/** The part of a task that says what is mutated and what the mutants are searched for. */
export type PlannedWork = Pick<
  Task,
  'parents' | 'partners' | 'stacks' | 'goal' | 'picksPerStep' | 'lookahead' | 'sizeChange' | 'radii'
>;

/** Number of mutants of a task that get lookahead alone: those of all steps but the last. */
export function countLookaheadMutants({ lookahead, picksPerStep, parents }: Task): number {
  if (lookahead !== true || picksPerStep === undefined) return 0;
  return MUTANTS_PER_PICK * picksPerStep * (Math.ceil(parents.length / picksPerStep) - 1);
}

/** A corpus entry with all that a worker needs to mutate it. */
export interface CorpusEntryData extends ObservedTestcase {
  readonly entryIndex: number;
  readonly ancestorIndex: number;
  /** The entry that DeepHunter's rule measures from: the ancestor, or its geometric mutant. */
  readonly referenceIndex: number;
  /** The class that the ancestor shows; below 0 where it is not known. */
  readonly label?: number;
  /** The latent vector that it was decoded from; absent where none was. */
  readonly latent?: EntryLatent;
}

/** The latent vector that a testcase was decoded from. */
export interface EntryLatent {
  readonly vector: Float32Array;
  /** Standard deviation of the moves that led to it. */
  readonly step: number;
  /** The vector that its task began at; absent for a corpus entry, whose own vector that is. */
  readonly base?: Float32Array;
}

/** Mutants that are new to the corpus as the task saw it, in the order in which they were made. */
export interface Candidates extends PackedTestcases {
  /** Of each, the index of its pick. */
  readonly picks: readonly number[];
  /** Of each, the class that the model predicts. */
  readonly predictedClasses: readonly number[];
  /** Of each, the picks that made it out of a corpus entry, one after the other. Absent for a task without steps. */
  readonly paths?: readonly (readonly number[])[];
  /** Of each, how its latent vector moved; null where it did not. Absent where no vector did. */
  readonly latents?: readonly (LatentChange | null)[];
}

/** A mutant that violates an objective, with the batch it ran in, so that the run can be repeated exactly. */
export interface Hit {
  /** Index of its pick; −1 for a seed. */
  readonly pick: number;
  /** The picks that made it out of a corpus entry, one after the other. Absent for a task without steps. */
  readonly path?: readonly number[];
  /** Number of the mutant in the campaign, from 1. */
  readonly execs: number;
  readonly violation: Violation;
  readonly data: TestcaseData;
  /** The class that its seed shows, for objectives that need it. */
  readonly label?: number;
  /** How its latent vector moved; absent where it did not. */
  readonly latent?: LatentChange;
  /** The follow-up input of a metamorphic objective. */
  readonly transformed?: TestcaseData;
  /** The batch it ran in, and its row there. */
  readonly batch: { readonly data: TestcaseData; readonly rows: number; readonly row: number };
}

/** Number of hits of a signature in a task. */
export interface HitCount {
  readonly signature: string;
  readonly hits: number;
}

/** An objective that is disabled because its plug-in failed on a testcase. */
export interface DisabledObjective {
  /** Name of the objective. */
  readonly objective: string;
  /** Which plug-in failed, and how. */
  readonly message: string;
  readonly data: TestcaseData;
}

/** Seconds spent in each phase of a task. */
export interface PhaseSeconds {
  mutate: number;
  model: number;
  objectives: number;
  coverage: number;
}

/** Result of a task, with only those mutants that may matter to the campaign. */
export interface TaskResult {
  readonly task: number;
  readonly mutants: number;
  /** Mutants that did not run because the model ended the worker's process first. */
  readonly lost: number;
  /** Draws that could not be projected into the constraints and were repeated. */
  readonly rejected: number;
  /** Tokens that a language model generated or scored; absent for other models. */
  readonly generatedTokens?: number;
  /** Tokens that a language model read, each as often as it ran; absent for other models. */
  readonly readTokens?: number;
  readonly candidates: Candidates;
  /** Progress toward the task's goal; absent where it has none, or no mutant was run. */
  readonly progress?: GoalProgress;
  /** In the order in which they were made; at most `keep` for each signature. */
  readonly hits: readonly Hit[];
  readonly counts: readonly HitCount[];
  /** What the violations say of seeds; absent where none of the objectives has accounts of them, or none is violated. */
  readonly seedHits?: readonly SeedHit[];
  /** Absent where the task does not ask for them. */
  readonly neighbours?: NeighbourCounts;
  /** Absent where no plug-in failed. */
  readonly disabledObjectives?: readonly DisabledObjective[];
  readonly seconds: PhaseSeconds;
}

/** A range of a task's mutants, from 0; `to` is exclusive. */
export interface Span {
  readonly from: number;
  readonly to: number;
}
