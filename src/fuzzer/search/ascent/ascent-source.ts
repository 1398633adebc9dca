import { errorMessage } from '../../../core/errors.ts';
import { prepareSlices, sliceBatch } from '../../../evaluation/prepare-slices.ts';
import type { InputDescriptor } from '../../../inputs/input-descriptor.ts';
import { type GradientBatch, inputGradients, padded } from '../../../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../../../model/batched-model.ts';
import { NoGradientError } from '../../../model/gradients/gradient.ts';
import type { InputSlope, TokenSlope } from '../../../mutators/mutator.ts';
import {
  type BesideTie,
  type JudgedBatch,
  type MarginSlope,
  type Objective,
  TWO_SIDED_MARGINS,
} from '../../../objectives/objective.ts';
import type { MetamorphicTransform } from '../../generation/metamorphic-transform.ts';
import type { TaskStep } from '../../generation/mutant-generator.ts';
import type { TaskExecution } from '../../task-execution.ts';
import { type GoalAssignment, goalTensors, type SearchGoal } from '../search-goal.ts';
import { makeMarginBuffer } from '../subgoal-margins.ts';
import { groupByShape, labelOf, type Point, pointsOf } from './ascent-points.ts';
import { differenceSlope } from './difference-slope.ts';
import { LOG_MARGIN_AIM, siteSlope } from './site-slope.ts';
import { promptSlopes, tokenInputsOf, tokenSlopes } from './token-slopes.ts';

export interface AscentSourceOptions {
  readonly model: BatchedModel;
  readonly descriptors: readonly InputDescriptor[];
  readonly goals: readonly SearchGoal[];
  readonly objectives: readonly Objective[];
  readonly transforms: ReadonlyMap<string, MetamorphicTransform>;
  /** Tensors that coverage and objectives watch. */
  readonly watched: readonly string[];
  readonly varying: boolean;
  /** Most mutants in a run of the model. */
  readonly batch: number;
}

/** By pick, the slope of the distance from the goal in each input. */
export type SlopesByPick = ReadonlyMap<number, RowSlopes>;

/** Of a testcase, the slope in each input. */
type RowSlopes = readonly (InputSlope | TokenSlope | undefined)[];

/** The slopes of a step, and what they took. */
export interface StepSlopes {
  readonly slopes: SlopesByPick;
  readonly forwards: number;
  readonly gradients: number;
  readonly runs: number;
  readonly gradientSeconds: number;
  readonly refusal?: string;
}

/** Derivatives that go back through one tensor, of the run on the testcases or on the transformed ones. */
interface Upstream {
  readonly isTransformed: boolean;
  readonly tensor: string;
  readonly size: number;
  readonly data: Float32Array;
}

/**
 * Slopes of the distance from a task's goal at the testcases that its picks mutate: the margin is differentiated with respect to
 * what it is measured by, and the model with respect to its inputs.
 */
export class AscentSource {
  readonly #options: AscentSourceOptions;
  /** Of a task, the slopes that earlier steps computed: a step that gained nothing mutates the same testcases. */
  readonly #known = new WeakMap<TaskExecution, KnownSlopes>();

  constructor(options: AscentSourceOptions) {
    this.#options = options;
  }

  /** Computes the slopes for the picks of a step; none for testcases that the model fails, or whose margin has no slope. */
  async slopesFor(execution: TaskExecution, step: TaskStep): Promise<StepSlopes> {
    const { goal } = execution.task;
    const slopes = new Map<number, RowSlopes>();
    let forwards = 0;
    let gradients = 0;
    let runs = 0;
    let gradientSeconds = 0;
    let refusal: string | undefined;
    if (goal === undefined) return { slopes, forwards, gradients, runs, gradientSeconds };
    const { model, goals, transforms, batch: maxRows } = this.#options;
    const searched = goals[goal.goalIndex];
    const transform = 'objective' in searched ? transforms.get(searched.objective) : undefined;
    const objective = 'objective' in searched ? this.#objectiveOf(searched.objective) : undefined;
    const limit = Math.min(model.maxBatchSize, maxRows);
    const record = ({ picks }: Point, values: RowSlopes | undefined): void => {
      if (values !== undefined) for (const pick of picks) slopes.set(pick, values);
    };
    const known = this.#known.get(execution) ?? new KnownSlopes();
    this.#known.set(execution, known);
    const unknown = pointsOf(execution, goal, step).filter((point) => {
      const values = known.get(point);
      record(point, values);
      return values === undefined;
    });
    for (const points of groupByShape(unknown, limit)) {
      const batch = padded(points.map(({ parent }) => parent.data));
      try {
        if (objective?.predictMargins !== undefined) {
          const wanted = Array.from({ length: batch.rows }, (_, row) => (points[row] ?? points[0]).subgoal);
          const prompts = await promptSlopes(model, batch, objective, wanted, this.#options.descriptors[0]);
          if (prompts === undefined) continue;
          gradients += points.length;
          runs++;
          gradientSeconds += prompts.seconds;
          points.forEach((point, row) => {
            const slope = prompts.slopes[row];
            known.set(point, slope && [slope]);
            record(point, slope && [slope]);
          });
          continue;
        }
        forwards += batch.rows;
        const measured = await this.#measure(execution, goal, points, batch);
        if (measured.every((slope) => slope === undefined)) continue;
        const result = await this.#differentiate(points, measured, batch, transform);
        gradients += result.gradients;
        runs += result.runs;
        gradientSeconds += result.seconds;
        points.forEach((point, row) => {
          known.set(point, result.slopes[row]);
          record(point, result.slopes[row]);
        });
      } catch (error) {
        refusal ??=
          error instanceof NoGradientError ? error.message : `the gradient fails: ${errorMessage(error)}`;
      }
    }
    return {
      slopes,
      forwards,
      gradients,
      runs,
      gradientSeconds,
      ...(refusal === undefined ? {} : { refusal }),
    };
  }

  #objectiveOf(goal: string): Objective | undefined {
    return this.#options.objectives.find(({ name }) => name === goal);
  }

