import { basename, dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document, isScalar, visit } from 'yaml';
import { flagSettings, type SettingName } from '../config/schema.ts';
import { escapeControl, escapeControlInJson, hasControl } from '../core/escape-control.ts';
import { packageFile } from '../core/package-files.ts';
import type { LoadOptions } from '../model/model.ts';
import { shapeText } from '../tensor/tensor.ts';
import type { InspectedInput, Inspection } from './inspect.ts';
import { settingHelp } from './setting-kinds.ts';

/** JSON Schema in the package, for editors. */
const SCHEMA_PATH = fileURLToPath(packageFile('schema/campaign.schema.json'));

/** No line is folded: names keep their line feeds as escapes. */
const YAML_LINES = {
  lineWidth: 0,
  flowCollectionPadding: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
};

/** YAML with lists of numbers and words in one line. */
function yamlText(settings: object): string {
  const document = new Document(settings);
  visit(document, {
    Seq(_, list) {
      if (list.items.every(isScalar)) list.flow = true;
    },
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && hasControl(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // Double-quoted scalars have the escapes of JSON, and no other holds such characters.
  return escapeControlInJson(document.toString(YAML_LINES).trimEnd());
}

/** Comment lines and, below them, settings. */
function section(comment: string, settings: object | undefined, inactive = false): string {
  // Names come from the model: nothing in them may end a comment.
  const lines = comment.split('\n').map((line) => `# ${escapeControl(line)}`.trimEnd());
  const text = settings === undefined ? '' : yamlText(settings);
  const body = text === '' ? [] : text.split('\n').map((line) => (inactive ? `# ${line}` : line));
  return [...lines, ...body].join('\n');
}

/**
 * A campaign file for an inspected model.
 *
 * @param file path of the campaign file: paths in it are relative to it
 * @param given options that the model was loaded with
 */
export function campaignText(inspection: Inspection, file: string, given: LoadOptions): string {
  const { model, inputs, coverage } = inspection;
  const folder = resolve(dirname(file));
  const near = (path: string): string => relative(folder, resolve(path)) || '.';
  const loading = {
    runtime: given.runtime === 'auto' ? undefined : given.runtime,
    signature: given.signature,
    tags: given.tags,
  };
  const { auto, why } = coverage;
  const sections = [
    `# yaml-language-server: $schema=${near(SCHEMA_PATH)}`,
    section(
      `A campaign for ${escapeControl(basename(model.path))} (${model.format}). Run it with: neurofuzz fuzz --config ${escapeControl(basename(file))}\n${inputs.map(inputLine).join('\n')}`,
      { model: near(model.path), ...omitUndefined(loading) },
    ),
    seedsSection(inputs),
    shapeSection(inputs),
    rangeSection(inputs),
    section(
      `What changes an input, by group or by name (neurofuzz mutators lists them); none leaves it as its seed has it.\nWhich of them is applied is learned from what it brings.${inputs.map(stayingLine).join('')}`,
      { mutator: settingsByInput(inputs, mutatorsOf) },
    ),
    tokenSection(inputs),
    tableSection(inputs),
    pictureSection(inputs),
    section(
      `Tensors whose activations guide the search, by name or pattern. auto is ${escapeControl(`${auto.join(', ')}: ${why}`)}.`,
      { coverage: 'auto' },
    ),
    section('How long.', { time: '60s' }),
    ['# Further settings; neurofuzz fuzz --help says more.', ...furtherSettings()].join('\n'),
  ];
  return `${sections.filter((text) => text !== undefined).join('\n\n')}\n`;
}

function settingsByInput(
  inputs: readonly InspectedInput[],
  settingOf: (input: InspectedInput, index: number, inputs: readonly InspectedInput[]) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    inputs
      .map((input, index) => [input.name, settingOf(input, index, inputs)])
      .filter(([, value]) => value !== undefined),
  );
}

function seedsSection(inputs: readonly InspectedInput[]): string {
  const seeds =
    inputs.length === 1 ? ['seeds/'] : settingsByInput(inputs, ({ name }) => `seeds/${fileName(name)}.npy`);
  return section(
    'Inputs to start from: files or folders, .npy .npz .idx .idx.gz .json .csv .pb .png .jpg, .txt for strings, one testcase each or a batch.\nReal ones find more. Without any, some are drawn at random within the ranges below.',
    { seeds },
    true,
  );
}

function shapeSection(inputs: readonly InspectedInput[]): string | undefined {
  const shape = settingsByInput(inputs, ({ drawnShape }) => drawnShape && [...drawnShape]);
  if (Object.keys(shape).length === 0) return undefined;
  return section(
    'Sizes that the model leaves open, for the drawn seeds, as tried on it. Seeds of your own bring theirs: take this out then.',
    { shape },
  );
}

/** Ranges that differ by channel or column are left to neurofuzz, which takes them from the model each time. */
function rangeSection(inputs: readonly InspectedInput[]): string {
  const mutated = inputs.filter(({ stays }) => stays === undefined);
  const lines = mutated.map(({ name, why, range, isRangeByChannel }) => {
    const byChannel = range !== undefined && isRangeByChannel;
    return `\n  ${escapeControl(name)}: ${byChannel ? `${range.join(' to ')} over all columns; each has its own, ` : ''}${why}`;
  });
  const ranges = settingsByInput(mutated, ({ range, isRangeByChannel }) =>
    range === undefined || isRangeByChannel ? undefined : [...range],
  );
  const comment = `Legal values; without a line here they are taken from the seeds, or from the model.${lines.join('')}`;
  return section(comment, Object.keys(ranges).length === 0 ? undefined : { range: ranges });
}

function stayingLine({ name, kind, stays }: InspectedInput): string {
  return stays === undefined
    ? ''
    : `\n  ${escapeControl(name)}: ${kind} stays ${escapeControl(String(stays))}; ${kind === 'mask' ? 'flags' : 'numbers'} would change it`;
}

function pictureSection(inputs: readonly InspectedInput[]): string | undefined {
  const images = inputs.filter(({ kind, type }) => kind === 'image' && type.startsWith('float'));
  if (images.length === 0) return undefined;
  return section(
    'What stands between a picture and its values: value = (level / scale - mean) / std for levels 0 to 255.\nWith it, take the range above out: it follows from this.',
    { preprocess: settingsByInput(images, examplePreprocess) },
    true,
  );
}

function omitUndefined(settings: object): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** ImageNet's means and deviations for colour pictures; for grey ones, values from -1 to 1. */
function examplePreprocess({ shape }: InspectedInput): object {
  const isColour = shape.at(-1) === 3 || shape.at(-3) === 3;
  return isColour
    ? { scale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    : { scale: 255, mean: [0.5], std: [0.5] };
}

function inputLine({ name, type, shape, kind, kindWhy }: InspectedInput): string {
  return `  ${escapeControl(`${name}: ${type} ${shapeText(shape)}, looks like ${kind}: ${kindWhy}`)}`;
}

function mutatorsOf({ kind, type, stays }: InspectedInput): string | string[] {
  if (stays !== undefined) return 'none';
  if (kind === 'mask') return 'masks';
  if (type === 'bool') return 'flags';
  if (kind === 'strings') return 'strings';
  if (kind === 'tokens') return ['tokens', 'text'];
  if (kind === 'image') return ['numbers', 'images'];
  if (kind === 'audio') return ['numbers', 'audio'];
  return kind === 'features' ? ['tables', 'numbers'] : 'numbers';
}

function tokenSection(inputs: readonly InspectedInput[]): string | undefined {
  const tokens = inputs.filter(({ kind }) => kind === 'tokens');
  if (tokens.length === 0) return undefined;
  return section(
    'What is known of tokens: what ids stand for, ids that never change, fewest and most tokens.',
    {
      tokens: settingsByInput(tokens, () => ({
        vocabulary: 'vocabulary.json',
        special: [0, 1],
        length: [1, 64],
      })),
    },
    true,
  );
}

function tableSection(inputs: readonly InspectedInput[]): string | undefined {
  const tables = inputs.filter(({ kind }) => kind === 'features');
  if (tables.length === 0) return undefined;
  return section(
    'Kinds of columns: range, integer, category or fixed, each listed in order as { kind: category, values: [0, 1] };\nauto tells them by the seeds, none takes them for plain numbers.',
    { table: settingsByInput(tables, () => 'auto') },
    true,
  );
}

function fileName(input: string): string {
  return input.replace(/[^\w.-]+/g, '_') || 'input';
}

/** Settings that are written as comments with their defaults. */
const FURTHER_SETTINGS: readonly SettingName[] = [
  'objective',
  'linf',
  'l2',
  'l0',
  'measure',
  'scheduler',
  'keep',
  'timeout',
  'seed',
];

function furtherSettings(): string[] {
  const settings = flagSettings();
  return FURTHER_SETTINGS.flatMap((wanted) => settings.filter(({ name }) => name === wanted)).map(
    ({ name, meta: { help, defaultText }, fallback }) => {
      const value = fallback === undefined ? '' : ` ${JSON.stringify(fallback)}`;
      return `# ${name}:${value}  # ${settingHelp(name, help)}${defaultText === undefined ? '' : ` (default: ${defaultText})`}`;
    },
  );
}
