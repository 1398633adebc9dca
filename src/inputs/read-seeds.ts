import type { ValuesByInput } from '../config/values.ts';
import { didYouMean } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { InputSpec } from '../model/model.ts';
import { makeTestcaseInput, type ShapeSignature, shapeSignatureOf } from '../model/testcase-batch.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fitToInput, type InputValue, type PixelScalingLookup } from './fit-to-input.ts';
import { splitLabelColumn } from './labels.ts';
import { findArray, readSeedFiles, type SeedFile } from './seed-files.ts';
import type { Seeds } from './seeds.ts';
import { readStringLines } from './strings/string-seeds.ts';
import { splitTable } from './table-seeds.ts';
import { type TextSeedFormat, tokenizeSeedFile } from './tokenize-seed-file.ts';

/** Where each seed of the first input comes from; filled by `readSeeds`. */
export interface SeedSources {
  /** Column of the first input's tables that contains the labels. */
  readonly labelColumn?: number | undefined;
  readonly paths: string[];
  /** Values of the label column. */
  readonly labels: number[];
}

/**
 * Reads seeds from files and folders and fits them to the model's inputs. A file may contain one testcase or a batch.
 * The testcases of several inputs are paired by position.
 *
 * @param modelInputs with the batch dimension
 * @param paths of each input by name, and for all inputs
 * @param sources receives the origin of each value of the first input
 * @param textFormatOf returns how an input reads text files; undefined if it does not take text
 * @throws UserError on unreadable files, shapes or types that don't fit, and values that are not finite
 */
export async function readSeeds(
  modelInputs: readonly InputSpec[],
  paths: ValuesByInput<string>,
  pixelScalingOf: PixelScalingLookup,
  sources: SeedSources = { paths: [], labels: [] },
  textFormatOf: (input: string) => TextSeedFormat | undefined = () => undefined,
): Promise<Seeds> {
  const inputs = stripBatchDimension(modelInputs);
  const takesText = ({ name, strings }: InputSpec): boolean =>
    strings !== undefined || textFormatOf(name) !== undefined;
  const collector = new SeedCollector(inputs, pixelScalingOf, textFormatOf, sources);
  for (const [name, path] of paths.byName) {
    const input = findInput(inputs, name, path);
    for (const file of await readSeedFiles(path, takesText(input))) {
      if (file.rows !== undefined) await collector.addTable([input], file.rows, file);
      else if (file.text === undefined) await collector.addArray(input, requireArray(file, input.name), file);
      else await collector.addText(input, file);
    }
  }
  const textInput = inputs.find(takesText);
  for (const path of paths.forAll) {
    for (const file of await readSeedFiles(path, textInput !== undefined)) {
      if (file.text !== undefined) await collector.addText(textInput ?? inputs[0], file);
      if (file.rows !== undefined) await collector.addTable(inputs, file.rows, file);
      for (const [name, tensor] of file.arrays) {
        const isOnly = file.arrays.size === 1 && inputs.length === 1;
        const input = name === null || isOnly ? soleInput(inputs, file) : findInput(inputs, name, file.path);
        await collector.addArray(input, tensor, file);
      }
    }
  }
  return collector.pairRows();
}

/** Collects values by input. */
class SeedCollector {
  readonly #inputs: readonly InputSpec[];
  readonly #pixelScalingOf: PixelScalingLookup;
  readonly #textFormatOf: (input: string) => TextSeedFormat | undefined;
  readonly #sources: SeedSources;
  readonly #valuesByInput = new Map<string, InputValue[]>();

  /** @param inputs without the batch dimension */
  constructor(
    inputs: readonly InputSpec[],
    pixelScalingOf: PixelScalingLookup,
    textFormatOf: (input: string) => TextSeedFormat | undefined,
    sources: SeedSources,
  ) {
    this.#inputs = inputs;
    this.#pixelScalingOf = pixelScalingOf;
    this.#textFormatOf = textFormatOf;
    this.#sources = sources;
  }

