import type { Command } from 'commander';
import { checkSettings, readCampaignFile } from '../../config/load.ts';
import { UserError } from '../../core/errors.ts';
import { formatNumber } from '../../core/format-number.ts';
import type { ExplainReport, InputRow, MethodMap } from '../../model-commands/explain.ts';
import { areColumns, emphases, greatestMagnitude, strongestPlaces } from '../../saliency/places.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import {
  addExplainFlags,
  addSaliencySettings,
  type ExplainFlags,
  readExplainFlags,
  readModelFlags,
} from '../arguments/saliency-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { progressBar } from '../output/fit.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz explain`: which places of an input the score of a class depends on. */
export function explainCommand(): Command {
  const command = describedCommand('explain')
    .argument('[model]', 'the classifier that is explained')
    .option('-c, --config <file>', 'campaign file that names model and seeds');
  addSaliencySettings(command, 'classes of the seeds, which are printed beside the predicted ones');
  addExplainFlags(command)
    .option('--out <dir>', 'write the maps: a PNG sheet and an .npz file for each input')
    .option('--overwrite', 'replace the maps that are in --out')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface Flags extends OutputOptions, ExplainFlags {
  readonly config?: string;
  readonly out?: string;
  readonly overwrite?: boolean;
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  const options = readExplainFlags(flags);
  const file = flags.config === undefined ? {} : await readCampaignFile(flags.config);
  const config = checkSettings(file, readModelFlags(model, flags), flags.config);
  if (config.model === undefined)
    throw new UserError('name the model: neurofuzz explain model.onnx --seeds …');
  const { checkMapsFolder, writeMaps } = await import('../../model-commands/write-maps.ts');
  if (flags.out !== undefined) await checkMapsFolder(flags.out, flags.overwrite === true);
  const { explain } = await import('../../model-commands/explain.ts');
  const { report, prepared, explanations } = await withProgress(flags, (onProgress) =>
    explain(config, options, logNotices(flags), onProgress),
  );
  if (flags.out !== undefined) {
    await writeMaps(flags.out, prepared, [
      (name, input) => explanations.get(name)?.[input] ?? { refusal: 'there is no such method' },
    ]);
  }
  if (flags.json === true) printJson({ ...report, out: flags.out ?? null });
  else if (flags.quiet !== true) printLines(reportLines(report, flags.out));
}

function reportLines({ model, scores, inputs }: ExplainReport, out: string | undefined): string[] {
  return [
    `${model.path}: maps for the scores in ${scores}`,
    ...inputs.flatMap((row) => ['', ...inputLines(row)]),
    '',
    ...(out === undefined ? [] : [`maps: ${out}`]),
    `whether a map depends on the model: neurofuzz saliency-check ${model.path} --seeds …`,
  ];
}

function inputLines({ index, class: of, predicted, label, places, methods }: InputRow): string[] {
  const beside = [
    ...(of === predicted ? [] : [`the model says ${predicted}`]),
    ...(label === null ? [] : [`its label is ${label}`]),
  ];
  const title = `input ${index}: class ${of}${beside.length === 0 ? '' : ` (${beside.join(', ')})`}`;
  if (places !== null) return [title, ...methods.flatMap((method) => placeLines(method, places))];
  return [
    title,
    ...table([
      ['method', 'half of the map in', 'strongest at row, column'],
      ...methods.map(({ name, refusal, halfIn, peak, gap }) =>
        refusal === null
          ? [
              name,
              `${formatNumber(100 * (halfIn ?? 0), 2)} % of the pixels`,
              (peak ?? []).join(', '),
              gapText(gap),
            ]
          : [name, `no map: ${refusal}`],
      ),
    ]),
  ];
}

function gapText(gap: number | null): string {
  return gap === null ? '' : `completeness gap ${formatNumber(100 * gap, 2)} %`;
}

/** Most places of a method that are listed, the strongest ones. */
const MAX_PLACES = 8;

const BAR_COLUMNS = 12;

/** Bars of the strongest places, in their order; a text with them marked, where places are tokens. */
function placeLines({ name, refusal, values, gap }: MethodMap, places: readonly string[]): string[] {
  if (refusal !== null || values === null) return [`  ${name}: no map: ${refusal ?? ''}`];
  const most = greatestMagnitude(values);
  const areNumbered = areColumns(places);
  return [
    `  ${name}${gap === null ? '' : ` (${gapText(gap)})`}`,
    ...(areNumbered ? [] : [`    ${markedWords(places, values)}`]),
    ...table(
      strongestPlaces(values, MAX_PLACES).map((place) => [
        areNumbered ? `column ${place}` : places[place],
        formatNumber(values[place], 3),
        progressBar(most === 0 ? 0 : Math.abs(values[place]) / most, BAR_COLUMNS),
      ]),
      '    ',
    ),
  ];
}

/** A text whose tokens that matter much are in double brackets, those that matter some in single ones. */
function markedWords(places: readonly string[], values: readonly number[]): string {
  const marked = { strong: (text: string) => `[[${text}]]`, some: (text: string) => `[${text}]` };
  return emphases(values)
    .map((emphasis, place) => (emphasis === 'little' ? places[place] : marked[emphasis](places[place])))
    .join(' ');
}

const EXAMPLES = `
Examples:
  neurofuzz explain model.onnx --seeds digits.npz --method gradient grad-cam --class 3 --out maps
  neurofuzz explain model.onnx --seeds table.csv --inputs 5
  neurofuzz explain model.onnx --seeds digits.npz --method integrated-gradients --baseline 0 --json`;
