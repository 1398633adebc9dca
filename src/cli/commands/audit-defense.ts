import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { outsideMessage } from '../../campaign/check-outcome.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../../config/load.ts';
import type { SettingName } from '../../config/schema.ts';
import { parseDuration } from '../../config/values.ts';
import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { AuditOptions, AuditReport, CheckRow } from '../../model-commands/audit-defense.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { parseNumber, parseWhole } from '../arguments/parse-number.ts';
import { addSettingFlags, LOADING_FLAGS, readSettingFlags } from '../arguments/setting-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { logNotices, type OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { printJson, printLines } from '../output/terminal.ts';

interface AuditFlags extends OutputOptions {
  readonly config?: string;
  readonly inputs: string;
  readonly queries: string;
  readonly steps: string;
  readonly claim?: string;
  readonly against?: string;
  readonly time?: string;
  readonly overwrite?: boolean;
  readonly html?: string;
}

/** Settings of `fuzz` for the model, its inputs, the limit and the folder. */
const AUDIT_FLAGS: readonly SettingName[] = [
  'seeds',
  'labels',
  'range',
  'shape',
  'linf',
  'l2',
  'out',
  'jobs',
  'seed',
  'timeout',
  'memory',
  ...LOADING_FLAGS,
];

/** `neurofuzz audit-defense`: checks whether robustness is real, or gradients are only hidden. */
export function auditDefenseCommand(): Command {
  const command = describedCommand('audit-defense')
    .argument('[model]', 'the classifier that is said to be robust')
    .option('-c, --config <file>', 'campaign file that names model, seeds, labels and limit');
  addSettingFlags(command, AUDIT_FLAGS, {
    seeds: 'the inputs to attack, as fuzz takes them',
    linf: 'largest change of a value within which the defence is claimed to hold (default: a tenth of the span)',
    l2: 'largest Euclidean distance within which it is claimed to hold',
    out: 'folder of the campaign with the findings (default: neurofuzz-out/<model>-audit)',
  });
  command
    .option('--inputs <n>', 'attack the first n inputs that the model is right on', '100')
    .option('--queries <n>', 'queries of the attack by outputs for one input', '500')
    .option('--steps <n>', 'steps of the iterated gradient attack', '40')
    .option('--claim <share>', 'robust accuracy that is claimed, such as 0.92')
    .option('--against <model>', 'undefended model of the same task, whose mistakes are tried on this one')
    .option('--time <duration>', 'begin no further check after this time, such as 10min')
    .option('--overwrite', 'rename the campaign that is in --out to <dir>.old-1 and start over')
    .option('--html <file>', 'write a page with the checks, and accuracy by limit')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

async function run(model: string | undefined, flags: AuditFlags): Promise<void> {
  const isShare = (x: number): boolean => x > 0 && x <= 1;
  const options: AuditOptions = {
    inputs: parseWhole('--inputs', flags.inputs, 20),
    queries: parseWhole('--queries', flags.queries, 1),
    steps: parseWhole('--steps', flags.steps, 1),
    claim:
      flags.claim === undefined
        ? undefined
        : parseNumber('--claim', flags.claim, 'above 0 and at most 1', isShare),
    against: flags.against,
    time: flags.time === undefined ? undefined : parseDuration(flags.time),
    overwrite: flags.overwrite === true,
  };
  const file = flags.config === undefined ? {} : await readCampaignFile(flags.config);
  const config = checkSettings(file, readFlags(model, flags), flags.config);
  if (config.model === undefined)
    throw new UserError('name the model: neurofuzz audit-defense model.onnx --seeds … --labels …');
  const { auditDefense, isRefuted } = await import('../../model-commands/audit-defense.ts');
  const report = await withProgress(flags, (onProgress) =>
    auditDefense(config, options, logNotices(flags), onProgress),
  );
  if (flags.html !== undefined) await writePage(flags.html, report);
  if (flags.json === true) printJson(report);
  else if (flags.quiet !== true) printLines(reportLines(report));
  const outside = outsideMessage({ threatAudit: report.threatModel });
  if (outside !== undefined) throw new MachineError(outside);
  process.exitCode = isRefuted(report) ? EXIT.findings : EXIT.done;
}

async function writePage(path: string, report: AuditReport): Promise<void> {
  const { auditPageHtml } = await import('../../report/html/audit-page.tsx');
  try {
    await writeFile(path, auditPageHtml(report));
  } catch (error) {
    throw new UserError(`--html: cannot write ${path}: ${errorMessage(error)}`);
  }
}

/** The settings among the flags: of the others, some have the name of a setting that means something else. */
function readFlags(model: string | undefined, flags: AuditFlags): RawSettings {
  const settings = Object.fromEntries(
    Object.entries(flags).filter(([name]) => (AUDIT_FLAGS as readonly string[]).includes(name)),
  );
  return { ...readSettingFlags(settings), ...(model === undefined ? {} : { model }) };
}

const NORMS = { linf: 'L-infinity', l2: 'L2' } as const;

function reportLines(report: AuditReport): string[] {
  const { model, inputs, clean, norm, epsilon, checks, notRun, attacks, verdict, adaptive } = report;
  const { worst, robust, campaign, findings } = report;
  return [
    `${model.path}: ${plural(inputs, 'input')} within ${NORMS[norm]} ${formatNumber(epsilon, 4)}; accuracy without an attack ${formatNumber(clean, 3)}`,
    '',
    ...table([['check', 'figure', 'bar', 'flag'], ...checks.map(checkCells)]),
    ...notRun.map(({ name, why }) => `not run: ${name}: ${why}`),
    '',
    ...table([
      ['attack', 'accuracy', 'median queries'],
      ...attacks.map(({ name, accuracy, queries }) => [
        name,
        formatNumber(accuracy, 3),
        formatCount(queries),
      ]),
    ]),
    '',
    `verdict: ${verdict}`,
    ...checks.filter(({ flagged }) => flagged).map(({ name, advice }) => `${name}: ${advice}`),
    ...(adaptive === null
      ? []
      : [`the attack that suits this: ${adaptive.spec}: accuracy ${formatNumber(adaptive.accuracy, 3)}`]),
    `after all attacks ${formatNumber(worst, 3)} of the attacked inputs are right: robust accuracy at most ${formatNumber(robust, 3)}`,
    findings === 0 ? `no findings; ${campaign}` : `${plural(findings, 'finding')} in ${campaign}`,
  ];
}

function checkCells({ name, value, bar, flagged }: CheckRow): string[] {
  const cell = (number: number | null): string => (number === null ? '' : formatNumber(number, 3));
  return [name, cell(value), cell(bar), flagged ? 'flagged' : ''];
}

const EXAMPLES = `
Examples:
  neurofuzz audit-defense model.onnx --seeds digits.npz --labels labels.npy --linf 0.1
  neurofuzz audit-defense model.onnx --seeds digits.npz --labels labels.npy --claim 0.92 --against undefended.onnx
  neurofuzz audit-defense model.onnx --seeds digits.npz --labels labels.npy --l2 1.5 --json
  neurofuzz audit-defense --config campaign.yaml --inputs 50 --time 10min --html audit.html

Exit codes: 0 when there is no sign of masking, 1 when gradients are masked, the model is random or the claim is wrong.`;
