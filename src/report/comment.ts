import { plural } from '../core/format-number.ts';
import { type FailedCampaign, groupFaults, headline } from './fault-groups.ts';
import { failureLine, faultLines } from './markdown.ts';
import { signatureCode } from './markdown-escape.ts';
import type { ReportedCampaign } from './view-model.ts';

/** Maximum number of new faults with their input and command, and of failed campaigns and of fixed faults. */
const MAX_NEW_FAULTS = 5;
const MAX_LISTED = 10;

/** GitHub refuses comments of more than 65,536 characters. */
const MAX_CHARACTERS = 60_000;

/** Maximum number of characters of the name in the marker. */
const MAX_NAME_CHARACTERS = 60;

/**
 * The first line of a comment, which does not show. A bot finds its earlier comment by it, and replaces that one.
 *
 * @param name the report's name, which stays the same from run to run
 */
export function commentMarker(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ['report'];
  return `<!-- neurofuzz-comment: ${words.join('-').slice(0, MAX_NAME_CHARACTERS)} -->`;
}

/**
 * Formats a short comment on a pull request in GitHub Flavored Markdown: new faults with input and replay command, campaigns that
 * failed and fixed faults; known ones are only counted.
 *
 * @param name the report's name, which stays the same from run to run
 */
export function commentText(
  name: string,
  campaigns: readonly ReportedCampaign[],
  failures: readonly FailedCampaign[] = [],
): string {
  for (let details = MAX_NEW_FAULTS; ; details--) {
    const text = commentWith(details, name, campaigns, failures);
    if (details === 0 || text.length <= MAX_CHARACTERS) return text;
  }
}

/** @param details number of new faults with their input and command */
function commentWith(
  details: number,
  name: string,
  campaigns: readonly ReportedCampaign[],
  failures: readonly FailedCampaign[],
): string {
  const groups = groupFaults(campaigns);
  const { fresh, fixed, isCompared } = groups;
  const more = fresh.length - details;
  const lines = [
    commentMarker(name),
    `**neurofuzz: ${headline(groups, failures)}** in ${plural(campaigns.length, 'campaign')}`,
    ...fresh.slice(0, details).flatMap((fault) => faultLines(fault, isCompared ? 'New' : undefined)),
    ...(more > 0
      ? ['', `${plural(more, isCompared ? 'more new fault' : 'more fault')}: see the report.`]
      : []),
    ...(failures.length === 0 ? [] : ['', ...failures.slice(0, MAX_LISTED).map(failureLine)]),
    ...(fixed.length === 0
      ? []
      : [
          '',
          `Fixed: ${fixed
            .slice(0, MAX_LISTED)
            .map(({ campaign, signature }) => `${signatureCode(signature)} (${signatureCode(campaign)})`)
            .join(', ')}`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}
