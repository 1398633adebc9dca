import type { Command } from 'commander';
import { inputSection } from '../../config/input-section.ts';
import { modelSection, resourceSection } from '../../config/model-section.ts';
import { UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import { UNKNOWN_RANGE_REASON } from '../../inputs/infer-input.ts';
import type { DeclaredShape } from '../../model/graph/graph.ts';
import { modelText } from '../../model/model-text.ts';
import type { Headroom, TensorHeadroom } from '../../model-commands/headroom.ts';
import type { InspectedInput, Inspection } from '../../setup/inspect.ts';
import { shapeText } from '../../tensor/tensor.ts';
import { addSettingFlags, LOADING_FLAGS, readSections } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { attentionLines } from '../output/attention-lines.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { spectralLines } from '../output/spectral-lines.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface InspectOptions extends OutputOptions {
  readonly seeds?: readonly string[];
  readonly json?: boolean;
  readonly all?: boolean;
  readonly sites?: boolean;
  readonly spectral?: boolean;
  readonly expect?: string;
  readonly findings?: readonly string[];
  readonly attention?: boolean;
  readonly out?: string;
  readonly overwrite?: boolean;
}

/** `neurofuzz inspect`: describes a model's inputs, outputs, operations and tensors. */
export function inspectCommand(): Command {
  const command = describedCommand('inspect')
    .argument('<model>', 'an .onnx file, a TensorFlow.js model.json, a SavedModel folder')
    .option('--all', `list all tensors, not only ${MAX_TENSORS}`)
    .option('--sites', 'list the operations that can produce NaN or infinity, and when they do')
    .option(
      '--spectral',
      'measure the largest singular value of each weight, and bound how far the logits move; with --seeds beside the most that was seen',
    )
    .option('--expect <x>', `with --spectral: exit with 1 where a weight's differs by more than 2 %`)
    .option(
      '--findings <campaign...>',
      'with --spectral: campaigns whose findings are compared with their seeds',
    )
    .option(
      '--attention',
      'list blocks of attention; with --seeds what each head does with them, and which are dead, collapsed or masked',
    )
    .option('--out <dir>', 'with --attention and --seeds: write the weights, and maps over pictures or words')
    .option('--overwrite', 'replace the maps that are in --out')
    .option('--json', 'print one JSON object on standard output, with all tensors and sites');
  addSettingFlags(command, ['seeds', 'shape'], {
    seeds:
      'with --sites or --json: lists tensors by their headroom to half precision over these inputs, as fuzz takes them; with --spectral: pairs of inputs',
  });
  return addSettingFlags(command, LOADING_FLAGS).addHelpText('after', EXAMPLES).action(run);
}

async function run(model: string, options: InspectOptions): Promise<void> {
  if (options.expect !== undefined && options.spectral !== true)
    throw new UserError('--expect checks the singular values of weights: add --spectral');
  if (options.findings !== undefined && options.spectral !== true)
    throw new UserError('--findings compares findings with their seeds: add --spectral');
  if (options.spectral === true && options.attention === true)
    throw new UserError('--spectral and --attention print different tables: give one of them');
  if (options.out !== undefined && (options.attention !== true || options.seeds === undefined))
    throw new UserError('--out writes maps of attention: add --attention and --seeds');
  if (options.spectral === true) return runSpectral(model, options);
  if (options.attention === true) return runAttention(model, options);
  const { inspect } = await import('../../setup/inspect.ts');
  const config = readSections({ ...modelSection, ...resourceSection, ...inputSection }, options, { model });
  const inspection = await inspect(config);
  const wantsHeadroom = config.seeds !== undefined && (options.sites === true || options.json === true);
  const headroom = wantsHeadroom
    ? await (await import('../../model-commands/headroom.ts')).measureHeadroom(config, logNotices(options))
    : undefined;
  if (options.json === true) printJson(headroom === undefined ? inspection : { ...inspection, headroom });
  else if (options.sites === true) {
    printLines([
      ...siteLines(inspection),
      ...(headroom ? ['', ...headroomLines(headroom, options.all === true)] : []),
    ]);
  } else printLines(inspectionLines(inspection, options.all === true));
}

async function runSpectral(model: string, options: InspectOptions): Promise<void> {
  const expected = options.expect === undefined ? undefined : parsePositive('--expect', options.expect);
  const config = readSections({ ...modelSection, ...resourceSection, ...inputSection }, options, { model });
  const { inspectSpectra } = await import('../../model-commands/layers/spectral.ts');
  const report = await withProgress(options, (onProgress) =>
    inspectSpectra(config, { expected, campaigns: options.findings }, logNotices(options), onProgress),
  );
  if (options.json === true) printJson(report);
  else printLines(spectralLines(report));
  process.exitCode = report.off.length > 0 ? EXIT.findings : EXIT.done;
}

async function runAttention(model: string, options: InspectOptions): Promise<void> {
  const config = readSections({ ...modelSection, ...resourceSection, ...inputSection }, options, { model });
  const { checkAttentionFolder, writeAttention } = await import(
    '../../model-commands/layers/write-attention.ts'
  );
  if (options.out !== undefined) await checkAttentionFolder(options.out, options.overwrite === true);
  const { inspectAttention } = await import('../../model-commands/layers/attention.ts');
  const { report, weights } = await withProgress(options, (onProgress) =>
    inspectAttention(config, logNotices(options), onProgress),
  );
  const names = report.blocks.map(({ name }) => name);
  if (options.out !== undefined && weights !== undefined) await writeAttention(options.out, names, weights);
  if (options.json === true) printJson({ ...report, out: options.out ?? null });
  else printLines(attentionLines(report, options.out));
}

function parsePositive(flag: string, given: string): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UserError(`${flag} must be a number above 0, not '${given}'`);
}

