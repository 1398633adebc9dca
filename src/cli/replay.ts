import { Command } from 'commander';
import type { Replayed } from '../triage/replay.ts';
import { EXIT } from './exit.ts';
import { printJson } from './output.ts';

/** `neurofuzz replay`: runs findings again. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('Run findings again: each is still broken, fixed or flaky')
    .argument('<path...>', "a finding's folder, a folder of them, or a campaign")
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(paths: readonly string[], options: { readonly json?: boolean }): Promise<void> {
  const { replay } = await import('../triage/replay.ts');
  const all: Replayed[] = [];
  for await (const one of replay(paths)) {
    all.push(one);
    if (options.json !== true) process.stdout.write(`${line(one)}\n`);
  }
  const count = (verdict: Replayed['verdict']): number => all.filter((one) => one.verdict === verdict).length;
  const counts = { broken: count('still broken'), fixed: count('fixed'), flaky: count('flaky') };
  if (options.json === true) printJson({ replayed: all.length, ...counts, findings: all });
  else if (all.length === 0) process.stdout.write('no findings to replay\n');
  process.exitCode = counts.broken + counts.flaky > 0 ? EXIT.findings : EXIT.done;
}

function line({ verdict, reproduced, signature, path, note }: Replayed): string {
  return `${verdict.padEnd(12)} ${reproduced.padStart(5)}  ${signature}  ${path}${note === '' ? '' : `  (${note})`}`;
}

const EXAMPLES = `
Examples:
  neurofuzz replay neurofuzz-out/model
  neurofuzz replay neurofuzz-out/model/findings/nonfinite-nan-loss --json

Exit codes: 0 when none is broken any more, 1 otherwise.`;
