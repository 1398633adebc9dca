import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { checkSettings, readCampaignFile } from '../../config/load.ts';
import { UserError } from '../../core/errors.ts';
import { formatNumber, plural } from '../../core/format-number.ts';
import type {
  CheckOptions,
  CheckReport,
  CheckResult,
  MethodRow,
} from '../../model-commands/saliency-check.ts';
import { METRICS, type Metric } from '../../saliency/metrics.ts';
import { RANDOMISATIONS, type Randomisation } from '../../saliency/randomize/draw-weights.ts';
import { ORDERS, type Order } from '../../saliency/verdict.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import {
  addExplainFlags,
  addSaliencySettings,
  type ExplainFlags,
  readExplainFlags,
  readModelFlags,
} from '../arguments/saliency-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { progressBar } from '../output/fit.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { cannotWritePage, checkPagePath } from '../output/page-path.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface CheckFlags extends OutputOptions, ExplainFlags {
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly html?: string;
  readonly config?: string;
  readonly order: Order;
  readonly randomise: Randomisation;
  readonly repeats: string;
  readonly layers?: readonly string[];
  readonly against?: string;
  readonly metric: Metric;
  readonly most: string;
}

/** `neurofuzz saliency-check`: whether maps of where a model looked depend on the model. */
export function saliencyCheckCommand(): Command {
  const command = describedCommand('saliency-check')
    .argument('[model]', 'the classifier that is explained')
    .option('-c, --config <file>', 'campaign file that names model and seeds');
  addSaliencySettings(command, 'classes of the seeds, by which the accuracy of each copy is measured');
  addExplainFlags(command)
    .addOption(
      new Option('--order <order>', 'which layers are randomised first: the last, each alone, or the first')
        .choices([...ORDERS])
        .default('cascade'),
    )
    .addOption(
      new Option(
        '--randomise <how>',
        "permute: a layer's own values in another order; normal: draws with their mean and deviation",
      )
        .choices([...RANDOMISATIONS])
        .default('permute'),
    )
    .option('--repeats <n>', 'random draws of each step', '3')
    .option('--layers <pattern...>', 'layers that are randomised, such as conv* (default: all)')
    .option(
      '--against <model>',
      'a model that learned nothing, such as from shuffled labels, in place of copies',
    )
    .addOption(
      new Option('--metric <metric>', 'the similarity that judges').choices([...METRICS]).default('signed'),
    )
    .option(
      '--most <x>',
      'a method fails where half of the layers is random and its maps are more alike',
      '0.5',
    )
    .option('--out <dir>', 'write the maps: a PNG sheet and an .npz file for each input')
    .option('--overwrite', 'replace the maps that are in --out')
    .option('--html <file>', 'write a page with the figures, and the maps of the first three inputs')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

/** Flags of copies, which another model stands in place of. */
const COPY_FLAGS = ['order', 'randomise', 'repeats', 'layers'];

async function run(model: string | undefined, flags: CheckFlags, command: Command): Promise<void> {
  const ofCopies = COPY_FLAGS.find((name) => command.getOptionValueSource(name) === 'cli');
  if (flags.against !== undefined && ofCopies !== undefined)
    throw new UserError(
      `--${ofCopies} is about copies with random layers, and --against compares with another model in their place: leave one of them out`,
    );
  const options: CheckOptions = {
    ...readExplainFlags(flags),
    order: flags.order,
    randomise: flags.randomise,
    repeats: parseWhole('--repeats', flags.repeats, 1),
    layers: flags.layers,
    against: flags.against,
    metric: flags.metric,
    most: parseNumber('--most', flags.most, 'from -1 to 1', (x) => x >= -1 && x <= 1),
  };
  const file = flags.config === undefined ? {} : await readCampaignFile(flags.config);
  const config = checkSettings(file, readModelFlags(model, flags), flags.config);
  if (config.model === undefined)
    throw new UserError('name the model: neurofuzz saliency-check model.onnx --seeds …');
  const { checkMapsFolder, writeMaps } = await import('../../model-commands/write-maps.ts');
  if (flags.out !== undefined) await checkMapsFolder(flags.out, flags.overwrite === true);
  if (flags.html !== undefined) await checkPagePath(flags.html);
  const { checkSaliency, hasFailed } = await import('../../model-commands/saliency-check.ts');
  const result = await withProgress(flags, (onProgress) =>
    checkSaliency(config, options, logNotices(flags), onProgress),
  );
  const { report } = result;
  if (flags.out !== undefined) {
    await writeMaps(
      flags.out,
      result.prepared,
      [result.original, ...result.firstDraws].map(
        (explanations) => (name: string, input: number) => explanations[name][input],
      ),
    );
  }
  if (flags.html !== undefined) await writePage(flags.html, result);
  if (flags.json === true) printJson(report);
  else if (flags.quiet !== true) printLines(reportLines(report));
  process.exitCode = hasFailed(report, options.methods) ? EXIT.findings : EXIT.done;
}

async function writePage(path: string, result: CheckResult): Promise<void> {
  const { saliencyPageHtml } = await import('../../report/html/saliency-page.tsx');
  try {
    await writeFile(path, await saliencyPageHtml(result));
  } catch (error) {
    throw cannotWritePage(path, error);
  }
}

/** Most steps that a table shows. */
const MAX_COLUMNS = 6;

/** Columns of the bar of a value. */
const BAR_COLUMNS = 4;

function reportLines(report: CheckReport): string[] {
  const { model, inputs, layers, methods, metric, most, accuracy, isLabelled, against } = report;
  const shown = shownSteps(layers.length, report.judgedAfter);
  const explained = report.class === null ? 'the predicted class' : `class ${report.class}`;
  const header = shown.map((step) => (against === null ? columnTitle(report, step) : against));
  const others = METRICS.filter((other) => other !== metric && hasMetric(methods, other));
  return [
    `${model.path}: maps of ${plural(inputs, 'input')} for the score of ${explained} in ${report.scores}; ${settingsText(report)}`,
    '',
    ...table([
      [`${metric}, mean`, ...header, 'verdict'],
      [
        isLabelled ? 'accuracy' : 'agreement',
        ...shown.map(
          (step) => `${formatNumber(layers[step].accuracy, 2)} (was ${formatNumber(accuracy, 2)})`,
        ),
        '',
      ],
      ...methods.map((method) => [
        method.name,
        ...shown.map((step) => barCell(method, step, metric)),
        verdictText(method),
      ]),
    ]),
    ...others.flatMap((other) => [
      '',
      ...table([
        [`${other}, mean`, ...header, 'two runs of the model itself'],
        ...methods.map((method) => [
          method.name,
          ...shown.map((step) => cell(method.steps[step][other]?.mean)),
          cell(method.ceiling[other]?.mean),
        ]),
      ]),
    ]),
    '',
    ...methods.flatMap(({ name, gap, withoutMap }) => [
      ...(gap === null ? [] : [`${name}: completeness gap at most ${formatNumber(100 * gap, 2)} %`]),
      ...(withoutMap === 0
        ? []
        : [`${name}: no map on ${withoutMap} of ${plural(inputs, 'input')}, which are not compared`]),
    ]),
    `a method fails above ${formatNumber(most)}; to depend on the model is not to be right: random layers near the output keep the features of those near the input`,
  ];
}

function settingsText({ order, randomise, repeats, layers, against }: CheckReport): string {
  if (against !== null) return `compared with ${against}`;
  return `${plural(layers.length, 'layer')}, ${order}, ${randomise}, ${plural(repeats, 'draw')}`;
}

function columnTitle({ order, layers }: CheckReport, step: number): string {
  return order === 'independent' ? layers[step].name : `${step + 1}: ${layers[step].name}`;
}

/** Steps that are shown: the first, the judged and the last, and others between. */
function shownSteps(count: number, judgedAfter: number): number[] {
  if (count <= MAX_COLUMNS) return Array.from({ length: count }, (_, step) => step);
  const even = Array.from({ length: MAX_COLUMNS - 1 }, (_, i) =>
    Math.round((i * (count - 1)) / (MAX_COLUMNS - 2)),
  );
  return [...new Set([...even, judgedAfter - 1])].sort((a, b) => a - b);
}

function hasMetric(methods: readonly MethodRow[], metric: Metric): boolean {
  return methods.some(({ ceiling }) => ceiling[metric] !== null);
}

function barCell({ steps }: MethodRow, step: number, metric: Metric): string {
  const figures = steps[step][metric];
  return figures === null
    ? ''
    : `${cell(figures.mean).padStart(5)} ${progressBar(figures.mean, BAR_COLUMNS)}`;
}

function cell(mean: number | undefined): string {
  return mean === undefined ? '' : mean.toFixed(2);
}

function verdictText({ verdict, isControl, judged }: MethodRow): string {
  const deviation = judged === null ? '' : ` (± ${judged.sd.toFixed(2)})`;
  return `${verdict}${deviation}${isControl ? ', a control' : ''}`;
}

const EXAMPLES = `
Examples:
  neurofuzz saliency-check model.onnx --seeds digits.npz
  neurofuzz saliency-check model.onnx --seeds digits.npz --method gradient integrated-gradients --repeats 5
  neurofuzz saliency-check model.onnx --seeds digits.npz --order independent --layers 'conv*' --json
  neurofuzz saliency-check model.onnx --against trained-on-shuffled-labels.onnx --seeds digits.npz

Exit codes: 0 when it ran, 1 when a method that --method names draws the picture and not the model.`;
