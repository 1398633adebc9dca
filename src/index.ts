/** What plug-ins are written with; see docs/plug-ins.md. */
import type { WorkingArray } from './constraints/bounds.ts';
import type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
} from './coverage/criterion.ts';
import type { ObjectiveSettings } from './extensions/parameters.ts';
import type { InputDescriptor, TokenDescriptor } from './inputs/input-descriptor.ts';
import type { BatchResult, BatchTensor } from './model/batched-model.ts';
import type { MutationContext, MutatorKind, PartnerKind } from './mutators/mutator.ts';
import type { JudgedBatch, Objective, ObjectiveKind, Violation } from './objectives/objective.ts';
import type { SchedulerKind } from './schedulers/scheduler.ts';

export type { Bounds, WorkingArray } from './constraints/bounds.ts';
export type { Random } from './core/random.ts';
export type {
  CoverageCriterion,
  CoverageCriterionKind,
  CoverageCriterionSettings,
  WalkStep,
} from './coverage/criterion.ts';
export type { ObjectiveParameter, ObjectiveSettings, ObjectiveValues } from './extensions/parameters.ts';
export type { Domain, InputDescriptor, TokenDescriptor } from './inputs/input-descriptor.ts';
export type { BatchResult, BatchTensor } from './model/batched-model.ts';
export type {
  MutationContext,
  Mutator,
  MutatorKind,
  Parameter,
  ParameterValues,
  PartnerKind,
} from './mutators/mutator.ts';
export type { Detail, JudgedBatch, Objective, ObjectiveKind, Violation } from './objectives/objective.ts';
export type { CorpusSize, Scheduler, SchedulerKind } from './schedulers/scheduler.ts';

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
/** @deprecated the old name of `ReportedViolation` */
export type Reported = ReportedViolation;
/** @deprecated the old name of `ObjectiveImplementation` */
export type ObjectiveParts = ObjectiveImplementation;

/** A mutator of your own, and what may be left out of it. */
export type MutatorDefinition = Omit<
  MutatorKind,
  'cost' | 'help' | 'source' | 'parameters' | 'staysInBounds' | 'plugin'
> &
  Partial<Pick<MutatorKind, 'cost' | 'help' | 'source' | 'parameters'>>;

/**
 * Defines a mutator: the default export of a module that `--mutator ./module.js` names.
 *
 * @param definition its name, the kinds of inputs it is for, and `make`, which makes it for one input
 */
export function defineMutator(definition: MutatorDefinition): MutatorKind {
  return { cost: 10, help: '', source: 'plug-in', parameters: [], ...definition };
}

/** What an objective of your own reports; what is left out is made up for. */
export type ReportedViolation = Partial<Omit<Violation, 'objective' | 'symptom'>>;

/** An objective of your own, as `make` gives it. */
export type ObjectiveImplementation = Omit<
  Objective,
  'name' | 'plugin' | 'attribute' | 'explain' | 'judge'
> & {
  judge(
    run: Parameters<Objective['judge']>[0],
    report: (row: number, reported: ReportedViolation) => void,
  ): void;
};

/** A kind of objective of your own, and what may be left out of it. */
export type ObjectiveDefinition = Pick<ObjectiveKind, 'name'> &
  Partial<Pick<ObjectiveKind, 'help' | 'parameters' | 'text'>> & {
    make(settings: ObjectiveSettings): ObjectiveImplementation;
  };

/**
 * Defines an objective: the default export of a module that `--objective ./module.js` names.
 *
 * @param definition its name, and `make`, which makes it from the parameters that the user set
 */
export function defineObjective(definition: ObjectiveDefinition): ObjectiveKind {
  // What it reports is made whole where it is loaded.
  return { help: '', parameters: [], ...definition } as ObjectiveKind;
}

/** What coverage of your own compares, and what may be left out of it. */
export type CoverageDefinition = Pick<CoverageCriterionKind, 'name' | 'make'> &
  Partial<Pick<CoverageCriterionKind, 'help'>>;

/**
 * Defines what coverage compares: the default export of a module that `--measure ./module.js` names.
 *
 * @param definition its name, and `make`, which makes what turns a run into one vector a row
 */
export function defineCoverage(definition: CoverageDefinition): CoverageCriterionKind {
  return { help: '', ...definition };
}

/**
 * Defines a scheduler: the default export of a module that `--scheduler ./module.js` names.
 *
 * @param definition its name, and `make`, which makes what picks the entry to mutate next
 */
export function defineScheduler(definition: SchedulerKind): SchedulerKind {
  return definition;
}
