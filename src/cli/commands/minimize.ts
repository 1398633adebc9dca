import { Command } from 'commander';
import { UserError } from '../../core/errors.ts';
import { formatNumber, plural } from '../../core/format-number.ts';
import type { MinimizeResult } from '../../triage/minimize/minimize.ts';
import { TRUST_HELP } from '../arguments/trust-flag.ts';
import { EXIT } from '../exit-codes.ts';
import { distanceText } from '../output/distance-text.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

/** Format version of `minimize --json`. */
const FORMAT_VERSION = 1;

/** Upper bound of `--tries`. */
const MAX_TRIES = 10_000_000;

/** `neurofuzz minimize`: reduces the difference of findings from their seeds. */
export function minimizeCommand(): Command {
  return new Command('minimize')
    .description('Shrink findings: keep the fault, reduce the difference from the seed')
    .argument('<path...>', "a finding's folder; with --all a folder of them, or a campaign")
    .option('--all', 'all findings below the paths')
    .option('--tries <n>', 'maximum number of runs per finding', '20000')
    .option('--model <model>', 'the model, if it is no longer where it was')
    .option('--trust', TRUST_HELP)
    .option('--force', 'run even if the model has changed since')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

interface MinimizeFlags {
  readonly all?: boolean;
  readonly tries: string;
  readonly force?: boolean;
  readonly model?: string;
  readonly trust?: boolean;
  readonly json?: boolean;
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
        `${path} is no finding's folder: name one that holds a finding.json, or all below it with --all`,
      );
  const results: MinimizeResult[] = [];
  for await (const result of minimize(paths, {
    tries,
    force: options.force,
    model: options.model,
    trust: options.trust,
    onDamage: printError,
  })) {
    results.push(result);
    if (options.json !== true) printLines(resultLines(result));
  }
  if (options.json === true) printJson({ formatVersion: FORMAT_VERSION, findings: results });
  else if (results.length === 0) printLines(['no findings to minimize']);
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
  if (smaller.length === 0) return [`${signature}  ${path}: left as it is: ${why}`];
  return smaller.map((variant) => {
    const sizes =
      variant.goal === 'length'
        ? `${plural(tokens, 'token')} to ${plural(variant.tokens ?? 0, 'token')}`
        : variant.goal === 'distance'
          ? `L∞ ${formatNumber(distance.linf, 3)} to ${formatNumber(variant.distance.linf, 3)}, L2 ${formatNumber(distance.l2, 3)} to ${formatNumber(variant.distance.l2, 3)}`
          : `${distanceText(distance)} to ${distanceText(variant.distance)}`;
    return `${signature}  ${sizes} in ${tries} tries  ${variant.path}`;
  });
}

const EXAMPLES = `
Examples:
  neurofuzz minimize neurofuzz-out/model/findings/nonfinite-nan-log/2f0c11d07e9a5b7e
  neurofuzz minimize --all neurofuzz-out/model --tries 20000

Smaller findings lie beside their originals, which stay; each is run again ten times before it is kept.`;