  async addArray(input: InputSpec, array: Tensor, file: SeedFile): Promise<void> {
    const isFirst = input === this.#inputs[0];
    const { labelColumn, labels, paths } = this.#sources;
    let tensor = array;
    if (labelColumn !== undefined && isFirst) {
      const split = splitLabelColumn(array, input.shape.at(-1) ?? 0, labelColumn, file.path);
      tensor = split.tensor;
      labels.push(...split.labels);
    }
    const values = this.#valuesByInput.get(input.name) ?? [];
    for (const value of await fitToInput(input, tensor, file, this.#pixelScalingOf)) {
      values.push(value);
      if (isFirst) paths.push(file.path);
    }
    this.#valuesByInput.set(input.name, values);
  }

  async addTable(
    inputs: readonly InputSpec[],
    rows: readonly (readonly string[])[],
    file: SeedFile,
  ): Promise<void> {
    for (const [input, tensor] of splitTable(inputs, rows, file.path))
      await this.addArray(input, tensor, file);
  }

  async addText(input: InputSpec, file: SeedFile): Promise<void> {
    if (input.strings !== undefined) {
      await this.addArray(input, readStringLines(input, file), file);
      return;
    }
    const format = this.#textFormatOf(input.name);
    if (format === undefined)
      throw new UserError(
        `${file.path} is text, and input ${input.name} has no vocabulary: set --generate vocabulary=FILE, or a vocabulary under tokens in the campaign file`,
      );
    for (const ids of tokenizeSeedFile(file, format))
      await this.addArray(
        input,
        { type: 'float64', shape: [ids.length], data: Float64Array.from(ids) },
        file,
      );
  }

  /** @throws UserError if an input has no values, or inputs have different numbers of them */
  pairRows(): Seeds {
    const inputs = this.#inputs;
    const columns = inputs.map(({ name }) => {
      const values = this.#valuesByInput.get(name);
      if (values === undefined)
        throw new UserError(`no seeds for input ${name}: add ${name}=PATH to --seeds`);
      return values;
    });
    columns.forEach((values, i) => {
      if (values.length !== columns[0].length) {
        throw new UserError(
          `input ${inputs[0].name} has ${columns[0].length} seeds and input ${inputs[i].name} ${values.length}: they are paired row by row, so both need the same number`,
        );
      }
    });
    // Seeds of one shape share one object.
    const forms = new Map<string, ShapeSignature>();
    return columns[0].map((_, row) => {
      const signature = shapeSignatureOf(
        inputs.map((input, i) => makeTestcaseInput(input, columns[i][row].shape)),
      );
      const form = forms.get(signature.key) ?? signature;
      forms.set(form.key, form);
      return { form, inputs: columns.map((values) => values[row].data) };
    });
  }
}

function findInput(inputs: readonly InputSpec[], name: string, source: string): InputSpec {
  const found = inputs.find((input) => input.name === name);
  if (found !== undefined) return found;
  const names = inputs.map((input) => input.name);
  const near = didYouMean(name, names);
  throw new UserError(
    `${source} names an input ${name}, which the model does not have: ${near || `its inputs are ${names.join(', ')}`}`,
  );
}

function soleInput(inputs: readonly InputSpec[], file: SeedFile): InputSpec {
  if (inputs.length === 1) return inputs[0];
  const names = inputs.map((input) => input.name);
  throw new UserError(
    `${file.path} does not say which input it is for: write ${names.map((name) => `${name}=PATH`).join(' ')}, or an .npz with arrays of these names`,
  );
}

function requireArray(file: SeedFile, input: string): Tensor {
  const tensor = findArray(file, input);
  if (tensor === undefined) {
    throw new UserError(`${file.path} holds several arrays, none named ${input}: name one of them ${input}`);
  }
  return tensor;
}
