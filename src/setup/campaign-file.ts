import { basename, dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PRESETS_HELP } from '../config/presets.ts';
import { type CampaignConfig, flagSettings, type SettingName } from '../config/schema.ts';
import { presetThreatModel, THREAT_PRESETS, type ThreatPresetName } from '../config/threat-presets.ts';
import { groupListsByInput } from '../config/values.ts';
import { formatExactly } from '../core/format-number.ts';
import { packageFile } from '../core/package-files.ts';
import { parseLabelSource } from '../inputs/labels.ts';
import { shapeText } from '../tensor/tensor.ts';
import type { InputGuess } from './input-guesses.ts';
import type { Inspection } from './inspect.ts';
import { settingHelp } from './setting-kinds.ts';
import { section } from './yaml-section.ts';

/** JSON Schema in the package, for editors. */
const SCHEMA_PATH = fileURLToPath(packageFile('schema/campaign.schema.json'));

/** Settings that are given, as `fuzz` takes them. */
export type GivenSettings = Pick<
  Partial<CampaignConfig>,
  'runtime' | 'signature' | 'tags' | 'half' | 'seeds' | 'labels' | 'range' | 'shape' | 'table' | 'preset'
> & {
  /** Who attacks; nobody by default. */
  readonly threatPreset?: ThreatPresetName | undefined;
};

/**
 * A campaign file for an inspected model. What was given stands in it as settings, and what is inferred as comments.
 *
 * @param file path of the campaign file: paths in it are relative to it
 * @param given settings that the model was loaded and described with
 */
export function campaignText(
  { model, coverage }: Pick<Inspection, 'model' | 'coverage'>,
  inputs: readonly InputGuess[],
  file: string,
  given: GivenSettings,
): string {
  const folder = resolve(dirname(file));
  const near = (path: string): string => relative(folder, resolve(path)) || '.';
  const { runtime, signature, tags, half, preset = 'quick' } = given;
  const loading = { runtime: runtime === 'auto' ? undefined : runtime, signature, tags, half };
  const { auto, why } = coverage;
  const sections = [
    `# yaml-language-server: $schema=${near(SCHEMA_PATH)}`,
    section(
      `Campaign for ${basename(model.path)} (${model.format}). Run it with: neurofuzz fuzz --config ${basename(file)}\nCommented settings show what neurofuzz infers without them. To change one, remove the # and edit it.\n${inputs.map(inputLine).join('\n')}`,
      { model: near(model.path), ...loading },
    ),
    seedsSection(inputs, given, near),
    labelSection(given, near),
    shapeSection(inputs, given),
    rangeSection(inputs, given),
    mutatorSection(inputs),
    tokenSection(inputs),
    tableSection(inputs, given),
    pictureSection(inputs),
    threatSection(inputs, given, near(model.path)),
    section(
      `Tensors whose activations guide the search, by name or pattern. auto selects ${auto.join(', ')}: ${why}.`,
      { coverage: 'auto' },
    ),
    section(
      `When to stop. Presets: ${PRESETS_HELP}.\nA setting of your own, such as time: 10m or execs: 100000, overrides the preset.`,
      { preset },
    ),
    [
      '# More settings, with their defaults. neurofuzz fuzz --help-all lists all of them.',
      ...furtherSettings(),
    ].join('\n'),
  ];
  return `${sections.filter((text) => text !== undefined).join('\n\n')}\n`;
}

function settingsByInput(
  inputs: readonly InputGuess[],
  settingOf: (input: InputGuess) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    inputs.map((input) => [input.name, settingOf(input)]).filter(([, value]) => value !== undefined),
  );
}

function seedsSection(
  inputs: readonly InputGuess[],
  { seeds }: GivenSettings,
  near: (path: string) => string,
): string {
  const comment =
    'Inputs to start from: files or folders, .npy .npz .idx .idx.gz .json .csv .pb .png .jpg, .txt for strings, one testcase each or a batch.';
  if (seeds !== undefined)
    return section(comment, {
      seeds: nearSeeds(
        seeds,
        inputs.map(({ name }) => name),
        near,
      ),
    });
  const example =
    inputs.length === 1
      ? ['seeds/']
      : settingsByInput(inputs, ({ name }) => `seeds/${name.replace(/[^\w.-]+/g, '_') || 'input'}.npy`);
  return section(
    `${comment}\nReal ones find more. Without any, some are drawn at random within the ranges below.`,
    {},
    { seeds: example },
  );
}

