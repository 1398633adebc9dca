import { type Command, Option } from 'commander';
import { inputSection } from '../../../config/input-section.ts';
import { UserError } from '../../../core/errors.ts';
import { formatNumber } from '../../../core/format-number.ts';
import type { TrainedLatent } from '../../../model-commands/latent/train-latent.ts';
import { addOutputFlags } from '../../arguments/output-flags.ts';
import { parseWhole } from '../../arguments/parse-number.ts';
import { addSettingFlags, readSections } from '../../arguments/setting-flags.ts';
import { describedCommand } from '../../command-summaries.ts';
import type { OutputOptions } from '../../output/logging.ts';
import { withProgress } from '../../output/progress.ts';
import { table } from '../../output/table.ts';
import { printJson, printLines } from '../../output/terminal.ts';

interface TrainLatentFlags extends OutputOptions {
  readonly task: 'lines' | 'any';
  readonly size: string;
  readonly hidden: string;
  readonly steps: string;
  readonly acai?: boolean;
  readonly compare?: boolean;
  readonly out: string;
  readonly overwrite?: boolean;
  readonly seed: string;
}

/** `neurofuzz train-latent`: trains an encoder and a decoder on inputs. */
export function trainLatentCommand(): Command {
  const command = describedCommand('train-latent');
  addSettingFlags(command, ['seeds', 'labels'], {
    seeds: 'inputs to train on, 500 or more: .npz, .npy or .idx files',
    labels: 'class of each input: both networks are told it then',
  });
  command
    .addOption(
      new Option('--task <name>', 'lines: train on drawn lines; any: on --seeds')
        .choices(['any', 'lines'])
        .default('any'),
    )
    .option('--size <n>', 'values of a latent vector', '16')
    .option('--hidden <n>', 'values of each of the two hidden layers', '256')
    .option('--steps <n>', 'steps of training, of 64 inputs each', '4000')
    .option(
      '--acai',
      'train a critic that judges decoded mixes beside it (adversarially constrained interpolation)',
    )
    .option('--compare', 'train one with --acai and one without, and measure both')
    .option('-o, --out <folder>', 'folder of the models and their card.json', 'latent')
    .option('--overwrite', 'replace the models that --out holds')
    .option('-s, --seed <text>', 'seed of weights and batches', '1')
    .option('--json', 'print one JSON object on standard output');
  return addOutputFlags(command).addHelpText('after', EXAMPLES).action(run);
}

async function run(flags: TrainLatentFlags): Promise<void> {
  const { task, acai, compare, out, overwrite, seed } = flags;
  const { seeds, labels } = readSections(inputSection, {
    ...('seeds' in flags ? { seeds: flags.seeds } : {}),
    ...('labels' in flags ? { labels: flags.labels } : {}),
  });
  if (acai === true && compare === true)
    throw new UserError('--compare trains with --acai and without: leave --acai out');
  const size = parseWhole('--size', flags.size, 1);
  const steps = parseWhole('--steps', flags.steps, 1);
  const { trainLatent } = await import('../../../model-commands/latent/train-latent.ts');
  const trained = await withProgress(flags, (onProgress) =>
    trainLatent(
      {
        task,
        seeds,
        labels,
        seed,
        size,
        hidden: parseWhole('--hidden', flags.hidden, 1),
        steps,
        hasCritic: acai === true,
        compares: compare === true,
        out,
        overwrite: overwrite === true,
      },
      onProgress,
    ),
  );
  if (flags.json === true) printJson({ formatVersion: 1, trained });
  else if (flags.quiet !== true) printLines(trainedLines(trained));
}

function trainedLines(trained: readonly TrainedLatent[]): string[] {
  const figure = (value: number | null): string => (value === null ? '' : formatNumber(value, 3));
  return [
    ...table([
      ['folder', 'network', 'error', 'of the mean', 'distance', 'smoothness', 'pixel mix'],
      ...trained.map(({ folder, card: { network, errors, interpolation } }) => [
        folder,
        `${network.kind}, ${network.latent} values`,
        figure(errors.heldOut),
        figure(errors.mean),
        figure(interpolation.latent.distance),
        figure(interpolation.latent.smoothness),
        `${figure(interpolation.pixels.distance)}, ${figure(interpolation.pixels.smoothness)}`,
      ]),
    ]),
    '',
    'error: mean squared error of held-out inputs; distance and smoothness of paths between them, as check-interpolation measures',
    `use it: neurofuzz fuzz model.onnx --encoder ${trained[0].folder}/encoder.onnx --decoder ${trained[0].folder}/decoder.onnx --mutator latent …`,
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz train-latent --seeds digits.npz --labels labels.npy --size 16 --out latent/
  neurofuzz train-latent --seeds train-images-idx3-ubyte.gz --steps 2000 --acai
  neurofuzz train-latent --task lines --size 8 --compare --out lines/`;
