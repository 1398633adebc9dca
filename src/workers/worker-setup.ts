import type { PlausibilityBound } from '../config/threat-model.ts';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import type { CoverageReference } from '../coverage/reference.ts';
import type { LengthChanges } from '../fuzzer/generation/length-changes.ts';
import type { PackedEntries } from '../fuzzer/packed-entries.ts';
import type { Span, Task } from '../fuzzer/scheduling/task.ts';
import type { SearchGoal } from '../fuzzer/search/search-goal.ts';
import type { SeedNorm } from '../fuzzer/seeds/seed-distance.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchProbe } from '../model/batched-model.ts';
import type { PairNoise } from '../model/pair-noise.ts';
import type { JudgeSetup } from './extra-models/judge-models.ts';
import type { LatentSetup } from './extra-models/latent-models.ts';

/** Configuration of a worker process, as plain data. */
export interface WorkerSetup {
  readonly descriptors: readonly InputDescriptor[];
  /** As `descriptors`, with room for the sizes that tasks change; absent where none changes any. */
  readonly resizedDescriptors?: readonly InputDescriptor[];
  /** Whether testcases may differ in shape. */
  readonly varying: boolean;
  /** Specs of the objectives. */
  readonly objectives: readonly string[];
  /** Specs of each input's mutators; an input with none is never changed. */
  readonly mutators: readonly (readonly string[])[];
  readonly limits: ConstraintLimits;
  /** A bound that tells plausible mutants from others, its model's path absolute; absent where none does. */
  readonly plausible?: PlausibilityBound;
  /** Whether an objective has accounts of seeds, so that tasks read the seeds of their parents. */
  readonly hasSeedAccounts?: boolean;
  /** The norm of smaller balls around seeds that tasks may ask for; absent where none does. */
  readonly radiusNorm?: SeedNorm;
  /** The latent space that mutators move in; absent where there is none. */
  readonly latent?: LatentSetup;
  /** Models that judge inputs of wrong answers; absent where none do. */
  readonly judges?: JudgeSetup;
  readonly lengthChanges: LengthChanges | undefined;
  readonly watched: readonly string[];
  /** Goals that directed-search tasks may have. */
  readonly goals: readonly SearchGoal[];
  /** Whether there is memory to trace violations to operations. */
  readonly traces: boolean;
  /** Of a pair of models, how far gaps between classes move in each; absent where that was not measured. */
  readonly noise?: PairNoise;
  /** Spec of the coverage criterion. */
  readonly criterion: string;
  /** What the criterion knows of reference inputs; absent where it has none. */
  readonly reference?: CoverageReference;
  readonly masterSeed: string;
  readonly batch: number;
  readonly keep: number;
  /** Whether tasks send back the first hit of each seed, to be submitted to another model; absent for false. */
  readonly keepsHitOfEachSeed?: boolean;
  /** Classes of the seeds, each once. */
  readonly labels: readonly number[];
  /** Milliseconds that one call of a plug-in may take. */
  readonly callLimit: number;
  /** Testcase of the first run, which opens the model's session and takes longer than later ones. */
  readonly warm: TestcaseData;
  /** Distributed workers only: local copies of the files that specs name; no other file is read. */
  readonly pathRemap?: Readonly<Record<string, string>>;
}

/** A plug-in that is no objective, with the flag that names it. */
export interface PluginModule {
  readonly flag: string;
  readonly path: string;
}

/** A task with the data that its worker is missing. */
export interface TaskMessage {
  readonly task: Task;
  readonly span: Span;
  /** Entries that the task reads, in the order of their use; those not in the worker's cache are in the message. */
  readonly requiredEntries: readonly number[];
  readonly packedEntries: PackedEntries;
  /** Activations to add to the index, `[n, width]`. */
  readonly vectors: Float32Array;
}

/** How a model takes batches while some tensors are watched. */
export interface ProbeResult extends BatchProbe {
  readonly largestBatch: number;
  /** Watched tensors without a row for each testcase. */
  readonly unbatchedTensors: readonly string[];
}
