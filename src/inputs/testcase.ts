import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import type { InputSpec } from '../model/model.ts';
import { makeTestcaseInput, shapeSignatureOf, type TestcaseBatch } from '../model/testcase-batch.ts';
import { decodeNpz, encodeNpz } from '../tensor/npz.ts';
import { bytesOf, shapeText, type Tensor } from '../tensor/tensor.ts';

/** Where a testcase came from. */
export interface Lineage {
  readonly id: string;
  /** Id of the testcase that it was mutated from; null for a seed. */
  readonly parent: string | null;
  /** Id of the seed that its line of parents starts with; its own for a seed. */
  readonly ancestor: string;
  /** Id of what DeepHunter's rule measures from, where a geometric change made another of the ancestor. */
  readonly reference?: string | undefined;
  /** Mutations since the seed. */
  readonly generation: number;
  /** What made it out of its parent, `input:mutator` in the order in which they were applied. */
  readonly mutators: readonly string[];
}

/** One value for each model input: a single row of its form. */
export type TestcaseData = TestcaseBatch;

/**
 * A testcase's id: the first 16 hex digits of the SHA-256 over its inputs in name order, each as name,
 * type, shape and little-endian values.
 */
export function testcaseId({ form: { inputs }, inputs: columns }: TestcaseData): string {
  const hash = createHash('sha256');
  const order = inputs.map((_, i) => i).sort((a, b) => (inputs[a].name < inputs[b].name ? -1 : 1));
  for (const i of order) {
    const { name, type, shape } = inputs[i];
    hash.update(`${JSON.stringify([name, type, shape])}\n`);
    hash.update(bytesOf(columns[i]));
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * A testcase as .npz: an array for each input, without the batch dimension.
 *
 * @param rows how many testcases there are, each array then with one more dimension in front
 */
export function encodeTestcase(
  { form: { inputs }, inputs: columns }: TestcaseBatch,
  rows?: number,
): Uint8Array {
  return encodeNpz(
    inputs.map((input, i): [string, Tensor] => [
      input.name,
      {
        type: input.type,
        shape: rows === undefined ? input.shape : [rows, ...input.shape],
        data: columns[i],
      },
    ]),
  );
}

/**
 * Reads back what `encodeTestcase` wrote.
 *
 * @param inputs as testcases have them, without the batch dimension; free dimensions are what the file says
 * @param rows how many testcases the file holds, each array with one more dimension in front
 * @throws UserError where the file is damaged or does not fit the inputs
 */
export function decodeTestcase(
  inputs: readonly InputSpec[],
  bytes: Uint8Array,
  source: string,
  rows?: number,
): TestcaseBatch {
  const arrays = decodeNpz(bytes, source);
  const tensors = inputs.map((input) => {
    const tensor = arrays.get(input.name);
    const shape = rows === undefined ? input.shape : [rows, ...input.shape];
    const fits =
      tensor?.type === input.type &&
      tensor.shape.length === shape.length &&
      shape.every((dimension, i) => dimension === null || dimension === tensor.shape[i]);
    if (!fits) {
      throw new UserError(
        `${source} does not fit the model: input ${input.name} takes ${input.type} ${shapeText(shape)}`,
      );
    }
    return tensor;
  });
  const batched = rows === undefined ? 0 : 1;
  return {
    form: shapeSignatureOf(
      inputs.map((input, i) => makeTestcaseInput(input, tensors[i].shape.slice(batched))),
    ),
    inputs: tensors.map(({ data }) => data),
  };
}
