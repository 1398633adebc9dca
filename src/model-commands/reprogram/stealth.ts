import type { OnProgress } from '../../core/progress.ts';
import { counts, successOf, type UniversalGoal } from '../../reprogram/goal.ts';
import type { Placement } from '../../reprogram/program.ts';
import { maskGrid, shrinkMask } from '../../reprogram/shrink-mask.ts';
import { queriesOf, STARTS, type TrainedProgram } from '../../reprogram/train-program.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { testOffsets } from './prepare.ts';
import { requestOf, type Score, type TestedProgram, type Training, testProgram } from './training.ts';

/** Halvings of the interval in which the smallest change lies. */
const HALVINGS = 6;

/** Training inputs that tell whether a smaller change is good enough. */
const MAX_JUDGED = 256;

/**
 * Makes each program as small as it can be and still reach a success on training inputs: of a change that is added, its largest
 * amount; of one that replaces values, the values that it takes. Those that do not reach it are left as they are.
 */
export async function shrinkAll(
  sessions: readonly ModelSession[],
  programs: readonly TestedProgram<UniversalGoal>[],
  asked: number,
  training: Training,
  scoreOf: Score<UniversalGoal>,
  onProgress: OnProgress,
): Promise<TestedProgram<UniversalGoal>[]> {
  const shrunk = new Array<TestedProgram<UniversalGoal>>(programs.length);
  let next = 0;
  let done = 0;
  const report = (): void =>
    onProgress({
      label: 'making programs smaller',
      done,
      total: programs.length,
      unit: 'program',
    });
  report();
  await Promise.all(
    sessions.map(async (session) => {
      while (next < programs.length) {
        const index = next++;
        shrunk[index] = await shrinkProgram(session, programs[index], asked, training, scoreOf);
        done++;
        report();
      }
    }),
  );
  return shrunk;
}

async function shrinkProgram(
  session: ModelSession,
  program: TestedProgram<UniversalGoal>,
  asked: number,
  training: Training,
  scoreOf: Score<UniversalGoal>,
): Promise<TestedProgram<UniversalGoal>> {
  const judge = judgeOf(session, program.goal, training);
  if ((await judge(program.placement, program.trained.weights)) < asked) return program;
  const smaller =
    program.placement.mode === 'add'
      ? await leastEpsilon(session, program, asked, training, judge)
      : await leastMask(program, asked, training, judge);
  return testProgram(session, smaller, smaller.trained, smaller.queries, training, scoreOf);
}

/** Measures the success of a program on training inputs. */
type Judge = (placement: Placement, weights: Float64Array) => Promise<number>;

function judgeOf(session: ModelSession, goal: UniversalGoal, { seed, prepared }: Training): Judge {
  const { train, trainLabels, position, rule } = prepared;
  const judged = train.flatMap((data, i) =>
    counts(goal, trainLabels[i]) ? [{ data, label: trainLabels[i] }] : [],
  );
  const inputs = judged.slice(0, MAX_JUDGED).map(({ data }) => data);
  const labels = judged.slice(0, MAX_JUDGED).map(({ label }) => label);
  return async (placement, weights) => {
    const offsets = testOffsets(placement, inputs, `${seed}/judged`);
    const logits = await session.runProgram({ inputs, offsets, weights, position, placement, rule });
    return successOf(goal, logits, labels);
  };
}

interface Smaller {
  readonly goal: UniversalGoal;
  readonly placement: Placement;
  readonly trained: TrainedProgram;
  readonly queries: number;
}

/** The least amount by halving, each trained further from the best program so far. */
async function leastEpsilon(
  session: ModelSession,
  program: Smaller,
  asked: number,
  training: Training,
  judge: Judge,
): Promise<Smaller> {
  let best = program;
  let low = 0;
  let { queries } = program;
  for (let i = 0; i < HALVINGS; i++) {
    const epsilon = (low + best.placement.epsilon) / 2;
    const placement = { ...program.placement, epsilon };
    const request = requestOf({ goal: program.goal, placement }, training);
    // Starts after those of the first training.
    const start = STARTS + i;
    const trained = await session.trainProgram({ ...request, start, weights: best.trained.weights });
    queries += queriesOf(request, request.inputs.length) / STARTS;
    if ((await judge(placement, trained.weights)) >= asked) best = { ...program, placement, trained };
    else low = epsilon;
  }
  return { ...best, queries };
}

/** The values without which the success is less. */
async function leastMask(
  program: Smaller,
  asked: number,
  { prepared }: Training,
  judge: Judge,
): Promise<Smaller> {
  const { placement, trained } = program;
  const { descriptor, test, position } = prepared;
  let runs = 0;
  const grid = maskGrid(placement, descriptor, test[0].form.inputs[position].shape);
  const mask = await shrinkMask(placement.mask, grid, async (smaller) => {
    runs += Math.min(MAX_JUDGED, prepared.train.length);
    return (await judge({ ...placement, mask: smaller }, trained.weights)) >= asked;
  });
  return { ...program, placement: { ...placement, mask }, queries: program.queries + runs };
}