/** Tensors listed unless all are asked for: the last ones, which lie nearest to the output. */
const MAX_TENSORS = 40;

function inspectionLines(inspection: Inspection, all: boolean): string[] {
  const { model, inputs, outputs, parameters, operations, tensors, coverage, notes } = inspection;
  const shown = all ? tensors : tensors.slice(-MAX_TENSORS);
  const hidden = tensors.length - shown.length;
  const watched = new Set(coverage.auto);
  return [
    modelText(model.path, model),
    `sha256 ${model.sha256}`,
    '',
    'inputs',
    ...table(
      inputs.map((input) => [
        input.name,
        input.type,
        shapeOrUnknown(input.shape),
        `${input.kind}: ${input.kindWhy}`,
        valuesText(input),
      ]),
    ),
    'outputs',
    ...table(
      outputs.map(({ name, shape, classes }) => [
        name,
        shapeOrUnknown(shape),
        classes ? classesText(classes) : '',
      ]),
    ),
    `parameters  ${formatCount(parameters)}`,
    `operations  ${Object.entries(operations)
      .map(([op, n]) => `${op} ${n}`)
      .join(', ')}`,
    `sites       ${sitesLine(inspection)}`,
    `coverage    ${coverage.auto.join(', ')} (${coverage.why}); --coverage chooses others`,
    `tensors     ${formatCount(tensors.length)} usable for coverage${hidden > 0 ? `; the last ${MAX_TENSORS} are listed, --all lists all` : ''}`,
    ...table(
      shown.map(({ name, op, shape }) => [watched.has(name) ? '*' : ' ', name, op, shapeOrUnknown(shape)]),
    ),
    ...notes.map((note) => `note: ${note}`),
  ];
}

function sitesLine({ sites, hiddenBodies }: Inspection): string {
  const found =
    sites.length === 0
      ? `none ${hiddenBodies > 0 ? 'found ' : ''}that can produce NaN or infinity`
      : `${plural(sites.length, 'operation')} that can produce NaN or infinity; --sites lists them`;
  return [found, ...hiddenBodiesText(hiddenBodies)].join('; ');
}

