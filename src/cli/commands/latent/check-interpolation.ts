import { type Command, Option } from 'commander';
import { checkSettings } from '../../../config/load.ts';
import type { SettingName } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { formatNumber, plural } from '../../../core/format-number.ts';
import { PATH_KINDS, type PathKind } from '../../../latent/check-paths.ts';
import { CURVES, type Curve } from '../../../latent/paths.ts';
import type { CheckReport } from '../../../model-commands/latent/check-interpolation.ts';
import { addOutputFlags } from '../../arguments/output-flags.ts';
import { parseWhole } from '../../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../../arguments/setting-flags.ts';
import { describedCommand } from '../../command-summaries.ts';
import { logNotices, type OutputOptions } from '../../output/logging.ts';
import { withProgress } from '../../output/progress.ts';
import { table } from '../../output/table.ts';
import { printJson, printLines } from '../../output/terminal.ts';

interface CheckFlags extends OutputOptions {
  readonly task: 'lines' | 'any';
  readonly pairs: string;
  readonly curve: Curve;
  readonly judge?: string;
  readonly out?: string;
}

/** Settings of `fuzz` for the inputs and for the models. */
const CHECK_SETTINGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'decoded',
  'latentInput',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** `neurofuzz check-interpolation`: measures the paths of a decoder between inputs. */
export function checkInterpolationCommand(): Command {
  const command = describedCommand('check-interpolation')
    .argument('<encoder>', 'model that turns an input into a latent vector')
    .argument('<decoder>', 'model that turns a latent vector into an input');
  addSettingFlags(command, CHECK_SETTINGS, {
    seeds: 'inputs to go between, as fuzz takes them',
    labels: 'class of each seed, for models that take it',
    seed: 'master seed: draws the pairs (default: 1)',
  });
  command
    .addOption(
      new Option('--task <name>', 'lines: for models of drawn lines, without --seeds; any: for all others')
        .choices(['any', 'lines'])
        .default('any'),
    )
    .option('--pairs <n>', 'pairs of seeds', '64')
    .addOption(
      new Option('--curve <name>', 'path between two latent vectors').choices([...CURVES]).default('line'),
    )
    .option('--judge <model>', 'classifier in whose logits steps are measured (default: pixels)')
    .option('-o, --out <folder>', 'folder for a picture of the five worst paths (default: none)')
    .option('--json', 'print one JSON object on standard output');
  return addOutputFlags(command).addHelpText('after', EXAMPLES).action(run);
}

async function run(encoder: string, decoder: string, flags: CheckFlags): Promise<void> {
  const { task, curve, judge, out } = flags;
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (CHECK_SETTINGS as readonly string[]).includes(name)),
  );
  const config = checkSettings({}, readSettingFlags(settings), undefined);
  if (task === 'lines' && config.seeds !== undefined)
    throw new UserError('--task lines draws its inputs: leave --seeds out');
  const pairs = parseWhole('--pairs', flags.pairs, 1);
  const { checkInterpolation } = await import('../../../model-commands/latent/check-interpolation.ts');
  const report = await withProgress(flags, (onProgress) =>
    checkInterpolation(
      { ...config, seed: config.seed ?? '1' },
      {
        encoder,
        decoder,
        task,
        pairs,
        curve,
        judge,
        out,
        decoded: config.decoded,
        latentInput: config.latentInput,
      },
      logNotices(flags),
      onProgress,
    ),
  );
  if (flags.json === true) printJson(report);
  else if (flags.quiet !== true) printLines(reportLines(report));
}

/** What rows of the table are called. */
const KIND_LABELS: Readonly<Record<PathKind, string>> = {
  latent: 'latent space',
  pixels: 'mix of pixels',
  reconstructions: 'mix of reconstructions',
};

function reportLines(report: CheckReport): string[] {
  const { encoder, decoder, pairs, curve, task, figures, worst, strips } = report;
  const isOfLines = task === 'lines';
  const figure = (value: number | null): string => (value === null ? '' : formatNumber(value, 3));
  const percent = (share: number | null): string =>
    share === null ? '' : `${formatNumber(100 * share, 3)} %`;
  const leftOut = figures.latent.leftOut;
  return [
    `${encoder} and ${decoder}: ${plural(pairs, 'path')} of 16 points (${curve}), mean squared error of reconstructions ${figure(report.reconstructionError)} (of the mean ${figure(report.meanError)})`,
    '',
    ...table([
      [
        'paths',
        isOfLines ? 'distance' : 'realism',
        'smoothness',
        ...(isOfLines ? [] : ['jumps', 'consistency']),
      ],
      ...PATH_KINDS.map((kind) => {
        const { distance, smoothness, jumps, consistency } = figures[kind];
        return [
          KIND_LABELS[kind],
          figure(distance),
          figure(smoothness),
          ...(isOfLines ? [] : [percent(jumps), percent(consistency)]),
        ];
      }),
    ]),
    '',
    isOfLines
      ? 'distance: mean cosine distance of the points to the nearest line; smoothness: 0 for even steps of the angle, 0.933 for one jump'
      : `realism: mean smallest cosine distance of the points to a seed, less that of reconstructions (${figure(report.reconstructionDistance)}); smoothness: largest step over the length, 0 for even steps; jumps: paths with a step of more than half the length`,
    ...(leftOut === 0 ? [] : [`${plural(leftOut, 'path')} left out of the smoothness: hardly any change`]),
    `worst paths: ${worst.map(({ from, to, smoothness }) => `${from}–${to} (${figure(smoothness ?? null)})`).join(', ')}${strips === null ? '' : `; ${strips}`}`,
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz check-interpolation encoder.onnx decoder.onnx --seeds digits.npz
  neurofuzz check-interpolation encoder.onnx decoder.onnx --seeds digits.npz --judge classifier.onnx --out paths/
  neurofuzz check-interpolation lines/encoder.onnx lines/decoder.onnx --task lines --json`;
