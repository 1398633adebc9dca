import { chanceText } from '../campaign/findings/new-fault-chance.ts';
import { seedLines } from '../campaign/monitor/seed-statistics.ts';
import { escapeControl } from '../core/escape-control.ts';
import { formatCount, plural } from '../core/format-number.ts';
import { isTie } from '../objectives/objective.ts';
import { statusOf, type TriagedFault } from '../triage/triage.ts';
import { stateCounts } from './state-counts.ts';
import type { ReportedCampaign } from './view-model.ts';

/** Maximum number of rows: CI systems limit a summary to about 1 MB. */
const MAX_ROWS = 50;

/** Formats a summary in GitHub Flavored Markdown, for CI systems. */
export function markdownText(
  title: string,
  campaigns: readonly ReportedCampaign[],
  notes: readonly string[],
): string {
  const faults = campaigns.flatMap((campaign) =>
    campaign.faults.map((fault) => ({ name: campaign.name, ...fault })),
  );
  const fixed = campaigns.flatMap((campaign) =>
    campaign.fixed.map((fault) => ({ name: campaign.name, ...fault })),
  );
  const heading =
    stateCounts(faults, fixed) ?? plural(faults.filter(({ signature }) => !isTie(signature)).length, 'fault');
  const rows = [
    ...faults.map((fault) => [
      stateText(fault),
      fault.name,
      inlineCode(fault.signature),
      escapeMarkdown(fault.summary),
      formatCount(fault.hits),
    ]),
    ...fixed.map((fault) => [
      'fixed',
      fault.name,
      inlineCode(fault.signature),
      escapeMarkdown(fault.summary),
      '',
    ]),
  ];
  const shownRows = rows
    .slice(0, MAX_ROWS)
    .map(([state, name, ...rest]) => `| ${[state, escapeMarkdown(name), ...rest].join(' | ')} |`);
  const table = ['| | campaign | fault | what | hits |', '| --- | --- | --- | --- | ---: |', ...shownRows];
  const lines = [
    `## ${escapeMarkdown(title)}: ${heading}`,
    '',
    ...(rows.length === 0 ? ['Nothing was found.'] : table),
    ...(rows.length > MAX_ROWS ? ['', `and ${rows.length - MAX_ROWS} more`] : []),
    '',
    '| campaign | mutants | time |',
    '| --- | ---: | ---: |',
    ...campaigns.map(
      ({ name, execs, seconds }) =>
        `| ${escapeMarkdown(name)} | ${formatCount(execs)} | ${seconds.toFixed(0)} s |`,
    ),
    ...campaigns.flatMap(accountLines),
    ...notes.flatMap((note) => ['', escapeMarkdown(note)]),
  ];
  return `${lines.map(escapeControl).join('\n')}\n`;
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

/** The state of a fault, and how it comes up again where it does not alone. */
function stateText(fault: TriagedFault): string {
  const status = statusOf(fault);
  const state = isTie(fault.signature) ? 'a tie, no fault' : (fault.state ?? 'found');
  return `${state}${status === 'confirmed' ? '' : `, ${status}`}`;
}

/** Escapes a text for Markdown. */
function escapeMarkdown(text: string): string {
  return escapeControl(text)
    .replace(/[\\`*_{}[\]()#+!|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;');
}

/** Formats a signature as code. Valid signatures consist of letters, digits, hyphens and dots. */
function inlineCode(signature: string): string {
  return `\`${escapeControl(signature).replace(/[`|]/g, '')}\``;
}
