import { escapeControl } from '../core/escape-control.ts';
import { groupFaults, type InCampaign } from '../report/fault-groups.ts';
import { faultLines } from '../report/markdown.ts';
import { escapeMarkdown } from '../report/markdown-escape.ts';
import type { ReportedCampaign } from '../report/view-model.ts';
import type { KnownFault } from '../triage/baseline.ts';
import { nightTitle } from './night-title.ts';

/** The label of all issues. */
const LABEL = 'neurofuzz';

/** Maximum number of characters of an issue's title; GitHub allows 256. */
const MAX_TITLE_CHARACTERS = 200;

/** Maximum number of issues that are searched for one of a title. */
const MAX_ISSUES = 1000;

/**
 * The commands, as lines of a POSIX shell script, that open a GitHub issue for each new fault of a night and close those of fixed
 * ones. They may be run twice: a fault whose issue exists gets no second one, and a closed issue is reopened.
 *
 * @param night name of the night
 */
export function issueCommands(
  night: string,
  campaigns: readonly Pick<ReportedCampaign, 'name' | 'faults' | 'fixed'>[],
): string[] {
  const { fresh, fixed } = groupFaults(campaigns);
  const date = escapeMarkdown(nightTitle(night));
  if (fresh.length === 0 && fixed.length === 0) return [`# ${date}: no new and no fixed faults`];
  return [
    `# ${date}: ${fresh.length} new, ${fixed.length} fixed`,
    `gh label create ${LABEL} --description ${quoted('Faults that neurofuzz found')} --force`,
    ...fresh.flatMap((fault) => [
      '',
      `number=$(${findIssue(titleOf(fault), 'all')})`,
      'if [ -n "$number" ]; then',
      `  gh issue reopen "$number" --comment ${quoted(`Found again: ${date}`)}`,
      'else',
      `  gh issue create --title ${quoted(titleOf(fault))} --label ${LABEL} --body ${quoted(bodyOf(fault, date))}`,
      'fi',
    ]),
    ...fixed.flatMap((fault) => [
      '',
      `number=$(${findIssue(titleOf(fault), 'open')})`,
      `if [ -n "$number" ]; then gh issue close "$number" --comment ${quoted(`Fixed: not found any more on ${date}`)}; fi`,
    ]),
  ];
}

/** The title of a fault's issue, by which it is found again. */
function titleOf({ campaign, signature }: InCampaign<Pick<KnownFault, 'signature'>>): string {
  return escapeControl(`neurofuzz: ${campaign}: ${signature}`).slice(0, MAX_TITLE_CHARACTERS).trim();
}

/** The command that prints the number of the issue with exactly this title, if there is one. */
function findIssue(title: string, state: 'all' | 'open'): string {
  const filter = `map(select(.title == ${JSON.stringify(title)}))[0].number // empty`;
  return `gh issue list --state ${state} --label ${LABEL} --limit ${MAX_ISSUES} --json number,title --jq ${quoted(filter)}`;
}

function bodyOf(fault: Parameters<typeof faultLines>[0], date: string): string {
  return [`Found by neurofuzz: ${date}`, ...faultLines(fault, undefined)].join('\n');
}

/** Quotes a text for a POSIX shell. Line feeds are allowed; other control characters have been escaped. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
