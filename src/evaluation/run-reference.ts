import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { ReferenceCollector } from '../coverage/reference.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import { runInHalves } from './run-in-halves.ts';

/** Asks for the reference of a criterion, a part of the inputs at a time. */
export interface ReferenceRequest {
  /** Spec of the criterion. */
  readonly criterion: string;
  readonly masterSeed: string;
  readonly varying: boolean;
  readonly watched: readonly string[];
  readonly testcases: readonly TestcaseData[];
  readonly batch: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Whether the inputs are given as a reference, and not the seeds. */
  readonly isGiven: boolean;
}

/**
 * Runs reference inputs and has a collector see the watched tensors.
 *
 * @returns how many inputs the model fails on: they do not count
 */
export async function runReference(
  model: BatchedModel,
  testcases: readonly TestcaseData[],
  watched: readonly string[],
  batch: number,
  collector: ReferenceCollector,
  heartbeat: () => void,
): Promise<number> {
  let failed = 0;
  for (const group of groupIntoBatches(testcases, ({ form }) => form, batch)) {
    const run = (from: number, to: number) => model.run(packBatch(group.slice(from, to)), to - from, watched);
    for await (const outcome of runInHalves(0, group.length, run))
      if ('result' in outcome) collector.add(outcome.result);
      else failed++;
    heartbeat();
  }
  return failed;
}

/**
 * Warns of reference inputs that the model fails on, which are left out.
 *
 * @param isGiven whether the inputs are those of `--coverage-reference`, and not the seeds
 * @throws UserError where it fails on all of them
 */
export function reportReferenceFailures(
  failed: number,
  total: number,
  isGiven: boolean,
  warn: (text: string) => void,
): void {
  if (failed === 0) return;
  const flag = isGiven ? '--coverage-reference' : '--seeds';
  if (failed === total)
    throw new UserError(
      `${flag}: the model fails on every input that coverage compares with: name inputs that it accepts`,
    );
  if (isGiven)
    warn(
      `the model fails on ${failed} of ${plural(total, 'input')} of --coverage-reference: they are left out`,
    );
}
