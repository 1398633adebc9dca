import { errorMessage } from '../core/errors.ts';
import type { BatchedModel, BatchTensor } from '../model/batched-model.ts';
import { packBatch, sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';
import type { RerunKind, RerunOutputs } from '../objectives/objective.ts';
import { copyInto, makeData, rowsOf } from '../tensor/tensor.ts';

/** Rows of the run in which a testcase that ran alone is repeated. */
const COPIES = 3;

/** What further runs need of a model. */
type RerunModel = Pick<BatchedModel, 'run' | 'runThreaded' | 'maxBatchSize'>;

/**
 * Runs testcases again in another way: the batch a second time, with its rows in reverse, each row alone (of a single row, among
 * copies of itself), or on several threads.
 *
 * @returns the outputs in the order of the rows, and which rows failed; undefined where the model has no such run
 */
export async function runAgain(
  model: RerunModel,
  kind: RerunKind,
  testcases: TestcaseBatch,
  rows: number,
): Promise<RerunOutputs | undefined> {
  if (kind === 'alone')
    return rows === 1 ? runAmongCopies(model, testcases) : runAlone(model, testcases, rows);
  try {
    if (kind === 'again') return succeeded((await model.run(testcases, rows, [])).outputs);
    if (kind === 'threads') {
      const result = await model.runThreaded(testcases, rows);
      return result && succeeded(result.outputs);
    }
    // A single row has no other order.
    if (rows === 1) return model.maxBatchSize > 1 ? succeeded([]) : undefined;
    return await runReversed(model, testcases, rows);
  } catch (error) {
    return { outputs: [], failures: new Map([[0, errorMessage(error)]]) };
  }
}

function succeeded(outputs: readonly BatchTensor[]): RerunOutputs {
  return { outputs, failures: new Map() };
}

async function runReversed(model: RerunModel, testcases: TestcaseBatch, rows: number): Promise<RerunOutputs> {
  const order = Array.from({ length: rows }, (_, row) => rows - 1 - row);
  const reversed = packBatch(order.map((row) => sliceTestcases(testcases, row, row + 1)));
  const { outputs } = await model.run(reversed, rows, []);
  return succeeded(outputs.map((tensor) => gatherRows(order.map((row) => [tensor, row] as const))));
}

async function runAmongCopies(model: RerunModel, testcase: TestcaseBatch): Promise<RerunOutputs | undefined> {
  if (model.maxBatchSize < COPIES) return undefined;
  try {
    const copies = packBatch(new Array(COPIES).fill(testcase));
    const { outputs } = await model.run(copies, COPIES, []);
    return succeeded(outputs.map((tensor) => gatherRows([[tensor, COPIES - 1]])));
  } catch (error) {
    return { outputs: [], failures: new Map([[0, errorMessage(error)]]) };
  }
}

async function runAlone(model: RerunModel, testcases: TestcaseBatch, rows: number): Promise<RerunOutputs> {
  const failures = new Map<number, string>();
  const results: (readonly BatchTensor[] | undefined)[] = [];
  for (let row = 0; row < rows; row++) {
    try {
      results.push((await model.run(sliceTestcases(testcases, row, row + 1), 1, [])).outputs);
    } catch (error) {
      failures.set(row, errorMessage(error));
      results.push(undefined);
    }
  }
  const first = results.find((outputs) => outputs !== undefined) ?? [];
  // Rows that failed hold another's values, which nobody reads.
  const outputs = first.map((tensor, i) =>
    gatherRows(results.map((row) => [row?.[i] ?? tensor, 0] as const)),
  );
  return { outputs, failures };
}

/** A tensor of rows of others. */
function gatherRows(parts: readonly (readonly [tensor: BatchTensor, row: number])[]): BatchTensor {
  const [[first]] = parts;
  const { type, size } = first;
  const data = makeData(type, parts.length * size);
  parts.forEach(([tensor, row], i) => {
    copyInto(data, rowsOf(tensor.data, size, row, row + 1), i * size);
  });
  return { ...first, data };
}
