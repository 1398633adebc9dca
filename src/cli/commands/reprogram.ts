import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { outsideMessage } from '../../campaign/check-outcome.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { MachineError, UserError } from '../../core/errors.ts';
import type { PlacedPatch } from '../../model-commands/reprogram/placement.ts';
import type { ReprogramOptions, TaskOptions } from '../../model-commands/reprogram/prepare.ts';
import type { ReprogramReport } from '../../model-commands/reprogram/report.ts';
import type { ReprogramResult } from '../../model-commands/reprogram/reprogram.ts';
import type { UniversalGoal } from '../../reprogram/goal.ts';
import { PROGRAM_METHODS, type ProgramMethod } from '../../reprogram/train-program.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { cannotWritePage, checkPagePath } from '../output/page-path.ts';
import { withProgress } from '../output/progress.ts';
import { reprogramLines } from '../output/reprogram-lines.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface ReprogramFlags extends OutputOptions {
  readonly labels?: string;
  readonly config?: string;
  readonly to?: readonly string[];
  readonly task?: string;
  readonly taskLabels?: string;
  readonly map?: string;
  readonly frame?: string;
  readonly patch?: string;
  readonly method?: ProgramMethod;
  readonly steps: string;
  readonly queries?: string;
  readonly draws?: string;
  readonly stealth?: string;
  readonly control: boolean;
  readonly train: string;
  readonly inputs?: string;
  readonly allow: string;
  readonly overwrite?: boolean;
  readonly html?: string;
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
    linf: 'largest change of a value (default: a fifth of the span; with --task the rest of the picture is replaced)',
    fixed: 'masks of values that stay; without --linf the others are replaced',
    out: 'folder of the programs and of the campaign with the findings (default: neurofuzz-out/<model>-reprogram)',
  });
  command
    .option(
      '--to <class...>',
      'classes that all inputs shall get, each by a change of its own (default: all); abstain=0.5 for no class above this share',
    )
    .option(
      '--task <spec>',
      "have the model do another task: squares:k, which counts 1 to k squares, or a file of inputs at most as large as the model's",
    )
    .option('--task-labels <file>', 'labels of the inputs of --task, numbers from 0')
    .option(
      '--map <how>',
      'classes that stand for the labels of the task: assign, first (class i is label i), or a JSON file such as [[0, 4], [1, 2]] (default: assign)',
    )
    .option('--frame <pixels>', 'replace a frame of this depth around each picture')
    .option(
      '--patch <HxW@row,column>',
      'replace a patch of each picture, such as 8x8@10,10; 8x8@anywhere for one that is placed at random in each input',
    )
    .addOption(
      new Option(
        '--method <name>',
        'how to search: gradient, or nes, which asks for outputs alone (default: gradient where there is one)',
      ).choices([...PROGRAM_METHODS]),
    )
    .option('--steps <n>', 'steps along gradients, from each of two starts', '600')
    .option('--queries <n>', 'runs of the model by nes (default: 200000; with --task 1000000)')
    .option('--draws <n>', 'runs of each input that answers of a random model are averaged over')
    .option(
      '--stealth <share>',
      'make each change as small as it can be and still reach this success on training inputs',
    )
    .option('--no-control', 'leave out the copy with permuted weights and random changes')
    .option('--train <share>', 'share of the seeds that the change is trained on; the others test it', '0.8')
    .option('--inputs <n>', 'take the first n seeds (default: all)')
    .option('--allow <share>', 'success up to which a change does not count as a finding', '0.1')
    .option('--overwrite', 'rename the campaign that is in --out to <dir>.old-1 and start over')
    .option(
      '--html <file>',
      'write a page with the changes, and success by strength beside that of the control',
    )
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
  if (flags.html !== undefined) await checkPagePath(flags.html);
  const { reprogram } = await import('../../model-commands/reprogram/reprogram.ts');
  const result = await withProgress(flags, (onProgress) =>
    reprogram(config, options, logNotices(flags), onProgress),
  );
  const { report } = result;
  if (flags.html !== undefined) await writePage(flags.html, result);
  if (flags.json === true) printJson({ ...report, allow: options.allow });
  else if (flags.quiet !== true) printLines(reprogramLines(report));
  process.exitCode = exitCodeOf(report);
}

/** @throws MachineError where findings do not obey the threat model */
function exitCodeOf(report: ReprogramReport): number {
  if (report.mode === 'task') return EXIT.done;
  const outside = outsideMessage({ threatAudit: report.threatModel });
  if (outside !== undefined) throw new MachineError(outside);
  return report.findings > 0 ? EXIT.findings : EXIT.done;
}

