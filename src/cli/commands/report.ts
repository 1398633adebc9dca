import { Command } from 'commander';
import { plural } from '../../core/format-number.ts';
import type { ReportedCampaign } from '../../report/view-model.ts';
import { EXIT } from '../exit-codes.ts';
import { launcher, quote } from '../launcher.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz report`: writes a self-contained HTML report, and JUnit, SARIF and Markdown on request. */
export function reportCommand(): Command {
  return new Command('report')
    .description('Write a self-contained HTML report: faults with their pictures, and how the search went')
    .argument('<campaign...>', "the campaigns' folders")
    .option(
      '-o, --out <file>',
      "HTML file (default: report.html in the campaign's folder, or here for several)",
    )
    .option('--against <path>', 'baseline or older campaign: marks faults as new, known or fixed')
    .option('--title <text>', "heading (default: neurofuzz and the model's name)")
    .option('--junit <file>', 'also write JUnit XML: one test case per objective and per fault')
    .option('--sarif <file>', 'also write SARIF 2.1.0: one rule per objective, one result per fault')
    .option('--markdown <file>', 'also write a Markdown summary, for a CI job')
    .option('--comment <file>', 'also write a short Markdown text for a comment on a pull request')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

interface ReportFlags {
  readonly out?: string;
  readonly against?: string;
  readonly title?: string;
  readonly junit?: string;
  readonly sarif?: string;
  readonly markdown?: string;
  readonly comment?: string;
  readonly json?: boolean;
}

async function run(folders: readonly string[], options: ReportFlags): Promise<void> {
  const { defaultPage, report } = await import('../../report/report.ts');
  const { junit, sarif, markdown, comment, against } = options;
  const html = options.out ?? defaultPage(folders);
  const campaigns = folders.map((folder) => ({ folder, against }));
  const reported = await report(
    campaigns,
    { html, junit, sarif, markdown, comment },
    {
      title: options.title,
      replayLine: (folder) => `${launcher()} replay ${quote(folder)}`,
    },
  );
  for (const { damage } of reported) damage.forEach(printError);
  const files = [html, junit, sarif, markdown, comment].filter((path) => path !== undefined);
  if (options.json === true) printJson({ files, campaigns: reported });
  else printLines(reportLines(reported, files));
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

The page is whole: it opens from disk, loads nothing, and can be sent as it is.
Exit codes: 0 when it is written, whatever was found; triage --against tells by its exit code what is new.`;
