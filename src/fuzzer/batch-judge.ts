import { errorMessage } from '../core/errors.ts';
import { type AttributedViolation, Attributor, isMeant } from '../evaluation/attributor.ts';
import { traceFailedRun } from '../evaluation/failed-run.ts';
import { type Judges, withOpinions } from '../evaluation/judges.ts';
import { type BatchSlice, prepareSlices, sliceBatch } from '../evaluation/prepare-slices.ts';
import { PluginError } from '../extensions/plugin-loader.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import { isNoFault, type Objective, type Violation } from '../objectives/objective.ts';
import type { MutantRun } from './batch-runner.ts';
import type { MetamorphicTransform } from './generation/metamorphic-transform.ts';
import type { MutantGenerator } from './generation/mutant-generator.ts';
import type { MutantSlice, TaskExecution } from './task-execution.ts';

export interface BatchJudgeOptions {
  readonly model: BatchedModel;
  readonly objectives: readonly Objective[];
  /** By the name of an objective that runs testcases twice, the transform before the second run. */
  readonly transforms: ReadonlyMap<string, MetamorphicTransform>;
  /** Whether there is memory for tracing violations to operations. */
  readonly traces: boolean;
  /** Models that tell whether a wrong answer's input still shows its seed's class; absent where none do. */
  readonly judges?: Pick<Judges, 'judge'> | undefined;
}

/** The objectives' verdicts on a run. */
export interface Judgement {
  /** Rows that break an objective, counted from the first one that ran; ties are none of them. */
  readonly violatingRows: ReadonlySet<number>;
  /** The run as each objective saw it; none where its plug-in failed. */
  readonly slices: ReadonlyMap<Objective, readonly BatchSlice[]>;
}

/** A row that breaks an objective, counted from the first one that ran. */
interface RowViolation {
  readonly row: number;
  readonly violation: Violation;
}

/** Violations of a signature that are traced in a task: the first ones, and one in so many after them. */
const MAX_FIRST_TRACES = 2;
const TRACE_INTERVAL_VIOLATIONS = 32;

/** Judges runs of mutants, traces violations to operations and records them as hits. */
export class BatchJudge {
  readonly #options: BatchJudgeOptions;
  readonly #generator: MutantGenerator;
  readonly #attributor: Attributor;
  readonly #isLabelled: boolean;

  constructor(options: BatchJudgeOptions, generator: MutantGenerator) {
    this.#options = options;
    this.#generator = generator;
    this.#attributor = new Attributor(options.model, options.traces);
    this.#isLabelled = options.objectives.some(({ labelled }) => labelled === true);
  }

