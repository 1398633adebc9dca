import type { Command } from 'commander';
import { formatNumber, plural } from '../../core/format-number.ts';
import { parseParameterValue } from '../../extensions/parameters.ts';
import { DISAGREEMENT_PARAMETERS, DISAGREEMENT_WORDS } from '../../objectives/disagreement-parameters.ts';
import { noFaultName } from '../../objectives/objective.ts';
import type { Finding } from '../../storage/finding.ts';
import type { TriagedFault, TriageResult } from '../../triage/triage.ts';
import { describedCommand } from '../command-summaries.ts';
import { EXIT } from '../exit-codes.ts';
import { distanceText } from '../output/distance-text.ts';
import { table } from '../output/table.ts';
import { printError, printJson, printLines } from '../output/terminal.ts';

type TriageFlags = Readonly<Record<string, string | boolean | undefined>>;

/** Format version of `triage --json`. */
const FORMAT_VERSION = 2;

/** `neurofuzz triage`: groups the findings of campaigns into faults and ranks them. */
export function triageCommand(): Command {
  const command = describedCommand('triage')
    .argument('<campaign...>', 'campaign folders; the same fault in several campaigns counts once')
    .option(
      '--against <campaign>',
      'older campaign or baseline: marks faults as new, known or fixed (default: what neurofuzz view noted)',
    )
    .option('--update-baseline <file>', 'write the current faults as a baseline for --against');
  for (const { name, help } of DISAGREEMENT_PARAMETERS) command.option(`--${name} <x>`, `re-judge: ${help}`);
  command.option('--by <comparator>', `re-judge: ${DISAGREEMENT_WORDS.by.help}`);
  return command
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(campaigns: readonly string[], options: TriageFlags): Promise<void> {
  const rules = DISAGREEMENT_PARAMETERS.flatMap((parameter) => {
    const value = options[parameter.name];
    return typeof value === 'string'
      ? [`${parameter.name}=${parseParameterValue(`--${parameter.name}`, parameter, value)}`]
      : [];
  });
  if (typeof options.by === 'string') rules.push(`by=${options.by}`);
  const { isCounted, statusOf, triage } = await import('../../triage/triage.ts');
  const { nextBaseline, ownBaselineOf, updateBaseline, withDecisions } = await import(
    '../../triage/baseline.ts'
  );
  // A decision about one campaign says nothing of others.
  const ownBaseline = campaigns.length === 1 ? await ownBaselineOf(campaigns[0]) : undefined;
  const against = typeof options.against === 'string' ? options.against : ownBaseline;
  const result = await triage(campaigns, { rules: rules.length === 0 ? undefined : rules.join(), against });
  for (const campaign of result.otherSignatures)
    printError(
      `${campaign} was written by a version of neurofuzz with other signatures: a fault that is there may be shown as fixed and as new`,
    );
  result.damage.forEach(printError);
  if (options.json === true) printJson({ formatVersion: FORMAT_VERSION, ...result });
  else printLines(faultTable(result, statusOf));
  if (typeof options.updateBaseline === 'string') {
    await updateBaseline(
      options.updateBaseline,
      (replaced) => withDecisions(nextBaseline(result), replaced),
      true,
    );
  }
  process.exitCode = result.faults.some(isCounted) ? EXIT.findings : EXIT.done;
}

function faultTable(
  { faults, fixed }: TriageResult,
  statusOf: (fault: TriagedFault) => Finding['status'],
): string[] {
  const rows = faults.map((fault) => [
    noFaultName(fault.signature) ?? fault.state ?? '',
    fault.signature,
    keptText(fault),
    reproducedText(fault, statusOf(fault)),
    seedDistanceText(fault),
    gapText(fault),
    fault.firstSeen === null ? '' : `since ${fault.firstSeen.slice(0, 10)}`,
    fault.broken === null
      ? ''
      : `${fault.broken} of ${plural(fault.findings, 'finding')} violate the given rules`,
    fault.summary,
    fault.path,
  ]);
  for (const { signature, summary, firstSeen } of fixed) {
    const since = firstSeen === null ? '' : `since ${firstSeen.slice(0, 10)}`;
    rows.push(['fixed', signature, '', '', '', '', since, '', summary, '']);
  }
  if (rows.length === 0) return ['no findings'];
  const isUsed = rows[0].map((_, column) => rows.some((row) => row[column] !== ''));
  return [...table(rows.map((row) => row.filter((_, column) => isUsed[column]))), ...repairLines(faults)];
}

/** Most signatures that are listed for one repair. */
const MAX_LISTED = 3;

function shortList(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return more > 0 ? `${names.slice(0, MAX_LISTED).join(', ')} and ${more} more` : names.join(', ');
}

/** The usual repairs of faults whose operation is known, each with the faults that it is for. */
function repairLines(faults: readonly TriagedFault[]): string[] {
  const signatures = new Map<string, string[]>();
  for (const { signature, repair } of faults)
    if (repair !== undefined)
      signatures.set(repair.text, [...(signatures.get(repair.text) ?? []), signature]);
  if (signatures.size === 0) return [];
  return ['', 'Usual repairs', ...table([...signatures].map(([text, names]) => [shortList(names), text]))];
}

/** Hits, findings on disk, and findings that were made of these. */
function keptText({ hits, findings, minimized }: TriagedFault): string {
  const kept = `${plural(hits, 'hit')}, ${findings - minimized} kept`;
  return minimized === 0 ? kept : `${kept}, ${minimized} minimized`;
}

function reproducedText(fault: TriagedFault, status: Finding['status']): string {
  const { flaky, batchDependent, reproduced } = fault;
  const counts = [
    ...(batchDependent > 0 && status === 'confirmed' ? [`${batchDependent} batch-dependent`] : []),
    ...(flaky > 0 && status !== 'flaky' ? [`${flaky} flaky`] : []),
  ];
  return [...(status === 'confirmed' ? [] : [status]), reproduced, ...counts].join(', ');
}

/** Distance of the representative finding from its seed. */
function seedDistanceText({ distance }: TriagedFault): string {
  return (distance.edits ?? distance.l0) === 0 ? 'the seed itself' : distanceText(distance);
}

/** By how much the two models of a pair prefer their classes. */
function gapText({ gap }: TriagedFault): string {
  if (gap === undefined) return '';
  return `class gap ${formatNumber(gap.reference, 3)} and ${formatNumber(gap.copy, 3)}`;
}

const EXAMPLES = `
Examples:
  neurofuzz triage neurofuzz-out/model
  neurofuzz triage night/* --against baseline.json --json
  neurofuzz triage night/* --update-baseline baseline.json
  neurofuzz triage neurofuzz-out/model --atol 0.05 --rtol 0.01

Findings of model pairs store both outputs, so they are re-judged without running a model.
States that neurofuzz view wrote into baseline.json of a campaign count where it is triaged alone, without --against.
Exit codes: 0 when there is no fault (with a baseline: no new fault; ties do not count), 1 otherwise.`;
