import { createHash } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import { maxUnpackedBytes } from '../core/read-bounded.ts';
import { inputText } from '../model/input-text.ts';
import type { InputSpec } from '../model/model.ts';
import { makeTestcaseInput, shapeSignatureOf, type TestcaseBatch } from '../model/testcase-batch.ts';
import { decodeNpz, encodeNpz, encodeNpzParts } from '../tensor/npz.ts';
import { bytesOf, DTYPES, sizeOf, type Tensor } from '../tensor/tensor.ts';

/** How mutators moved the latent vector of a testcase. */
export interface LatentChange {
  /** Latent vector of the parent. */
  readonly z: readonly number[];
  /** The vector's change. */
  readonly delta: readonly number[];
  /** Standard deviation of the moves, in that of each latent value over the seeds. */
  readonly step: number;
}

/** Origin of a testcase: its ancestors and the mutators applied. */
export interface Lineage {
  readonly id: string;
  /** Id of the testcase it was mutated from; null for a seed. */
  readonly parent: string | null;
  /** Id of the seed at the root of its lineage; its own id for a seed. */
  readonly ancestor: string;
  /** Id of the testcase from which DeepHunter's rule measures, if a geometric transform replaced the ancestor. */
  readonly reference?: string | undefined;
  /** Mutations since the seed. */
  readonly generation: number;
  /** Mutators applied to the parent, as `input:mutator`, in order. */
  readonly mutators: readonly string[];
  /** Absent where no mutator moved its latent vector. */
  readonly latent?: LatentChange | undefined;
}

/** A testcase: one row of data for each model input. */
export type TestcaseData = TestcaseBatch;

/** Bytes of a testcase's values. */
export function byteLengthOf({ inputs }: TestcaseData): number {
  return inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/**
 * Id of a testcase: the first 16 hex digits of the SHA-256 of its inputs in order of their names, each as name, type,
 * shape and little-endian values.
 */
export function testcaseId({ form: { inputs }, inputs: data }: TestcaseData): string {
  const hash = createHash('sha256');
  const order = inputs.map((_, i) => i).sort((a, b) => (inputs[a].name < inputs[b].name ? -1 : 1));
  for (const i of order) {
    const { name, type, shape } = inputs[i];
    hash.update(`${JSON.stringify([name, type, shape])}\n`);
    hash.update(bytesOf(data[i]));
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Encodes a testcase as .npz with one array per input.
 *
 * @param rows number of testcases if there are several; arrays then have a leading batch dimension
 */
export function encodeTestcase(testcase: TestcaseBatch, rows?: number): Uint8Array {
  return encodeNpz(namedTensors(testcase, rows));
}

/** The parts of `encodeTestcase` for one testcase, in which large values are not copied. */
export function encodeTestcaseParts(testcase: TestcaseBatch): readonly Uint8Array[] {
  return encodeNpzParts(namedTensors(testcase, undefined));
}

function namedTensors(
  { form: { inputs }, inputs: data }: TestcaseBatch,
  rows: number | undefined,
): [string, Tensor][] {
  return inputs.map((input, i) => [
    input.name,
    {
      type: input.type,
      shape: rows === undefined ? input.shape : [rows, ...input.shape],
      data: data[i],
      ...(input.isString ? { isString: true } : {}),
    },
  ]);
}

/** Times that a testcase's file may unpack to the size that the inputs have. */
const MAX_SHARE_OF_LEGAL = 10;

/** Bytes of testcases whose free sizes are 1. */
function legalBytes(inputs: readonly InputSpec[], rows = 1): number {
  return inputs.reduce(
    (sum, { type, shape }) => sum + rows * DTYPES[type].bytes * sizeOf(shape.map((size) => size ?? 1)),
    0,
  );
}

/**
 * Decodes the result of `encodeTestcase`.
 *
 * @param inputs without the batch dimension; dynamic sizes are taken from the file
 * @param source name of the file, for error messages
 * @param rows number of testcases, if the arrays have a leading batch dimension
 * @throws UserError if the file is damaged or does not fit the inputs
 */
export function decodeTestcase(
  inputs: readonly InputSpec[],
  bytes: Uint8Array,
  source: string,
  rows?: number,
): TestcaseBatch {
  const arrays = decodeNpz(
    bytes,
    source,
    Math.max(maxUnpackedBytes(bytes.length), MAX_SHARE_OF_LEGAL * legalBytes(inputs, rows)),
  );
  const tensors = inputs.map((input) => {
    const tensor = arrays.get(input.name);
    const shape = rows === undefined ? input.shape : [rows, ...input.shape];
    const fits =
      tensor?.type === input.type &&
      (tensor.isString === true) === (input.strings !== undefined) &&
      tensor.shape.length === shape.length &&
      shape.every((dimension, i) => dimension === null || dimension === tensor.shape[i]);
    if (!fits) {
      throw new UserError(
        `${source} does not fit the model: input ${input.name} takes ${inputText(input, shape)}`,
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
