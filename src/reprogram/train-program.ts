import { Adam } from '../core/adam.ts';
import { drawNormal, type Random, randomStream, shuffle } from '../core/random.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { assignClasses } from './class-map.ts';
import { goalName, lossOf, type ProgramGoal } from './goal.ts';
import type { ClassMap, LogitLoss } from './losses.ts';
import { drawOffset } from './program.ts';
import { ProgramOracle, type ProgramOracleOptions } from './program-oracle.ts';

/** How a program is searched for: along gradients, or by natural evolution strategies, which ask for outputs alone. */
export const PROGRAM_METHODS = ['gradient', 'nes'] as const;
export type ProgramMethod = (typeof PROGRAM_METHODS)[number];

/** A program to train. Plain data, sent between processes. */
export interface TrainRequest extends Omit<ProgramOracleOptions, 'maxRows'> {
  readonly inputs: readonly TestcaseData[];
  readonly goal: ProgramGoal;
  readonly method: ProgramMethod;
  /** Steps along gradients. */
  readonly steps: number;
  /** Runs of the model by `nes`, of all starts. */
  readonly queries: number;
  /** Runs of each input, over which a random model is averaged; 1 for others. */
  readonly draws: number;
  /** Master seed. */
  readonly seed: string;
  /** Which of `STARTS` searches this is, from 0. */
  readonly start: number;
  /** W at the start; drawn where it is absent. */
  readonly weights?: Float64Array;
}

export interface TrainedProgram {
  /** W, one for each value of the mask. */
  readonly weights: Float64Array;
  /** The training loss of each step. */
  readonly losses: Float64Array;
  /** The classes of the labels of a task; empty for other goals. */
  readonly map: ClassMap;
}

/** Searches from different starts, of which the one with the lowest training loss is kept. */
export const STARTS = 2;

const LEARNING_RATE = 0.1;

/** Weight of the squared length of W in the loss. */
const DECAY = 1e-6;

const GRADIENT_BATCH = 64;

/** Antithetic pairs of a step of NES; its batch and the standard deviation of its directions, for a class and for a task. */
const NES_PAIRS = 20;
const NES_BATCH = { universal: 32, task: 64 } as const;
const NES_SIGMA = { universal: 0.3, task: 0.5 } as const;
const NES_DECAYS = [0.9, 0.99] as const;

/** Standard deviation of W at the start. */
const START_DEVIATION = { add: 0.1, replace: 0.5 } as const;

/** Steps at which classes are assigned to the labels of a task, and the inputs that they are assigned by. */
const ASSIGNED_AT = [0, 100, 300];
const ASSIGNED_BY = 512;

/**
 * Trains one change for all inputs from one start, by Adam on the loss of its goal (Elsayed, Goodfellow & Sohl-Dickstein 2018;
 * Moosavi-Dezfooli et al. 2017), or by NES with antithetic pairs (Ilyas, Engstrom, Athalye & Lin 2018). Draws depend on seed, goal, start
 * and step alone.
 *
 * @param maxRows inputs in one run of the model
 * @param onProgress called with the share that is done
 * @throws Error where the method is `gradient` and the model has none
 */
export async function trainProgram(
  model: BatchedModel,
  request: TrainRequest,
  maxRows: number,
  onProgress: (share: number) => void = () => {},
): Promise<TrainedProgram> {
  const oracle = new ProgramOracle(model, { ...request, maxRows });
  const { seed, goal, placement, method, start } = request;
  const size = placement.mask.length;
  const key = goalName(goal);
  const begin = randomStream(seed, 'reprogram', key, start, 'begin');
  const deviation = START_DEVIATION[placement.mode];
  const weights =
    request.weights?.slice() ?? Float64Array.from({ length: size }, () => deviation * drawNormal(begin));
  const adam = method === 'gradient' ? new Adam(size) : new Adam(size, NES_DECAYS);
  const steps = stepsOf(request);
  const losses = new Float64Array(steps);
  let map: ClassMap = goal.kind === 'task' && goal.map !== 'assign' ? goal.map : [];
  for (let step = 0; step < steps; step++) {
    const random = randomStream(seed, 'reprogram', key, start, step);
    if (goal.kind === 'task' && goal.map === 'assign' && ASSIGNED_AT.includes(step))
      map = await assignedMap(oracle, request, weights, goal, random);
    const batch = drawBatch(request, random);
    const loss = lossOf(goal, batch.rows, map);
    const slope = await (method === 'gradient'
      ? oracle.differentiate(batch.inputs, weights, loss, batch.offsets)
      : estimatedSlope(oracle, request, weights, loss, batch, random));
    for (let i = 0; i < size; i++) slope.gradient[i] += 2 * DECAY * weights[i];
    // The last third settles.
    adam.step(weights, slope.gradient, step < (2 * steps) / 3 ? LEARNING_RATE : LEARNING_RATE / 4);
    losses[step] = slope.loss;
    onProgress((step + 1) / steps);
  }
  return { weights, losses, map };
}