  /** Runs the model on the points; the slope of each point's margin, in the tensors that it is measured by. */
  async #measure(
    execution: TaskExecution,
    goal: GoalAssignment,
    points: readonly Point[],
    { batch, rows }: GradientBatch,
  ): Promise<readonly (MarginSlope | undefined)[]> {
    const { model, goals, transforms, watched, varying } = this.#options;
    const searched = goals[goal.goalIndex];
    const tensors = [...new Set([...watched, ...goalTensors(searched)])];
    const result = await model.run(batch, rows, tensors);
    if ('site' in searched) {
      const { hazardTarget } = searched;
      const isVarying = varying || hazardTarget.isInBody === true;
      return points.map(({ subgoal }, row) =>
        siteSlope(hazardTarget, tensorsOfRow(result, row), subgoal, isVarying),
      );
    }
    const objective = this.#objectiveOf(searched.objective);
    if (objective?.margins === undefined) return points.map(() => undefined);
    const labels = Int32Array.from({ length: rows }, (_, row) => labelOf(execution, points[row]));
    const transform = transforms.get(objective.name);
    const slices = await prepareSlices(
      objective,
      model,
      { ...result, activations: result.activations.slice(0, watched.length) },
      { labels, testcases: batch },
      transform && (() => transform.apply(batch, rows)),
    );
    return points.map(({ subgoal, rank }, row) => {
      const slice = slices.find(
        ({ firstRow, batch: { rows: count } }) => row >= firstRow && row < firstRow + count,
      );
      if (slice === undefined) return undefined;
      const local = row - slice.firstRow;
      return objectiveSlope(
        objective,
        sliceBatch(slice.batch, local, local + 1),
        goal.seeds === undefined ? { index: subgoal, rank } : undefined,
      );
    });
  }

  /** Takes the slopes back to the inputs; those of one tensor together. */
  async #differentiate(
    points: readonly Point[],
    measured: readonly (MarginSlope | undefined)[],
    padded: GradientBatch,
    transform: MetamorphicTransform | undefined,
  ): Promise<{
    readonly slopes: readonly (RowSlopes | undefined)[];
    readonly gradients: number;
    readonly runs: number;
    readonly seconds: number;
  }> {
    const { model, descriptors } = this.#options;
    const { batch, rows } = padded;
    const tokenInputs = tokenInputsOf(descriptors);
    const totals = model.model.inputs.map((_, i) => new Float32Array(rows * batch.form.inputs[i].size));
    /** Of inputs of tokens, the gradient at each look-up. */
    const lookupTotals = new Map<number, readonly Float32Array[]>();
    const reached = new Set<number>();
    let gradients = 0;
    let runs = 0;
    let seconds = 0;
    let refusal: NoGradientError | undefined;
    for (const { isTransformed, tensor, data } of upstreamsOf(measured, rows)) {
      const ran = isTransformed ? transform?.apply(batch, rows) : batch;
      if (ran === undefined) continue;
      try {
        const parts = await inputGradients(model, { batch: ran, rows }, tensor, data, tokenInputs);
        gradients += points.length;
        runs++;
        seconds += parts.seconds;
        parts.values.forEach((part, i) => {
          if (part === undefined) return;
          reached.add(i);
          addTo(totals[i], part);
        });
        parts.lookups.forEach((lookups, i) => {
          const before = lookupTotals.get(i);
          if (lookups === undefined) return;
          if (before === undefined) lookupTotals.set(i, lookups);
          else before.forEach((total, n) => addTo(total, lookups[n]));
        });
      } catch (error) {
        if (!(error instanceof NoGradientError)) throw error;
        refusal ??= error;
      }
    }
    if (gradients === 0 && refusal !== undefined) throw refusal;
    const ofTokens = new Map<number, readonly TokenSlope[]>();
    for (const [i, lookups] of lookupTotals)
      ofTokens.set(i, await tokenSlopes(model, padded, i, lookups, descriptors[i]));
    return {
      gradients,
      runs,
      seconds,
      slopes: points.map((_, row) => {
        const slope = measured[row];
        if (slope === undefined) return undefined;
        const ofNumbers = splitDistance(
          slope.distance,
          slope.beyond,
          batch.form.inputs.map(({ size }, i) =>
            reached.has(i) ? totals[i].slice(row * size, (row + 1) * size) : undefined,
          ),
        );
        if (ofNumbers === undefined && ofTokens.size === 0) return undefined;
        return batch.form.inputs.map((_input, i) => ofTokens.get(i)?.[row] ?? ofNumbers?.[i]);
      }),
    };
  }
}

