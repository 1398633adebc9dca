import type { Command } from 'commander';
import { plural } from '../../core/format-number.ts';
import { quote } from '../../core/shell-quote.ts';
import type { ReportedCampaign } from '../../report/view-model.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { launcher } from '../launcher.ts';
import type { OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz report`: writes a self-contained HTML report, and JUnit, SARIF and Markdown on request. */
export function reportCommand(): Command {
  const command = describedCommand('report')
    .argument('<campaign...>', "the campaigns' folders")
    .option(
      '-o, --out <file>',
      "HTML file (default: report.html in the campaign's folder, or here for several)",
    )
    .option(
      '--against <path>',
      'baseline or older campaign: marks faults as new, known or fixed (default: what neurofuzz view noted)',
    )
    .option('--title <text>', "heading (default: neurofuzz and the model's name)")
    .option(
      '--explain',
      'draw where the model looked at seeds and findings, by methods that depend on this model (see saliency-check)',
    )
    .option('--junit <file>', 'also write JUnit XML: one test case per objective and per fault')
    .option('--sarif <file>', 'also write SARIF 2.1.0: one rule per objective, one result per fault')
    .option('--markdown <file>', 'also write a Markdown summary, for a CI job')
    .option('--comment <file>', 'also write a short Markdown text for a comment on a pull request')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface ReportFlags extends OutputOptions {
  readonly out?: string;
  readonly against?: string;
  readonly title?: string;
  readonly explain?: boolean;
  readonly junit?: string;
  readonly sarif?: string;
  readonly markdown?: string;
  readonly comment?: string;
}

async function run(folders: readonly string[], options: ReportFlags): Promise<void> {
  const { defaultPage, report } = await import('../../report/report.ts');
  const { junit, sarif, markdown, comment, against } = options;
  const html = options.out ?? defaultPage(folders);
  const { ownBaselineOf } = await import('../../triage/baseline.ts');
  const campaigns = await Promise.all(
    folders.map(async (folder) => ({ folder, against: against ?? (await ownBaselineOf(folder)) })),
  );
  const replayLine = (folder: string): string => `${launcher()} replay ${quote(folder)}`;
  const reported = await withProgress(options, (onProgress) =>
    report(
      campaigns,
      { html, junit, sarif, markdown, comment },
      { title: options.title, explains: options.explain, replayLine, onProgress },
    ),
  );
  for (const { damage } of reported) damage.forEach(printError);
  const files = [html, junit, sarif, markdown, comment].filter((path) => path !== undefined);
  if (options.json === true) printJson({ files, campaigns: reported });
  else if (options.quiet !== true) printLines(reportLines(reported, files));
  process.exitCode = EXIT.done;
}

function reportLines(reported: readonly ReportedCampaign[], files: readonly string[]): string[] {
  const faults = reported.reduce((sum, campaign) => sum + campaign.faults.length, 0);
  const fixed = reported.reduce((sum, campaign) => sum + campaign.fixed.length, 0);
  const fixedText = fixed === 0 ? '' : `, ${fixed} fixed`;
  return [`${plural(faults, 'fault')}${fixedText} in ${plural(reported.length, 'campaign')}`, ...files];
}

const EXAMPLES = `
Examples:
  neurofuzz report neurofuzz-out/model
  neurofuzz report night/* --out night.html --against baseline.json
  neurofuzz report neurofuzz-out/model --junit faults.xml --sarif faults.sarif --markdown summary.md

The page is self-contained: it opens from disk and loads no external resources.
Exit codes: 0 when the report is written, whatever was found; triage --against exits with 1 if there are new faults.`;
