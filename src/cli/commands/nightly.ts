import { type Command, Option } from 'commander';
import { MachineError, UserError } from '../../core/errors.ts';
import { quote } from '../../core/shell-quote.ts';
import type { NightResult } from '../../nightly/nightly.ts';
import { failureText } from '../../report/fault-groups.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { launcher } from '../launcher.ts';
import type { OutputOptions } from '../output/logging.ts';
import { createNightMonitor } from '../output/night-monitor.ts';
import { nightLines } from '../output/night-summary.ts';
import { printJson, printLines } from '../output/terminal.ts';
import { handleShutdownSignals } from '../shutdown.ts';

/** `neurofuzz nightly`: runs several campaigns within one time budget. */
export function nightlyCommand(): Command {
  const command = describedCommand('nightly')
    .argument('<file>', 'the nightly file, YAML or JSON; its relative paths are relative to it')
    .option('--exit-zero', 'exit with 0 even if there are new faults')
    .option('--json', 'print one JSON object on standard output at the end')
    .addOption(
      new Option(
        '--issues',
        'run no campaign: print the gh commands that open an issue for each new fault of the last night, and close those of fixed ones',
      ).conflicts(['json', 'exitZero']),
    )
    .option('--apply', 'with --issues: run these commands instead of printing them')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface NightlyFlags extends OutputOptions {
  readonly exitZero?: boolean;
  readonly issues?: boolean;
  readonly apply?: boolean;
}

async function run(file: string, options: NightlyFlags): Promise<void> {
  const { readNightlyFile } = await import('../../config/nightly.ts');
  const config = await readNightlyFile(file);
  if (options.apply === true && options.issues !== true)
    throw new UserError('--apply runs the commands of --issues: give both');
  if (options.issues === true) {
    const { reportIssues } = await import('../night-issues.ts');
    await reportIssues(config.out, options.apply === true);
    process.exitCode = EXIT.done;
    return;
  }
  const { nightly } = await import('../../nightly/nightly.ts');
  const monitor = createNightMonitor(options, config);
  const shutdown = handleShutdownSignals();
  try {
    const replayLine = (folder: string): string => `${launcher()} replay ${quote(folder)}`;
    const result = await nightly(config, monitor, replayLine, shutdown.signal);
    monitor.finish();
    if (options.json === true) printJson(result);
    else if (options.quiet !== true) printLines(nightLines(result));
    const isFound = result.fresh > 0 || result.cup?.isWeaker === true;
    process.exitCode = isFound && options.exitZero !== true ? EXIT.findings : EXIT.done;
    if (!isFound) throwWorstFailure(result);
  } finally {
    monitor.finish();
    shutdown.release();
  }
}

/** Turns campaigns that could not run into the exit code; errors of the machine take precedence. */
function throwWorstFailure({ failures }: NightResult): void {
  const worst = failures.find(({ isMachine }) => isMachine) ?? failures[0];
  if (worst === undefined) return;
  const more = failures.length === 1 ? '' : ` (and ${failures.length - 1} more)`;
  const text = `${failureText(worst)}${more}`;
  throw worst.isMachine ? new MachineError(text) : new UserError(text);
}

const EXAMPLES = `
Examples:
  neurofuzz nightly nightly.yaml
  neurofuzz nightly nightly.yaml --quiet --json > night.json
  neurofuzz nightly nightly.yaml --issues > issues.sh    # the commands, to read and to run with sh

A nightly file:
  time: 8h
  keep: 14 nights
  campaigns:
    digits:
      config: digits/campaign.yaml
      share: 2
    letters:
      model: letters.onnx
      seeds: letters/

Exit codes: 0 no new fault, 1 with new faults or a model that the cup shows to be weaker than the release, 2 no new fault but a campaign is misconfigured, 3 no new fault but the machine failed.
docs/nightly.md has files for cron, systemd, GitHub Actions and Kubernetes.`;
