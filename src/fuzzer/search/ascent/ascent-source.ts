import { errorMessage } from '../../../core/errors.ts';
import { prepareSlices, sliceBatch } from '../../../evaluation/prepare-slices.ts';
import { NO_CLASS } from '../../../inputs/class-label.ts';
import { inputGradients } from '../../../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../../../model/batched-model.ts';
import { NoGradientError } from '../../../model/gradients/gradient.ts';
import { packBatch, type TestcaseBatch } from '../../../model/testcase-batch.ts';
import type { InputSlope } from '../../../mutators/mutator.ts';
import {
  type BesideTie,
  type JudgedBatch,
  type MarginSlope,
  type Objective,
  TWO_SIDED_MARGINS,
} from '../../../objectives/objective.ts';
import type { MetamorphicTransform } from '../../generation/metamorphic-transform.ts';
import type { TaskStep } from '../../generation/mutant-generator.ts';
import type { CorpusEntryData } from '../../scheduling/task.ts';
import type { TaskExecution } from '../../task-execution.ts';
import { type GoalAssignment, goalTensors, MAX_MARGIN, type SearchGoal } from '../search-goal.ts';
import { makeMarginBuffer } from '../subgoal-margins.ts';
import { differenceSlope } from './difference-slope.ts';
import { LOG_MARGIN_AIM, siteSlope } from './site-slope.ts';

export interface AscentSourceOptions {
  readonly model: BatchedModel;
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
export type SlopesByPick = ReadonlyMap<number, readonly (InputSlope | undefined)[]>;

/** The slopes of a step, and what they took. */
export interface StepSlopes {
  readonly slopes: SlopesByPick;
  readonly forwards: number;
  readonly gradients: number;
  readonly gradientSeconds: number;
  readonly refusal?: string;
}

/** A testcase whose margin is differentiated. */
interface Point {
  readonly parent: CorpusEntryData;
  readonly picks: number[];
  readonly subgoal: number;
  /** Where any boundary between two classes will do: its place, the nearest first. */
  readonly rank: number;
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

  constructor(options: AscentSourceOptions) {
    this.#options = options;
  }

  /** Computes the slopes for the picks of a step; none for testcases that the model fails, or whose margin has no slope. */
  async slopesFor(execution: TaskExecution, step: TaskStep): Promise<StepSlopes> {
    const { goal } = execution.task;
    const slopes = new Map<number, readonly (InputSlope | undefined)[]>();
    let forwards = 0;
    let gradients = 0;
    let gradientSeconds = 0;
    let refusal: string | undefined;
    if (goal === undefined) return { slopes, forwards, gradients, gradientSeconds };
    const { model, goals, transforms, batch: maxRows } = this.#options;
    const searched = goals[goal.goalIndex];
    const transform = 'objective' in searched ? transforms.get(searched.objective) : undefined;
    const limit = Math.min(model.maxBatchSize, maxRows);
    for (const points of groupByShape(pointsOf(execution, goal, step), limit)) {
      const batch = padded(points.map(({ parent }) => parent.data));
      try {
        forwards += batch.rows;
        const measured = await this.#measure(execution, goal, points, batch);
        if (measured.every((slope) => slope === undefined)) continue;
        const result = await this.#differentiate(points, measured, batch, transform);
        gradients += result.gradients;
        gradientSeconds += result.seconds;
        points.forEach(({ picks }, row) => {
          const values = result.slopes[row];
          if (values !== undefined) for (const pick of picks) slopes.set(pick, values);
        });
      } catch (error) {
        refusal ??=
          error instanceof NoGradientError ? error.message : `the gradient fails: ${errorMessage(error)}`;
      }
    }
    return { slopes, forwards, gradients, gradientSeconds, ...(refusal === undefined ? {} : { refusal }) };
  }

