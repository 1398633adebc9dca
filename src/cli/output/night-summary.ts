import { chanceText } from '../../campaign/findings/new-fault-chance.ts';
import { seedLines } from '../../campaign/monitor/seed-statistics.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { cupText } from '../../nightly/cup-result.ts';
import type { NightResult } from '../../nightly/nightly.ts';
import { failureText, groupFaults, headline, type InCampaign, stateText } from '../../report/fault-groups.ts';
import { inputText, type ReportedFault } from '../../report/reported-fault.ts';
import type { ReportedCampaign } from '../../report/view-model.ts';

/** Maximum number of new faults with all details, and of faults in each other list. */
const MAX_NEW_FAULTS = 20;
const MAX_LISTED = 10;

/**
 * Formats the summary that is printed at the end of a night: new faults, campaigns that failed, known and fixed faults, then the
 * figures of each campaign. The last lines, which a terminal shows first, repeat the number of new faults.
 */
export function nightLines({ title, campaigns, failures, files, cup }: NightResult): string[] {
  const groups = groupFaults(campaigns);
  const { fresh, known, fixed, uncounted } = groups;
  const counts = headline(groups, failures);
  return [
    `${title}: ${counts}`,
    ...fresh.slice(0, MAX_NEW_FAULTS).flatMap(newFaultLines),
    ...(fresh.length > MAX_NEW_FAULTS ? ['', `and ${fresh.length - MAX_NEW_FAULTS} more new faults`] : []),
    ...list('could not run', failures.map(failureText)),
    ...list('known', known.map(faultLine)),
    ...list('fixed', fixed.map(faultLine)),
    ...list(
      'not counted',
      uncounted.map((fault) => `${faultLine(fault)} (${stateText(fault)})`),
    ),
    '',
    ...campaigns.flatMap(campaignLines),
    '',
    ...(fresh.length === 0
      ? []
      : [`${plural(fresh.length, 'new fault')}: ${fresh.slice(0, MAX_LISTED).map(placeText).join(', ')}`]),
    ...(cup === undefined ? [] : [cupText(cup)]),
    `report: ${files.html}`,
  ];
}

const placeText = ({ campaign, signature }: InCampaign<{ readonly signature: string }>): string =>
  `${campaign} ${signature}`;

function newFaultLines(fault: InCampaign<ReportedFault>): string[] {
  return [
    '',
    `NEW  ${faultLine(fault)}`,
    `  ${plural(fault.hits, 'hit')}, reproduced ${fault.reproduced}`,
    `  ${inputText(fault)}: ${fault.input}`,
    `  replay: ${fault.replay}`,
  ];
}

function faultLine(fault: InCampaign<{ readonly signature: string; readonly summary: string }>): string {
  return `${placeText(fault)}: ${fault.summary}`;
}

/** Lines under a heading; none if there are no entries. */
function list(heading: string, entries: readonly string[]): string[] {
  if (entries.length === 0) return [];
  const more = entries.length - MAX_LISTED;
  return [
    '',
    `${heading} (${entries.length}):`,
    ...entries.slice(0, MAX_LISTED).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more: see the report`] : []),
  ];
}

function campaignLines({ name, execs, tonight, newFaults, seedAccounts }: ReportedCampaign): string[] {
  const chance =
    newFaults === undefined || execs === 0
      ? ''
      : `; chance of a new fault: ${chanceText(newFaults)} per mutant, none in the last ${formatCount(newFaults.mutantsSinceLast)}`;
  return [
    `${name}: ${plural(tonight?.execs ?? 0, 'mutant')} tonight (${formatCount(execs)} total)${chance}`,
    ...seedAccounts.map((account) => `  ${seedLines(account)[0]}`),
  ];
}
