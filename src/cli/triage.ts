import { Command } from 'commander';
import { PARTING_PARAMETERS } from '../objectives/differential.ts';
import { checkValue } from '../objectives/parameters.ts';
import type { TriagedFault } from '../triage/triage.ts';
import { EXIT } from './exit.ts';
import { printJson } from './output.ts';
import { table } from './table.ts';

type TriageOptions = Readonly<Record<string, string | boolean | undefined>>;

/** `neurofuzz triage`: lists the faults of campaigns. */
export function triageCommand(): Command {
  const command = new Command('triage')
    .description('List the faults of campaigns, one a signature; judge findings of two models by other rules')
    .argument('<campaign...>', "campaigns' folders");
  for (const { name, help } of PARTING_PARAMETERS) command.option(`--${name} <x>`, `judge anew: ${help}`);
  return command
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(campaigns: readonly string[], options: TriageOptions): Promise<void> {
  const rules = PARTING_PARAMETERS.flatMap((parameter) => {
    const given = options[parameter.name];
    return typeof given === 'string'
      ? [`${parameter.name}=${checkValue(`--${parameter.name}`, parameter, given)}`]
      : [];
  });
  const { triage } = await import('../triage/triage.ts');
  const faults = await triage(campaigns, rules.length === 0 ? undefined : rules.join());
  if (options.json === true) printJson({ faults });
  else process.stdout.write(`${text(faults)}\n`);
  process.exitCode = faults.some(counts) ? EXIT.findings : EXIT.done;
}

/** Whether a fault has a finding that came up again, and breaks the rules where they were given. */
function counts({ findings, flaky, broken }: TriagedFault): boolean {
  return findings > flaky && broken !== 0;
}

function text(faults: readonly TriagedFault[]): string {
  if (faults.length === 0) return 'no findings';
  return table(
    faults.map(({ signature, findings, flaky, broken, summary, path }) => [
      signature,
      `${findings} kept${flaky > 0 ? `, ${flaky} of them flaky` : ''}`,
      broken === null ? '' : `${broken} of ${findings} break the rules given`,
      summary,
      path,
    ]),
  ).join('\n');
}

const EXAMPLES = `
Examples:
  neurofuzz triage neurofuzz-out/model
  neurofuzz triage neurofuzz-out/model --atol 0.05 --rtol 0.01
  neurofuzz triage night/* --top 3 --json

Findings of two models hold what both gave, so they are judged anew without running a model.
Exit codes: 0 when no fault is left, 1 otherwise.`;
