import type { ValuesByInput } from '../config/values.ts';
import { didYouMean } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { escapeControl } from '../core/escape-control.ts';
import type { Random } from '../core/random.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { type Tokenizer, unencodableCharacters } from '../model/language/tokenizer.ts';
import type { InputSpec } from '../model/model.ts';
import {
  makeTestcaseInput,
  type ShapeSignature,
  shapeSignatureOf,
  type TestcaseBatch,
} from '../model/testcase-batch.ts';
import { makeData, shapeText, type Tensor, writeNumber } from '../tensor/tensor.ts';
import { fitToInput, type InputValue, type PixelScalingLookup } from './fit-to-input.ts';
import { splitLabelColumn } from './labels.ts';
import { readSeedFiles, type SeedFile } from './seed-files.ts';

/** Seeds that fit a model, in their order; where it leaves sizes open they may be of several forms. */
export type Seeds = readonly TestcaseBatch[];

/** Where seeds come from, by their place: filled while they are read. */
export interface SeedSources {
  /** The column of the first input's tables that says which class a seed shows. */
  readonly labelColumn?: number | undefined;
  readonly paths: string[];
  /** What that column says. */
  readonly labels: number[];
}

/** How an input takes files of text. */
export interface TextSeedFormat {
  readonly tokenizer: Tokenizer;
  /** Whether a line is a testcase, or a whole file; undefined where that goes by how files are named. */
  readonly splitBy: 'lines' | 'files' | undefined;
}

/** The forms that seeds have, in the order in which they first come up. */
export function distinctShapes(seeds: Seeds): ShapeSignature[] {
  return [...new Map(seeds.map(({ form }) => [form.key, form])).values()];
}

/**
 * Reads seeds from files and folders and fits them to the model's inputs. A file may hold one testcase or a
 * batch of them; where a model has several inputs their rows are paired in order.
 *
 * @param origins told where the first input's values come from
 * @param textOf how an input takes files of text; undefined for one that takes none
 * @throws UserError on files that can't be read, shapes or types that don't fit, values that are not finite
 */
export async function readSeeds(
  inputs: readonly InputSpec[],
  places: ValuesByInput<string>,
  pixelsOf: PixelScalingLookup,
  origins: SeedSources = { paths: [], labels: [] },
  textOf: (input: string) => TextSeedFormat | undefined = () => undefined,
): Promise<Seeds> {
  const wanted = stripBatchDimension(inputs);
  const takesText = wanted.some(({ name }) => textOf(name) !== undefined);
  const collected = new Map<string, InputValue[]>();
  const take = async ({ name }: InputSpec, given: Tensor, file: SeedFile): Promise<void> => {
    const input = wanted.find((one) => one.name === name) as InputSpec;
    const before = collected.get(name) ?? [];
    let tensor = given;
    if (origins.labelColumn !== undefined && input === wanted[0]) {
      const cut = splitLabelColumn(given, input.shape.at(-1) ?? 0, origins.labelColumn, file.path);
      tensor = cut.tensor;
      origins.labels.push(...cut.labels);
    }
    for (const value of await fitToInput(input, tensor, file, pixelsOf)) {
      before.push(value);
      if (input === wanted[0]) origins.paths.push(file.path);
    }
    collected.set(name, before);
  };

  const takeText = async (input: InputSpec, file: SeedFile): Promise<void> => {
    const how = textOf(input.name);
    if (how === undefined)
      throw new UserError(
        `${file.path} is text, and input ${input.name} has no vocabulary: give one with --generate vocabulary=FILE, or under tokens in the campaign file`,
      );
    for (const ids of tokenizeSeedFile(file, how))
      await take(input, { type: 'float64', shape: [ids.length], data: Float64Array.from(ids) }, file);
  };

  for (const [name, path] of places.byName) {
    const input = findInput(inputs, name, path);
    for (const file of await readSeedFiles(path, textOf(name) !== undefined)) {
      if (file.text === undefined) await take(input, soleArray(file, input.name), file);
      else await takeText(input, file);
    }
  }
  for (const path of places.forAll) {
    for (const file of await readSeedFiles(path, takesText)) {
      if (file.text !== undefined) await takeText(inputs.find(({ name }) => textOf(name)) ?? inputs[0], file);
      for (const [name, tensor] of file.arrays) {
        if (name === null) await take(soleInput(inputs, file), tensor, file);
        else if (file.arrays.size === 1 && inputs.length === 1) await take(inputs[0], tensor, file);
        else await take(findInput(inputs, name, file.path), tensor, file);
      }
    }
  }
  return pairRows(wanted, collected);
}

