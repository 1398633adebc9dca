import { UserError } from '../core/errors.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { InputSpec, Model } from '../model/model.ts';
import {
  type DType,
  makeData,
  readNumber,
  sizeOf,
  type Tensor,
  type TensorData,
  writeNumber,
} from '../tensor/tensor.ts';
import {
  type CodecNames,
  type CodecRoles,
  findDecodedOutput,
  findEncodedOutput,
  findLabelInput,
  inputsLike,
  inputsText,
  type LabelInput,
  requireBatch,
} from './tensor-roles.ts';

/** A model as a codec needs it: one that runs here, or in another process. */
export type CodecModel = Pick<Model, 'path' | 'inputs' | 'run'>;

/** An encoder and a decoder; a generator is a decoder alone. */
export interface CodecModels<M extends CodecModel = CodecModel> {
  readonly encoder?: M | undefined;
  readonly decoder: M;
}

/** A testcase's values of the input that is encoded. */
export interface EncodedInput {
  readonly name: string;
  readonly type: DType;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
  readonly values: TensorData;
}

/** Turns inputs into latent vectors and back. */
export class LatentCodec {
  readonly roles: CodecRoles;
  /** Shape of what is decoded, without the batch; empty where it was not seen. */
  readonly decodedShape: readonly number[];
  readonly #models: CodecModels;

  constructor(models: CodecModels, roles: CodecRoles, decodedShape: readonly number[] = []) {
    this.#models = models;
    this.roles = roles;
    this.decodedShape = decodedShape;
  }

  /**
   * Finds out which tensors of the models are what, by running them on one input.
   *
   * @param input undefined for a generator, whatever it gives
   * @param flag that names the decoder, for messages
   * @throws UserError where they do not fit the input or each other, naming the shapes
   */
  static async open(
    models: CodecModels,
    input: EncodedInput | undefined,
    names: CodecNames = {},
    flag = '--decoder',
  ): Promise<LatentCodec> {
    const { encoder, decoder } = models;
    requireBatch(flag, decoder);
    const decoderInputs = stripBatchDimension(decoder.inputs);
    const encoded = encoder && input && (await tryEncoder(encoder, input, names));
    const latent = findLatentInput(flag, decoder, encoded?.outputs, names);
    const label = findLabelInput(flag, decoder, [latent], names.classes);
    const size = sizeOf(decoderInputs[latent].shape as number[]);
    const outputs = await runOnce(decoder, (spec, i) =>
      i === latent ? new Float32Array(size) : labelValues(spec, label, 0),
    );
    const found = findDecodedOutput(flag, decoder.path, outputs, input, names.decoded);
    const roles: CodecRoles = {
      size,
      decodedSize: found.data.length,
      ...(encoder === undefined || encoded === undefined
        ? {}
        : {
            encoder: {
              encoded: encoded.image,
              ...(encoded.label === undefined ? {} : { label: encoded.label }),
              output: findEncodedOutput(encoder.path, encoded.outputs, size),
            },
          }),
      decoder: { latent, ...(label === undefined ? {} : { label }), output: found.name },
    };
    return new LatentCodec(models, roles, found.shape.slice(1));
  }

  /** Whether the classes of inputs are fed. */
  get takesLabels(): boolean {
    return this.roles.decoder.label !== undefined || this.roles.encoder?.label !== undefined;
  }

  /**
   * The latent vector of one input, alone in its run, so that it depends on nothing else.
   *
   * @param label class of the input, for models that take it
   * @throws Error where there is no encoder, or the runtime fails
   */
  async encode(type: DType, values: TensorData, label = 0): Promise<Float32Array> {
    const { encoder } = this.#models;
    const role = this.roles.encoder;
    if (encoder === undefined || role === undefined) throw new Error('a generator has no encoder');
    const outputs = await runOnce(encoder, (spec, i) =>
      i === role.encoded ? { type, values } : labelValues(spec, role.label, label),
    );
    const output = outputs.find(({ name }) => name === role.output);
    if (output === undefined) throw new Error(`${encoder.path} gave no ${role.output}`);
    return Float32Array.from({ length: this.roles.size }, (_, i) => readNumber(output.type, output.data, i));
  }

  /**
   * Decodes latent vectors.
   *
   * @param latents `[rows, size]`
   * @param labels class of each row, for models that take it
   * @param maxRows rows of one run
   * @returns `[rows, decodedSize]`
   * @throws Error where the runtime fails
   */
  async decode(
    latents: Float32Array,
    labels: ArrayLike<number> = [],
    maxRows = Number.POSITIVE_INFINITY,
  ): Promise<Float32Array> {
    const { size, decodedSize, decoder: role } = this.roles;
    const { decoder } = this.#models;
    const rows = latents.length / size;
    const decoded = new Float32Array(rows * decodedSize);
    for (let from = 0; from < rows; from += maxRows) {
      const to = Math.min(rows, from + maxRows);
      const feeds = decoder.inputs.map((spec, i): Tensor => {
        if (i === role.latent) return tensorOf(spec, to - from, latents.subarray(from * size, to * size));
        const values = new Float32Array((to - from) * Math.max(1, role.label?.classes ?? 1));
        for (let row = from; row < to; row++) writeLabel(values, row - from, role.label, labels[row] ?? 0);
        return tensorOf(spec, to - from, values);
      });
      const { outputs } = await decoder.run(feeds, []);
      const output = outputs.find(({ name }) => name === role.output);
      if (output === undefined || output.data.length !== (to - from) * decodedSize)
        throw new Error(`${decoder.path} gave no ${role.output} of ${to - from} rows`);
      if (output.data instanceof Float32Array) decoded.set(output.data, from * decodedSize);
      else
        for (let i = 0; i < output.data.length; i++)
          decoded[from * decodedSize + i] = readNumber(output.type, output.data, i);
    }
    return decoded;
  }
}

