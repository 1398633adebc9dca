import { attackedPosition } from '../../attacks/attack.ts';
import { resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import { formatNumber } from '../../core/format-number.ts';
import type { OnProgress } from '../../core/progress.ts';
import { MAX_TEXT_BYTES, readText } from '../../core/read-bounded.ts';
import { type InputDescriptor, spanOf } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { type Layout, layoutOf } from '../../mutators/image/layout.ts';
import { assignClasses, faultOfMap, firstClasses } from '../../reprogram/class-map.ts';
import type { ProgramGoal } from '../../reprogram/goal.ts';
import type { ClassMap } from '../../reprogram/losses.ts';
import {
  type Embedding,
  embeddingOf,
  embedPicture,
  type TaskPictures,
} from '../../reprogram/task-pictures.ts';
import { accuracyOf, bitsOf, chanceOf, differenceOf, mappedAnswers } from '../../reprogram/task-scores.ts';
import { tenths } from '../../reprogram/train-program.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { placementOf } from './placement.ts';
import {
  answerRuleOf,
  drawsOf,
  type PreparedProgram,
  type ReprogramOptions,
  type SeededConfig,
  split,
  type TaskOptions,
  testOffsets,
} from './prepare.ts';
import { type HostInput, readTask } from './read-task.ts';
import type { TaskReport } from './report.ts';
import { commonReport, type Host, methodOf } from './run-context.ts';
import {
  randomWeights,
  repeated,
  runTests,
  type Score,
  type TestedProgram,
  type Training,
  trainAll,
} from './training.ts';
import { onUntrainedCopy } from './untrained-copy.ts';
import { writeTask } from './write-programs.ts';

type Sessions = readonly [ModelSession, ...ModelSession[]];
type TaskGoal = Extract<ProgramGoal, { readonly kind: 'task' }>;
type TaskFlags = ReprogramOptions & { readonly task: TaskOptions };

/** Results of a program that has the model do another task, with what pages show of them. */
export interface TaskResult {
  readonly report: TaskReport;
  readonly programs: readonly TestedProgram<TaskGoal>[];
  readonly prepared: PreparedProgram;
}

/**
 * Searches for a program that has the model do another task, and compares it with what an untrained copy, a random program and no
 * program do (Elsayed, Goodfellow & Sohl-Dickstein 2018).
 *
 * @throws UserError where the task does not fit the model, has more labels than there are classes, or leaves no room for a program
 */
export async function findTaskProgram(
  sessions: Sessions,
  host: Host,
  config: SeededConfig,
  options: TaskFlags,
  notices: Notices,
  onProgress: OnProgress,
): Promise<TaskResult> {
  const [session] = sessions;
  const { seed } = config;
  const { prepared, goal } = await prepareTask(session, config, options, notices);
  const method = await methodOf(session, config, options.method, prepared, notices);
  const training: Training = { seed, method, options, prepared };
  const labels = repeated(prepared.testLabels, prepared.draws);
  const scoreOf: Score<TaskGoal> = ({ trained }, logits) =>
    accuracyOf(mappedAnswers(logits, trained.map), labels);
  const orders = [{ goal, placement: prepared.placement }];
  const programs = await trainAll(sessions, orders, training, scoreOf, 'training the program', onProgress);
  const [program] = programs;
  const none = await accuracyAtRandom(session, prepared, goal, seed, 0);
  const random = options.hasControl ? await accuracyAtRandom(session, prepared, goal, seed, 1) : null;
  const untrained = options.hasControl
    ? await onUntrainedCopy(sessions, config, host.info, seed, () =>
        trainAll(sessions, orders, training, scoreOf, 'training the control', onProgress),
      )
    : undefined;
  const accuracy = scoreOf(program, program.logits);
  const ofUntrained = untrained === undefined ? null : scoreOf(untrained[0], untrained[0].logits);
  const excess =
    ofUntrained === null || random === null
      ? null
      : differenceOf(accuracy, Math.max(none, random, ofUntrained), prepared.test.length);
  const report: TaskReport = {
    mode: 'task',
    task: options.task.name,
    ...commonReport(host, config, prepared, method),
    labels: goal.labelCount,
    queries: program.queries,
    accuracy,
    chance: chanceOf(prepared.testLabels),
    control: { none, random, untrained: ofUntrained },
    excess,
    isReprogrammable: excess !== null && excess.low > 0,
    bits: bitsOf(mappedAnswers(program.logits, program.trained.map), labels),
    map: program.trained.map,
    strengths: program.strengths.map(({ strength, score }, k) => ({
      strength,
      score,
      untrained: untrained?.[0].strengths[k].score ?? null,
    })),
    curve: tenths(program.trained.losses),
  };
  await writeTask(host.folder, report, { programs, untrained }, prepared, seed);
  return { report, programs, prepared };
}

async function prepareTask(
  session: ModelSession,
  config: SeededConfig,
  options: TaskFlags,
  notices: Notices,
): Promise<{ readonly prepared: PreparedProgram; readonly goal: TaskGoal }> {
  const { seeds: bases, descriptors } = await resolveBases(session, config, notices);
  const position = attackedPosition(descriptors);
  const descriptor = descriptors[position];
  const { shape } = bases[0].form.inputs[position];
  const input = hostInput(descriptor, shape);
  const task = await readTask(options.task, input, config.seed);
  const embedding = embeddingOf(task, input.layout);
  const inputs = task.pictures.slice(0, options.inputs).map((picture, i) => ({
    data: embedPicture(bases[i % bases.length], position, picture, task, embedding, input.layout),
    label: task.labels[i],
  }));
  const halves = split(inputs, options.train, config.seed, 'give --task more inputs, or set --train');
  const placement = placementOf(options.place, config, descriptor, shape, coveredBy(embedding, input.layout));
  const { rule, classes } = await answerRuleOf(
    session,
    config,
    inputs.map(({ data }) => data),
  );
  checkLabels(task, classes);
  const map = readMap(options.task.map, task.labelCount, classes);
  const draws = await drawsOf(session, halves.train, { position, placement, rule }, options.draws);
  return {
    prepared: { ...halves, descriptor, position, placement, rule, classes, draws },
    goal: { kind: 'task', labels: halves.trainLabels, labelCount: task.labelCount, map },
  };
}

/** Testcases whose other inputs are kept: the seeds, or drawn ones, which say nothing about legal values. */
async function resolveBases(
  session: ModelSession,
  config: SeededConfig,
  notices: Notices,
): Promise<{ readonly seeds: readonly TestcaseData[]; readonly descriptors: readonly InputDescriptor[] }> {
  const { seeds, labels: _labels, ...settings } = config;
  if (seeds !== undefined) {
    const resolved = await resolveInputs(session.info, { ...settings, seeds }, config.seed, notices);
    const { form } = resolved.seeds[0];
    return { ...resolved, seeds: resolved.seeds.filter((seed) => seed.form.key === form.key) };
  }
  const quiet = { ...notices, warn: () => {} };
  const resolved = await resolveInputs(session.info, settings, config.seed, quiet, { drawnSeeds: 1 });
  const { name, range } = resolved.descriptors[attackedPosition(resolved.descriptors)];
  if (config.range === undefined)
    notices.warn(
      `no seeds given: the values of ${name} are taken to be from ${formatNumber(range.low)} to ${formatNumber(range.high)}; set --range, or --seeds`,
    );
  return resolved;
}

function hostInput(descriptor: InputDescriptor, shape: readonly number[]): HostInput {
  const { name, picture, range } = descriptor;
  if (picture !== undefined)
    return { name, layout: layoutOf(picture, shape), isPicture: true, channelsFirst: picture.channelsFirst };
  const size = sizeOf(shape);
  const [black, white] = [[range.low], [range.low + spanOf(descriptor)]];
  const steps = { rowStep: size, columnStep: 1, channelStep: size };
  const layout: Layout = { height: 1, width: size, channels: 1, ...steps, black, white, rgb: [0, 0, 0] };
  return { name, layout, isPicture: false, channelsFirst: false };
}

function coveredBy({ top, left, height, width }: Embedding, layout: Layout): Uint8Array {
  const { channels, rowStep, columnStep, channelStep } = layout;
  const covered = new Uint8Array(layout.height * layout.width * channels);
  for (let row = top; row < top + height; row++)
    for (let column = left; column < left + width; column++)
      for (let channel = 0; channel < channels; channel++)
        covered[row * rowStep + column * columnStep + channel * channelStep] = 1;
  return covered;
}

/** @throws UserError where there are more labels than classes, or only one */
function checkLabels({ labelCount, labels }: TaskPictures, classes: number): void {
  if (labelCount > classes)
    throw new UserError(
      `--task: it has ${labelCount} labels, and the model knows ${classes} classes: each label needs one at least`,
    );
  if (new Set(labels).size < 2) throw new UserError('--task: all inputs have one label: give two or more');
}

/** @throws UserError where a file can't be read, or holds no map of these labels to these classes */
function readMap(how: string, labelCount: number, classes: number): ClassMap | 'assign' {
  if (how === 'assign') return how;
  if (how === 'first') return firstClasses(labelCount);
  const text = readText(how, 'read the classes of labels, for --map,', MAX_TEXT_BYTES);
  let map: unknown;
  try {
    map = JSON.parse(text);
  } catch (error) {
    throw new UserError(`--map: ${how} is not JSON (${errorMessage(error)}): write [[0, 4], [1, 2]]`);
  }
  const fault = faultOfMap(map, labelCount, classes);
  if (fault !== undefined) throw new UserError(`--map: ${how} ${fault}`);
  return map as ClassMap;
}

/**
 * Accuracy with a share of a program that is drawn at random, with classes assigned by the training inputs.
 *
 * @param strength 0 for the inputs as they are
 */
async function accuracyAtRandom(
  session: ModelSession,
  prepared: PreparedProgram,
  goal: TaskGoal,
  seed: string,
  strength: number,
): Promise<number> {
  const { train, position, placement, rule, testLabels, draws } = prepared;
  const weights = randomWeights(placement, seed);
  const logits = await session.runProgram({
    inputs: train,
    offsets: testOffsets(placement, train, seed),
    weights,
    position,
    placement,
    rule,
    strength,
  });
  const map = goal.map === 'assign' ? assignClasses(logits, goal.labels, goal.labelCount) : goal.map;
  const tested = await runTests(session, prepared, weights, seed, strength);
  return accuracyOf(mappedAnswers(tested, map), repeated(testLabels, draws));
}
