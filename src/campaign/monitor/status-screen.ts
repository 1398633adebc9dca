import { join } from 'node:path';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import type { Fault } from '../findings/fault-registry.ts';
import { chanceText } from '../findings/new-fault-chance.ts';
import { type CampaignPlan, type Monitor, phaseText, type StartPhase } from './monitor.ts';
import { mutatorLabel } from './mutator-label.ts';
import { percentText } from './seed-statistics.ts';
import type { SiteStatistics } from './site-statistics.ts';
import type { Statistics } from './statistics.ts';

/** Most faults listed on the screen. */
const MAX_FAULTS = 6;

const count = new Intl.NumberFormat('en');

/** The live screen on a terminal: redrawn in place, at most four times a second, within 80 columns. */
export class StatusScreen implements Monitor {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #resumeLine: (folder: string) => string;
  readonly #started = performance.now();
  #phase: StartPhase | undefined;
  #plan: CampaignPlan | undefined;
  #isFinished = false;

  /** @param resumeLine the command that resumes the campaign in a folder */
  constructor(stream: NodeJS.WriteStream, resumeLine: (folder: string) => string) {
    this.#stream = stream;
    this.#resumeLine = resumeLine;
    this.#draw = createLogUpdate(stream);
  }

  info(text: string): void {
    this.#printAbove(pc.dim(escapeControl(text)));
  }

  warn(text: string): void {
    this.#printAbove(pc.yellow(`warning: ${escapeControl(text)}`));
  }

  onPhase(phase: StartPhase): void {
    this.#phase = phase;
    this.#drawPhase();
  }

