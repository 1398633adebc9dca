import type { PlausibilityBound } from '../config/threat-model.ts';
import { UserError } from '../core/errors.ts';
import type { BatchedModel, BatchTensor } from '../model/batched-model.ts';
import { sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';
import { readNumber } from '../tensor/tensor.ts';

/** How the model that tells plausible inputs from others is loaded. */
export const PLAUSIBILITY_LOADING = { runtime: 'auto' } as const;

/** Whether a value is within the bound. NaN is not. */
export function isPlausible(value: number, { comparison, bound }: PlausibilityBound): boolean {
  switch (comparison) {
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
  }
}

/**
 * The value that a bound is on, for each row.
 *
 * @param outputs of the model that tells plausible inputs, of which the first counts
 * @throws UserError where it has too few values
 */
export function plausibilityValues(
  outputs: readonly BatchTensor[],
  rows: number,
  { path, index }: PlausibilityBound,
): number[] {
  const [output] = outputs;
  if (output === undefined || index >= output.size)
    throw new UserError(
      `threatModel.plausible: ${path} has ${output?.size ?? 0} values for an input, and none at [${index}]`,
    );
  return Array.from({ length: rows }, (_, row) =>
    readNumber(output.type, output.data, row * output.size + index),
  );
}

/** Tells plausible testcases from others, by a model. */
export class Plausibility {
  readonly #model: BatchedModel;
  readonly #bound: PlausibilityBound;

  constructor(model: BatchedModel, bound: PlausibilityBound) {
    this.#model = model;
    this.#bound = bound;
  }

  /** Whether each row is plausible; one that the model fails on is not. */
  async areRowsPlausible(testcases: TestcaseBatch, rows: number): Promise<boolean[]> {
    const plausible: boolean[] = [];
    for (let from = 0; from < rows; ) {
      const to = Math.min(rows, from + this.#model.maxBatchSize);
      plausible.push(...(await this.#judge(sliceTestcases(testcases, from, to), to - from)));
      from = to;
    }
    return plausible;
  }

  /** Judges rows in one run; where that fails, each alone. */
  async #judge(testcases: TestcaseBatch, rows: number): Promise<boolean[]> {
    try {
      const { outputs } = await this.#model.run(testcases, rows, []);
      const values = plausibilityValues(outputs, rows, this.#bound);
      return values.map((value) => isPlausible(value, this.#bound));
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (rows === 1) return [false];
      const alone: boolean[] = [];
      for (let row = 0; row < rows; row++)
        alone.push(...(await this.#judge(sliceTestcases(testcases, row, row + 1), 1)));
      return alone;
    }
  }
}
