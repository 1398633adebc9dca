import { Command } from 'commander';
import { UserError } from '../../core/errors.ts';
import { formatCount } from '../../core/format-number.ts';
import type { DistillReport } from '../../corpus-minimizer/distill.ts';
import { DEFAULT_FEEDBACK, feedbackKind } from '../../coverage/feedback/registry.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz distill`: writes a smallest corpus with the same coverage. */
export function distillCommand(): Command {
  return new Command('distill')
    .description('Write the smallest corpus with the same coverage as some campaigns, which are not modified')
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
}

interface DistillFlags {
  readonly out?: string;
  readonly threshold?: string;
  readonly max?: string;
  readonly json?: boolean;
}

async function run(campaigns: readonly string[], options: DistillFlags): Promise<void> {
  const { distill } = await import('../../corpus-minimizer/distill.ts');
  const out = options.out ?? `${campaigns[0].replace(/[/\\]+$/, '')}-distilled`;
  const report = await distill(campaigns, {
    out,
    threshold: parsePositive('--threshold', options.threshold, false),
    max: parsePositive('--max', options.max, true),
  });
  for (const damage of report.damage) printError(damage);
  if (options.json === true) printJson(jsonOf(report));
  else printLines(reportLines(report));
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
    `${wasDone ? 'was there already: ' : ''}kept ${formatCount(kept)} of ${formatCount(testcases)} testcases${from} (${((100 * kept) / Math.max(1, testcases)).toFixed(1)} %): ${formatCount(keptFor.coverage)} for what they cover, ${formatCount(keptFor.margins)} for margins, ${formatCount(keptFor.ancestors)} seeds that others are measured from`,
    `each of the others ${feedbackKind(feedback).describeReach(threshold)}; ${formatCount(findings)} findings went along`,
    `corpus: ${out}`,
    `begin a campaign with it: neurofuzz fuzz --config campaign.yaml --corpus ${out}`,
  ];
}

const EXAMPLES = `
Examples:
  neurofuzz distill neurofuzz-out/model
  neurofuzz distill night-*/model --out corpus
  neurofuzz distill neurofuzz-out/model --max 1000 --out small
  neurofuzz fuzz --config campaign.yaml --corpus small

What was ended on the way goes on when the same is run again.`;