/** Of the starts of a program, the one with the lowest training loss over its last tenth of the steps. */
export function bestStart(starts: readonly TrainedProgram[]): TrainedProgram {
  const endOf = ({ losses }: TrainedProgram): number =>
    meanOf(losses.slice(-Math.max(1, Math.floor(losses.length / 10))));
  return starts.reduce((best, other) => (endOf(other) < endOf(best) ? other : best));
}

/** Runs of the model that training takes, from all starts; a gradient counts as one run and one backward, which takes about two. */
export function queriesOf(request: Omit<TrainRequest, 'start' | 'inputs'>, inputs: number): number {
  const { method, goal, draws } = request;
  const steps = stepsOf(request);
  const perStep =
    method === 'gradient'
      ? 3 * Math.min(inputs, GRADIENT_BATCH) * draws
      : 2 * NES_PAIRS * Math.min(inputs, nesKind(goal, NES_BATCH)) * draws;
  const assigned =
    goal.kind === 'task' && goal.map === 'assign'
      ? ASSIGNED_AT.filter((step) => step < steps).length * Math.min(inputs, ASSIGNED_BY)
      : 0;
  return STARTS * (steps * perStep + assigned);
}

function stepsOf({
  method,
  steps,
  queries,
  goal,
  draws,
}: Pick<TrainRequest, 'method' | 'steps' | 'queries' | 'goal' | 'draws'>): number {
  if (method === 'gradient') return steps;
  return Math.max(1, Math.floor(queries / (STARTS * 2 * NES_PAIRS * nesKind(goal, NES_BATCH) * draws)));
}

function nesKind(
  { kind }: ProgramGoal,
  figures: { readonly universal: number; readonly task: number },
): number {
  return kind === 'task' ? figures.task : figures.universal;
}

/** Training inputs of one step, by their numbers, each as often as a random model is run on it, and where a patch lies in each. */
interface Batch {
  readonly rows: readonly number[];
  readonly inputs: readonly TestcaseData[];
  readonly offsets: readonly number[];
}

/** Inputs drawn without repetition; all of them where there are no more. */
function drawBatch({ inputs, method, goal, draws, placement }: TrainRequest, random: Random): Batch {
  const size = method === 'gradient' ? GRADIENT_BATCH : nesKind(goal, NES_BATCH);
  const all = Array.from(inputs, (_, i) => i);
  const drawn = inputs.length <= size ? all : shuffle(all, random).slice(0, size);
  const rows = drawn.flatMap((row) => new Array<number>(draws).fill(row));
  return {
    rows,
    inputs: rows.map((row) => inputs[row]),
    offsets: rows.map(() => drawOffset(placement, random)),
  };
}

async function assignedMap(
  oracle: ProgramOracle,
  { inputs, placement }: TrainRequest,
  weights: Float64Array,
  { labels, labelCount }: Extract<ProgramGoal, { readonly kind: 'task' }>,
  random: Random,
): Promise<ClassMap> {
  const rows = shuffle(
    Array.from(inputs, (_, i) => i),
    random,
  ).slice(0, ASSIGNED_BY);
  const logits = await oracle.logits(
    rows.map((row) => inputs[row]),
    weights,
    { offsets: rows.map(() => drawOffset(placement, random)) },
  );
  return assignClasses(
    logits,
    rows.map((row) => labels[row]),
    labelCount,
  );
}

interface Slope {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** The gradient by differences along random directions, of which each is tried both ways on the same inputs. */
async function estimatedSlope(
  oracle: ProgramOracle,
  { placement, goal }: TrainRequest,
  weights: Float64Array,
  loss: LogitLoss,
  { inputs, offsets }: Batch,
  random: Random,
): Promise<Slope> {
  const sigma = nesKind(goal, NES_SIGMA);
  const gradient = new Float64Array(weights.length);
  let sum = 0;
  for (let pair = 0; pair < NES_PAIRS; pair++) {
    const direction = Float64Array.from(placement.mask, (isInside) =>
      isInside === 0 ? 0 : drawNormal(random),
    );
    const meanAt = async (sign: number): Promise<number> => {
      const moved = weights.map((weight, i) => weight + sign * sigma * direction[i]);
      const logits = await oracle.logits(inputs, moved, { offsets });
      return logits.reduce((total, row, i) => total + loss(row, i).loss, 0) / logits.length;
    };
    const [above, below] = [await meanAt(1), await meanAt(-1)];
    sum += above + below;
    const rise = (above - below) / (2 * sigma * NES_PAIRS);
    for (let i = 0; i < gradient.length; i++) gradient[i] += rise * direction[i];
  }
  return { loss: sum / (2 * NES_PAIRS), gradient };
}

/** The training loss in ten means over equal parts of its steps. */
export function tenths(losses: Float64Array): number[] {
  const parts = Math.min(10, losses.length);
  return Array.from({ length: parts }, (_, part) =>
    meanOf(losses.slice((part * losses.length) / parts, ((part + 1) * losses.length) / parts)),
  );
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
