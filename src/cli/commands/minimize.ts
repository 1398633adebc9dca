import type { Command } from 'commander';
import type { Distance } from '../../constraints/distance.ts';
import { UserError } from '../../core/errors.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { MinimizeResult } from '../../triage/minimize/minimize.ts';
import type { SmallerFinding } from '../../triage/minimize/minimize-finding.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { TRUST_HELP } from '../arguments/trust-flag.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import type { OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** Format version of `minimize --json`. */
const FORMAT_VERSION = 1;

/** Upper bound of `--tries`. */
const MAX_TRIES = 10_000_000;

/** `neurofuzz minimize`: reduces the difference of findings from their seeds. */
export function minimizeCommand(): Command {
  const command = describedCommand('minimize')
    .argument('<path...>', "a finding's folder; with --all a folder of them, or a campaign")
    .option('--all', 'all findings below the paths')
    .option('--tries <n>', 'maximum number of runs per finding', '20000')
    .option('--model <model>', 'the model, if it is no longer where it was')
    .option('--trust', TRUST_HELP)
    .option('--force', 'run even if the model has changed since')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface MinimizeFlags extends OutputOptions {
  readonly all?: boolean;
  readonly tries: string;
  readonly force?: boolean;
  readonly model?: string;
  readonly trust?: boolean;
}

async function run(paths: readonly string[], options: MinimizeFlags): Promise<void> {
  const tries = Number(options.tries);
  if (!Number.isInteger(tries) || tries < 1 || tries > MAX_TRIES)
    throw new UserError(`--tries must be a whole number from 1 to ${MAX_TRIES}, not '${options.tries}'`);
  const { minimize } = await import('../../triage/minimize/minimize.ts');
  const { exists } = await import('../../triage/findings.ts');
  for (const path of paths)
    if (options.all !== true && !(await exists(`${path}/finding.json`)))
      throw new UserError(
        `${path} is not a finding: name a folder with a finding.json, or use --all for all findings below it`,
      );
  const results: MinimizeResult[] = [];
  const { force, model, trust } = options;
  const isText = options.json !== true && options.quiet !== true;
  await withProgress(options, async (onProgress) => {
    const minimizing = { tries, force, model, trust, onDamage: printError, onProgress };
    for await (const result of minimize(paths, minimizing)) {
      results.push(result);
      if (isText) printLines(resultLines(result));
    }
  });
  if (options.json === true) printJson({ formatVersion: FORMAT_VERSION, findings: results });
  else if (isText && results.length === 0) printLines(['no findings to minimize']);
  process.exitCode = EXIT.done;
}

function resultLines({
  path,
  signature,
  smaller,
  distance,
  tokens = 0,
  tries,
  why,
}: MinimizeResult): string[] {
  if (smaller.length === 0) return [`${signature}  not minimized: ${why}  ${path}`];
  return smaller.map((variant) => {
    const change =
      variant.goal === 'length'
        ? `${formatCount(tokens)} → ${plural(variant.tokens ?? 0, 'token')}`
        : changeText(variant.goal, distance, variant.distance);
    return `${signature}  ${change}, ${plural(tries, 'run')}  ${variant.path}`;
  });
}

/** What a smaller finding differs less in: `149 → 19 changed values (largest change 2 → 1.97)`. */
function changeText(goal: SmallerFinding['goal'], from: Distance, to: Distance): string {
  const arrow = (before: number, after: number): string =>
    `${formatNumber(before, 3)} → ${formatNumber(after, 3)}`;
  if (goal === 'distance')
    return `distance from the seed L∞ ${arrow(from.linf, to.linf)}, L2 ${arrow(from.l2, to.l2)}`;
  if (from.edits !== undefined && to.edits !== undefined)
    return `${formatCount(from.edits)} → ${plural(to.edits, 'edit')}`;
  const whole = goal === 'program' ? 'program: ' : '';
  return `${whole}${formatCount(from.l0)} → ${plural(to.l0, 'changed value')} (largest change ${arrow(from.linf, to.linf)})`;
}

const EXAMPLES = `
Examples:
  neurofuzz minimize neurofuzz-out/model/findings/nonfinite-nan-log/2f0c11d07e9a5b7e
  neurofuzz minimize --all neurofuzz-out/model --tries 20000

Smaller findings are written beside their originals, which are kept. Each is reproduced ten times first.`;
