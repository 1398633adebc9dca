import type { BatchedModel, BatchResult, BatchTensor } from '../../model/batched-model.ts';
import { packBatch, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { dependsOnNeighbours, dependsOnPlace, rowValues } from './row-difference.ts';

/** Testcases of the runs that are compared; a prime, since a tensor that has a dimension it divides is taken to have rows. */
export const MAX_COMPARED_ROWS = 7;

/** How the answers to a testcase depend on the rest of its batch. */
export interface AnswerDependence {
  /** Whether it is the model, or the second one of a pair. */
  readonly side: 'reference' | 'second';
  /** On the values of other testcases, or on the number and order of them alone. */
  readonly cause: 'neighbours' | 'place';
}

/** Runs of the same number of testcases: `mixed`, and two in which every second testcase has other neighbours. */
export interface Arrangements<T> {
  readonly mixed: T;
  /** As `mixed`, but the testcases at odd places are copies of those before them. */
  readonly evenKept: T;
  /** As `mixed`, but those at even places are copies of those beside them. */
  readonly oddKept: T;
}

/** Arranges at least two testcases of one shape. */
export function arrange<T>(testcases: readonly T[]): Arrangements<readonly T[]> {
  const lastOdd = testcases.length - 1 - (testcases.length % 2);
  return {
    mixed: testcases,
    evenKept: testcases.map((testcase, i) => (i % 2 === 0 ? testcase : testcases[i - 1])),
    oddKept: testcases.map((testcase, i) => (i % 2 === 1 ? testcase : testcases[Math.min(i + 1, lastOdd)])),
  };
}

/** Runs of a look, each of as many rows as testcases, and runs of one row. */
const LOOK_RUNS = 5;
const LOOK_SINGLE_RUNS = 2;

/** Rows that a look at so many testcases runs. */
export function lookRows(testcases: number): number {
  return LOOK_RUNS * testcases + LOOK_SINGLE_RUNS;
}

/**
 * Whether the answers to testcases depend on the rest of their batch: on their neighbours, in runs of one size that differ in
 * nothing else, so that the runtime rounds alike in all of them; or on their place, alone and in another order. Undefined where
 * they do not, or where the model gives something else from run to run.
 *
 * @param testcases different ones, two at least, of one shape
 * @throws Error if the runtime fails a run
 */
export async function findAnswerDependence(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
): Promise<AnswerDependence | undefined> {
  const run = (rows: readonly TestcaseBatch[]): Promise<BatchResult> =>
    model.run(packBatch(rows), rows.length, []);
  const { mixed, evenKept, oddKept } = arrange(testcases);
  const first = await run(mixed);
  const again = await run(mixed);
  const results = { mixed: first, evenKept: await run(evenKept), oddKept: await run(oddKept) };
  const reversed = await run([...testcases].reverse());
  const singles = [await run(testcases.slice(0, 1)), await run(testcases.slice(1, 2))];
  for (const side of ['reference', 'second'] as const) {
    const tensorsOf = ({ outputs, secondOutputs = [] }: BatchResult): readonly BatchTensor[] =>
      side === 'reference' ? outputs : secondOutputs;
    for (const [i, tensor] of tensorsOf(first).entries()) {
      const at = (result: BatchResult, row: number) => rowValues(tensorsOf(result)[i], row);
      const differs = (test: typeof dependsOnPlace, other: (row: number) => ReturnType<typeof at>): boolean =>
        testcases.some((_, row) => test(rowValues(tensor, row), other(row)));
      // A model that draws numbers has no answers to compare.
      if (differs(dependsOnNeighbours, (row) => at(again, row))) return undefined;
      const kept = (row: number) => at(row % 2 === 0 ? results.evenKept : results.oddKept, row);
      if (differs(dependsOnNeighbours, kept)) return { side, cause: 'neighbours' };
      const isElsewhere = differs(dependsOnPlace, (row) => at(reversed, testcases.length - 1 - row));
      const isOtherAlone = singles.some((single, row) =>
        dependsOnPlace(at(single, 0), rowValues(tensor, row)),
      );
      if (isElsewhere || isOtherAlone) return { side, cause: 'place' };
    }
  }
  return undefined;
}
