import {
  type Arrangements,
  arrange,
  findAnswerDependence,
} from '../analysis/batch-dependence/batch-dependence.ts';
import type { BatchDependence } from '../analysis/batch-dependence/describe-dependence.ts';
import { findMixingOperation } from '../analysis/batch-dependence/mixing-operation.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { BatchedModel } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Testcases to look at, and what is known of the model. */
export interface BatchLook {
  /** Different ones, two at least, of one shape. */
  readonly testcases: readonly TestcaseData[];
  /** Whether there is memory to expose tensors. */
  readonly canTrace: boolean;
}

/**
 * Finds out whether answers depend on the rest of the batch, and from which operation on. Undefined where they do not, or where
 * the runtime fails a run: a seed that it fails on is found when the seeds run.
 *
 * @param load opens the model anew: sessions that expose tensors are not to stay with the model that the campaign runs
 * @param beat called between runs
 */
export async function lookAtBatches(
  model: Model,
  load: () => Promise<Model>,
  { testcases, canTrace }: BatchLook,
  beat: () => void = () => {},
): Promise<BatchDependence | undefined> {
  const batched = new BatchedModel(model);
  const dependence = await findAnswerDependence(batched, testcases).catch(() => undefined);
  if (dependence === undefined) return undefined;
  const isTraced = canTrace && dependence.cause === 'neighbours';
  const node = isTraced ? await traceMixing(load, testcases, dependence.side, beat) : undefined;
  return { ...dependence, operation: node === undefined ? null : { name: node.name, op: node.op } };
}

async function traceMixing(
  load: () => Promise<Model>,
  testcases: readonly TestcaseData[],
  side: BatchDependence['side'],
  beat: () => void,
) {
  const model = await load();
  try {
    const { secondModel } = model;
    const batched = new BatchedModel(model);
    const rows = testcases.length;
    const feedsOf = (arranged: readonly TestcaseData[]): readonly Tensor[] => {
      const feeds = batched.feeds(packBatch(arranged), rows);
      return side === 'second' && secondModel !== undefined ? secondModel.feeds(feeds) : feeds;
    };
    const { mixed, evenKept, oddKept } = arrange(testcases);
    const feeds: Arrangements<readonly Tensor[]> = {
      mixed: feedsOf(mixed),
      evenKept: feedsOf(evenKept),
      oddKept: feedsOf(oddKept),
    };
    const traced = side === 'second' && secondModel !== undefined ? secondModel.model : model;
    return await findMixingOperation(traced, feeds, rows, beat);
  } catch {
    // Only a session with exposed tensors fails: that answers depend on the batch is known anyway.
    return undefined;
  } finally {
    await model.dispose();
  }
}
