import { Command } from 'commander';
import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import { parseParameterValue } from '../../extensions/parameters.ts';
import { DISAGREEMENT_PARAMETERS } from '../../objectives/disagreement-parameters.ts';
import type { TriagedFault, TriageResult } from '../../triage/triage.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson } from '../output/logging.ts';
import { table } from '../output/table.ts';

type TriageOptions = Readonly<Record<string, string | boolean | undefined>>;

/** Version of what `triage --json` prints. */
const FORMAT_VERSION = 2;

/** `neurofuzz triage`: lists the faults of campaigns. */
export function triageCommand(): Command {
  const command = new Command('triage')
    .description('List the faults of campaigns, one a signature, the worst first; say which are new')
    .argument('<campaign...>', "campaigns' folders; faults that several have are one")
    .option('--against <campaign>', 'an older campaign, or a baseline: which faults are new, known, fixed')
    .option('--update-baseline <file>', 'write what is there now as a baseline, which --against takes');
  for (const { name, help } of DISAGREEMENT_PARAMETERS)
    command.option(`--${name} <x>`, `judge anew: ${help}`);
  return command
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(campaigns: readonly string[], options: TriageOptions): Promise<void> {
  const rules = DISAGREEMENT_PARAMETERS.flatMap((parameter) => {
    const given = options[parameter.name];
    return typeof given === 'string'
      ? [`${parameter.name}=${parseParameterValue(`--${parameter.name}`, parameter, given)}`]
      : [];
  });
  const { isReproducible, triage } = await import('../../triage/triage.ts');
  const against = options.against as string | undefined;
  const found = await triage(campaigns, { rules: rules.length === 0 ? undefined : rules.join(), against });
  const sound = found.faults.filter(isReproducible);
  if (options.json === true) printJson({ formatVersion: FORMAT_VERSION, ...found });
  else process.stdout.write(`${faultTable(found)}\n`);
  if (typeof options.updateBaseline === 'string') {
    const { writeBaseline } = await import('../../triage/baseline.ts');
    await writeBaseline(options.updateBaseline, sound);
  }
  const counting = against === undefined ? sound : sound.filter(({ state }) => state === 'new');
  process.exitCode = counting.length > 0 ? EXIT.findings : EXIT.done;
}

function faultTable({ faults, fixed }: TriageResult): string {
  const rows = faults.map((fault) => [
    fault.state ?? '',
    fault.signature,
    `${plural(fault.hits, 'hit')}, ${fault.findings} kept`,
    reproducedText(fault),
    distanceText(fault),
    fault.firstSeen === null ? '' : `since ${fault.firstSeen.slice(0, 10)}`,
    fault.broken === null ? '' : `${fault.broken} of ${fault.findings} break the rules given`,
    fault.summary,
    fault.path,
  ]);
  for (const { signature, summary, firstSeen } of fixed) {
    const since = firstSeen === null ? '' : `since ${firstSeen.slice(0, 10)}`;
    rows.push(['fixed', signature, '', '', '', since, '', summary, '']);
  }
  if (rows.length === 0) return 'no findings';
  const isUsed = rows[0].map((_, column) => rows.some((row) => row[column] !== ''));
  // All of it may come from strangers: a finding's signature and its folder's name as well.
  return table(rows.map((row) => row.filter((_, column) => isUsed[column]).map(escapeControl))).join('\n');
}

function reproducedText({ findings, flaky, reproduced: again }: TriagedFault): string {
  return flaky === findings ? `flaky, ${again}` : flaky > 0 ? `${again}, ${flaky} flaky` : again;
}

/** How far the nearest finding lies from its seed. */
function distanceText({ distance: { edits, linf, l0 } }: TriagedFault): string {
  if (edits !== undefined) return edits === 0 ? 'a seed' : plural(edits, 'edit');
  return l0 === 0 ? 'a seed' : `${plural(l0, 'value')} by ${Number(linf.toPrecision(3))}`;
}

const EXAMPLES = `
Examples:
  neurofuzz triage neurofuzz-out/model
  neurofuzz triage night/* --against baseline.json --json
  neurofuzz triage night/* --update-baseline baseline.json
  neurofuzz triage neurofuzz-out/model --atol 0.05 --rtol 0.01

Findings of two models hold what both gave, so they are judged anew without running a model.
Exit codes: 0 when no fault is left (with --against: none that is new), 1 otherwise.`;
