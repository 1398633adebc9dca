import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import type { Baseline } from '../triage/baseline.ts';
import { isCounted, type TriageResult, triage } from '../triage/triage.ts';
import { collectCampaign } from './collect.ts';
import { commentText } from './comment.ts';
import type { FailedCampaign } from './fault-groups.ts';
import { pageHtml } from './html/page.tsx';
import { junitXml } from './junit.ts';
import { markdownText } from './markdown.ts';
import { checksOf, type ObjectiveResults } from './objective-results.ts';
import type { PictureBudget } from './pictures/images.ts';
import { type FaultRecord, readFaultRecord } from './reported-fault.ts';
import { type SarifCampaign, sarifText } from './sarif.ts';
import type { CampaignView, ReportedCampaign, RunFigures } from './view-model.ts';

const PAGE_FILE = 'report.html';

/** Maximum number of faults that a page shows in full. */
const MAX_FAULTS = 100;

/** Maximum size of all pictures of a page, divided among the faults, but among no fewer than `MIN_FAULTS`. */
const PICTURE_BYTES = 2_500_000;
const MIN_FAULTS = 10;

/** Share of a fault's pictures that one picture, or one lineage step, may take. */
const PICTURE_SHARE = 0.15;
const STEP_SHARE = 0.03;

function pictureBudget(faults: number): PictureBudget {
  const bytesPerFault = PICTURE_BYTES / Math.max(MIN_FAULTS, faults);
  return { picture: PICTURE_SHARE * bytesPerFault, step: STEP_SHARE * bytesPerFault };
}

/** A campaign to report. */
export interface ReportSource {
  readonly folder: string;
  /** Display name; by default the name of the model's file. */
  readonly name?: string | undefined;
  /** Known faults: a baseline, the path of a baseline file, or the folder of an older campaign. */
  readonly against?: Baseline | string | undefined;
  /** What ran of it in the night that is reported; undefined if it is no night. */
  readonly tonight?: RunFigures | undefined;
}

/** Paths of the reports; those without a path are not written. */
export interface ReportFiles {
  readonly html: string;
  readonly junit?: string | undefined;
  readonly sarif?: string | undefined;
  readonly markdown?: string | undefined;
  /** Text for a comment on a pull request. */
  readonly comment?: string | undefined;
}

export interface ReportOptions {
  /** The heading; by default made from the name of the campaign. */
  readonly title?: string | undefined;
  /** A name that stays the same from run to run, by which an earlier comment is found; by default the heading. */
  readonly name?: string | undefined;
  /** Makes the command that reproduces the finding in a folder. */
  readonly replayLine: (folder: string) => string;
  /** Whether to draw where the model looked, by methods that are checked on it first. */
  readonly explains?: boolean | undefined;
  /** Is told how many campaigns have been collected. */
  readonly onProgress?: OnProgress | undefined;
  /** Further remarks, a line each. */
  readonly notes?: readonly string[] | undefined;
  /** Campaigns that could not run, or ran too few mutants. */
  readonly failures?: readonly FailedCampaign[] | undefined;
}

/**
 * Writes reports on campaigns.
 *
 * @throws UserError if a folder is not a campaign, a baseline is invalid, or a file can't be written
 */
export async function report(
  campaigns: readonly ReportSource[],
  files: ReportFiles,
  options: ReportOptions,
): Promise<ReportedCampaign[]> {
  const sections = await collectSections(campaigns, options);
  const views = sections.map(({ view }) => view);
  const reported = sections.map(({ reported: campaign }) => campaign);
  const { failures = [], title = defaultTitle(views) } = options;
  const threats = new Map(views.flatMap(({ name, threat }) => (threat.length === 0 ? [] : [[name, threat]])));
  const notes = [...threatNotes(threats), ...(options.notes ?? []), ...views.flatMap(mixedNote)];
  await writeReportFile(files.html, pageHtml({ title, campaigns: views, reported, failures, notes }));
  if (files.junit !== undefined) {
    const checks = checksOf(sections.map(objectiveResults), failures);
    await writeReportFile(files.junit, junitXml(title, checks, threatProperties(threats)));
  }
  if (files.sarif !== undefined)
    await writeReportFile(files.sarif, sarifText(sections.map(sarifCampaign), failures, threats));
  if (files.markdown !== undefined)
    await writeReportFile(files.markdown, markdownText(title, reported, notes, failures));
  if (files.comment !== undefined)
    await writeReportFile(files.comment, commentText(options.name ?? title, reported, failures));
  return reported;
}

/** Threat models of campaigns in sentences, by the campaign's name. */
type Threats = ReadonlyMap<string, readonly string[]>;

/** A note for each sentence group of a threat model, with the campaign's name if there are several. */
function threatNotes(threats: Threats): string[] {
  return [...threats].flatMap(([name, lines]) =>
    lines.map((line) => (threats.size > 1 ? `${name}: ${line}` : line)),
  );
}