/** Values and sizes that an input has without further settings, and the flags that overrule them. */
function valuesText({ name, range, why, stays, drawnShape, kind }: InspectedInput): string {
  const sizes = drawnShape === undefined ? '' : `; runs with --shape ${name}=${drawnShape.join()}`;
  if (stays !== undefined)
    return `kept at ${stays}; --mutator ${name}=${kind === 'mask' ? 'flags' : 'numbers'} mutates it${sizes}`;
  if (range === undefined) return `${why}${sizes}`;
  const ends = range.map((end) => formatNumber(end, 4)).join('..');
  return `${why === UNKNOWN_RANGE_REASON ? 'assumed ' : ''}range ${ends} (${why}); --range ${name}=lo,hi sets it${sizes}`;
}

/** The numerical sites, one a line. */
function siteLines({ model, sites, hiddenBodies }: Inspection): string[] {
  const notSearched = hiddenBodiesText(hiddenBodies);
  if (sites.length === 0)
    return [
      notSearched.length === 0
        ? `${model.path} has no operation that can produce NaN or infinity`
        : `no operation found in ${model.path} that can produce NaN or infinity`,
      ...notSearched,
    ];
  return [
    `${plural(sites.length, 'operation')} that can produce NaN or infinity (docs/numerical-errors.md)`,
    ...table([
      ['operation', 'type', 'kind', 'reads', 'fails where'],
      ...sites.map(({ name, op, kind, tensors, region, body }) => [
        name,
        op,
        kind,
        tensors.join(', '),
        body === undefined ? region : `${region}, in ${body}`,
      ]),
    ]),
    ...notSearched,
  ];
}

/** Tensors by their headroom, the least first. */
function headroomLines({ format, max, seeds, tensors }: Headroom, all: boolean): string[] {
  const shown = all ? tensors : tensors.slice(0, MAX_TENSORS);
  const rest = tensors.length - shown.length;
  return [
    `headroom to ${formatNumber(max)}, the largest ${format} number, over ${plural(seeds, 'seed')}`,
    ...table([
      ['tensor', 'operation', 'largest magnitude', 'headroom'],
      ...shown.map(({ tensor, op, largest, headroom }) => [
        tensor,
        op,
        largest === null ? 'not finite' : formatNumber(largest),
        headroomOf({ headroom }),
      ]),
    ]),
    ...(rest > 0 ? [`${plural(rest, 'tensor')} with more headroom not listed; --all lists all`] : []),
  ];
}

function headroomOf({ headroom }: Pick<TensorHeadroom, 'headroom'>): string {
  if (headroom === null) return 'all zeros';
  return headroom >= 1 ? `${formatNumber(headroom)}×` : 'overflows';
}

/** Most classes of an output that are listed. */
const MAX_CLASSES = 8;

function classesText(classes: readonly string[]): string {
  const shown = classes.slice(0, MAX_CLASSES);
  const rest = classes.length - shown.length;
  return `classes ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function hiddenBodiesText(hiddenBodies: number): string[] {
  if (hiddenBodies === 0) return [];
  return [`not checked: ${plural(hiddenBodies, 'body', 'bodies')} of control flow or functions`];
}

function shapeOrUnknown(shape: DeclaredShape | undefined): string {
  return shape === undefined ? 'unknown' : shapeText(shape);
}

const EXAMPLES = `
Examples:
  neurofuzz inspect model.onnx
  neurofuzz inspect saved-model/ --signature serving_default
  neurofuzz inspect model.onnx --sites
  neurofuzz inspect model.onnx --spectral --seeds digits.npz
  neurofuzz inspect discriminator.onnx --spectral --expect 1
  neurofuzz inspect vit.onnx --attention --seeds pictures.npz --out maps
  neurofuzz inspect half.onnx --sites --seeds digits.npz
  neurofuzz inspect model.json --json | jq '.tensors[].name'`;