function tensorsOfRow({ outputs, activations }: BatchResult, row: number): ReadonlyMap<string, BatchTensor> {
  const slice = (tensor: BatchTensor): BatchTensor => ({
    ...tensor,
    data: tensor.data.subarray(row * tensor.size, (row + 1) * tensor.size),
  });
  return new Map([...outputs, ...activations].map((tensor) => [tensor.name, slice(tensor)]));
}

/** Slopes by testcase, and by subgoal and rank. */
class KnownSlopes {
  readonly #slopes = new Map<Point['parent']['data'], Map<string, RowSlopes>>();

  get({ parent, subgoal, rank }: Point): RowSlopes | undefined {
    return this.#slopes.get(parent.data)?.get(`${subgoal}/${rank}`);
  }

  set({ parent, subgoal, rank }: Point, slopes: RowSlopes | undefined): void {
    if (slopes === undefined) return;
    const ofTestcase = this.#slopes.get(parent.data) ?? new Map<string, RowSlopes>();
    this.#slopes.set(parent.data, ofTestcase.set(`${subgoal}/${rank}`, slopes));
  }
}

/**
 * The slope of one of an objective's margins at the only row of a batch.
 *
 * @param wanted index of the margin, and the boundary where any will do; undefined for the least margin
 */
function objectiveSlope(
  objective: Objective,
  batch: JudgedBatch,
  wanted: { readonly index: number; readonly rank: number } | undefined,
): MarginSlope | undefined {
  const margins = makeMarginBuffer();
  const count = objective.margins?.(batch, 0, margins) ?? 0;
  const index =
    wanted?.index ??
    margins.subarray(0, count).reduce((least, margin, i) => (margin < margins[least] ? i : least), 0);
  if (index >= count) return undefined;
  const isOfBoundary = objective.isTwoSided === true && index < TWO_SIDED_MARGINS;
  if (objective.marginSlope !== undefined)
    return objective.marginSlope(batch, 0, index, isOfBoundary ? wanted?.rank : undefined);
  const { outputs } = batch;
  // A watched output is measured as an output.
  const inner = batch.activations.filter(({ name }) => !outputs.some((output) => output.name === name));
  const slopes = differenceSlope([...outputs, ...inner], (changed) => {
    const candidate = {
      ...batch,
      outputs: changed.slice(0, outputs.length),
      activations: changed.slice(outputs.length),
    };
    objective.margins?.(candidate, 0, margins);
    return margins[index];
  });
  return slopes && { distance: LOG_MARGIN_AIM, tensors: slopes };
}

/** The slopes of all rows in one tensor after the other. */
function upstreamsOf(measured: readonly (MarginSlope | undefined)[], rows: number): Upstream[] {
  const upstreams = new Map<string, Upstream>();
  measured.forEach((slope, row) => {
    if (slope === undefined) return;
    for (const [isTransformed, tensors] of [
      [false, slope.tensors],
      [true, slope.transformed],
    ] as const)
      for (const [tensor, derivatives] of tensors ?? []) {
        if (derivatives.every((value) => value === 0)) continue;
        const key = `${isTransformed}/${tensor}`;
        const size = derivatives.length;
        const upstream = upstreams.get(key) ?? {
          isTransformed,
          tensor,
          size,
          data: new Float32Array(rows * size),
        };
        upstreams.set(key, upstream);
        upstream.data.set(derivatives, row * size);
      }
  });
  return [...upstreams.values()];
}

/** Adds values to others; what is not finite counts as 0, since the forecast is linear. */
function addTo(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) {
    const sum = total[i] + part[i];
    if (Number.isFinite(sum)) total[i] = sum;
  }
}

/** Splits a distance among inputs by the squares of their slopes, as the least common step does. Undefined where all are 0. */
function splitDistance(
  distance: number,
  beyond: BesideTie | undefined,
  derivatives: readonly (Float32Array | undefined)[],
): readonly (InputSlope | undefined)[] | undefined {
  const squares = derivatives.map((values) => values?.reduce((sum, value) => sum + value * value, 0) ?? 0);
  const total = squares.reduce((sum, value) => sum + value, 0);
  if (!(total > 0) || !Number.isFinite(total)) return undefined;
  return derivatives.map((values, i) => {
    if (values === undefined) return undefined;
    const part = squares[i] / total;
    return {
      derivatives: values,
      distance: distance * part,
      ...(beyond && { beyond: { lead: beyond.lead * part, spread: beyond.spread * part } }),
    };
  });
}
