import { Adam } from '../core/adam.ts';
import { drawNormal, type Random, randomStream, shuffle } from '../core/random.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { classLoss, type LogitLoss, ProgramOracle, type ProgramOracleOptions } from './program-oracle.ts';

/** How a program is searched for: along gradients, or by natural evolution strategies, which ask for outputs alone. */
export const PROGRAM_METHODS = ['gradient', 'nes'] as const;
export type ProgramMethod = (typeof PROGRAM_METHODS)[number];

/** A program to train. Plain data, sent between processes. */
export interface TrainRequest extends Omit<ProgramOracleOptions, 'maxRows'> {
  readonly inputs: readonly TestcaseData[];
  /** The class that all inputs shall get. */
  readonly target: number;
  readonly method: ProgramMethod;
  /** Steps along gradients. */
  readonly steps: number;
  /** Runs of the model by `nes`. */
  readonly queries: number;
  /** Master seed. */
  readonly seed: string;
}

export interface TrainedProgram {
  /** W, one for each value of the input. */
  readonly weights: Float64Array;
  /** The training loss of the start that was kept, ten means over equal parts of its steps. */
  readonly curve: readonly number[];
  readonly queries: number;
}

/** Searches from different starts, of which the one with the lowest training loss is kept. */
const STARTS = 2;

const LEARNING_RATE = 0.1;

/** Weight of the squared length of W in the loss. */
const DECAY = 1e-6;

const GRADIENT_BATCH = 64;
const NES_BATCH = 32;

/** Antithetic pairs of a step of NES, and the standard deviation of its directions. */
const NES_PAIRS = 20;
const NES_SIGMA = 0.3;
const NES_DECAYS = [0.9, 0.99] as const;

/** Standard deviation of W at the start. */
const START_DEVIATION = { add: 0.1, replace: 0.5 } as const;

/**
 * Trains one change for all inputs that sends them to a class, by Adam on the cross-entropy (Elsayed, Goodfellow & Sohl-Dickstein 2018;
 * Moosavi-Dezfooli et al. 2017), or by NES with antithetic pairs (Ilyas, Engstrom, Athalye & Lin 2018). Draws depend on seed, class, start
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
  const steps = stepsOf(request);
  let best: { readonly weights: Float64Array; readonly losses: readonly number[] } | undefined;
  for (let start = 0; start < STARTS; start++) {
    const run = await trainOnce(oracle, request, start, (step) =>
      onProgress((start + step / steps) / STARTS),
    );
    if (best === undefined || endOf(run.losses) < endOf(best.losses)) best = run;
  }
  if (best === undefined) throw new Error('there is no start');
  return {
    weights: best.weights,
    curve: tenths(best.losses),
    queries: STARTS * steps * queriesOfStep(request),
  };
}

function stepsOf({ method, steps, queries }: Pick<TrainRequest, 'method' | 'steps' | 'queries'>): number {
  return method === 'gradient'
    ? steps
    : Math.max(1, Math.floor(queries / (STARTS * 2 * NES_PAIRS * NES_BATCH)));
}

/** Runs of one input; a gradient counts as one run and one backward, which takes about as long as two. */
function queriesOfStep({ method }: Pick<TrainRequest, 'method'>): number {
  return method === 'gradient' ? 3 * GRADIENT_BATCH : 2 * NES_PAIRS * NES_BATCH;
}

async function trainOnce(
  oracle: ProgramOracle,
  request: TrainRequest,
  start: number,
  onStep: (step: number) => void,
): Promise<{ readonly weights: Float64Array; readonly losses: readonly number[] }> {
  const { seed, target, placement, method } = request;
  const size = placement.mask.length;
  const begin = randomStream(seed, 'reprogram', target, start, 'begin');
  const deviation = START_DEVIATION[placement.mode];
  const weights = Float64Array.from({ length: size }, () => deviation * drawNormal(begin));
  const adam = method === 'gradient' ? new Adam(size) : new Adam(size, NES_DECAYS);
  const steps = stepsOf(request);
  const loss = classLoss(target);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const random = randomStream(seed, 'reprogram', target, start, step);
    const slope = await (method === 'gradient' ? slopeOf : estimatedSlope)(
      oracle,
      request,
      weights,
      loss,
      random,
    );
    for (let i = 0; i < size; i++) slope.gradient[i] += 2 * DECAY * weights[i];
    // The last third settles.
    adam.step(weights, slope.gradient, step < (2 * steps) / 3 ? LEARNING_RATE : LEARNING_RATE / 4);
    losses.push(slope.loss);
    onStep(step + 1);
  }
  return { weights, losses };
}

interface Slope {
  readonly loss: number;
  readonly gradient: Float64Array;
}

function slopeOf(
  oracle: ProgramOracle,
  { inputs }: TrainRequest,
  weights: Float64Array,
  loss: LogitLoss,
  random: Random,
): Promise<Slope> {
  return oracle.differentiate(drawBatch(inputs, GRADIENT_BATCH, random), weights, loss);
}

/** The gradient by differences along random directions, of which each is tried both ways on the same inputs. */
async function estimatedSlope(
  oracle: ProgramOracle,
  { inputs, placement }: TrainRequest,
  weights: Float64Array,
  loss: LogitLoss,
  random: Random,
): Promise<Slope> {
  const batch = drawBatch(inputs, NES_BATCH, random);
  const gradient = new Float64Array(weights.length);
  let sum = 0;
  for (let pair = 0; pair < NES_PAIRS; pair++) {
    const direction = Float64Array.from(placement.mask, (isInside) =>
      isInside === 0 ? 0 : drawNormal(random),
    );
    const meanAt = async (sign: number): Promise<number> => {
      const moved = weights.map((weight, i) => weight + sign * NES_SIGMA * direction[i]);
      const logits = await oracle.logits(batch, moved);
      return logits.reduce((total, row, i) => total + loss(row, i).loss, 0) / logits.length;
    };
    const [above, below] = [await meanAt(1), await meanAt(-1)];
    sum += above + below;
    const rise = (above - below) / (2 * NES_SIGMA * NES_PAIRS);
    for (let i = 0; i < gradient.length; i++) gradient[i] += rise * direction[i];
  }
  return { loss: sum / (2 * NES_PAIRS), gradient };
}

/** Inputs drawn without repetition; all of them where there are no more. */
function drawBatch(inputs: readonly TestcaseData[], size: number, random: Random): readonly TestcaseData[] {
  if (inputs.length <= size) return inputs;
  return shuffle([...inputs], random).slice(0, size);
}

/** Mean loss over the last tenth of the steps. */
function endOf(losses: readonly number[]): number {
  return meanOf(losses.slice(-Math.max(1, Math.floor(losses.length / 10))));
}

function tenths(losses: readonly number[]): number[] {
  const parts = Math.min(10, losses.length);
  return Array.from({ length: parts }, (_, part) =>
    meanOf(losses.slice((part * losses.length) / parts, ((part + 1) * losses.length) / parts)),
  );
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
