import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { COMBINATIONS, type Combination } from '../../attacks/attack.ts';
import { ATTACKS } from '../../attacks/registry.ts';
import { outsideMessage } from '../../campaign/check-outcome.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { MachineError, UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type {
  AttackRow,
  ContestOptions,
  ContestReport,
  ContestResult,
} from '../../model-commands/contest.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface ContestFlags extends OutputOptions {
  readonly config?: string;
  readonly attack?: readonly string[];
  readonly coverage: string;
  readonly confidence: string;
  readonly threshold?: string;
  readonly combine?: Combination;
  readonly queries: string;
  readonly inputs?: string;
  readonly allow: string;
  readonly overwrite?: boolean;
  readonly html?: string;
}

/** Settings of `fuzz` for the model, its inputs and the folder. */
const CONTEST_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'table',
  'fixed',
  'linf',
  'l2',
  'out',
  'jobs',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** `neurofuzz contest`: attacks a classifier that may abstain, and looks for confident mistakes. */
export function contestCommand(): Command {
  const command = describedCommand('contest')
    .argument('[model]', 'the classifier')
    .option('-c, --config <file>', 'campaign file that names model, seeds and labels');
  addSettingFlags(command, CONTEST_FLAGS, {
    seeds: 'the inputs to attack, as fuzz takes them',
    linf: 'largest change of a value by square, pgd and spsa, in values of the input',
    l2: 'Euclidean length of the change by boundary, in values of the input',
    out: 'folder of the campaign with the findings (default: neurofuzz-out/<model>-contest)',
  });
  command
    .option(
      '--attack <spec...>',
      `the attacks (default: all that suit the input but spsa, fuzz and random): ${ATTACKS.describe()}`,
    )
    .option('--coverage <share>', 'share of the inputs that the model answers', '0.8')
    .option(
      '--confidence <measure>',
      'what the confidence is: max-logit, margin (the lead over the second class), or the name of an output that is the confidence',
      'max-logit',
    )
    .option(
      '--threshold <x>',
      'confidence from which the model answers (default: calibrated on the clean inputs)',
    )
    .addOption(
      new Option(
        '--combine <change>',
        'change each input before all attacks but clean, spatial and corruptions: random-spatial rotates and shifts it within its frame',
      ).choices([...COMBINATIONS]),
    )
    .option('--queries <n>', 'queries of square, boundary and fuzz for one input', '1000')
    .option('--inputs <n>', 'attack the first n inputs (default: all)')
    .option('--allow <n>', 'inputs with a confident mistake that are accepted', '0')
    .option('--overwrite', 'rename the campaign that is in --out to <dir>.old-1 and start over')
    .option(
      '--html <file>',
      'write a page with the table, accuracy by coverage and the first confident mistakes',
    )
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(model: string | undefined, flags: ContestFlags): Promise<void> {
  const options: ContestOptions = {
    attacks: flags.attack,
    coverage: parseNumber('--coverage', flags.coverage, 'above 0 and at most 1', (x) => x > 0 && x <= 1),
    confidence: flags.confidence,
    threshold:
      flags.threshold === undefined
        ? undefined
        : parseNumber('--threshold', flags.threshold, 'finite', Number.isFinite),
    combine: flags.combine,
    queries: parseWhole('--queries', flags.queries, 1),
    inputs: flags.inputs === undefined ? undefined : parseWhole('--inputs', flags.inputs, 1),
    overwrite: flags.overwrite === true,
  };
  const allowed = parseWhole('--allow', flags.allow, 0);
  for (const spec of flags.attack ?? []) ATTACKS.check(spec);
  const file = flags.config === undefined ? {} : await readCampaignFile(flags.config);
  const config = checkSettings(file, readFlags(model, flags), flags.config);
  if (config.model === undefined)
    throw new UserError('name the model: neurofuzz contest model.onnx --seeds … --labels …');
  const { runContest } = await import('../../model-commands/contest.ts');
  const result = await withProgress(flags, (onProgress) =>
    runContest(config, options, logNotices(flags), onProgress),
  );
  const { report } = result;
  if (flags.html !== undefined) await writePage(flags.html, result);
  if (flags.json === true) printJson({ ...report, allowed });
  else if (flags.quiet !== true) printLines(reportLines(report));
  const outside = outsideMessage({ threatAudit: report.threatModel });
  if (outside !== undefined) throw new MachineError(outside);
  process.exitCode = report.worst.confidentMistakes > allowed ? EXIT.findings : EXIT.done;
}

async function writePage(path: string, result: ContestResult): Promise<void> {
  const { contestPageHtml } = await import('../../report/html/contest-page.tsx');
  try {
    await writeFile(path, await contestPageHtml(result));
  } catch (error) {
    throw new UserError(`--html: cannot write ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
function readFlags(model: string | undefined, flags: ContestFlags): RawSettings {
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (CONTEST_FLAGS as readonly string[]).includes(name)),
  );
  return { ...readSettingFlags(settings), ...(model === undefined ? {} : { model }) };
}

function reportLines(report: ContestReport): string[] {
  const { model, inputs, threshold, isCalibrated, confidence, logits, coverage, campaign, findings } = report;
  const from = isCalibrated
    ? `by which ${percent(coverage)} of the clean inputs are answered`
    : 'as asked for';
  const source = logits === null ? 'logarithms of the softmax shares' : `logits ${logits}`;
  return [
    `${model.path}: ${plural(inputs, 'input')}; answers from ${confidence} ${formatNumber(threshold, 4)} on, ${from}; ${source}`,
    '',
    ...table([
      [
        'attack',
        `accuracy@${formatNumber(100 * coverage, 3)}`,
        'accuracy@100',
        'confident mistakes',
        'coverage',
        'median queries',
      ],
      ...[...report.attacks, report.worst].map(rowCells),
    ]),
    '',
    findings === 0 ? `no findings; ${campaign}` : `${plural(findings, 'finding')} in ${campaign}`,
  ];
}

function rowCells(row: AttackRow): string[] {
  return [
    row.attack,
    formatNumber(row.accuracyAtCoverage, 3),
    formatNumber(row.accuracyAtAll, 3),
    formatCount(row.confidentMistakes),
    percent(row.coverage),
    formatCount(row.queriesMedian),
  ];
}

function percent(share: number): string {
  return `${formatNumber(100 * share, 3)} %`;
}

const EXAMPLES = `
Examples:
  neurofuzz contest model.onnx --seeds digits.npz --labels labels.npy
  neurofuzz contest model.onnx --seeds digits.npz --labels labels.npy --attack square:linf=0.1,queries=5000
  neurofuzz contest model.onnx --seeds digits.npz --labels labels.npy --confidence margin --coverage 0.5 --json
  neurofuzz contest model.onnx --seeds digits.npz --labels labels.npy --combine random-spatial --html contest.html
  neurofuzz contest model.onnx --seeds digits.npz --labels labels.npy --attack "spatial:valid=sum(abs(image)) > 50"
  neurofuzz contest --config campaign.yaml --inputs 100 --allow 3

Exit codes: 0 when no more inputs than --allow have a confident mistake, 1 otherwise.`;
