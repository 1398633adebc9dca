import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { fileError } from '../../core/errors.ts';
import { isNoFault, noFaultReason } from '../../objectives/objective.ts';
import type { Check, CheckOutcome } from '../../report/junit.ts';
import type { ReplayResult, Verdict } from '../../triage/replay.ts';
import { addOutputFlags } from '../arguments/output-flags.ts';
import { TRUST_HELP } from '../arguments/trust-flag.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import type { OutputOptions } from '../output/logging.ts';
import { withProgress } from '../output/progress.ts';
import { printJson, printLines } from '../output/terminal.ts';

/** `neurofuzz replay`: reruns findings and reports whether they are fixed. */
export function replayCommand(): Command {
  const command = describedCommand('replay')
    .argument('<path...>', "a finding's folder, a folder of them, or a campaign")
    .option('--model <model>', 'run the findings on another model, such as the next release')
    .option('--trust', TRUST_HELP)
    .option('--mark-fixed', 'mark fixed findings; if one fails again, it is a regression')
    .option('--regression', 'exit with 1 only if a finding marked as fixed fails again')
    .option('--junit <file>', 'write JUnit XML for CI systems: one test case per finding')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
  return addOutputFlags(command);
}

interface ReplayFlags extends OutputOptions {
  readonly model?: string;
  readonly trust?: boolean;
  readonly markFixed?: boolean;
  readonly regression?: boolean;
  readonly junit?: string;
}

async function run(paths: readonly string[], options: ReplayFlags): Promise<void> {
  const { markFixed, replay } = await import('../../triage/replay.ts');
  const results: ReplayResult[] = [];
  /** Repairs that were printed: findings of one fault have the same. */
  const repairs = new Set<string>();
  const { model, trust } = options;
  const isText = options.json !== true && options.quiet !== true;
  await withProgress(options, async (onProgress) => {
    for await (const result of replay(paths, { model, trust, onProgress })) {
      results.push(result);
      if (options.markFixed === true && result.verdict === 'fixed' && !result.markedFixed)
        await markFixed(result);
      if (!isText) continue;
      printLines([resultLine(result)]);
      const repair = result.verdict === 'still broken' ? repairText(result) : '';
      if (repair !== '' && !repairs.has(repair)) printLines([`${' '.repeat(20)}${repair}`]);
      repairs.add(repair);
    }
  });
  const count = (verdict: Verdict): number => results.filter((result) => result.verdict === verdict).length;
  const counts = {
    broken: count('still broken'),
    fixed: count('fixed'),
    flaky: count('flaky'),
    cannotRun: count('cannot run'),
    regressed: results.filter(isRegressed).length,
  };
  if (options.json === true) printJson({ replayed: results.length, ...counts, findings: results });
  else if (isText && results.length === 0) printLines(['no findings to replay']);
  if (options.junit !== undefined) await writeJunit(options.junit, results, options.regression === true);
  const failing =
    options.regression === true
      ? counts.regressed
      : results.filter(({ verdict, signature }) => verdict !== 'fixed' && !isNoFault(signature)).length;
  process.exitCode = failing > 0 ? EXIT.findings : EXIT.done;
}

/** Whether a finding fails again that was marked as fixed. */
function isRegressed({ markedFixed, verdict }: ReplayResult): boolean {
  return markedFixed && verdict !== 'fixed';
}

function resultLine(result: ReplayResult): string {
  const { verdict, reproduced, signature, path } = result;
  const notes = [isRegressed(result) ? 'regression: it was marked as fixed' : '', result.note].filter(
    (note) => note !== '',
  );
  const suffix = notes.length === 0 ? '' : `  (${notes.join('; ')})`;
  return `${verdict.padEnd(12)} ${reproduced.padStart(5)}  ${signature}  ${path}${suffix}`;
}

/** How the fault of a finding is usually repaired; empty if that is not known. */
function repairText({ repair }: ReplayResult): string {
  return repair === undefined ? '' : `Usual repair: ${repair.text}`;
}

async function writeJunit(
  path: string,
  results: readonly ReplayResult[],
  isRegression: boolean,
): Promise<void> {
  const { junitXml } = await import('../../report/junit.ts');
  const checks = results.map(
    (result): Check => ({
      group: result.signature,
      name: result.id,
      outcome: outcomeOf(result, isRegression),
      seconds: result.seconds,
    }),
  );
  try {
    await writeFile(path, junitXml('neurofuzz replay', checks));
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

function outcomeOf(result: ReplayResult, isRegression: boolean): CheckOutcome {
  const { verdict, summary, note, path, reproduced } = result;
  if (verdict === 'fixed') return { kind: 'passed' };
  if (isNoFault(result.signature))
    return { kind: 'skipped', message: `${noFaultReason(result.signature)}: ${summary}` };
  const details = [`${verdict} (${reproduced})`, note, repairText(result), path]
    .filter((text) => text !== '')
    .join('\n');
  if (verdict === 'cannot run') return { kind: 'error', message: note, details };
  if (isRegression && !isRegressed(result)) return { kind: 'skipped', message: `known: ${summary}` };
  return { kind: 'failed', message: summary, details };
}

const EXAMPLES = `
Examples:
  neurofuzz replay neurofuzz-out/model
  neurofuzz replay neurofuzz-out/model/findings/nonfinite-nan-loss --json
  neurofuzz replay findings/ --model release-2.onnx --mark-fixed
  neurofuzz replay findings/ --regression --junit replay.xml

To keep findings in a repository, copy them with the campaign.yaml above them, and make sure its \`model:\` path is valid there.
Exit codes: 0 when no finding fails, ties aside (with --regression: none that is marked as fixed), 1 otherwise.`;