/** Paths of seeds, relative to the file: one, several, or one for each input by its name. */
function nearSeeds(
  seeds: NonNullable<GivenSettings['seeds']>,
  names: readonly string[],
  near: (path: string) => string,
): unknown {
  const { forAll, byName } = groupListsByInput(seeds, names);
  const named = [...byName];
  if (forAll.length === 0 && named.every(([, paths]) => paths.length === 1))
    return Object.fromEntries(named.map(([name, [path]]) => [name, near(path)]));
  const all = [
    ...forAll.map(near),
    ...named.flatMap(([name, paths]) => paths.map((path) => `${name}=${near(path)}`)),
  ];
  return all.length === 1 ? all[0] : all;
}

function labelSection({ labels }: GivenSettings, near: (path: string) => string): string | undefined {
  if (labels === undefined) return undefined;
  return section('Class of each seed.', {
    labels: parseLabelSource(labels).kind === 'file' ? near(labels) : labels,
  });
}

/** Who attacks. A goal that is another class needs labels; without them, a quantized copy is the reference. */
function threatSection(
  inputs: readonly InputGuess[],
  { threatPreset, labels }: GivenSettings,
  modelPath: string,
): string | undefined {
  if (threatPreset === undefined) return undefined;
  const threatModel = presetThreatModel(threatPreset, sentBy(inputs), modelPath);
  const needsReference = threatModel.goal.kind === 'untargeted' && labels === undefined;
  return section(
    [
      `Who attacks: ${THREAT_PRESETS[threatPreset].help}. neurofuzz threat says it in sentences; docs/security.md lists all fields.`,
      '  goal: untargeted, another class; targeted, one of the classes in to; abstain; reliability, no attacker; text',
      '  starts: given, a share of all seeds; chosen, one seed that gives way; own, an input from nothing',
      '  may: indistinguishable, content-preserving, non-suspicious, content-constrained, unconstrained; limits say how far',
      ...(needsReference
        ? [
            'Without labels, the class that a float16 copy gives is compared. With labels of the seeds, remove quantize and set labels.',
          ]
        : []),
    ].join('\n'),
    { threatModel, ...(needsReference ? { quantize: 'float16' } : {}) },
  );
}

/** What an attacker sends. */
export function sentBy(inputs: readonly InputGuess[]): Parameters<typeof presetThreatModel>[1] {
  return { kind: sentKind(inputs), span: narrowestSpan(inputs) };
}

/** What an attacker sends: pictures alone, text, or numbers. */
function sentKind(inputs: readonly InputGuess[]): 'pictures' | 'numbers' | 'text' {
  const kinds = inputs.filter(({ staysWhy }) => staysWhy === undefined).map(({ kind }) => kind);
  if (kinds.every((kind) => kind === 'image')) return 'pictures';
  return kinds.some((kind) => kind === 'tokens' || kind === 'strings') ? 'text' : 'numbers';
}

/** Smallest difference between the legal values of a mutated input of floats; 1 if none is known. */
function narrowestSpan(inputs: readonly InputGuess[]): number {
  const spans = inputs.flatMap(({ range, type, staysWhy }) =>
    range === undefined || staysWhy !== undefined || !type.startsWith('float') ? [] : [range[1] - range[0]],
  );
  return spans.length === 0 ? 1 : Math.min(...spans);
}

function shapeSection(inputs: readonly InputGuess[], { shape }: GivenSettings): string | undefined {
  if (shape !== undefined) return section('Sizes that the model leaves open.', { shape });
  const drawn = settingsByInput(inputs, ({ drawnShape }) => drawnShape && [...drawnShape]);
  if (Object.keys(drawn).length === 0) return undefined;
  return section(
    'Sizes that the model leaves open: the first ones that it runs on. Seeds of your own bring theirs.',
    {},
    { shape: drawn },
  );
}

