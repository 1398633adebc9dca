/**
 * The API of plug-ins (docs/plug-ins.md) and of tests (docs/testing.md). What runs campaigns is imported when it is called: plug-ins
 * import this file in every process.
 */
import type { WorkingArray } from './constraints/bounds.ts';
import type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
} from './coverage/criterion.ts';
import type { ParameterValues } from './extensions/parameters.ts';
import type { ParameterDefinition } from './extensions/plugin-kind.ts';
import type { SettingsContext } from './extensions/settings.ts';
import type { InputDescriptor, TokenDescriptor } from './inputs/input-descriptor.ts';
import type { BatchResult, BatchTensor } from './model/batched-model.ts';
import type { MutationContext, MutatorKind, PartnerKind } from './mutators/mutator.ts';
import type { JudgedBatch, Objective, ObjectiveKind, Violation } from './objectives/objective.ts';
import type { SchedulerKind } from './schedulers/scheduler.ts';
import type { FuzzOptions, FuzzResult, ReplayedFinding, ReplayOptions } from './testing/api.ts';

export type { Bounds, WorkingArray } from './constraints/bounds.ts';
export { InterruptedError, MachineError, UserError } from './core/errors.ts';
export type { Random } from './core/random.ts';
export type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
  WalkStep,
} from './coverage/criterion.ts';
export type { DefaultedParameter, Parameter, ParameterValues } from './extensions/parameters.ts';
export type { ParameterDefinition } from './extensions/plugin-kind.ts';
export type { SettingsContext } from './extensions/settings.ts';
export type { Domain, InputDescriptor, TokenDescriptor } from './inputs/input-descriptor.ts';
export type { BatchResult, BatchTensor } from './model/batched-model.ts';
export type {
  MutationContext,
  Mutator,
  MutatorKind,
  PartnerKind,
} from './mutators/mutator.ts';
export type { Detail, JudgedBatch, Objective, ObjectiveKind, Violation } from './objectives/objective.ts';
export type { CorpusSize, Scheduler, SchedulerKind } from './schedulers/scheduler.ts';
export type { DType, Tensor, TensorData } from './tensor/tensor.ts';
export type {
  FaultSummary,
  FuzzFinding,
  FuzzOptions,
  FuzzProgress,
  FuzzResult,
  NamedTensors,
  ReplayedFinding,
  ReplayOptions,
} from './testing/api.ts';

/**
 * Runs a campaign in a process of its own, which is gone once the promise settles.
 *
 * @param options the settings of a campaign file, by the same names; relative paths are relative to the working folder. Without
 *   `execs`, `time`, `untilFinding` or a preset, it runs until `signal` is aborted
 * @returns figures, faults, and findings as typed arrays
 * @throws UserError where the request is wrong, MachineError where the machine fails, InterruptedError where it is aborted before the
 *   campaign begins
 */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  return (await import('./testing/fuzz.ts')).fuzz(options);
}

/**
 * Runs findings again, ten times each in a fresh session of the model.
 *
 * @param paths findings, folders of findings, or campaigns
 * @returns the findings with a verdict, in the order of their folders
 * @throws UserError where a path holds no finding or none can be run, MachineError where the machine fails, the signal's reason where it
 *   is aborted
 */
export async function replay(
  paths: string | readonly string[],
  options: ReplayOptions = {},
): Promise<ReplayedFinding[]> {
  return (await import('./testing/replay.ts')).replay(paths, options);
}

