import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import type { Baseline } from '../triage/baseline.ts';
import { readFinding } from '../triage/findings.ts';
import { isReproducible, type TriageResult, triage } from '../triage/triage.ts';
import { collectCampaign } from './collect.ts';
import { pageHtml } from './html/page.tsx';
import type { PictureBudget } from './images.ts';
import { junitXml } from './junit.ts';
import { markdownText } from './markdown.ts';
import { checksOf, type FailedCampaign, type ObjectiveResults } from './objective-results.ts';
import { type SarifCampaign, sarifText } from './sarif.ts';
import type { CampaignView, ReportedCampaign } from './view-model.ts';

const PAGE_FILE = 'report.html';

/** Faults that a page shows in full. */
const MAX_FAULTS = 100;

/** Bytes that the pictures of a page take at most, and of those the share of one picture, and of one step to it. */
const PICTURE_BYTES = 2_500_000;
const MIN_FAULTS = 10;
const PICTURE_SHARE = 0.15;
const STEP_SHARE = 0.03;

function pictureBudget(faults: number): PictureBudget {
  const one = PICTURE_BYTES / Math.max(MIN_FAULTS, faults);
  return { picture: PICTURE_SHARE * one, step: STEP_SHARE * one };
}

/** A campaign and what it is compared with. */
export interface ReportSource {
  readonly folder: string;
  /** What people call it; the model's name unless told. */
  readonly name?: string | undefined;
  /** What was known before: a baseline, its file, or an older campaign. */
  readonly against?: Baseline | string | undefined;
}

/** Where the page and the other kinds of report go; those that are not named are not written. */
export interface ReportFiles {
  readonly html: string;
  readonly junit?: string | undefined;
  readonly sarif?: string | undefined;
  readonly markdown?: string | undefined;
}

/** How reports are written. */
export interface ReportOptions {
  /** The heading; by the name of the model unless told. */
  readonly title?: string | undefined;
  /** The command that runs a finding again. */
  readonly replayLine: (folder: string) => string;
  /** What people should know beside, a line each. */
  readonly notes?: readonly string[] | undefined;
  /** Campaigns that could not run as they should. */
  readonly failures?: readonly FailedCampaign[] | undefined;
}

/**
 * Writes reports over campaigns.
 *
 * @throws UserError where a folder is no campaign, a baseline is none, or a file can't be written
 */
export async function report(
  campaigns: readonly ReportSource[],
  files: ReportFiles,
  { title: asked, replayLine, notes: given = [], failures = [] }: ReportOptions,
): Promise<ReportedCampaign[]> {
  const views: CampaignView[] = [];
  const reported: ReportedCampaign[] = [];
  const judged: ObjectiveResults[] = [];
  const sarif: SarifCampaign[] = [];
  const triages: TriageResult[] = [];
  for (const { folder, against } of campaigns) triages.push(await triage([folder], { against }));
  let left = MAX_FAULTS;
  const shown = Math.min(
    MAX_FAULTS,
    triages.reduce((sum, { faults }) => sum + faults.length, 0),
  );
  const budget = pictureBudget(shown);
  for (const [i, { folder, name }] of campaigns.entries()) {
    const triaged = triages[i];
    const view = await collectCampaign(folder, {
      faults: triaged.faults,
      maxFaults: left,
      budget,
      replayLine,
    });
    left -= view.faults.length;
    const called = name ?? view.name;
    views.push(name === undefined ? view : { ...view, name });
    const { execs = 0, elapsedSeconds: seconds = 0 } = view.statistics ?? {};
    reported.push({ ...triaged, name: called, folder, execs, seconds });
    const objectives = view.objectives.flatMap(signaturePrefixes);
    judged.push({ name: called, objectives, ...triaged, seconds });
    if (files.sarif === undefined) continue;
    const withFindings = await Promise.all(
      triaged.faults.map(async (fault) => ({ fault, finding: await readFinding(fault.path) })),
    );
    sarif.push({
      name: called,
      model: view.model,
      faults: withFindings,
      fixed: triaged.fixed,
    });
  }
  const title = asked ?? titleOf(views);
  const fixed = reported.flatMap((one) => one.fixed);
  const notes = [
    ...given,
    ...views
      .filter(({ mixed }) => mixed)
      .map(
        ({ name }) =>
          `${name}: machines took part that were not asked to compute the same to the last digit (--mixed); what was found may hang on which did what.`,
      ),
  ];
  const page = { title, campaigns: views, fixed, notes };
  const write = async (path: string | undefined, text: () => string): Promise<void> => {
    if (path !== undefined) await writeReportFile(path, text());
  };
  await write(files.html, () => pageHtml(page));
  await write(files.junit, () => junitXml(title, checksOf(judged, failures)));
  await write(files.sarif, () => sarifText(sarif));
  await write(files.markdown, () => markdownText(title, reported, notes));
  return reported;
}

/** Where the page goes unless told: into the only campaign, or beside the reader. */
export function defaultPage(folders: readonly string[]): string {
  return folders.length === 1 ? join(folders[0], PAGE_FILE) : PAGE_FILE;
}

/** What the page is called unless told. */
function titleOf(views: readonly CampaignView[]): string {
  return `neurofuzz: ${views.length === 1 ? views[0].name : `${views.length} campaigns`}`;
}

/** Whether a fault counts against a campaign: it comes up again, and is not known. */
export function isCounted(fault: TriageResult['faults'][number]): boolean {
  return isReproducible(fault) && fault.state !== 'known';
}

/** What an objective's signatures begin with, as far as its spec says; none for a module, whose code would have to be run. */
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