/** Ranges that differ by channel or column are left to neurofuzz, which takes them from the model each time. */
function rangeSection(inputs: readonly InputGuess[], { range }: GivenSettings): string {
  if (range !== undefined) return section('Legal values of the inputs.', { range });
  const mutated = inputs.filter(({ staysWhy }) => staysWhy === undefined);
  const lines = mutated.map((input) => {
    const byChannel = input.range !== undefined && input.isRangeByChannel;
    return `\n  ${input.name}: ${byChannel ? `${input.range.join(' to ')} over all columns; each has its own, ` : ''}${input.why}`;
  });
  const ranges = settingsByInput(mutated, (input) =>
    input.range === undefined || input.isRangeByChannel
      ? undefined
      : input.range.map((end) => Number(formatExactly(end))),
  );
  return section(
    `Legal values: those that the model sees in production. Without a line here, they are those of the seeds, or come from the model.${lines.join('')}`,
    {},
    { range: ranges },
  );
}

/** Inputs of labels are the one guess that is in force: mutants with another label than their picture's find nothing worth knowing. */
function mutatorSection(inputs: readonly InputGuess[]): string {
  const labels = inputs.filter(({ kind }) => kind === 'label');
  const others = inputs.filter(({ kind }) => kind !== 'label');
  const lines = inputs.flatMap(({ name, kind, staysWhy }) => {
    if (staysWhy === undefined) return [];
    const way = kind === 'mask' ? 'flags' : 'numbers';
    return [`\n  ${name}: ${staysWhy}; ${way} would mutate it`];
  });
  return section(
    `Mutators of each input, by group or by name (neurofuzz mutators lists them); none leaves an input as its seed has it.\nMutators that find new behaviour are used more often.${lines.join('')}`,
    labels.length === 0 ? {} : { mutator: settingsByInput(labels, () => 'none') },
    { mutator: settingsByInput(others, mutatorsOf) },
  );
}

function pictureSection(inputs: readonly InputGuess[]): string | undefined {
  const images = inputs.filter(({ kind, type }) => kind === 'image' && type.startsWith('float'));
  if (images.length === 0) return undefined;
  return section(
    'How pixels become input values: value = (level / scale - mean) / std for levels 0 to 255. An example; without it, levels are scaled to the range.\nIf you set this, leave range out: it is derived.',
    {},
    { preprocess: settingsByInput(images, examplePreprocess) },
  );
}

/** ImageNet's means and deviations for colour pictures; for grey ones, values from -1 to 1. */
function examplePreprocess({ shape }: InputGuess): object {
  const isColour = shape.at(-1) === 3 || shape.at(-3) === 3;
  return isColour
    ? { scale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    : { scale: 255, mean: [0.5], std: [0.5] };
}

function inputLine({ name, type, shape, kind, kindWhy }: InputGuess): string {
  return `  ${name}: ${type} ${shapeText(shape)}, looks like ${kind}: ${kindWhy}`;
}

function mutatorsOf({ kind, type, staysWhy }: InputGuess): string | string[] {
  if (staysWhy !== undefined) return 'none';
  if (kind === 'mask') return 'masks';
  if (type === 'bool') return 'flags';
  if (kind === 'strings') return 'strings';
  if (kind === 'tokens') return ['tokens', 'text'];
  if (kind === 'image') return ['numbers', 'images'];
  if (kind === 'audio') return ['numbers', 'audio'];
  return kind === 'features' ? ['tables', 'numbers'] : 'numbers';
}

function tokenSection(inputs: readonly InputGuess[]): string | undefined {
  const tokens = inputs.filter(({ kind }) => kind === 'tokens');
  if (tokens.length === 0) return undefined;
  const example = { vocabulary: 'vocabulary.json', special: [0, 1], length: [1, 64] };
  return section(
    'What tokens mean: the text of each id, ids that never change, minimum and maximum number of tokens. An example.',
    {},
    { tokens: settingsByInput(tokens, () => example) },
  );
}

function tableSection(inputs: readonly InputGuess[], { table }: GivenSettings): string | undefined {
  const comment =
    'Kinds of columns: range, integer, category or fixed, each listed in order as { kind: category, values: [0, 1] };\nauto infers them from the seeds, none treats them as plain numbers.';
  if (table !== undefined) return section(comment, { table });
  const tables = inputs.filter(({ kind }) => kind === 'features');
  if (tables.length === 0) return undefined;
  const lines = tables.flatMap(({ name, columns }) =>
    columns === undefined ? [] : [`\n  ${name}: ${columns}`],
  );
  return section(`${comment}${lines.join('')}`, {}, { table: settingsByInput(tables, () => 'auto') });
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