/** @deprecated the old name of `WorkingArray` */
export type Values = WorkingArray;
/** @deprecated the old name of `CoverageCriterion` */
export type Measure = CoverageCriterion;
/** @deprecated the old name of `CoverageCriterionKind` */
export type MeasureKind = CoverageCriterionKind;
/** @deprecated the old name of `CoverageCriterionSettings` */
export type MeasureSettings = CoverageCriterionSettings;
/** @deprecated the old name of `InputDescriptor` */
export type InputTraits = InputDescriptor;
/** @deprecated the old name of `TokenDescriptor` */
export type TokenTraits = TokenDescriptor;
/** @deprecated the old name of `BatchResult` */
export type RowResult = BatchResult;
/** @deprecated the old name of `BatchTensor` */
export type RowTensor = BatchTensor;
/** @deprecated the old name of `MutationContext` */
export type Given = MutationContext;
/** @deprecated the old name of `PartnerKind` */
export type Mate = PartnerKind;
/** @deprecated the old name of `JudgedBatch` */
export type Run = JudgedBatch;
/** @deprecated the old name of `ParameterDefinition` */
export type ObjectiveParameter = ParameterDefinition;
/** @deprecated `ParameterValues` has taken its place */
export type ObjectiveValues = Readonly<Partial<Record<string, number>>>;
/** @deprecated `make` of an objective gets the values and a `SettingsContext` instead */
export interface ObjectiveSettings extends SettingsContext {
  readonly values: ObjectiveValues;
}
/** @deprecated the old name of `ReportedViolation` */
export type Reported = ReportedViolation;
/** @deprecated the old name of `ObjectiveImplementation` */
export type ObjectiveParts = ObjectiveImplementation;

/** What a plug-in exports as a mutator. */
export interface MutatorDefinition
  extends Pick<MutatorKind, 'name' | 'domains' | 'partner' | 'geometric' | 'mayChangeMeaning' | 'make'>,
    Partial<Pick<MutatorKind, 'cost' | 'help' | 'source'>> {
  readonly parameters?: readonly ParameterDefinition[];
}

/**
 * Defines a mutator: the default export of a module that `--mutator ./module.js` names.
 *
 * @param definition its name, the inputs that it works on, and `make`, which makes it for one input
 */
export function defineMutator(definition: MutatorDefinition): MutatorDefinition {
  return definition;
}

/** A violation as a plug-in reports it: members that it leaves out get defaults. */
export type ReportedViolation = Partial<Omit<Violation, 'objective' | 'symptom'>>;

/** An objective as a plug-in makes it. */
export type ObjectiveImplementation = Omit<
  Objective,
  'name' | 'plugin' | 'attribute' | 'explain' | 'judge'
> & {
  judge(
    run: Parameters<Objective['judge']>[0],
    report: (row: number, reported: ReportedViolation) => void,
  ): void;
};

/** What a plug-in exports as an objective. */
export interface ObjectiveDefinition
  extends Pick<ObjectiveKind, 'name'>,
    Partial<Pick<ObjectiveKind, 'help' | 'source' | 'text'>> {
  readonly parameters?: readonly ParameterDefinition[];
  /** @param values the parameters' values; also, for older plug-ins, all settings in one object */
  make(values: ParameterValues & ObjectiveSettings, context: SettingsContext): ObjectiveImplementation;
}

/**
 * Defines an objective: the default export of a module that `--objective ./module.js` names.
 *
 * @param definition its name, and `make`, which makes it from the values of its parameters
 */
export function defineObjective(definition: ObjectiveDefinition): ObjectiveDefinition {
  return definition;
}

/** What a plug-in exports as coverage. */
export interface CoverageDefinition
  extends Pick<CoverageCriterionKind, 'name'>,
    Partial<Pick<CoverageCriterionKind, 'help' | 'equation' | 'source' | 'feedback' | 'collectReference'>> {
  readonly parameters?: readonly ParameterDefinition[];
  /** @param values the parameters' values; also, for older plug-ins, the context */
  make(
    values: ParameterValues & CoverageCriterionSettings,
    context: CoverageCriterionSettings,
  ): ReturnType<CoverageCriterionKind['make']>;
}

/**
 * Defines a coverage criterion: the default export of a module that `--measure ./module.js` names.
 *
 * @param definition its name, and `make`, which makes what turns a run into one vector a row
 */
export function defineCoverage(definition: CoverageDefinition): CoverageDefinition {
  return definition;
}

/** What a plug-in exports as a scheduler. */
export interface SchedulerDefinition
  extends Pick<SchedulerKind, 'name' | 'make'>,
    Partial<Pick<SchedulerKind, 'help' | 'source'>> {
  readonly parameters?: readonly ParameterDefinition[];
}

/**
 * Defines a scheduler: the default export of a module that `--scheduler ./module.js` names.
 *
 * @param definition its name, and `make`, which makes what picks the entry to mutate next
 */
export function defineScheduler(definition: SchedulerDefinition): SchedulerDefinition {
  return definition;
}
