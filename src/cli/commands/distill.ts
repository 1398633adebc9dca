import type { Command } from 'commander';
import { UserError } from '../../core/errors.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { quote } from '../../core/shell-quote.ts';
import type { DistillReport } from '../../corpus-minimizer/distill.ts';
import { DEFAULT_FEEDBACK, feedbackKind } from '../../coverage/feedback/registry.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { launcher } from '../launcher.ts';
import type { OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz distill`: writes a smallest corpus with the same coverage. */
export function distillCommand(): Command {
  const command = describedCommand('distill')
    .argument('<campaign...>', 'campaign folders, or corpora that were distilled before')
    .option('-o, --out <dir>', 'folder of the distilled corpus (default: <campaign>-distilled)')
    .option(
      '--threshold <x>',
      "squared L2 distance within which one testcase replaces another, or the number of elements that may stay uncovered if coverage is a set (default: the campaigns' threshold)",
    )
    .option(
      '--max <n>',
      'maximum number of testcases; the threshold grows until that many cover everything (default: none)',
    )
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface DistillFlags extends OutputOptions {
  readonly out?: string;
  readonly threshold?: string;
  readonly max?: string;
}

async function run(campaigns: readonly string[], options: DistillFlags): Promise<void> {
  const { distill } = await import('../../corpus-minimizer/distill.ts');
  const out = options.out ?? `${campaigns[0].replace(/[/\\]+$/, '')}-distilled`;
  const threshold = parsePositive('--threshold', options.threshold, false);
  const max = parsePositive('--max', options.max, true);
  const report = await withProgress(options, (onProgress) =>
    distill(campaigns, { out, threshold, max, onProgress }),
  );
  for (const damage of report.damage) printError(damage);
  if (options.json === true) printJson(jsonOf(report));
  else if (options.quiet !== true) printLines(reportLines(report));
}

function parsePositive(flag: string, given: string | undefined, whole: boolean): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) return value;
  throw new UserError(`${flag} must be ${whole ? '1 or more' : 'above 0'}, not ${given}`);
}

function jsonOf({
  margins,
  digest: _digest,
  formatVersion: _version,
  inputs: _inputs,
  ...report
}: DistillReport) {
  return { ...report, margins: Object.keys(margins).length };
}

function reportLines(report: DistillReport): string[] {
  const { testcases, kept, keptFor, findings, threshold, out, wasDone, sources } = report;
  const { feedback = DEFAULT_FEEDBACK } = report;
  const from = sources.length === 1 ? '' : ` of ${sources.length} corpora`;
  return [
    `${wasDone ? 'already complete: ' : ''}kept ${formatCount(kept)} of ${plural(testcases, 'testcase')}${from} (${((100 * kept) / Math.max(1, testcases)).toFixed(1)} %): ${formatCount(keptFor.coverage)} for coverage, ${formatCount(keptFor.margins)} for margins, ${plural(keptFor.ancestors, 'ancestor seed')}`,
    `each testcase that was left out ${feedbackKind(feedback).describeReach(threshold)}; ${plural(findings, 'finding')} copied`,
    `corpus: ${out}`,
    `start a campaign with it: ${launcher()} fuzz --config campaign.yaml --corpus ${quote(out)}`,
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz distill neurofuzz-out/model
  neurofuzz distill night-*/model --out corpus
  neurofuzz distill neurofuzz-out/model --max 1000 --out small
  neurofuzz fuzz --config campaign.yaml --corpus small

Run the same command again to continue an interrupted run.`;
