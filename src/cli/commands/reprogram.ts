import { type Command, Option } from 'commander';
import { outsideMessage } from '../../campaign/check-outcome.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { MachineError, UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { ReprogramOptions } from '../../model-commands/reprogram/prepare.ts';
import type { ProgramRow, ReprogramReport } from '../../model-commands/reprogram/report.ts';
import type { Patch } from '../../reprogram/program.ts';
import { PROGRAM_METHODS, type ProgramMethod } from '../../reprogram/train-program.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface ReprogramFlags extends OutputOptions {
  readonly config?: string;
  readonly to?: readonly string[];
  readonly frame?: string;
  readonly patch?: string;
  readonly method?: ProgramMethod;
  readonly steps: string;
  readonly queries: string;
  readonly control: boolean;
  readonly train: string;
  readonly inputs?: string;
  readonly allow: string;
  readonly overwrite?: boolean;
}

/** Settings of `fuzz` for the model, its inputs and the folder. */
const REPROGRAM_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'table',
  'fixed',
  'linf',
  'out',
  'jobs',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** `neurofuzz reprogram`: one change for all inputs. */
export function reprogramCommand(): Command {
  const command = describedCommand('reprogram')
    .argument('[model]', 'the classifier')
    .option('-c, --config <file>', 'campaign file that names model, seeds and labels');
  addSettingFlags(command, REPROGRAM_FLAGS, {
    seeds: 'inputs to train and test the change on, as fuzz takes them',
    linf: 'largest change of a value (default: a fifth of the span)',
    fixed: 'masks of values that stay; without --linf the others are replaced',
    out: 'folder of the programs and of the campaign with the findings (default: neurofuzz-out/<model>-reprogram)',
  });
  command
    .option(
      '--to <class...>',
      'classes that all inputs shall get, each by a change of its own (default: all)',
    )
    .option('--frame <pixels>', 'replace a frame of this depth around each picture')
    .option('--patch <HxW@row,column>', 'replace a patch of each picture, such as 8x8@10,10')
    .addOption(
      new Option(
        '--method <name>',
        'how to search: gradient, or nes, which asks for outputs alone (default: gradient where there is one)',
      ).choices([...PROGRAM_METHODS]),
    )
    .option('--steps <n>', 'steps along gradients, from each of two starts', '600')
    .option('--queries <n>', 'runs of the model by nes', '200000')
    .option('--no-control', 'leave out the copy with permuted weights and random changes')
    .option('--train <share>', 'share of the seeds that the change is trained on; the others test it', '0.8')
    .option('--inputs <n>', 'take the first n seeds (default: all)')
    .option('--allow <share>', 'success up to which a change does not count as a finding', '0.1')
    .option('--overwrite', 'rename the campaign that is in --out to <dir>.old-1 and start over')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(model: string | undefined, flags: ReprogramFlags): Promise<void> {
  const options = readOptions(flags);
  const file = flags.config === undefined ? {} : await readCampaignFile(flags.config);
  const config = checkSettings(file, readFlags(model, flags), flags.config);
  if (config.model === undefined)
    throw new UserError('name the model: neurofuzz reprogram model.onnx --seeds … --labels …');
  if (config.linf !== undefined && (flags.frame ?? flags.patch) !== undefined)
    throw new UserError(
      '--linf limits a change of all values, and a frame or a patch is replaced: leave one out',
    );
  const { reprogram } = await import('../../model-commands/reprogram/reprogram.ts');
  const report = await withProgress(flags, (onProgress) =>
    reprogram(config, options, logNotices(flags), onProgress),
  );
  if (flags.json === true) printJson({ ...report, allow: options.allow });
  else if (flags.quiet !== true) printLines(reportLines(report));
  const outside = outsideMessage({ threatAudit: report.threatModel });
  if (outside !== undefined) throw new MachineError(outside);
  process.exitCode = report.findings > 0 ? EXIT.findings : EXIT.done;
}

function readOptions(flags: ReprogramFlags): ReprogramOptions {
  if (flags.frame !== undefined && flags.patch !== undefined)
    throw new UserError('--frame and --patch: a change has one place: leave one out');
  const share = (flag: string, text: string): number =>
    parseNumber(flag, text, 'above 0 and below 1', (x) => x > 0 && x < 1);
  return {
    to: flags.to?.map((text) => parseWhole('--to', text, 0)),
    place: {
      frame: flags.frame === undefined ? undefined : parseWhole('--frame', flags.frame, 1),
      patch: flags.patch === undefined ? undefined : parsePatch(flags.patch),
    },
    method: flags.method,
    steps: parseWhole('--steps', flags.steps, 1),
    queries: parseWhole('--queries', flags.queries, 1),
    hasControl: flags.control,
    train: share('--train', flags.train),
    inputs: flags.inputs === undefined ? undefined : parseWhole('--inputs', flags.inputs, 1),
    allow: parseNumber('--allow', flags.allow, 'at least 0 and below 1', (x) => x >= 0 && x < 1),
    overwrite: flags.overwrite === true,
  };
}

/** @throws UserError where it is not written as HxW@row,column */
function parsePatch(text: string): Patch {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})@(\d{1,5}),(\d{1,5})$/.exec(text);
  if (match === null)
    throw new UserError(`--patch must be written as HxW@row,column, such as 8x8@10,10, not ${text}`);
  const [height, width, top, left] = match.slice(1).map(Number);
  return { height, width, top, left };
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
function readFlags(model: string | undefined, flags: ReprogramFlags): RawSettings {
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (REPROGRAM_FLAGS as readonly string[]).includes(name)),
  );
  return { ...readSettingFlags(settings), ...(model === undefined ? {} : { model }) };
}

function reportLines(report: ReprogramReport): string[] {
  const { model, place, values, epsilon, method, train, test, programs, campaign, findings } = report;
  const change =
    epsilon === null
      ? `${plural(values, 'value')} replaced`
      : `${plural(values, 'value')} changed by at most ${formatNumber(epsilon, 4)}`;
  return [
    `${model.path}: one change for all inputs (${place}: ${change}), by ${method}; trained on ${plural(train, 'input')}, tested on ${formatCount(test)} others`,
    '',
    ...table([
      ['class', 'success', 'random change', 'no change', 'untrained copy'],
      ...programs.map(rowCells),
    ]),
    '',
    'success: share of test inputs of other classes that get the class',
    `programs and findings: ${campaign} (${plural(findings, 'finding')})`,
  ];
}

function rowCells({ to, success, control }: ProgramRow): string[] {
  const percent = (share: number | null): string =>
    share === null ? '' : `${formatNumber(100 * share, 3)} %`;
  const { random, none, untrained } = control;
  return [`${to}`, percent(success), percent(random), percent(none), percent(untrained)];
}

const EXAMPLES = `
Examples:
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --linf 0.4
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --frame 4
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --patch 8x8@10,10 --json
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --method nes --queries 100000

Exit codes: 0 when no change leads more than --allow of the inputs to its class, 1 otherwise.`;
