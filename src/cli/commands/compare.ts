import type { Command } from 'commander';
import { divergenceText, firstDivergence } from '../../analysis/layer-divergence.ts';
import { inputSection } from '../../config/input-section.ts';
import { modelSection, resourceSection } from '../../config/model-section.ts';
import {
  type InputConfig,
  type ModelConfig,
  type SecondModelConfig,
  secondModelSection,
} from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { ComparisonReport } from '../../model-commands/compare.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { addSettingFlags, readSections } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { weightDifferenceLines } from '../output/spectral-lines.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

type WeightConfig = ModelConfig & InputConfig & SecondModelConfig;

interface CompareOptions extends OutputOptions {
  readonly objective: string;
  readonly worst: string;
  readonly snr: string;
  readonly spectral?: boolean;
}

/** `neurofuzz compare`: measures how far two models differ on given inputs. */
export function compareCommand(): Command {
  const command = describedCommand('compare')
    .argument('<reference>', 'the reference model')
    .argument('<copy>', 'the model that should give the same outputs');
  addSettingFlags(command, ['seeds'], { seeds: 'the inputs, as fuzz takes them' });
  command.option(
    '-O, --objective <spec>',
    'what counts as a disagreement, such as differential:atol=0.01',
    'differential',
  );
  addSettingFlags(command, ['match', 'runtime', 'againstRuntime'], {
    match: "outputs that belong together: the reference's name and the copy's",
    runtime: 'runtime of the reference',
    againstRuntime: 'runtime of the copy',
  });
  command
    .option('--worst <n>', 'number of inputs to list', '5')
    .option('--snr <dB>', 'signal-to-noise ratio below which a layer counts as different', '20')
    .option(
      '--spectral',
      'compare the weights: the largest singular value of the difference of each, over that of the reference',
    )
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(model: string, against: string, options: CompareOptions): Promise<void> {
  const sections = { ...modelSection, ...resourceSection, ...inputSection, ...secondModelSection };
  const config = readSections(sections, options, { model, against });
  if (options.spectral === true) return runSpectral(config, options);
  const limits = {
    worst: parseNonNegative('--worst', options.worst),
    bound: parseNonNegative('--snr', options.snr),
  };
  const { compareModels } = await import('../../model-commands/compare.ts');
  const comparison = await withProgress(options, (onProgress) =>
    compareModels({ ...config, objective: options.objective }, limits, logNotices(options), onProgress),
  );
  if (options.json === true) printJson(comparison);
  else if (options.quiet !== true) printLines(comparisonLines(comparison));
  process.exitCode = comparison.violations > 0 ? EXIT.findings : EXIT.done;
}

async function runSpectral(config: WeightConfig, options: CompareOptions): Promise<void> {
  const { compareWeights } = await import('../../model-commands/layers/compare-spectral.ts');
  const comparison = await withProgress(options, (onProgress) =>
    compareWeights(config, logNotices(options), onProgress),
  );
  if (options.json === true) printJson(comparison);
  else if (options.quiet !== true) printLines(weightDifferenceLines(comparison));
}

function parseNonNegative(flag: string, given: string): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new UserError(`${flag} must be a number of at least 0, not '${given}'`);
}

function comparisonLines({
  reference,
  copy,
  testcases,
  violations,
  ties,
  outputs,
  worst,
  departures,
  objective,
}: ComparisonReport): string[] {
  const { layers, bound } = departures;
  const first = firstDivergence(departures);
  const departed =
    first === undefined ? `no layer is below ${bound} dB` : `${first} is the first layer below ${bound} dB`;
  return [
    `${reference.path} (${reference.runtime}) and ${copy.path} (${copy.runtime}) on ${plural(testcases, 'input')}: ${formatCount(violations)} disagree${ties === 0 ? '' : `, ${plural(ties, 'tie')}`} (${objective})`,
    '',
    'absolute differences per output',
    ...table([
      ['output', 'same class', 'median', 'p90', 'p99', 'max', 'min cosine', 'max KL'],
      ...outputs.map(({ output, agreement, difference: { median, p90, p99, most }, cosine, kl }) => [
        output,
        agreement === null ? '' : `${formatNumber(100 * agreement, 4)} %`,
        ...[median, p90, p99, most, cosine.least].map((value) => formatNumber(value, 4)),
        kl === null ? '' : `${formatNumber(kl.most, 4)} nats`,
      ]),
    ]),
    '',
    'inputs with the largest differences',
    ...table([
      ['input', 'max', 'violation'],
      ...worst.map(({ seed, difference, violation }) => [
        String(seed),
        formatNumber(difference, 4),
        violation ?? '',
      ]),
    ]),
    '',
    `signal-to-noise ratio per layer: ${departed}`,
    ...table([
      ['layer', 'ratio'],
      ...layers.map((layer) => [
        layer.tensor === layer.copy ? layer.tensor : `${layer.tensor} = ${layer.copy}`,
        divergenceText(layer),
      ]),
    ]),
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz compare model.onnx model-int8.onnx --seeds digits.npz
  neurofuzz compare model.json model.onnx --seeds digits.npz --objective differential:atol=1e-4 --json
  neurofuzz compare model.onnx model-int8.onnx --spectral

Exit codes: 0 when no input disagrees except by a tie, 1 otherwise; 0 with --spectral.`;
