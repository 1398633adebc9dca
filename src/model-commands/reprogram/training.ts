import type { OnProgress } from '../../core/progress.ts';
import { randomStream } from '../../core/random.ts';
import { goalName, type ProgramGoal } from '../../reprogram/goal.ts';
import type { Placement } from '../../reprogram/program.ts';
import {
  bestStart,
  type ProgramMethod,
  queriesOf,
  STARTS,
  type TrainedProgram,
  type TrainRequest,
} from '../../reprogram/train-program.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { type PreparedProgram, type ReprogramOptions, testOffsets } from './prepare.ts';

/** How programs are trained. */
export interface Training {
  readonly seed: string;
  readonly method: ProgramMethod;
  readonly options: Pick<ReprogramOptions, 'steps' | 'queries'>;
  readonly prepared: PreparedProgram;
}

/** A program to train. */
export interface Order<G extends ProgramGoal = ProgramGoal> {
  readonly goal: G;
  readonly placement: Placement;
}

/** A trained program, and how it does on test inputs. */
export interface TestedProgram<G extends ProgramGoal = ProgramGoal> extends Order<G> {
  readonly trained: TrainedProgram;
  readonly queries: number;
  /** Of the test inputs with the program in them: one row for each, or for each of its runs of a random model. */
  readonly logits: readonly Float64Array[];
  readonly strengths: readonly StrengthPoint[];
}

/** How well a share of a change does. */
export interface StrengthPoint {
  readonly strength: number;
  readonly score: number;
}

/** How well rows of logits of the test inputs do for a goal, from 0 to 1. */
export type Score<G extends ProgramGoal> = (
  order: Pick<TestedProgram<G>, 'goal' | 'trained'>,
  logits: readonly Float64Array[],
) => number;

/** Shares of a change that it is tried with. */
const STRENGTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Trains programs from all starts, keeps the best start of each, and runs the test inputs with it. */
export async function trainAll<G extends ProgramGoal>(
  sessions: readonly ModelSession[],
  orders: readonly Order<G>[],
  training: Training,
  scoreOf: Score<G>,
  label: string,
  onProgress: OnProgress,
): Promise<TestedProgram<G>[]> {
  const shares = new Float64Array(orders.length * STARTS);
  const report = (piece: number, share: number): void => {
    shares[piece] = share;
    const done = Math.floor((100 * shares.reduce((sum, part) => sum + part, 0)) / shares.length);
    onProgress({ label, done, total: 100, unit: '%', units: '%' });
  };
  const started = orders.map(() => [] as TrainedProgram[]);
  const tested = new Array<TestedProgram<G>>(orders.length);
  let next = 0;
  await Promise.all(
    sessions.map(async (session) => {
      while (next < shares.length) {
        const piece = next++;
        const index = Math.floor(piece / STARTS);
        const start = piece % STARTS;
        const request = requestOf(orders[index], training);
        const onShare = (share: number): void => report(piece, share);
        started[index][start] = await session.trainProgram({ ...request, start }, onShare);
        if (Object.keys(started[index]).length < STARTS) continue;
        const trained = bestStart(started[index]);
        const queries = queriesOf(request, request.inputs.length);
        tested[index] = await testProgram(session, orders[index], trained, queries, training, scoreOf);
      }
    }),
  );
  return tested;
}

/** What a session is asked to train. */
export function requestOf(
  { goal, placement }: Order,
  { seed, method, options: { steps, queries }, prepared }: Training,
): Omit<TrainRequest, 'start'> {
  const { train, position, rule, draws } = prepared;
  return { inputs: train, position, placement, rule, goal, method, seed, steps, queries, draws };
}

/** Runs the test inputs with a program, and with shares of it. */
export async function testProgram<G extends ProgramGoal>(
  session: ModelSession,
  { goal, placement }: Order<G>,
  trained: TrainedProgram,
  queries: number,
  { seed, prepared }: Pick<Training, 'seed' | 'prepared'>,
  scoreOf: Score<G>,
): Promise<TestedProgram<G>> {
  const strengths: StrengthPoint[] = [];
  let logits: readonly Float64Array[] = [];
  for (const strength of STRENGTHS) {
    logits = await runTests(session, { ...prepared, placement }, trained.weights, seed, strength);
    strengths.push({ strength, score: scoreOf({ goal, trained }, logits) });
  }
  return { goal, placement, trained, queries, logits, strengths };
}

/**
 * Logits of the test inputs with a program, each `draws` times, one round after the other.
 *
 * @param strength share of the change; 0 for the inputs as they are
 */
export function runTests(
  session: ModelSession,
  { test, position, placement, rule, draws }: PreparedProgram,
  weights: Float64Array,
  seed: string,
  strength: number,
): Promise<Float64Array[]> {
  const offsets = testOffsets(placement, test, seed);
  return session.runProgram({
    inputs: repeated(test, draws),
    offsets: repeated(offsets, draws),
    weights,
    position,
    placement,
    rule,
    strength,
  });
}

/** A list so many times. */
export function repeated<T>(list: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => list).flat();
}

/** Large enough for tanh to be 1. */
const SATURATED = 20;

/** W of a program of random signs: each value is changed by as much as is allowed. */
export function randomWeights(placement: Placement, seed: string): Float64Array {
  const random = randomStream(seed, 'reprogram', 'random');
  return Float64Array.from(placement.mask, () => (random.below(2) === 0 ? -SATURATED : SATURATED));
}

/** Names of the files of programs: a single one needs no name of its own. */
export function fileSuffix(goal: ProgramGoal, programs: readonly unknown[]): string {
  return programs.length === 1 ? '' : `-${goalName(goal)}`;
}
