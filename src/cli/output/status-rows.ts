import pc from 'picocolors';
import { closenessText } from '../../analysis/numerical-sites/closeness.ts';
import { chanceText } from '../../campaign/findings/new-fault-chance.ts';
import type { CampaignPlan } from '../../campaign/monitor/monitor.ts';
import { mutatorLabel } from '../../campaign/monitor/mutator-label.ts';
import { percentText } from '../../campaign/monitor/seed-statistics.ts';
import { sessionTime, sessionTimeParts } from '../../campaign/monitor/session-time.ts';
import { siteCounts, sitesByCloseness } from '../../campaign/monitor/site-statistics.ts';
import type { Statistics } from '../../campaign/monitor/statistics.ts';
import { durationText } from '../../core/duration.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import { firstThatFits, fitParts } from './fit.ts';
import { sparkline } from './sparkline.ts';

/** Columns of the labels, with those before and after them. */
export const LABEL_COLUMNS = 12;

/** A row of the status screen: its label, and parts of which as many are shown as fit. */
export interface StatusRow {
  readonly label: string;
  readonly text: string;
  /** The higher, the sooner the row is left out on a terminal that has too few lines; 0 for one that stays. */
  readonly leftOut: number;
}

/** Most faults listed on the screen. */
const MAX_FAULTS = 6;

/** Lines of a terminal that does not tell its height. */
export const DEFAULT_ROWS = 24;

/** Lines that the screen leaves for what is printed above it, and for the blank lines around it. */
const SPARE_ROWS = 4;

/**
 * The rows of a campaign.
 *
 * @param columns of their texts
 * @param now on `performance.now()`'s clock
 */
export function campaignRows(
  plan: CampaignPlan,
  statistics: Statistics,
  columns: number,
  now: number,
): StatusRow[] {
  const rows: StatusRow[] = [];
  const add = (label: string, parts: readonly string[], leftOut = 0): void => {
    if (parts.some((part) => part !== '')) rows.push({ label, text: fitParts(parts, columns), leftOut });
  };
  const addFirst = (label: string, texts: readonly string[], leftOut = 0): void =>
    add(label, texts.length === 0 ? [] : [firstThatFits(texts, columns)], leftOut);
  const time = sessionTime(plan.limits, statistics, now);
  add('campaign', [plan.folder, `seed ${plan.masterSeed}`]);
  add('state', [activityText(statistics)]);
  add('time', sessionTimeParts(time));
  addFirst('mutants', mutantTexts(plan, statistics));
  add('corpus', corpusParts(statistics));
  add('coverage', coverageParts(plan, statistics), 4);
  add('mutators', mutatorParts(statistics), 5);
  addFirst('sites', siteTexts(statistics));
  const [closest] = sitesByCloseness(statistics.sites);
  if (closest !== undefined) addFirst('closest', closestTexts(closest), 2);
  add('new', [newEntriesText(statistics, columns)], 6);
  add('queue', statistics.queue === undefined ? [] : queueParts(statistics.queue));
  add('workers', workerParts(statistics), 3);
  addFirst('slowest', slowestTexts(statistics), 7);
  for (const account of statistics.seedAccounts)
    add('broken', seedParts(account, statistics.seedAccounts.length > 1));
  addFirst('next', nextTexts(statistics), 1);
  add('findings', findingParts(statistics));
  return rows;
}

/**
 * The screen: the rows that there is room for, and below them the faults.
 *
 * @param height lines of the terminal
 */
export function screenLines(
  rows: readonly StatusRow[],
  faults: Statistics['faults'],
  columns: number,
  height = DEFAULT_ROWS,
): string[] {
  const shown = faults.length > MAX_FAULTS ? faults.slice(0, MAX_FAULTS - 1) : faults;
  const faultLines = shown.map((fault) =>
    pc.red(fitParts([fault.signature, plural(fault.hits, 'hit')], columns - LABEL_COLUMNS, '  ')),
  );
  if (shown.length < faults.length)
    faultLines.push(`and ${plural(faults.length - shown.length, 'more fault')}`);
  let kept = [...rows];
  const room = height - SPARE_ROWS - faultLines.length;
  while (kept.length > room) {
    const least = kept.reduce((a, b) => (b.leftOut > a.leftOut ? b : a));
    if (least.leftOut === 0) break;
    kept = kept.filter((row) => row !== least);
  }
  return [
    ...kept.map(({ label, text }) => `  ${pc.bold(label.padEnd(LABEL_COLUMNS - 3))} ${text}`),
    ...faultLines.map((line) => `${' '.repeat(LABEL_COLUMNS)}${line}`),
  ];
}

/** The campaign's activity, inferred from the states of its workers. */
function activityText({ workers }: Statistics): string {
  if (workers.some(({ state }) => state === 'isolating')) return 'finding the input that ended a worker';
  if (workers.every(({ state }) => state === 'starting' || state === 'idle'))
    return workers.some(({ tasks }) => tasks > 0) ? 'confirming findings' : 'starting workers';
  return 'fuzzing';
}

