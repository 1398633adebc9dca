import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { formatCount, plural } from '../core/format-number.ts';
import type { OnProgress } from '../core/progress.ts';
import type { ExplainRequest, Explanations } from '../saliency/explain.ts';
import type { RandomizeRequest } from '../saliency/randomize/randomize-model.ts';
import { loadOptions, mainFile, modelPath } from '../storage/load-options.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { findScoreTensor, type Prepared, predictedClasses } from './explained-inputs.ts';

/** A model whose maps are compared with those of the model itself: a copy with other weights, another one, or itself. */
export interface ModelCopy {
  /** Names the draws of methods that are random. */
  readonly draws: string;
  readonly randomised?: Omit<RandomizeRequest, 'path'>;
  readonly path?: string;
}

/** Maps of a model, and the share of the seeds that it is right on: by their labels, else as the model itself sees them. */
export interface ExplainedCopy {
  readonly explanations: Explanations;
  readonly accuracy: number;
}

/**
 * Explains the inputs on copies of a model, which sessions take one after the other.
 *
 * @param copies the first is the model itself, whose paths the others take
 * @returns in the order of the copies
 */
export async function explainCopies(
  sessions: readonly ModelSession[],
  config: CampaignConfig,
  prepared: Prepared,
  copies: readonly ModelCopy[],
  onProgress: OnProgress,
): Promise<readonly ExplainedCopy[]> {
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-saliency-'));
  const shares = new Float64Array(copies.length);
  const report = (i: number, share: number): void => {
    shares[i] = share;
    const done = Math.floor(shares.reduce((sum, part) => sum + part, 0));
    const unit = { unit: 'copy of the model', units: 'copies of the model' };
    onProgress({ label: 'explaining', done, total: copies.length, ...unit });
  };
  const results = new Array<ExplainedCopy>(copies.length);
  const explain = async (session: ModelSession, i: number): Promise<void> => {
    const steps = i === 0 ? undefined : stepsOf(results[0].explanations);
    const copy = { ...copies[i], folder: join(folder, `${i}`), steps };
    results[i] = await explainCopy(session, config, prepared, copy, (share) => report(i, share));
    report(i, 1);
  };
  try {
    report(0, 0);
    await explain(sessions[0], 0);
    let next = 1;
    await Promise.all(
      sessions.map(async (session) => {
        while (next < copies.length) await explain(session, next++);
      }),
    );
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Steps of paths as they were found on the model itself; 1 where there is no map, since nothing is compared then. */
function stepsOf(explanations: Explanations): Required<ExplainRequest>['steps'] {
  return Object.fromEntries(
    Object.entries(explanations).map(([name, of]) => [
      name,
      of.map((explanation) => ('map' in explanation ? explanation.steps : 1)),
    ]),
  );
}

interface CopyToExplain extends ModelCopy {
  /** Where its files are written. */
  readonly folder: string;
  readonly steps: ExplainRequest['steps'] | undefined;
}

async function explainCopy(
  session: ModelSession,
  config: CampaignConfig,
  prepared: Prepared,
  { draws, randomised, path, folder, steps }: CopyToExplain,
  onShare: (share: number) => void,
): Promise<ExplainedCopy> {
  const original = modelPath(config).absolute;
  const options = loadOptions(config);
  const { context, inputs, methods, seeds, predicted, labels } = prepared;
  if (randomised !== undefined) {
    const files = await session.randomize({ path: original, ...randomised });
    await mkdir(folder);
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    await session.load(join(folder, mainFile([...files.keys()])), options);
  } else await session.load(path === undefined ? original : resolve(path), options);
  const scores =
    path === undefined ? context.scores : await scoresOf(session, path, modelPath(config).asGiven, prepared);
  const request = { inputs, methods, context: { ...context, scores }, draws, ...(steps && { steps }) };
  const explanations = await session.explain(request, onShare);
  const classes = await predictedClasses(session, seeds, scores);
  if (path !== undefined && classes.every((of) => of < 0))
    throw new UserError(`--against: the scores of ${path} in ${scores} are NaN for every input`);
  await rm(folder, { recursive: true, force: true });
  const isRight = classes.map((of, i) => of === (labels ?? predicted)[i]);
  const counted = isRight.filter((_, i) => (labels ?? predicted)[i] >= 0);
  return { explanations, accuracy: counted.filter(Boolean).length / Math.max(1, counted.length) };
}

/**
 * The tensor of another model that holds the scores.
 *
 * @throws UserError where that model takes other inputs, or knows another number of classes
 */
async function scoresOf(
  session: ModelSession,
  path: string,
  model: string,
  { seeds, classes }: Prepared,
): Promise<string> {
  const names = session.info.inputs.map(({ name }) => name).join(', ');
  const expected = seeds[0].form.inputs.map(({ name }) => name).join(', ');
  if (session.info.inputs.length !== seeds[0].form.inputs.length)
    throw new UserError(`--against: ${path} takes the inputs ${names}, and the model takes ${expected}`);
  const { name, size } = await findScoreTensor(session, seeds[0]);
  if (size !== classes)
    throw new UserError(
      `--against: ${path} knows ${plural(size, 'class', 'classes')}, and ${model} ${formatCount(classes)}: name a model of the same task`,
    );
  return name;
}