function threatProperties(threats: Threats): [name: string, value: string][] {
  return [...threats].map(([name, lines]) => [`threatModel.${name}`, lines.join(' ')]);
}

/** A campaign's part of the reports. */
interface ReportSection {
  readonly view: CampaignView;
  readonly reported: ReportedCampaign;
  readonly records: readonly FaultRecord[];
}

async function collectSections(
  campaigns: readonly ReportSource[],
  { replayLine, explains, onProgress = () => {} }: ReportOptions,
): Promise<ReportSection[]> {
  const triages: TriageResult[] = [];
  // Reading the findings of a campaign takes about as long as drawing its faults.
  const progress = (step: number, label: string, done: number): void => {
    const inner = { label, done, total: campaigns.length, unit: 'campaign' };
    onProgress({ label: 'reporting', done: step, total: 2, unit: 'step', inner });
  };
  for (const { folder, against } of campaigns) {
    progress(0, 'reading findings', triages.length);
    triages.push(await triage([folder], { against }));
  }
  const faultCount = triages.reduce((sum, { faults }) => sum + faults.length, 0);
  const budget = pictureBudget(Math.min(MAX_FAULTS, faultCount));
  const shownCounts = shownFaultCounts(triages);
  const sections: ReportSection[] = [];
  for (const [i, { folder, name, tonight }] of campaigns.entries()) {
    const triaged = triages[i];
    progress(1, 'drawing faults', i);
    const collected = await collectCampaign(folder, {
      faults: triaged.faults,
      maxFaults: shownCounts[i],
      budget,
      explains,
      replayLine,
    });
    const furtherDamage = triaged.damage.filter((line) => !collected.damage.includes(line));
    const view = {
      ...collected,
      ...(name === undefined ? {} : { name }),
      gaps: [...collected.gaps, ...furtherDamage],
    };
    const records: FaultRecord[] = [];
    for (const fault of triaged.faults) records.push(await readFaultRecord(fault, replayLine));
    const { execs = 0, elapsedSeconds: seconds = 0 } = view.statistics ?? {};
    const reported = {
      ...triaged,
      faults: records.map(({ fault }) => fault),
      damage: [...new Set([...triaged.damage, ...collected.damage])],
      name: view.name,
      folder,
      execs: Math.max(execs, tonight?.execs ?? 0),
      seconds,
      ...(tonight === undefined ? {} : { tonight }),
      newFaults: view.newFaults,
      seedAccounts: view.seedAccounts.map(({ accounts: _accounts, ...account }) => account),
    };
    sections.push({ view, reported, records });
  }
  return sections;
}

/** How many faults of each campaign are shown in full: new ones of all campaigns first, then the others. */
function shownFaultCounts(triages: readonly TriageResult[]): number[] {
  let remaining = MAX_FAULTS;
  const take = (count: number): number => {
    const taken = Math.min(count, remaining);
    remaining -= taken;
    return taken;
  };
  // Within a campaign, new faults stand before the others.
  const fresh = triages.map(({ faults }) => take(faults.filter(isCounted).length));
  return triages.map(({ faults }, i) => fresh[i] + take(faults.length - fresh[i]));
}

function mixedNote({ name, mixed }: CampaignView): string[] {
  return mixed
    ? [
        `${name}: machines whose floating-point results may differ in the last digits took part (--mixed). The findings may depend on which machine ran which task.`,
      ]
    : [];
}

function objectiveResults({ view, reported }: ReportSection): ObjectiveResults {
  return { ...reported, objectives: view.objectives.flatMap(signaturePrefixes) };
}

function sarifCampaign({ view, reported, records }: ReportSection): SarifCampaign {
  return { name: reported.name, model: view.model, faults: records, fixed: reported.fixed };
}

/** Default path of the page: in the folder of the only campaign, or in the working directory. */
export function defaultPage(folders: readonly string[]): string {
  return folders.length === 1 ? join(folders[0], PAGE_FILE) : PAGE_FILE;
}

function defaultTitle(views: readonly CampaignView[]): string {
  return `neurofuzz: ${views.length === 1 ? views[0].name : `${views.length} campaigns`}`;
}

/** The prefix of an objective's signatures, from its spec; none for a plug-in, whose code would have to be run. */
function signaturePrefixes(spec: string): string[] {
  const { name: kind, isModule, settings } = parseExtensionSpec(spec);
  if (isModule) return [];
  const name =
    /^\s*name=([^,]+)/.exec(settings)?.[1] ??
    (kind === 'text' ? /^\s*([a-z0-9-]+)/.exec(settings)?.[1] : undefined);
  return [name === undefined ? kind : `${kind}-${name.trim()}`];
}

async function writeReportFile(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, text);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}
