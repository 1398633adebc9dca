/** What plug-ins are written with; see docs/plug-ins.md. */
import type { MeasureKind } from './coverage/registry.ts';
import type { ObjectiveSettings } from './extensions/parameters.ts';
import type { MutatorKind } from './mutators/mutator.ts';
import type { Objective, ObjectiveKind, Violation } from './objectives/objective.ts';
import type { SchedulerKind } from './schedulers/scheduler.ts';

export type { Bounds, Values } from './constraints/bounds.ts';
export type { Random } from './core/random.ts';
export type { Measure, MeasureKind, MeasureSettings, WalkStep } from './coverage/registry.ts';
export type { ObjectiveParameter, ObjectiveSettings, ObjectiveValues } from './extensions/parameters.ts';
export type { CorpusSize } from './fuzzer/corpus/corpus.ts';
export type { Domain, InputTraits, TokenTraits } from './inputs/input-descriptor.ts';
export type { RowResult, RowTensor } from './model/batched-model.ts';
export type { Given, Mate, Mutator, MutatorKind, Parameter, ParameterValues } from './mutators/mutator.ts';
export type { Detail, Objective, ObjectiveKind, Run, Violation } from './objectives/objective.ts';
export type { Scheduler, SchedulerKind } from './schedulers/scheduler.ts';

/** A mutator of your own, and what may be left out of it. */
export type MutatorDefinition = Omit<
  MutatorKind,
  'cost' | 'help' | 'source' | 'parameters' | 'confined' | 'plugin'
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
export type Reported = Partial<Omit<Violation, 'objective' | 'symptom'>>;

/** An objective of your own, as `make` gives it. */
export type ObjectiveParts = Omit<Objective, 'name' | 'plugin' | 'place' | 'explain' | 'judge'> & {
  judge(run: Parameters<Objective['judge']>[0], report: (row: number, reported: Reported) => void): void;
};

/** A kind of objective of your own, and what may be left out of it. */
export type ObjectiveDefinition = Pick<ObjectiveKind, 'name'> &
  Partial<Pick<ObjectiveKind, 'help' | 'parameters' | 'text'>> & {
    make(settings: ObjectiveSettings): ObjectiveParts;
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
export type CoverageDefinition = Pick<MeasureKind, 'name' | 'make'> & Partial<Pick<MeasureKind, 'help'>>;

/**
 * Defines what coverage compares: the default export of a module that `--measure ./module.js` names.
 *
 * @param definition its name, and `make`, which makes what turns a run into one vector a row
 */
export function defineCoverage(definition: CoverageDefinition): MeasureKind {
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
