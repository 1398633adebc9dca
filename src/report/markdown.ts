import { escapeControl } from '../core/escape-control.ts';
import type { ReportedCampaign } from './view-model.ts';

/** Most faults that have a row: a CI system's summary holds a megabyte. */
const MAX_ROWS = 50;

/** A summary in GitHub's Markdown, as CI systems show it. */
export function markdownText(
  title: string,
  campaigns: readonly ReportedCampaign[],
  notes: readonly string[],
): string {
  const count = new Intl.NumberFormat('en');
  const faults = campaigns.flatMap(({ name, faults: own }) => own.map((fault) => ({ name, ...fault })));
  const fixed = campaigns.flatMap(({ name, fixed: own }) => own.map((fault) => ({ name, ...fault })));
  const of = (state: string | undefined): number => faults.filter((fault) => fault.state === state).length;
  const isCompared = fixed.length > 0 || faults.some(({ state }) => state !== undefined);
  const head = isCompared
    ? `${of('new')} new, ${of('known')} known, ${fixed.length} fixed`
    : `${faults.length} fault${faults.length === 1 ? '' : 's'}`;
  const rows = [
    ...faults.map((fault) => [
      fault.state ?? 'found',
      fault.name,
      inlineCode(fault.signature),
      escapeMarkdown(fault.summary),
      count.format(fault.hits),
    ]),
    ...fixed.map((fault) => [
      'fixed',
      fault.name,
      inlineCode(fault.signature),
      escapeMarkdown(fault.summary),
      '',
    ]),
  ];
  const told = rows
    .slice(0, MAX_ROWS)
    .map(([state, name, ...rest]) => `| ${[state, escapeMarkdown(name), ...rest].join(' | ')} |`);
  const table = ['| | campaign | fault | what | hits |', '| --- | --- | --- | --- | ---: |', ...told];
  const lines = [
    `## ${escapeMarkdown(title)}: ${head}`,
    '',
    ...(rows.length === 0 ? ['Nothing was found.'] : table),
    ...(rows.length > MAX_ROWS ? ['', `and ${rows.length - MAX_ROWS} more`] : []),
    '',
    '| campaign | mutants | time |',
    '| --- | ---: | ---: |',
    ...campaigns.map(
      ({ name, execs, seconds }) =>
        `| ${escapeMarkdown(name)} | ${count.format(execs)} | ${seconds.toFixed(0)} s |`,
    ),
    ...notes.flatMap((note) => ['', escapeMarkdown(note)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** A text that Markdown shows as it stands. */
function escapeMarkdown(text: string): string {
  return escapeControl(text)
    .replace(/[\\`*_{}[\]()#+!|~]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '&#64;');
}

/** Letters, digits, hyphens and dots alone stand in signatures. */
function inlineCode(signature: string): string {
  return `\`${escapeControl(signature).replace(/[`|]/g, '')}\``;
}
