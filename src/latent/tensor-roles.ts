import { UserError } from '../core/errors.ts';
import { batchLayout, stripBatchDimension } from '../model/batch-axis.ts';
import type { InputSpec, Model } from '../model/model.ts';
import { DTYPES, shapeText, sizeOf, type Tensor } from '../tensor/tensor.ts';

/** An input that takes a class. */
export interface LabelInput {
  /** Index of the input. */
  readonly input: number;
  /** Classes of an input with a value for each; 0 for one that takes the number of the class. */
  readonly classes: number;
}

/** Which tensors of an encoder and a decoder are what. Plain data, sent between processes. */
export interface CodecRoles {
  /** Values of a latent vector. */
  readonly size: number;
  /** Values that the decoder gives for a latent vector. */
  readonly decodedSize: number;
  /** Absent for a generator, which has no encoder. */
  readonly encoder?: {
    /** Index of the input that is encoded. */
    readonly encoded: number;
    readonly label?: LabelInput;
    /** Name of the output; of one with twice the values, the first half are the means. */
    readonly output: string;
  };
  readonly decoder: {
    /** Index of the input that takes a latent vector. */
    readonly latent: number;
    readonly label?: LabelInput;
    readonly output: string;
  };
}

/** Names and shapes that a user gives where they are not clear from the models. */
export interface CodecNames {
  /** Output of the decoder. */
  readonly decoded?: string | undefined;
  /** Input of the decoder that takes a latent vector. */
  readonly latentInput?: string | undefined;
  /** Number of classes that a generator takes. */
  readonly classes?: number | undefined;
}

/** Whether values of one shape can stand for those of another: the same without dimensions of 1, or one of them is flat. */
export function areShapesAlike(a: readonly (number | null)[], b: readonly (number | null)[]): boolean {
  const [first, second] = [a, b].map((shape) => shape.filter((size) => size !== 1));
  const isSame =
    first.length === second.length &&
    first.every((size, i) => size === second[i] || size === null || second[i] === null);
  if (isSame) return true;
  if (first.length > 1 && second.length > 1) return false;
  const sizes = [first, second].map((shape) =>
    shape.some((size) => size === null) ? undefined : sizeOf(shape as number[]),
  );
  return sizes[0] !== undefined && sizes[0] === sizes[1];
}

/** The inputs of a model that take numbers of a shape alike, by index. */
export function inputsLike(model: Pick<Model, 'inputs'>, shape: readonly (number | null)[]): number[] {
  return stripBatchDimension(model.inputs).flatMap((input, i) =>
    input.strings === undefined && areShapesAlike(input.shape, shape) ? [i] : [],
  );
}

/** `x of 28×28×1, labels of 10`: the inputs of a model for messages, without the batch. */
export function inputsText(inputs: readonly Pick<InputSpec, 'name' | 'shape'>[]): string {
  return inputs.map(({ name, shape }) => `${name} of ${shapeText(shape)}`).join(', ');
}

/** @throws UserError where a model's inputs have no batch dimension of any size, first in each */
export function requireBatch(flag: string, { path, inputs }: Pick<Model, 'path' | 'inputs'>): void {
  const { axis, positions } = batchLayout(inputs);
  if (axis === 'free' && positions.every((position) => position === 0)) return;
  throw new UserError(
    `${flag}: ${path} has no batch dimension of any size (its inputs are ${inputsText(inputs)}): export it with a free first dimension`,
  );
}

/**
 * The input among others that takes a class, by type and size: an integer takes the class's number, several values have one for each
 * class.
 *
 * @param others indices of the inputs that take something else
 * @param classes that the user names; undefined where none are named
 * @returns undefined where there are no more inputs
 * @throws UserError where there are several, or the form is unknown
 */
export function findLabelInput(
  flag: string,
  model: Pick<Model, 'path' | 'inputs'>,
  others: readonly number[],
  classes?: number,
): LabelInput | undefined {
  const inputs = stripBatchDimension(model.inputs);
  const rest = inputs.flatMap((_, i) => (others.includes(i) ? [] : [i]));
  if (rest.length === 0) return undefined;
  if (rest.length > 1)
    throw new UserError(
      `${flag}: ${model.path} takes ${inputsText(rest.map((i) => inputs[i]))} beside its first input, and one class can be fed: export it with one more input`,
    );
  const [input] = rest;
  const { name, type, shape } = inputs[input];
  const size = shape.some((dimension) => dimension === null) ? undefined : sizeOf(shape as number[]);
  if (size === 1 && DTYPES[type].kind === 'int') return { input, classes: 0 };
  if (size !== undefined && size > 1) {
    if (classes !== undefined && classes !== size)
      throw new UserError(
        `--classes: ${classes}, but input ${name} of ${model.path} has ${size} values: set --classes ${size}`,
      );
    return { input, classes: size };
  }
  throw new UserError(
    `${flag}: input ${name} of ${model.path} is ${type} ${shapeText(shape)}, neither the number of a class (an integer) nor one value for each class: export it as one of these`,
  );
}

/** The tensors of one run, by name. */
export type RunOutputs = readonly (Tensor & { readonly name: string })[];

/**
 * The output of an encoder that holds latent vectors. Where there are several it is the mean, by its name, else the first; of one with
 * twice as many values, the first half are the means.
 *
 * @param outputs of a run of one row
 * @param size of a latent vector
 * @throws UserError printing both sizes where none fits
 */
export function findEncodedOutput(path: string, outputs: RunOutputs, size: number): string {
  const floats = outputs.filter(({ type }) => DTYPES[type].kind === 'float');
  const isMean = ({ name }: RunOutputs[number]): boolean => /mean|mu\b|loc/i.test(name);
  const exact = floats.filter(({ data }) => data.length === size);
  const double = floats.filter(({ data }) => data.length === 2 * size);
  const found = exact.find(isMean) ?? exact[0] ?? double.find(isMean) ?? double[0];
  if (found !== undefined) return found.name;
  const given = outputs.map(({ name, shape }) => `${name} of ${shapeText(shape.slice(1))}`).join(', ');
  throw new UserError(
    `--encoder: ${path} gives ${given}, and the decoder takes ${size} latent values: give an encoder and a decoder that were trained together`,
  );
}

/**
 * The output of a decoder that has the shape of an input.
 *
 * @param outputs of a run of one row
 * @throws UserError printing both shapes where none fits
 */
export function findDecodedOutput(
  flag: string,
  path: string,
  outputs: RunOutputs,
  input: { readonly name: string; readonly shape: readonly number[] } | undefined,
  decoded: string | undefined,
): RunOutputs[number] {
  const given = outputs.map(({ name, shape }) => `${name} of ${shapeText(shape.slice(1))}`).join(', ');
  const named = decoded === undefined ? outputs : outputs.filter(({ name }) => name === decoded);
  if (named.length === 0) throw new UserError(`--decoded: ${path} has no output ${decoded}, but ${given}`);
  const found = named.find(({ shape, data }) =>
    input === undefined ? data.length > 1 : areShapesAlike(shape.slice(1), input.shape),
  );
  if (found !== undefined) return found;
  if (input === undefined)
    throw new UserError(
      `${flag}: ${path} gives ${given}, and a generator gives several values: name its output with --decoded`,
    );
  throw new UserError(
    `${flag}: ${path} gives ${given}, and input ${input.name} is ${shapeText(input.shape)}: name a fitting output with --decoded, or give a decoder for this input`,
  );
}