function mutantTexts({ limits }: CampaignPlan, statistics: Statistics): string[] {
  const { execs, execsPerSecond, execsPerSecondNow, lost, looked } = statistics;
  const rate = (value: number): string => formatCount(Math.round(value));
  const count =
    limits.execs === undefined ? formatCount(execs) : `${formatCount(execs)} of ${formatCount(limits.execs)}`;
  const now = `${count} at ${rate(execsPerSecondNow)} per second`;
  const others = [
    ...(lost === 0 ? [] : [`${formatCount(lost)} lost`]),
    ...(looked === 0 ? [] : [`${percent(looked / execs)} scored without an answer`]),
  ];
  return [
    [`${now} (${rate(execsPerSecond)} on average)`, ...others].join(', '),
    [now, ...others].join(', '),
    [count, ...others].join(', '),
    now,
    count,
  ];
}

function corpusParts({ corpus, seeds, secondsSinceNew, diskMB }: Statistics): string[] {
  return [
    `${formatCount(corpus)} (${plural(seeds, 'seed')})`,
    `last new ${durationText(secondsSinceNew)} ago`,
    `${formatCount(diskMB)} MB`,
  ];
}

function coverageParts({ coverage }: CampaignPlan, { threshold }: Statistics): string[] {
  return [
    coverage.tensors.join(', '),
    `compared by ${coverage.measure}`,
    `threshold ${formatNumber(threshold, 3)}`,
  ];
}

/** Most mutators named on the screen. */
const MAX_MUTATORS = 4;

/** The mutators with the largest shares, and the share of draws that was rejected. */
function mutatorParts({ mutators, rejected }: Statistics): string[] {
  const largest = [...mutators].sort((a, b) => b.share - a.share).slice(0, MAX_MUTATORS);
  return [
    ...largest.map((figures) => `${mutatorLabel(figures, mutators)} ${Math.round(100 * figures.share)} %`),
    rejected > 0 ? `${percent(rejected)} rejected` : '',
  ];
}

function siteTexts({ sites }: Statistics): string[] {
  if (sites.length === 0) return [];
  const [failed, safe, open] = siteCounts(sites);
  return [[failed, safe, open].join(', '), [failed, open].join(', '), failed];
}

function closestTexts({ site, closest }: Statistics['sites'][number]): string[] {
  if (closest === undefined) return [];
  const text = closenessText(closest);
  const { measure } = closest;
  return [`${site}: ${text}`, `${site}: ${text.slice(measure.length + 1)}`, text.slice(measure.length + 1)];
}

function newEntriesText({ newEntries, newEntriesSpan }: Statistics, columns: number): string {
  const spanText = (merged: number): string => ` per ${durationText(merged * newEntriesSpan)}`;
  const { bars, merged } = sparkline(newEntries, columns - spanText(60).length - 2);
  return `${bars}${spanText(merged)}`;
}

function queueParts({ machines, shards, again, repeated, out }: NonNullable<Statistics['queue']>): string[] {
  return [
    plural(machines, 'machine'),
    `${plural(shards, 'shard')} done`,
    `${out} out`,
    `${again} lost`,
    `${repeated} repeated`,
  ];
}

function workerParts({ workers, mainBusy, mainMemoryMB }: Statistics): string[] {
  const busy = workers.filter(({ state }) => state === 'busy').length;
  const replaced = workers.reduce((sum, worker) => sum + worker.replaced, 0);
  const memory = Math.max(0, ...workers.map((worker) => worker.memoryMB));
  return [
    `${busy} of ${workers.length} busy`,
    replaced === 0 ? '' : `${replaced} replaced`,
    `up to ${formatCount(memory)} MB`,
    `main process ${Math.round(100 * mainBusy)} % busy and ${formatCount(mainMemoryMB)} MB`,
  ];
}

function slowestTexts({ shares }: Statistics): string[] {
  const [slowest, share] = Object.entries(shares).reduce((a, b) => (b[1] > a[1] ? b : a));
  const percentage = `${slowest}, ${Math.round(share * 100)} %`;
  return [`${percentage} of the workers' time`, percentage];
}

function seedParts(
  { objective, broken, seeds, share, medianQueries }: Statistics['seedAccounts'][number],
  isNamed: boolean,
): string[] {
  return [
    `${formatCount(broken)} of ${plural(seeds, 'seed')} (${percentText(share)})`,
    isNamed ? `by ${objective}` : '',
    medianQueries === null ? '' : `median ${plural(medianQueries, 'mutant')}`,
  ];
}

/** How likely the next mutant is to show a new fault, and how long ago the last one was found. */
function nextTexts({ newFaults }: Statistics): string[] {
  const { mutantsSinceLast, secondsSinceLast } = newFaults;
  const chance = `${chanceText(newFaults)} for a new fault`;
  const since = durationText(secondsSinceLast);
  return [
    `${chance} per mutant, none for ${plural(mutantsSinceLast, 'mutant')} (${since})`,
    `${chance}, none for ${since}`,
    chance,
    chanceText(newFaults),
  ];
}

function findingParts({ hits, faults }: Statistics): string[] {
  return hits === 0 ? ['none yet'] : [plural(faults.length, 'fault'), plural(hits, 'hit')];
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
