import { open, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, relative, resolve } from 'node:path';
import { Document, isScalar, visit } from 'yaml';
import { flagSettings, type Setting } from '../config/schema.ts';
import { fileError, UserError } from '../errors.ts';
import type { LoadOptions } from '../models/model.ts';
import { type InspectedInput, type Inspection, inspect } from './inspect.ts';

/** The JSON Schema that the package brings, for editors. */
const SCHEMA = createRequire(import.meta.url).resolve('neurofuzz/campaign.schema.json');

/** Size that drawn seeds get where the model leaves one open: sequences, and sides of pictures. */
const FREE_LENGTH = 16;
const FREE_SIDE = 32;

/**
 * Writes a campaign file for a model, with what `inspect` tells of it. It runs as it is.
 *
 * @param file where to; nothing that is there is overwritten
 * @param given how the user asked for the model to be loaded
 * @throws UserError where the model can't be loaded or the file is there already
 */
export async function init(model: string, file: string, given: LoadOptions): Promise<Inspection> {
  const inspection = await inspect(model, given);
  const text = campaignText(inspection, file, given);
  try {
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(text);
    } catch (error) {
      // Half a file would run as another campaign.
      await rm(file, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new UserError(`${file} is there already: name another file with --out, or take it away first`);
    }
    throw fileError(error, 'write the campaign file', file);
  }
  return inspection;
}

/** YAML with lists of numbers and words in one line. */
function yamlText(settings: object): string {
  const document = new Document(settings);
  visit(document, {
    Seq(_, list) {
      if (list.items.every(isScalar)) list.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd();
}

/** Comment lines and, below them, settings. */
function section(comment: string, settings: object | undefined, inactive = false): string {
  const lines = comment.split('\n').map((line) => `# ${line}`.trimEnd());
  const text = settings === undefined ? '' : yamlText(settings);
  const body = text === '' ? [] : text.split('\n').map((line) => (inactive ? `# ${line}` : line));
  return [...lines, ...body].join('\n');
}

function campaignText(inspection: Inspection, file: string, given: LoadOptions): string {
  const { model, inputs, coverage } = inspection;
  const folder = resolve(dirname(file));
  const near = (path: string): string => relative(folder, resolve(path)) || '.';
  const byName = (of: (input: InspectedInput) => unknown): Record<string, unknown> =>
    Object.fromEntries(inputs.flatMap((input) => (of(input) === undefined ? [] : [[input.name, of(input)]])));
  const shapes = byName((input) => drawnShape(input, inputs));
  const images = inputs.filter(({ kind, type }) => kind === 'image' && type.startsWith('float'));
  const loading = {
    runtime: given.runtime === 'auto' ? undefined : given.runtime,
    signature: given.signature,
    tags: given.tags,
  };
  const parts = [
    `# yaml-language-server: $schema=${near(SCHEMA)}`,
    section(
      `A campaign for ${basename(model.path)} (${model.format}). Run it with: neurofuzz fuzz --config ${basename(file)}\n${inputs.map(inputLine).join('\n')}`,
      { model: near(model.path), ...defined(loading) },
    ),
    section(
      'Inputs to start from: files or folders, .npy .npz .idx .idx.gz .json .png .jpg, one testcase each or a batch.\nReal ones find more. Without any, some are drawn at random within the ranges below.',
      { seeds: inputs.length === 1 ? ['seeds/'] : byName(({ name }) => `seeds/${fileName(name)}.npy`) },
      true,
    ),
    ...(Object.keys(shapes).length > 0
      ? [
          section(
            'Sizes that the model leaves open, for the drawn seeds. Seeds of your own bring theirs: take this out then.',
            { shape: shapes },
          ),
        ]
      : []),
    section(`Legal values. ${inputs.map(({ name, why }) => `${name}: ${why}`).join('; ')}.`, {
      range: byName(({ range }) => [...range]),
    }),
    section('What changes an input; none leaves it as its seed has it.', { mutator: byName(mutatorOf) }),
    ...(images.length > 0
      ? [
          section(
            'What stands between a picture and its values: value = (level / scale - mean) / std for levels 0 to 255.\nWith it, take the range above out: it follows from this.',
            {
              preprocess: Object.fromEntries(images.map((image) => [image.name, exampleOf(image)])),
            },
            true,
          ),
        ]
      : []),
    section(
      `Tensors whose activations guide the search, by name or pattern. auto is ${coverage.auto.join(', ')}: ${coverage.why}.`,
      { coverage: 'auto' },
    ),
    section('How long.', { time: '60s' }),
    section('Further settings; neurofuzz fuzz --help says more.', undefined),
    ...furtherSettings(),
  ];
  return `${parts
    .join('\n\n')
    .replace(/(# Further[^\n]*)\n\n/, '$1\n')
    .replace(/\n\n(# [a-zA-Z]+: )/g, '\n$1')}\n`;
}

function defined(settings: object): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** ImageNet's figures for colour pictures; for grey ones, values from -1 to 1. */
function exampleOf({ shape }: InspectedInput): object {
  const isColour = shape.at(-1) === 3 || shape.at(-3) === 3;
  return isColour
    ? { scale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    : { scale: 255, mean: [0.5], std: [0.5] };
}

function inputLine({ name, type, shape, kind }: InspectedInput): string {
  const dims = shape.length === 0 ? 'scalar' : shape.map((dimension) => dimension ?? '?').join('×');
  return `  ${name}: ${type} ${dims}, looks like ${kind}`;
}

/** A shape for drawn seeds where the model leaves sizes open beside the batch. */
function drawnShape(
  { shape, kind }: InspectedInput,
  inputs: readonly InspectedInput[],
): number[] | undefined {
  const isBatched = inputs.every((input) => input.shape.length > 0 && typeof input.shape[0] !== 'number');
  const isOpen = shape.some((dimension, i) => typeof dimension !== 'number' && !(isBatched && i === 0));
  if (!isOpen) return undefined;
  const free = kind === 'image' ? FREE_SIDE : FREE_LENGTH;
  return shape.map((dimension, i) =>
    typeof dimension === 'number' ? dimension : isBatched && i === 0 ? 1 : free,
  );
}

function mutatorOf({ kind, type }: InspectedInput): string {
  if (type === 'bool') return 'flip';
  return kind === 'mask' ? 'none' : 'gaussian';
}

function fileName(input: string): string {
  return input.replace(/[^\w.-]+/g, '_') || 'input';
}

/** Settings of every campaign, with their defaults, as comments. */
const FURTHER: readonly Setting[] = ['objective', 'linf', 'measure', 'scheduler', 'keep', 'timeout', 'seed'];

function furtherSettings(): string[] {
  return flagSettings()
    .filter(([name]) => FURTHER.includes(name))
    .map(([name, { help, defaultText }, fallback]) => {
      const value = fallback === undefined ? '' : ` ${JSON.stringify(fallback)}`;
      return `# ${name}:${value}  # ${help}${defaultText === undefined ? '' : ` (default: ${defaultText})`}`;
    });
}