  /** Runs the model on the points; the slope of each point's margin, in the tensors that it is measured by. */
  async #measure(
    execution: TaskExecution,
    goal: GoalAssignment,
    points: readonly Point[],
    { batch, rows }: PaddedBatch,
  ): Promise<readonly (MarginSlope | undefined)[]> {
    const { model, goals, objectives, transforms, watched, varying } = this.#options;
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
    const objective = objectives.find(({ name }) => name === searched.objective);
    if (objective?.margins === undefined || objective.predictMargins !== undefined)
      return points.map(() => undefined);
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
    { batch, rows }: PaddedBatch,
    transform: MetamorphicTransform | undefined,
  ): Promise<{
    readonly slopes: readonly (readonly (InputSlope | undefined)[] | undefined)[];
    readonly gradients: number;
    readonly seconds: number;
  }> {
    const { model } = this.#options;
    const totals = model.model.inputs.map((_, i) => new Float32Array(rows * batch.form.inputs[i].size));
    const reached = new Set<number>();
    let gradients = 0;
    let seconds = 0;
    let refusal: NoGradientError | undefined;
    for (const { isTransformed, tensor, data } of upstreamsOf(measured, rows)) {
      const ran = isTransformed ? transform?.apply(batch, rows) : batch;
      if (ran === undefined) continue;
      try {
        const parts = await inputGradients(model, { batch: ran, rows }, tensor, data);
        gradients += points.length;
        seconds += parts.seconds;
        parts.values.forEach((part, i) => {
          if (part === undefined) return;
          reached.add(i);
          addTo(totals[i], part);
        });
      } catch (error) {
        if (!(error instanceof NoGradientError)) throw error;
        refusal ??= error;
      }
    }
    if (gradients === 0 && refusal !== undefined) throw refusal;
    return {
      gradients,
      seconds,
      slopes: points.map((_, row) => {
        const slope = measured[row];
        if (slope === undefined) return undefined;
        return splitDistance(
          slope.distance,
          slope.beyond,
          batch.form.inputs.map(({ size }, i) =>
            reached.has(i) ? totals[i].slice(row * size, (row + 1) * size) : undefined,
          ),
        );
      }),
    };
  }
}

/** Boundaries that searches which begin anew try in turn. */
const RANKS = 4;

/** The testcases that a step's picks mutate, each once for each subgoal. */
function pointsOf(
  { task, trajectories }: TaskExecution,
  goal: GoalAssignment,
  { from, to }: TaskStep,
): Point[] {
  const points: Point[] = [];
  for (let pick = from; pick < to; pick++) {
    const parent = trajectories.parentOf(pick);
    const subgoal = goal.subgoals[pick];
    const beginsAnew = from === 0 && goal.marginsToBeat[pick] >= MAX_MARGIN;
    const rank = beginsAnew ? (task.number - 1 + pick) % RANKS : 0;
    const known = points.find(
      (point) => point.parent.data === parent.data && point.subgoal === subgoal && point.rank === rank,
    );
    if (known === undefined) points.push({ parent, picks: [pick], subgoal, rank });
    else known.picks.push(pick);
  }
  return points;
}

/** Points of one shape together, at most as many as one run takes. */
function groupByShape(points: readonly Point[], maxRows: number): Point[][] {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const { key } = point.parent.data.form;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  const size = 2 ** Math.floor(Math.log2(Math.max(1, Math.min(maxRows, MAX_ROWS))));
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, i) => group.slice(i * size, (i + 1) * size)),
  );
}

/** Most testcases whose gradients are computed in one run. */
const MAX_ROWS = 8;

interface PaddedBatch {
  readonly batch: TestcaseBatch;
  readonly rows: number;
}

/** A batch whose number of rows is a power of two, the last testcase repeated: a gradient is prepared for each number. */
function padded(testcases: readonly TestcaseBatch[]): PaddedBatch {
  const rows = 2 ** Math.ceil(Math.log2(testcases.length));
  const last = testcases[testcases.length - 1];
  const batch = packBatch(Array.from({ length: rows }, (_, row) => testcases[row] ?? last));
  return { batch, rows };
}

function labelOf({ task, view }: TaskExecution, point: Point | undefined): number {
  return point === undefined ? NO_CLASS : (view.entryData(task.parents[point.picks[0]]).label ?? NO_CLASS);
}

function tensorsOfRow({ outputs, activations }: BatchResult, row: number): ReadonlyMap<string, BatchTensor> {
  const slice = (tensor: BatchTensor): BatchTensor => ({
    ...tensor,
    data: tensor.data.subarray(row * tensor.size, (row + 1) * tensor.size),
  });
  return new Map([...outputs, ...activations].map((tensor) => [tensor.name, slice(tensor)]));
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
