import { resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { findLogits } from '../model/graph/find-logits.ts';
import { findScores } from '../objectives/confident-error.ts';
import { argmax, RowReader } from '../objectives/output-difference.ts';
import type { ExplainContext, ExplainedInput } from '../saliency/method.ts';
import { SALIENCY_METHODS, saliencyMethod } from '../saliency/methods/registry.ts';
import type { ModelSession } from '../workers/model-session.ts';

/** Seeds that agreement is measured on, the first ones. */
const MAX_SEEDS = 1000;

/** What is asked of explanations beside model and inputs. */
export interface ExplainOptions {
  /** Names of methods; all that the model allows by default. */
  readonly methods: readonly string[] | undefined;
  /** The class whose score is explained; the predicted one by default. */
  readonly classIndex: number | undefined;
  /** Most inputs. */
  readonly inputs: number;
  readonly baseline: number | undefined;
}

/** Inputs and methods that suit a model. */
export interface Prepared {
  readonly context: ExplainContext;
  /** Spread over the predicted classes, in the order of the seeds. */
  readonly inputs: readonly ExplainedInput[];
  readonly methods: readonly string[];
  /** Methods that are left out, and why. */
  readonly notOffered: readonly { readonly name: string; readonly why: string }[];
  /** The first seeds, the class that the model gives each, and the one that it shows; −1 where that is not known, or a score is NaN. */
  readonly seeds: readonly TestcaseData[];
  readonly predicted: readonly number[];
  /** Number of classes that the model knows. */
  readonly classes: number;
  readonly labels: readonly number[] | undefined;
}

/**
 * Finds out what can be explained, and by which methods.
 *
 * @throws UserError where there is no output with a value for each class, a class is out of range, or a method that is asked for
 *   does not suit the model
 */
export async function prepareExplaining(
  session: ModelSession,
  config: CampaignConfig & { readonly seed: string },
  options: ExplainOptions,
  notices: Notices,
): Promise<Prepared> {
  const wanted = options.methods?.map(saliencyMethod) ?? SALIENCY_METHODS;
  const resolved = await resolveInputs(session.info, config, config.seed, notices);
  const { descriptors } = resolved;
  const picture = descriptors.findIndex((descriptor) => descriptor.picture !== undefined);
  const numbers = descriptors.findIndex(({ domains }) => domains.includes('numbers'));
  const tokens = descriptors.findIndex((descriptor) => descriptor.tokens !== undefined);
  const position = [picture, numbers, tokens].find((candidate) => candidate >= 0);
  if (position === undefined)
    throw new UserError(
      'no input of the model takes pictures, numbers or tokens: there is nothing to draw a map of',
    );
  const seeds = resolved.seeds.slice(0, MAX_SEEDS);
  const scores = await findScoreTensor(session, seeds[0]);
  const predicted = await predictedClasses(session, seeds, scores.name);
  const unknown = predicted.filter((of) => of < 0).length;
  if (unknown === seeds.length)
    throw new UserError(
      `the model's scores in ${scores.name} are NaN for every input: there is no class to explain`,
    );
  if (unknown > 0)
    notices.warn(`${plural(unknown, 'input')} left out: the model's scores in ${scores.name} are NaN there`);
  if (options.classIndex !== undefined && options.classIndex >= scores.size)
    throw new UserError(
      `--class: there is no class ${options.classIndex}: the model knows ${plural(scores.size, 'class', 'classes')}, from 0`,
    );
  const context: ExplainContext = {
    seed: config.seed,
    descriptor: descriptors[position],
    position,
    scores: scores.name,
    baseline: options.baseline,
  };
  const inputs = spread(predicted, options.inputs).map((index) => ({
    index,
    data: seeds[index],
    classIndex: options.classIndex ?? predicted[index],
  }));
  const names = wanted.map(({ name }) => name);
  const refusals = await session.refusedMethods({ inputs, methods: names, context });
  const [refused] = Object.entries(refusals);
  if (options.methods !== undefined && refused !== undefined)
    throw new UserError(`--method: ${refused[0]} does not suit the model (${refused[1]}): leave it out`);
  const { labels } = resolved;
  return {
    context,
    inputs,
    methods: names.filter((name) => refusals[name] === undefined),
    notOffered: Object.entries(refusals).map(([name, why]) => ({ name, why })),
    seeds,
    predicted,
    classes: scores.size,
    labels: labels && seeds.map((seed) => labels.get(seed) ?? -1),
  };
}

/**
 * The tensor that holds a score for each class: the logits in front of the softmax, else the class output.
 *
 * @throws UserError where there is none
 */
export async function findScoreTensor(
  session: ModelSession,
  testcase: TestcaseData,
): Promise<{ readonly name: string; readonly size: number }> {
  const { graph, watchable } = session.info;
  const before = findLogits(graph)?.tensor;
  const logits = before !== undefined && watchable.includes(before) ? before : undefined;
  const [run] = await session.run([testcase], logits === undefined ? [] : [logits]);
  const output = findScores(run, undefined);
  if (output === undefined)
    throw new UserError(
      'an explanation is of the score of a class, which needs an output with a value for each class, and there is none',
    );
  const found = logits === undefined ? undefined : findScores(run, logits);
  return found?.size === output.size ? found : output;
}

/** The class with the greatest score of each testcase; −1 where a score is NaN. */
export async function predictedClasses(
  session: ModelSession,
  testcases: readonly TestcaseData[],
  scores: string,
): Promise<readonly number[]> {
  const reader = new RowReader();
  const runs = await session.run(testcases, session.info.outputs.includes(scores) ? [] : [scores]);
  return runs.flatMap((run) => {
    const tensor = findScores(run, scores);
    if (tensor === undefined) throw new UserError(`the model has no tensor ${scores}`);
    return Array.from({ length: run.rows }, (_, row) => {
      const values = reader.read(tensor, row);
      return Array.from(values).some(Number.isNaN) ? -1 : argmax(values);
    });
  });
}

/** Says which methods are left out: a line for each reason. */
export function noteLeftOut({ notOffered }: Pick<Prepared, 'notOffered'>, notices: Notices): void {
  const names = new Map<string, string[]>();
  for (const { name, why } of notOffered) names.set(why, [...(names.get(why) ?? []), name]);
  for (const [why, of] of names)
    notices.info(`${of.join(', ')} ${of.length === 1 ? 'is' : 'are'} left out: ${why}`);
}

/** Numbers of the first testcases of each class in turn, in ascending order; those without a class, −1, are left out. */
export function spread(classes: readonly number[], count: number): number[] {
  const seen = new Map<number, number>();
  const turns = classes.map((of, index) => {
    const turn = seen.get(of) ?? 0;
    seen.set(of, turn + 1);
    return { of, index, turn };
  });
  return turns
    .filter(({ of }) => of >= 0)
    .sort((a, b) => a.turn - b.turn || a.of - b.of)
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}