async function writePage(path: string, result: ReprogramResult): Promise<void> {
  const { reprogramPageHtml } = await import('../../report/html/reprogram-page.tsx');
  try {
    await writeFile(path, await reprogramPageHtml(result));
  } catch (error) {
    throw cannotWritePage(path, error);
  }
}

function readOptions(flags: ReprogramFlags): ReprogramOptions {
  if (flags.frame !== undefined && flags.patch !== undefined)
    throw new UserError('--frame and --patch: a change has one place: leave one out');
  const share = (flag: string, text: string): number =>
    parseNumber(flag, text, 'above 0 and below 1', (x) => x > 0 && x < 1);
  const whole = (flag: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseWhole(flag, text, 1);
  const task = readTaskFlags(flags);
  return {
    to: flags.to?.map(parseGoal),
    task,
    place: {
      frame: whole('--frame', flags.frame),
      patch: flags.patch === undefined ? undefined : parsePatch(flags.patch),
    },
    method: flags.method,
    steps: parseWhole('--steps', flags.steps, 1),
    queries: whole('--queries', flags.queries) ?? (task === undefined ? 200_000 : 1_000_000),
    draws: whole('--draws', flags.draws),
    stealth: flags.stealth === undefined ? undefined : share('--stealth', flags.stealth),
    hasControl: flags.control,
    train: share('--train', flags.train),
    inputs: whole('--inputs', flags.inputs),
    allow: parseNumber('--allow', flags.allow, 'at least 0 and below 1', (x) => x >= 0 && x < 1),
    overwrite: flags.overwrite === true,
  };
}

/** @throws UserError where flags of a class and of a task are mixed */
function readTaskFlags(flags: ReprogramFlags): TaskOptions | undefined {
  const { task, taskLabels, map, to, stealth, labels } = flags;
  if (task === undefined) {
    const flag = taskLabels === undefined ? map && '--map' : '--task-labels';
    if (flag !== undefined) throw new UserError(`${flag} is for another task: set --task`);
    return undefined;
  }
  const other = [to && '--to', stealth && '--stealth', labels && '--labels'].find(Boolean);
  if (other !== undefined)
    throw new UserError(
      `${other} is for a change that leads inputs to a class, and --task for another task: leave one out`,
    );
  return { name: task, labels: taskLabels, map: map ?? 'assign' };
}

/** A class, or `abstain=0.5`. */
function parseGoal(text: string): UniversalGoal {
  const [, below] = /^abstain=(.*)$/.exec(text) ?? [];
  if (below === undefined) return { kind: 'class', target: parseWhole('--to', text, 0) };
  return {
    kind: 'abstain',
    below: parseNumber('--to abstain', below, 'above 0 and at most 1', (x) => x > 0 && x <= 1),
  };
}

/** @throws UserError where it is not written as HxW@row,column or HxW@anywhere */
function parsePatch(text: string): PlacedPatch {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,4})@(?:(anywhere)|(\d{1,5}),(\d{1,5}))$/.exec(text);
  if (match === null)
    throw new UserError(
      `--patch must be written as HxW@row,column, such as 8x8@10,10, or as 8x8@anywhere, not ${text}`,
    );
  const [, height, width, anywhere, top, left] = match;
  const sides = { height: Number(height), width: Number(width) };
  return anywhere === undefined ? { ...sides, top: Number(top), left: Number(left) } : sides;
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
function readFlags(model: string | undefined, flags: ReprogramFlags): RawSettings {
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (REPROGRAM_FLAGS as readonly string[]).includes(name)),
  );
  return { ...readSettingFlags(settings), ...(model === undefined ? {} : { model }) };
}

const EXAMPLES = `
Examples:
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --linf 0.4
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --frame 4
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --patch 8x8@10,10 --json
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to 3 --patch 8x8@anywhere --html page.html
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --method nes --queries 100000
  neurofuzz reprogram model.onnx --seeds digits.npz --labels labels.npy --to abstain=0.5 --stealth 0.9
  neurofuzz reprogram model.onnx --range=-1,1 --task squares:2
  neurofuzz reprogram model.onnx --range=-1,1 --task other.npz --task-labels other-labels.npy --map first

Exit codes: 0 when no change leads more than --allow of the inputs to its class, and always with --task; 1 otherwise.`;
