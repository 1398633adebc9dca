import { UserError } from '../../../core/errors.ts';
import { defaultBatch } from '../../../fuzzer/scheduling/task-sizes.ts';
import type { Seeds } from '../../../inputs/seeds.ts';
import { batchAxis } from '../../../model/batch-axis.ts';
import type { ModelInfo } from '../../../model/model.ts';
import type { ObjectiveDescriptor } from '../../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { Notices } from '../model-settings.ts';
import { valueCount } from './batch-size.ts';

/** How a model whose batch is fixed to 1 runs rows: in a copy with a free batch, or one by one in each worker. */
export type FixedBatch = 'opened' | 'row by row';

/** The model as it runs, and how, where its batch is fixed. */
export interface ResolvedFixedBatch {
  readonly model: ModelInfo;
  readonly fixedBatch: FixedBatch | undefined;
}

export interface OpenBatchOptions {
  /** The batch that was asked for. */
  readonly batch: number | undefined;
  readonly seeds: Seeds;
  readonly objectives: readonly Pick<ObjectiveDescriptor, 'timed'>[];
  /** As a campaign that is resumed records it; undefined for a new one. */
  readonly recorded: { readonly fixedBatch?: FixedBatch } | undefined;
}

/**
 * Opens the batch of a model where it is fixed to 1 and batches pay, in a copy that all workers run. Findings are confirmed in
 * the unmodified model.
 *
 * @throws UserError where a campaign that ran in such a copy can't be resumed in one
 */
export async function openFixedBatch(
  model: ModelInfo,
  { batch, seeds, objectives, recorded }: OpenBatchOptions,
  probeWorker: ProbeWorker,
  notices: Notices,
): Promise<ResolvedFixedBatch> {
  if (batchAxis(model.inputs) !== 'one' || model.generation !== undefined)
    return { model, fixedBatch: undefined };
  if (recorded !== undefined && recorded.fixedBatch !== 'opened')
    return { model, fixedBatch: recorded.fixedBatch };
  const pair = pairOfOneShape(seeds);
  const reason = reasonAgainst(model, batch, seeds, objectives);
  const opening =
    reason !== undefined
      ? { refusal: reason }
      : pair === undefined
        ? { refusal: 'two seeds are needed to check a copy with a dynamic batch' }
        : await probeWorker.openBatch(pair);
  if ('description' in opening) {
    const equal = opening.isExact ? 'equal' : 'equal up to rounding';
    notices.info(
      `the model's batch is fixed to 1: neurofuzz uses a copy with a dynamic batch, in which two seeds give ${equal} results alone and together; findings are confirmed in the unmodified model`,
    );
    return { model: opening.description.model, fixedBatch: 'opened' };
  }
  const { refusal } = opening;
  if (recorded?.fixedBatch === 'opened')
    throw new UserError(
      `the campaign used a copy with a dynamic batch, which cannot be made now: ${refusal}`,
    );
  notices.info(`the model's batch is fixed to 1 and stays so (${refusal}): each worker runs row by row`);
  return { model, fixedBatch: 'row by row' };
}

/** Why no copy is tried, a clause for people; undefined where one is. */
function reasonAgainst(
  { secondModel, format }: ModelInfo,
  batch: number | undefined,
  [{ form }]: Seeds,
  objectives: OpenBatchOptions['objectives'],
): string | undefined {
  if (secondModel !== undefined || batch === 1 || objectives.some(({ timed }) => timed === true))
    return 'batches are not needed';
  if (format !== 'onnx') return 'only ONNX models can be copied with a dynamic batch';
  if (defaultBatch(valueCount(form)) === 1) return 'a testcase is large enough to run alone';
  return undefined;
}

/** The first seed and another of its shape. */
function pairOfOneShape([first, ...others]: Seeds): readonly [Seeds[number], Seeds[number]] | undefined {
  const second = others.find(({ form }) => form.key === first.form.key);
  return second && [first, second];
}