/** Runs an encoder on one input. */
async function tryEncoder(encoder: CodecModel, input: EncodedInput, { classes }: CodecNames) {
  requireBatch('--encoder', encoder);
  const [image] = inputsLike(encoder, input.shape);
  if (image === undefined)
    throw new UserError(
      `--encoder: ${encoder.path} takes ${inputsText(stripBatchDimension(encoder.inputs))}, and input ${inputsText([input])}: give an encoder for this input`,
    );
  const label = findLabelInput('--encoder', encoder, [image], classes);
  const outputs = await runOnce(encoder, (spec, i) =>
    i === image ? { type: input.type, values: input.values } : labelValues(spec, label, 0),
  );
  return { image, label, outputs };
}

/**
 * The input of a decoder that takes a latent vector: named, the only one, or the one with as many values as an output of the encoder.
 *
 * @param outputs of the encoder; undefined for a generator
 * @throws UserError where it is not clear, or its size is free
 */
export function findLatentInput(
  flag: string,
  decoder: Pick<CodecModel, 'path' | 'inputs'>,
  outputs: readonly Tensor[] | undefined,
  { latentInput }: CodecNames,
): number {
  const inputs = stripBatchDimension(decoder.inputs);
  const sizes = inputs.map(({ shape }) =>
    shape.some((size) => size === null) ? 0 : sizeOf(shape as number[]),
  );
  const isFloat = ({ type }: InputSpec): boolean => type.startsWith('float');
  let candidates = inputs.flatMap((input, i) => (isFloat(input) && sizes[i] > 0 ? [i] : []));
  if (latentInput !== undefined) candidates = candidates.filter((i) => inputs[i].name === latentInput);
  else if (candidates.length > 1 && outputs !== undefined)
    candidates = candidates.filter((i) =>
      outputs.some(({ data }) => data.length === sizes[i] || data.length === 2 * sizes[i]),
    );
  if (candidates.length > 1) {
    const named = candidates.filter((i) => /latent|^z$|noise/i.test(inputs[i].name));
    if (named.length === 1) candidates = named;
  }
  if (candidates.length === 1) return candidates[0];
  throw new UserError(
    `${flag}: which input of ${decoder.path} takes a latent vector is not clear (${inputsText(inputs)}): name it with --latent-input`,
  );
}

/** The values of an input, or with their type where they have to be converted. */
type RowValues = Float32Array | { readonly type: DType; readonly values: TensorData };

/** Runs a model on one row. */
async function runOnce(model: CodecModel, valuesOf: (spec: InputSpec, input: number) => RowValues) {
  const feeds = model.inputs.map((spec, i) => {
    const given = valuesOf(spec, i);
    if (given instanceof Float32Array) return tensorOf(spec, 1, given);
    const numbers = new Float32Array(given.values.length);
    for (let k = 0; k < numbers.length; k++) numbers[k] = readNumber(given.type, given.values, k);
    return tensorOf(spec, 1, numbers);
  });
  const { outputs } = await model.run(feeds, []);
  return outputs;
}

/** A tensor of an input's type, `[rows, …]`; free dimensions behind the batch take what is left. */
function tensorOf({ type, shape }: InputSpec, rows: number, values: Float32Array): Tensor {
  const fixed = shape.slice(1).reduce<number>((product, size) => product * (size ?? 1), rows);
  const rest = shape.slice(1).map((size) => size ?? Math.round(values.length / fixed));
  if (type === 'float32') return { type, shape: [rows, ...rest], data: values };
  const data = makeData(type, values.length);
  for (let i = 0; i < values.length; i++) writeNumber(type, data, i, values[i]);
  return { type, shape: [rows, ...rest], data };
}

/** The values of a label input for one row. */
function labelValues(spec: InputSpec, label: LabelInput | undefined, value: number): Float32Array {
  if (label === undefined) throw new Error(`nothing is known of input ${spec.name}`);
  const values = new Float32Array(Math.max(1, label.classes));
  writeLabel(values, 0, label, value);
  return values;
}

function writeLabel(values: Float32Array, row: number, label: LabelInput | undefined, value: number): void {
  if (label === undefined || label.classes === 0) values[row] = Math.max(0, value);
  else if (value >= 0 && value < label.classes) values[row * label.classes + value] = 1;
}