/**
 * The testcases of a file of text, as ids.
 *
 * @throws UserError naming characters that the vocabulary lacks
 */
function tokenizeSeedFile(
  { path, text = '', isInFolder = false }: SeedFile,
  { tokenizer, splitBy }: TextSeedFormat,
): number[][] {
  const isWhole = splitBy === undefined ? isInFolder : splitBy === 'files';
  const parts = isWhole ? [text.replace(/\r?\n$/, '')] : text.split(/\r?\n/);
  const ids = parts.flatMap((part, i) => {
    if (part === '') return [];
    const own = tokenizer.encode(part);
    if (own !== undefined) return own.length === 0 ? [] : [own];
    const where = isWhole ? path : `${path}, line ${i + 1},`;
    const lacking = unencodableCharacters(part, tokenizer)
      .slice(0, MAX_NAMED_CHARACTERS)
      .map(describeCharacter);
    throw new UserError(
      `${where} holds ${lacking.join(', ')}, for which the vocabulary has no token: take it out, or give the vocabulary that the model was made with`,
    );
  });
  if (ids.length === 0) throw new UserError(`${path} holds no text: write a prompt a line`);
  return ids;
}

/** Characters named where a vocabulary lacks them. */
const MAX_NAMED_CHARACTERS = 5;

function describeCharacter(character: string): string {
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
  return `${escapeControl(JSON.stringify(character))} (U+${code})`;
}

/** Values of all drawn seeds together: a model may declare inputs of any size. */
const MAX_DRAWN_VALUES = 1 << 27;

/**
 * Draws seeds uniformly within each input's range, for a user who gave none.
 *
 * @param rangeOf legal values of an input at a position of its testcases of `size` values
 * @throws UserError where a size is left open, or testcases are too large to draw some
 */
export function drawSeeds(
  inputs: readonly InputSpec[],
  rangeOf: (input: number, position: number, size: number) => readonly [low: number, high: number],
  count: number,
  random: Random,
): Seeds {
  const form = shapeSignatureOf(
    stripBatchDimension(inputs).map((input) => {
      if (input.shape.includes(null)) {
        throw new UserError(
          `input ${input.name} is ${shapeText(input.shape)}, with a size left open: give seeds of the size to fuzz with --seeds, or the size with --shape ${input.name}=1,…`,
        );
      }
      return makeTestcaseInput(input, input.shape as readonly number[]);
    }),
  );
  const values = form.inputs.reduce((sum, { size }) => sum + size, 0);
  if (values * count > MAX_DRAWN_VALUES) {
    throw new UserError(
      `a testcase of this model has ${values} values, too many to draw some: give seeds with --seeds`,
    );
  }
  return Array.from({ length: count }, () => ({
    form,
    inputs: form.inputs.map((input, i) => {
      const data = makeData(input.type, input.size);
      for (let k = 0; k < input.size; k++) {
        const [low, high] = rangeOf(i, k, input.size);
        writeNumber(input.type, data, k, low + (high - low) * random.uniform());
      }
      return data;
    }),
  }));
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

function soleArray(file: SeedFile, input: string): Tensor {
  const tensor =
    file.arrays.get(input) ?? (file.arrays.size === 1 ? [...file.arrays.values()][0] : undefined);
  if (tensor === undefined) {
    throw new UserError(`${file.path} holds several arrays, none named ${input}: name one of them ${input}`);
  }
  return tensor;
}

function pairRows(
  inputs: readonly InputSpec[],
  collected: ReadonlyMap<string, readonly InputValue[]>,
): Seeds {
  const columns = inputs.map(({ name }) => {
    const values = collected.get(name);
    if (values === undefined) throw new UserError(`no seeds for input ${name}: add ${name}=PATH to --seeds`);
    return values;
  });
  columns.forEach((values, i) => {
    if (values.length !== columns[0].length) {
      throw new UserError(
        `input ${inputs[0].name} has ${columns[0].length} seeds and input ${inputs[i].name} ${values.length}: they are paired row by row, so give as many of each`,
      );
    }
  });
  const forms = new Map<string, ShapeSignature>();
  return columns[0].map((_, row) => {
    const made = shapeSignatureOf(inputs.map((input, i) => makeTestcaseInput(input, columns[i][row].shape)));
    const form = forms.get(made.key) ?? made;
    forms.set(form.key, form);
    return { form, inputs: columns.map((values) => values[row].data) };
  });
}