  onStart(plan: CampaignPlan): void {
    this.#plan = plan;
    // Above the screen it is not truncated, however long the folder's name is.
    this.#printAbove(
      pc.dim(`Ctrl-C ends it in order; to go on: ${escapeControl(this.#resumeLine(plan.folder))}`),
    );
  }

  onFault(fault: Fault, folder: string): void {
    const place = pc.dim(escapeControl(join(folder, fault.path)));
    this.#printAbove(pc.red(`${escapeControl(`${fault.signature}: ${fault.summary}`)}  ${place}`));
  }

  onThresholdChange(threshold: number, why: string): void {
    this.#printAbove(pc.dim(`threshold ${threshold.toPrecision(3)}: ${escapeControl(why)}`));
  }

  onStatistics(statistics: Statistics): void {
    if (this.#plan !== undefined && !this.#isFinished) this.#draw(screenText(this.#plan, statistics));
  }

  /** Removes the screen, so that later output starts on a clean line. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#draw.clear();
    this.#draw.done();
  }

  #drawPhase(): void {
    if (this.#phase === undefined || this.#isFinished) return;
    this.#draw(phaseScreenText(this.#phase, (performance.now() - this.#started) / 1000));
  }

  #printAbove(text: string): void {
    this.#draw.clear();
    this.#stream.write(`${text}\n`);
    if (this.#plan === undefined) this.#drawPhase();
  }
}

const BARS = '▁▂▃▄▅▆▇█';

/** A bar for each count: full for the largest, blank for zero. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts
    .map((n) => (n === 0 ? ' ' : BARS[Math.min(BARS.length - 1, Math.floor((n / most) * BARS.length))]))
    .join('');
}

/** The campaign's activity, inferred from the states of its workers. */
function activityText({ workers }: Statistics): string {
  if (workers.some(({ state }) => state === 'isolating')) return 'looking for the input that ended a worker';
  if (workers.every(({ state }) => state === 'starting' || state === 'idle')) {
    return workers.some(({ tasks }) => tasks > 0) ? 'running findings again' : 'starting its workers';
  }
  return 'fuzzing';
}

function workersText({ workers, mainBusy, mainMemoryMB }: Statistics): string {
  const busy = workers.filter(({ state }) => state === 'busy').length;
  const replaced = workers.reduce((sum, worker) => sum + worker.replaced, 0);
  const memory = Math.max(0, ...workers.map((worker) => worker.memoryMB));
  const main = `main ${Math.round(100 * mainBusy)} % busy, ${mainMemoryMB} MB`;
  return `${busy} of ${workers.length} busy, ${replaced} replaced, up to ${memory} MB; ${main}`;
}

/** Most mutators named on the screen. */
const MAX_MUTATORS = 4;

/** The mutators with the largest shares, and the share of draws that was rejected. */
function mutatorsText({ mutators, rejected }: Statistics): string {
  const largest = [...mutators].sort((a, b) => b.share - a.share).slice(0, MAX_MUTATORS);
  const shares = largest.map((figures) => {
    const { share, mutants, entries } = figures;
    const yields = mutants === 0 ? '' : ` (${((1e3 * entries) / mutants).toPrecision(2)}‰)`;
    return `${mutatorLabel(figures, mutators)} ${Math.round(100 * share)} %${yields}`;
  });
  return [...(rejected > 0 ? [`${percent(rejected)} rejected`] : []), ...shares].join(', ');
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}

const PROGRESS_COLUMNS = 16;

/** The screen's text before the first mutant: what is being done, how far it is, and for how long. */
export function phaseScreenText(phase: StartPhase, seconds: number): string {
  const { done = 0, total = 0 } = phase;
  const full = total === 0 ? 0 : Math.round((PROGRESS_COLUMNS * Math.min(done, total)) / total);
  const bar = total === 0 ? '' : `  ${'█'.repeat(full)}${'░'.repeat(PROGRESS_COLUMNS - full)}`;
  return `\n  ${pc.bold('state'.padEnd(9))} ${escapeControl(phaseText(phase))}, ${durationText(seconds)}${bar}\n`;
}

/** The screen's text, within 80 columns. */
export function screenText(plan: CampaignPlan, statistics: Statistics): string {
  const [slowest, share] = Object.entries(statistics.shares).reduce((a, b) => (b[1] > a[1] ? b : a));
  const { coverage } = plan;
  const changes = statistics.thresholdChanges === 0 ? '' : `, adapted ${statistics.thresholdChanges} times`;
  const lost = statistics.lost === 0 ? '' : `, ${count.format(statistics.lost)} lost`;
  const looked =
    statistics.looked === 0 ? '' : `, ${percent(statistics.looked / statistics.execs)} looked at alone`;
  const rows: [label: string, value: string][] = [
    ['campaign', `${plan.folder}, seed ${plan.masterSeed}`],
    ['state', `${activityText(statistics)}, ${durationText(statistics.elapsedSeconds)}`],
    [
      'mutants',
      `${count.format(statistics.execs)}, ${count.format(Math.round(statistics.execsPerSecondNow))} a second now, ${count.format(Math.round(statistics.execsPerSecond))} overall${lost}${looked}`,
    ],
    [
      'corpus',
      `${count.format(statistics.corpus)} (${count.format(statistics.seeds)} seeds), ${statistics.diskMB} MB, last new ${durationText(statistics.secondsSinceNew)} ago`,
    ],
    [
      'coverage',
      `${coverage.tensors.join(', ')} by ${coverage.measure}, threshold ${Number(statistics.threshold.toPrecision(3))}${changes}`,
    ],
    ['mutators', mutatorsText(statistics)],
    ...(statistics.sites.length === 0 ? [] : [['sites', sitesText(statistics)] as [string, string]]),
    ['new', `${sparkline(statistics.newEntries)} ${durationText(statistics.newEntriesSpan)} each`],
    ...(statistics.queue === undefined ? [] : [['queue', queueText(statistics.queue)] as [string, string]]),
    ['workers', workersText(statistics)],
    ['slowest', `${slowest}, ${Math.round(share * 100)} % of the workers' time`],
    ...statistics.seedAccounts.map(({ objective, broken, seeds, share, medianQueries }) => {
      const queries = medianQueries === null ? '' : `, median ${count.format(medianQueries)} mutants`;
      const source = statistics.seedAccounts.length === 1 ? '' : ` by ${objective}`;
      return ['broken', `${broken} of ${seeds} seeds (${percentText(share)})${source}${queries}`] as [
        string,
        string,
      ];
    }),
    ['next', nextText(statistics)],
    [
      'findings',
      statistics.hits === 0
        ? 'none yet'
        : `${plural(statistics.hits, 'hit')}, ${plural(statistics.faults.length, 'signature')}`,
    ],
  ];
  const lines = rows.map(([label, value]) => `  ${pc.bold(label.padEnd(9))} ${truncate(value, 66)}`);
  for (const fault of statistics.faults.slice(0, MAX_FAULTS)) {
    lines.push(
      `  ${' '.repeat(9)} ${pc.red(truncate(`${fault.signature}  ${plural(fault.hits, 'hit')}`, 66))}`,
    );
  }
  if (statistics.faults.length > MAX_FAULTS)
    lines.push(`            and ${statistics.faults.length - MAX_FAULTS} more`);
  return `\n${lines.join('\n')}\n`;
}

/** How likely the next mutant is to show a new fault, and how long ago the last one came. */
function nextText({ newFaults }: Statistics): string {
  const { mutantsSinceLast, secondsSinceLast } = newFaults;
  return `new fault with ${chanceText(newFaults)}; none for ${count.format(mutantsSinceLast)} mutants, ${durationText(secondsSinceLast)}`;
}

function queueText({ machines, shards, again, repeated, out }: NonNullable<Statistics['queue']>): string {
  return `${plural(machines, 'machine')}; ${plural(shards, 'shard')} done, ${out} out, ${again} lost, ${repeated} repeated`;
}

function sitesText({ sites }: Statistics): string {
  const countOf = (status: string): number => sites.filter((site) => site.status === status).length;
  const nearest = sites
    .filter(({ status, margin }) => status === 'open' && margin !== null)
    .reduce<SiteStatistics | undefined>(
      (a, b) => ((a?.margin ?? Infinity) <= (b.margin ?? 0) ? a : b),
      undefined,
    );
  const near = nearest === undefined ? '' : `, nearest ${nearest.site} ${nearest.margin?.toFixed(1)}`;
  return `${sites.length}: ${countOf('triggered')} went wrong, ${countOf('unreachable')} cannot, ${countOf('open')} open${near}`;
}

/** A text that may hold names of strangers, on one line of so many columns. */
function truncate(raw: string, columns: number): string {
  const text = escapeControl(raw);
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

function durationText(seconds: number): string {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}
