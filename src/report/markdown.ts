import type { Repair } from '../analysis/numerical-sites/repairs.ts';
import { chanceText } from '../campaign/findings/new-fault-chance.ts';
import { seedLines } from '../campaign/monitor/seed-statistics.ts';
import { escapeControl } from '../core/escape-control.ts';
import { formatCount, plural } from '../core/format-number.ts';
import type { KnownFault } from '../triage/baseline.ts';
import {
  type FailedCampaign,
  type FaultGroups,
  failureText,
  groupFaults,
  headline,
  type InCampaign,
  stateText,
} from './fault-groups.ts';
import { codeBlock, escapeMarkdown, inlineCode, signatureCode } from './markdown-escape.ts';
import { inputText, type ReportedFault } from './reported-fault.ts';
import type { ReportedCampaign } from './view-model.ts';

/** Maximum number of rows of a table, and of new faults: CI systems limit a summary to about 1 MB. */
const MAX_ROWS = 50;

/** Maximum number of characters of a summary or a message. */
const MAX_CHARACTERS = 500;

/**
 * Formats a summary in GitHub Flavored Markdown, for CI systems: new faults, campaigns that failed, known and fixed faults, then
 * the figures of each campaign.
 */
export function markdownText(
  title: string,
  campaigns: readonly ReportedCampaign[],
  notes: readonly string[],
  failures: readonly FailedCampaign[] = [],
): string {
  const groups = groupFaults(campaigns);
  const lines = [
    `## ${escapeMarkdown(title)}: ${headline(groups, failures)}`,
    ...faultSections(groups, failures),
    ...notes.flatMap((note) => ['', escapeMarkdown(note)]),
    ...campaignSection(campaigns),
  ];
  return `${lines.map(escapeControl).join('\n')}\n`;
}

function faultSections(groups: FaultGroups, failures: readonly FailedCampaign[]): string[] {
  const { fresh, known, fixed, uncounted, isCompared } = groups;
  return [
    ...(fresh.length === 0 && !isCompared ? ['', 'No fault was found.'] : []),
    ...fresh.slice(0, MAX_ROWS).flatMap((fault) => faultLines(fault, isCompared ? 'New' : undefined)),
    ...moreLine(fresh.length),
    ...section('Could not run', failures.map(failureLine)),
    ...table(`Known: ${plural(known.length, 'fault')}`, known, stateText),
    ...table(`Fixed: ${plural(fixed.length, 'fault')}`, fixed, () => 'fixed'),
    ...table('Not counted: ignored faults, flaky findings and ties', uncounted, stateText),
  ];
}

/** A fault with its input and the command that reproduces it. */
export function faultLines(fault: InCampaign<ReportedFault>, state: string | undefined): string[] {
  const { campaign, signature, summary, hits, path, input, replay, repair } = fault;
  const prefix = state === undefined ? '' : `${state}: `;
  return [
    '',
    `### ${prefix}${escapeMarkdown(campaign)}: ${inlineCode(signature)}`,
    '',
    `${escapeMarkdown(shortened(summary))} (${plural(hits, 'hit')})`,
    '',
    `- ${escapeMarkdown(inputText(fault))}: ${inlineCode(input)}`,
    `- Finding: ${inlineCode(path)}`,
    ...(repair === undefined ? [] : [`- Usual repair: ${escapeMarkdown(repairText(repair))}`]),
    '',
    ...codeBlock(replay),
  ];
}

/** The usual repair of a fault with its source. */
function repairText({ text, source }: Repair): string {
  return source === undefined ? text : `${text} (${source})`;
}

export function failureLine(failure: FailedCampaign): string {
  return `- ${escapeMarkdown(shortened(failureText(failure)))}`;
}

/** Cuts a text that is too long for a summary. */
function shortened(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

function section(heading: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ['', `### ${heading}`, '', ...lines.slice(0, MAX_ROWS), ...moreLine(lines.length)];
}

function table<Fault extends InCampaign<KnownFault>>(
  heading: string,
  faults: readonly Fault[],
  stateOf: (fault: Fault) => string,
): string[] {
  if (faults.length === 0) return [];
  const rows = faults.slice(0, MAX_ROWS).map((fault) => {
    const { campaign, signature, summary } = fault;
    const hits = 'hits' in fault && typeof fault.hits === 'number' ? formatCount(fault.hits) : '';
    return `| ${[
      stateOf(fault),
      escapeMarkdown(campaign),
      signatureCode(signature),
      escapeMarkdown(shortened(summary)),
      hits,
    ].join(' | ')} |`;
  });
  return [
    '',
    `### ${heading}`,
    '',
    '| state | campaign | fault | summary | hits |',
    '| --- | --- | --- | --- | ---: |',
    ...rows,
    ...moreLine(faults.length),
  ];
}

function moreLine(count: number): string[] {
  return count > MAX_ROWS ? ['', `and ${formatCount(count - MAX_ROWS)} more`] : [];
}

/** The figures of each campaign. */
function campaignSection(campaigns: readonly ReportedCampaign[]): string[] {
  if (campaigns.length === 0) return [];
  const hasNight = campaigns.some(({ tonight }) => tonight !== undefined);
  const head = hasNight
    ? ['| campaign | mutants tonight | in total | time tonight |', '| --- | ---: | ---: | ---: |']
    : ['| campaign | mutants | time |', '| --- | ---: | ---: |'];
  return [
    '',
    '### Campaigns',
    '',
    ...head,
    ...campaigns.map(({ name, execs, seconds, tonight = { execs: 0, seconds: 0 } }) =>
      hasNight
        ? `| ${escapeMarkdown(name)} | ${formatCount(tonight.execs)} | ${formatCount(execs)} | ${tonight.seconds.toFixed(0)} s |`
        : `| ${escapeMarkdown(name)} | ${formatCount(execs)} | ${seconds.toFixed(0)} s |`,
    ),
    ...campaigns.flatMap(accountLines),
  ];
}

/** How many seeds of a campaign are broken, and how likely another fault is. */
function accountLines({ name, newFaults, seedAccounts }: ReportedCampaign): string[] {
  const lines = [
    ...seedAccounts.map((account) => seedLines(account)[0]),
    ...(newFaults === undefined
      ? []
      : [
          `chance that the next mutant shows a new fault: ${chanceText(newFaults)}; none in the last ${formatCount(newFaults.mutantsSinceLast)} mutants`,
        ]),
  ];
  return lines.flatMap((line) => ['', escapeMarkdown(`${name}: ${line}`)]);
}
