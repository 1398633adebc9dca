import { attackedPosition } from '../../attacks/attack.ts';
import { chooseAnswerRule } from '../../campaign/resolve/abstention/answer-rule.ts';
import { resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { randomStream, shuffle } from '../../core/random.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { AnswerRule } from '../../objectives/confident-error.ts';
import { goalName, type UniversalGoal } from '../../reprogram/goal.ts';
import { drawOffset, type Placement } from '../../reprogram/program.ts';
import type { ProgramMethod } from '../../reprogram/train-program.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { hidesWeights } from '../contest-threat.ts';
import { type Place, placementOf } from './placement.ts';

/** Fewest inputs that a program is trained or tested on. */
export const MIN_INPUTS = 8;

/** The task that a program shall have the model do. */
export interface TaskOptions {
  /** `squares:k`, or a path of inputs. */
  readonly name: string;
  /** Path of the labels; undefined for a bundled task. */
  readonly labels: string | undefined;
  /** `assign`, `first`, or the path of a JSON file. */
  readonly map: string;
}

/** What `reprogram` is asked for beside model and inputs. */
export interface ReprogramOptions {
  /** What all inputs shall get, one after the other; each class by default. */
  readonly to: readonly UniversalGoal[] | undefined;
  /** Another task in place of `to`. */
  readonly task: TaskOptions | undefined;
  readonly place: Place;
  /** Along gradients if there are any by default. */
  readonly method: ProgramMethod | undefined;
  readonly steps: number;
  readonly queries: number;
  /** Runs of each input that a random model is averaged over; such a model is refused without it. */
  readonly draws: number | undefined;
  /** Success that the smallest change shall still reach; undefined for the largest success. */
  readonly stealth: number | undefined;
  /** Whether random programs and an untrained copy are tried as well. */
  readonly hasControl: boolean;
  /** Share of the inputs that the program is trained on. */
  readonly train: number;
  /** The first so many inputs; all by default. */
  readonly inputs: number | undefined;
  /** Success up to which nothing is a finding. */
  readonly allow: number;
  readonly overwrite: boolean;
}

/** Inputs, and where a program may write. */
export interface PreparedProgram {
  readonly train: readonly TestcaseData[];
  readonly test: readonly TestcaseData[];
  /** Classes of the inputs, or the labels of the task. */
  readonly trainLabels: readonly number[];
  readonly testLabels: readonly number[];
  readonly descriptor: InputDescriptor;
  readonly position: number;
  readonly placement: Placement;
  readonly rule: AnswerRule;
  readonly classes: number;
  /** Runs of each input; 1 unless the model is random. */
  readonly draws: number;
}

/** Settings with the master seed. */
export type SeededConfig = CampaignConfig & { readonly seed: string };

/**
 * Splits the seeds into those that a program is trained on and those that test it, and finds out where it may write.
 *
 * @throws UserError where there are too few, a class is unknown, the place has nothing to write on, or the model is random
 */
export async function prepare(
  session: ModelSession,
  config: SeededConfig,
  options: ReprogramOptions,
  notices: Notices,
): Promise<PreparedProgram> {
  const { seeds, labels, descriptors } = await resolveInputs(session.info, config, config.seed, notices);
  const labelled = seeds
    .map((data) => ({ data, label: labels?.get(data) ?? -1 }))
    .filter(({ label }) => label >= 0)
    .slice(0, options.inputs);
  const position = attackedPosition(descriptors);
  const descriptor = descriptors[position];
  const halves = split(labelled, options.train, config.seed);
  const forms = new Set(labelled.map(({ data }) => data.form.key));
  if (forms.size > 1)
    throw new UserError('one change suits inputs of one size alone: give seeds of the same shape');
  const inputs = labelled.map(({ data }) => data);
  const { rule, classes } = await answerRuleOf(session, config, inputs);
  const targets = (options.to ?? []).flatMap((goal) => (goal.kind === 'class' ? [goal.target] : []));
  const beyond = [...targets, ...labelled.map(({ label }) => label)].find((k) => k >= classes);
  if (beyond !== undefined)
    throw new UserError(
      `there is no class ${beyond}: the model knows ${plural(classes, 'class', 'classes')}, from 0`,
    );
  checkGoals(options.to ?? [], halves.testLabels, classes);
  const placement = placementOf(options.place, config, descriptor, inputs[0].form.inputs[position].shape);
  const draws = await drawsOf(session, halves.train, { position, placement, rule }, options.draws);
  return { ...halves, descriptor, position, placement, rule, classes, draws };
}

/** Draws which inputs a program is trained on. @throws UserError where there are too few of either */
export function split(
  labelled: readonly { readonly data: TestcaseData; readonly label: number }[],
  share: number,
  seed: string,
  advice = 'set --seeds, --labels and --train',
): Pick<PreparedProgram, 'train' | 'test' | 'trainLabels' | 'testLabels'> {
  const order = shuffle([...labelled.keys()], randomStream(seed, 'reprogram', 'split'));
  const trainCount = Math.round(share * labelled.length);
  const [train, test] = [order.slice(0, trainCount), order.slice(trainCount)].map((part) =>
    part.sort((a, b) => a - b).map((i) => labelled[i]),
  );
  if (Math.min(train.length, test.length) < MIN_INPUTS)
    throw new UserError(
      `a program needs ${MIN_INPUTS} labelled inputs or more to train on and as many to test it, and there are ${train.length} and ${test.length}: ${advice}`,
    );
  return {
    train: train.map(({ data }) => data),
    test: test.map(({ data }) => data),
    trainLabels: train.map(({ label }) => label),
    testLabels: test.map(({ label }) => label),
  };
}

/** @throws UserError where a goal is asked for twice, or nothing could show that it is reached */
function checkGoals(goals: readonly UniversalGoal[], testLabels: readonly number[], classes: number): void {
  const names = goals.map(goalName);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UserError(`--to: ${twice} is asked for twice: ask for it once`);
  for (const goal of goals) {
    if (goal.kind === 'class' && testLabels.every((label) => label === goal.target))
      throw new UserError(
        `--to ${goal.target}: all test inputs have that class: give --seeds of other classes, which it is measured on`,
      );
    if (goal.kind === 'abstain' && goal.below <= 1 / classes)
      throw new UserError(
        `--to abstain=${goal.below}: the greatest of ${classes} shares is 1/${classes} or more: set a number above that`,
      );
  }
}

/** The tensor that answers are read from. @throws UserError where there is no class output */
export function answerRuleOf(
  session: ModelSession,
  config: CampaignConfig,
  inputs: readonly TestcaseData[],
): Promise<{ readonly rule: AnswerRule; readonly classes: number }> {
  return chooseAnswerRule(session, inputs.slice(0, MIN_INPUTS), 'max-logit', !hidesWeights(config));
}

/** Difference of two runs from which a model is random, relative to the logit or to 1. */
const MIN_DIFFERENCE = 1e-3;

/**
 * Runs of each input that answers are averaged over.
 *
 * @throws UserError where the model is random and no number is given
 */
export async function drawsOf(
  session: ModelSession,
  train: readonly TestcaseData[],
  { position, placement, rule }: Pick<PreparedProgram, 'position' | 'placement' | 'rule'>,
  asked: number | undefined,
): Promise<number> {
  const inputs = train.slice(0, MIN_INPUTS);
  const weights = new Float64Array(placement.mask.length);
  const runOnce = (): Promise<Float64Array[]> =>
    session.runProgram({ inputs, weights, position, placement, rule, strength: 0 });
  const [first, second] = [await runOnce(), await runOnce()];
  if (first.some((row) => row.some(Number.isNaN)))
    throw new UserError(
      'the model answers NaN to inputs as they are: there is no class to lead away from; neurofuzz fuzz finds where it begins',
    );
  const isRandom = first.some((row, i) =>
    row.some((logit, k) => Math.abs(logit - second[i][k]) > MIN_DIFFERENCE * Math.max(1, Math.abs(logit))),
  );
  if (!isRandom) return 1;
  if (asked !== undefined) return asked;
  throw new UserError(
    'the model is random, two runs of one input differ: set --draws, the number of runs that each input is averaged over, such as 10',
  );
}

/** Where a patch lies in each test input; 0 for programs that have one place. */
export function testOffsets(placement: Placement, test: readonly TestcaseData[], seed: string): number[] {
  const random = randomStream(seed, 'reprogram', 'places');
  return test.map(() => drawOffset(placement, random));
}