  /** Has every objective of the task judge a run. */
  async judge(
    execution: TaskExecution,
    slice: MutantSlice,
    { result, whole, time }: MutantRun,
  ): Promise<Judgement> {
    const violatingRows = new Set<number>();
    const slices = new Map<Objective, readonly BatchSlice[]>();
    const siteNames = new Set(execution.goalTracker?.siteTensors);
    const siteTensors = whole.activations.filter(({ name }) => siteNames.has(name));
    const testcases = this.#generator.rows(slice.form, slice.from, slice.to);
    const context = { labels: this.#labels(execution, slice), time, siteTensors, testcases };
    for (const objective of execution.objectives) {
      const transform = this.#options.transforms.get(objective.name);
      const transformed =
        transform &&
        (() =>
          transform.apply(this.#generator.rows(slice.form, slice.from, slice.to), slice.to - slice.from));
      const seen = await prepareSlices(objective, this.#options.model, result, context, transformed);
      const violations = this.#violations(execution, objective, slice, seen);
      if (violations === undefined) continue;
      slices.set(objective, seen);
      const attributed = await this.#attribute(execution, objective, slice, violations);
      for (const { row, violation } of await this.#withOpinions(
        objective,
        slice,
        attributed,
        context.labels,
      )) {
        // A tie is no fault: the search goes on from it.
        if (!isNoFault(violation.signature)) violatingRows.add(row);
        this.#recordHit(execution, slice, slice.from + row, violation, objective);
        // A wrong answer to an input that judges do not find clear breaks no seed.
        if (execution.seedHits === undefined || (violation.judges && isNoFault(violation.signature)))
          continue;
        const mutant = this.#generator.rows(slice.form, slice.from + row, slice.from + row + 1);
        execution.seedHits.record(objective, violation, slice.from + row, mutant);
      }
    }
    return { violatingRows, slices };
  }

  /** Adds what judges say of wrong answers, and tells those apart that not all of them find clear. */
  async #withOpinions(
    objective: Objective,
    { form, from }: MutantSlice,
    violations: readonly RowViolation[],
    labels: Int32Array | undefined,
  ): Promise<readonly RowViolation[]> {
    const { judges } = this.#options;
    if (judges === undefined || labels === undefined || violations.length === 0) return violations;
    if (objective.labelled !== true) return violations;
    const rows = violations.map(({ row }) => this.#generator.rows(form, from + row, from + row + 1));
    const opinions = await judges.judge(
      rows,
      violations.map(({ row }) => labels[row]),
    );
    return violations.map(({ row, violation }, i) => ({
      row,
      violation: withOpinions(violation, opinions[i]),
    }));
  }

  /** Records a mutant that the runtime fails. Only a sample of like failures is traced, since a trace is another run. */
  async recordFailedRun(execution: TaskExecution, slice: MutantSlice, error: unknown): Promise<void> {
    const { model, traces } = this.#options;
    const { form, from } = slice;
    const { traced } = execution;
    const untraced = failedRunViolation(errorMessage(error));
    const before = traced.get(untraced.signature);
    const count = (before?.count ?? 0) + 1;
    const testcase = this.#generator.rows(form, from, from + 1);
    const violation =
      before === undefined || isTraceDue(count)
        ? await traceFailedRun(model, testcase, error, traces)
        : before.attributed.violation;
    traced.set(untraced.signature, { count, attributed: { violation } });
    this.#recordHit(execution, slice, from, violation, undefined);
  }

  /**
   * Stops judging by an objective, since its plug-in failed.
   *
   * @param row of the batch: the testcase that is kept as an example
   * @throws the error where no plug-in caused it
   */
  disableObjective(
    execution: TaskExecution,
    objective: Objective,
    { form }: MutantSlice,
    row: number,
    error: unknown,
  ): void {
    if (!(error instanceof PluginError)) throw error;
    execution.objectives.delete(objective);
    execution.disabledObjectives.push({
      objective: objective.name,
      message: error.message,
      data: this.#generator.copy(form, row, row + 1),
    });
  }

  /** Undefined where the objective's plug-in fails. */
  #violations(
    execution: TaskExecution,
    objective: Objective,
    slice: MutantSlice,
    seen: readonly BatchSlice[],
  ): readonly RowViolation[] | undefined {
    const violations: RowViolation[] = [];
    try {
      for (const { batch, firstRow } of seen)
        objective.judge(batch, (row, violation) => {
          if (!this.#generator.isVoid(slice.from + firstRow + row))
            violations.push({ row: firstRow + row, violation });
        });
    } catch (error) {
      const row = slice.from + Math.max(0, findFailingRow(objective, seen));
      this.disableObjective(execution, objective, slice, row, error);
      return undefined;
    }
    return violations;
  }

  /** The class that each row's seed shows, below 0 where that is not known; undefined where no objective needs it. */
  #labels({ task, view }: TaskExecution, { from, to }: MutantSlice): Int32Array | undefined {
    if (!this.#isLabelled) return undefined;
    return Int32Array.from({ length: to - from }, (_, i) => {
      const pick = this.#generator.pickOf(from + i);
      return view.entryData(task.parents[pick]).label ?? NO_CLASS;
    });
  }

  /**
   * Traces violations to operations; of one signature only a sample, since a trace takes several runs. Those that the graph
   * means are left out.
   */
  async #attribute(
    { traced }: TaskExecution,
    objective: Objective,
    { form, from, to }: MutantSlice,
    violations: readonly RowViolation[],
  ): Promise<readonly RowViolation[]> {
    if (objective.attribute === undefined) return violations;
    const batch = { testcases: this.#generator.rows(form, from, to), rows: to - from };
    const attributed: RowViolation[] = [];
    for (const { row, violation } of violations) {
      const before = traced.get(violation.signature) ?? { count: 0, attributed: { violation } };
      const count = before.count + 1;
      const isDue = isTraceDue(count);
      const testcase = this.#generator.rows(form, from + row, from + row + 1);
      // Exhaustive for the first one of each task: results must not depend on what a worker has seen before.
      const request = { testcase, batch, exhaustive: count === 1 };
      const trace = isDue ? await this.#attributor.attribute(objective, violation, request) : undefined;
      // A violation that only an exhaustive trace can attribute is taken to be like the one before it.
      const traceResult: AttributedViolation = trace?.origin === undefined ? before.attributed : trace;
      traced.set(violation.signature, { count, attributed: traceResult });
      if (!isMeant(traceResult)) attributed.push({ row, violation: traceResult.violation });
    }
    return attributed;
  }

  /** @param row of the batch */
  #recordHit(
    { task, hitCollector, view, trajectories }: TaskExecution,
    { form, first, from, to }: MutantSlice,
    row: number,
    violation: Violation,
    objective: Objective | undefined,
  ): void {
    const pick = this.#generator.pickOf(row);
    // Hot where most mutants violate: most of them are counted alone.
    const seed = hitCollector.keepsBySeed ? view.entryData(task.parents[pick]).ancestorIndex : undefined;
    if (!hitCollector.countHit(violation, seed)) return;
    const { label } = view.entryData(task.parents[pick]);
    const path = trajectories.pathOf(pick);
    const latent = this.#generator.latentChangeOf(row);
    const transform = objective && this.#options.transforms.get(objective.name);
    hitCollector.add({
      pick,
      ...(path === undefined ? {} : { path }),
      execs: task.firstExec + first + row + 1,
      violation,
      data: this.#generator.copy(form, row, row + 1),
      ...(objective?.labelled === true && label !== undefined ? { label } : {}),
      ...(latent === undefined ? {} : { latent }),
      ...(transform === undefined
        ? {}
        : { transformed: packBatch([transform.apply(this.#generator.rows(form, row, row + 1), 1)]) }),
      batch: { data: this.#generator.copy(form, from, to), rows: to - from, row: row - from },
    });
  }
}

/** Whether the violation of a signature that is the task's `count`th is traced. */
function isTraceDue(count: number): boolean {
  return count <= MAX_FIRST_TRACES || count % TRACE_INTERVAL_VIOLATIONS === 0;
}

/** The first row that judging fails on alone, counted from the first one that ran; -1 where there is none. */
function findFailingRow(objective: Objective, slices: readonly BatchSlice[]): number {
  for (const { batch, firstRow } of slices)
    for (let row = 0; row < batch.rows; row++) {
      try {
        objective.judge(sliceBatch(batch, row, row + 1), () => {});
      } catch {
        return firstRow + row;
      }
    }
  return -1;
}
