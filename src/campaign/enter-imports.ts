import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBrokenConstraints } from '../constraints/find-broken-constraints.ts';
import { fileError, UserError } from '../core/errors.ts';
import type { ImportedTestcase } from '../fuzzer/corpus/imported-testcase.ts';
import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import { isFuzzable } from '../fuzzer/seed-runner.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { type Finding, FORMAT_VERSION, listFindingFolders } from '../storage/finding.ts';
import { loadTestcase, readJournal, testcasePath } from '../storage/journal.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { type SeededCampaign, storeSeedFinding } from './enter-seeds.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { Notices } from './resolve/model-settings.ts';

/** Where a testcase of an older campaign lies, and where it comes from. */
export interface ImportCandidate {
  readonly lineage: Lineage;
  readonly site?: string | undefined;
  readonly path: string;
}

/** What campaigns and distilled corpora hold, corpus and findings, before any testcase is read. */
export interface ImportCandidates {
  readonly folders: readonly string[];
  /** Each testcase once. */
  readonly candidates: readonly ImportCandidate[];
  /** Lines and findings that are damaged. */
  readonly damagedCount: number;
}

/** @throws UserError where a folder holds no corpus */
export async function findImports(folders: readonly string[]): Promise<ImportCandidates> {
  const places = new Map<string, ImportCandidate>();
  const damage: string[] = [];
  for (const folder of folders)
    for (const place of await candidatesIn(folder, damage))
      if (!places.has(place.lineage.id)) places.set(place.lineage.id, place);
  return { folders, candidates: [...places.values()], damagedCount: damage.length };
}

/**
 * Reads the testcases: seeds first. What the settings of this campaign do not allow is left out and counted.
 *
 * @param varying whether testcases may be of other forms than the seeds
 */
export async function readImports(
  { folders, candidates, damagedCount }: ImportCandidates,
  plan: ResolvedInputs,
  varying: boolean,
  notes: Notices,
): Promise<ImportedTestcase[]> {
  const inputs = stripBatchDimension(plan.inputs);
  const leftOut = new Map<string, number>();
  const leave = (why: string, count = 1): void => void leftOut.set(why, (leftOut.get(why) ?? 0) + count);
  if (damagedCount > 0) leave('are damaged', damagedCount);
  const dataOf = new Map(plan.seeds.map((seed) => [testcaseId(seed), seed]));
  const read: { readonly place: ImportCandidate; readonly data: TestcaseData }[] = [];
  for (const place of candidates) {
    if (dataOf.has(place.lineage.id)) continue;
    const data = await loadTestcase(place.path, inputs, place.lineage.id);
    if (typeof data === 'string') {
      leave(data === 'missing' ? 'are missing' : 'are damaged or of another shape');
      continue;
    }
    dataOf.set(place.lineage.id, data);
    read.push({ place, data });
  }
  read.sort((a, b) => a.place.lineage.generation - b.place.lineage.generation);
  const forms = new Set(plan.seeds.map(({ form }) => form.key));
  const isMutated = plan.mutators.map((list) => list.length > 0);
  const imported = read.flatMap(({ place: { lineage, site }, data }): ImportedTestcase[] => {
    const ancestor = dataOf.get(lineage.ancestor);
    const reference = lineage.reference === undefined ? ancestor : dataOf.get(lineage.reference);
    if (ancestor === undefined || reference === undefined) {
      leave('lack the seed that they are measured from');
      return [];
    }
    const fits = varying || forms.has(data.form.key);
    const roots = { ancestor, reference };
    if (!fits || findBrokenConstraints(data, roots, plan.limits, plan.descriptors, isMutated).length > 0) {
      leave('are not legal in this campaign');
      return [];
    }
    return [{ lineage, site, data, ancestor }];
  });
  for (const [why, count] of leftOut)
    notes.warn(`${count} of the testcases in ${folders.join(', ')} ${why}: they are left out`);
  notes.info(`${imported.length} testcases of ${folders.join(', ')} join the ${plan.seeds.length} seeds`);
  return imported;
}

async function candidatesIn(folder: string, damage: string[]): Promise<ImportCandidate[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, 'read the corpus', folder);
  });
  if (!names.includes('corpus') && !names.includes('findings'))
    throw new UserError(`--corpus: ${folder} holds no corpus: name a campaign, or what distill wrote`);
  const { lines } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const places: ImportCandidate[] = lines.map(({ record }) => ({
    lineage: pickLineage(record),
    site: record.site,
    path: testcasePath(folder, record.id),
  }));
  for (const name of await listFindingFolders(folder)) {
    const path = join(folder, 'findings', name);
    const lineage = await readFindingLineage(join(path, 'finding.json'));
    if (lineage === undefined) damage.push(path);
    else if (lineage !== 'flaky') places.push({ lineage, path: join(path, 'input.npz') });
  }
  return places;
}

function pickLineage({ id, parent, ancestor, reference, generation, mutators }: Lineage): Lineage {
  return { id, parent, ancestor, ...(reference === undefined ? {} : { reference }), generation, mutators };
}

/** Where a finding comes from, unless it is flaky; undefined where its file is damaged. */
async function readFindingLineage(path: string): Promise<Lineage | 'flaky' | undefined> {
  let finding: Partial<Finding> | null;
  try {
    finding = JSON.parse(await readFile(path, 'utf8')) as Partial<Finding> | null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'read the finding', path);
  }
  const isWhole =
    finding?.formatVersion === FORMAT_VERSION &&
    typeof finding.id === 'string' &&
    typeof finding.ancestor === 'string' &&
    typeof finding.generation === 'number' &&
    Array.isArray(finding.mutators);
  if (isWhole && finding?.status === 'flaky') return 'flaky';
  return isWhole ? pickLineage(finding as Finding) : undefined;
}

/** Adds imported testcases to the corpus after the seeds; those that violate an objective become findings. */
export async function enterImports(
  imports: readonly ImportedTestcase[],
  probeWorker: ProbeWorker,
  labelsById: ReadonlyMap<string, number> | undefined,
  campaign: SeededCampaign,
  monitor: Monitor,
): Promise<void> {
  if (imports.length === 0) return;
  const labels =
    labelsById && new Map(imports.map(({ data, lineage }) => [data, labelsById.get(lineage.ancestor) ?? -1]));
  const results = await probeWorker.runSeeds(
    imports.map(({ data }) => data),
    labels,
  );
  let orphans = 0;
  for (const [i, imported] of imports.entries()) {
    const { activations, predictedClass, violation } = results[i];
    if (isFuzzable(results[i])) {
      const entry = campaign.state.addImported(imported, activations, predictedClass);
      if (entry === 'orphan') orphans++;
      else if (entry !== 'known') campaign.store.addEntry(entry);
    } else if (violation !== undefined)
      await storeSeedFinding({ ...results[i], violation }, importOrigin(imported), campaign, monitor);
  }
  if (orphans > 0)
    monitor.warn(
      `${orphans} imported testcases come from a seed that breaks an objective by itself: they are left out`,
    );
}

/** The lineage of an imported finding as its earlier campaign recorded it; undefined for a seed. */
function importOrigin({ lineage, ancestor }: ImportedTestcase): MutantOrigin | undefined {
  if (lineage.parent === null) return undefined;
  return {
    parent: {
      ...lineage,
      id: lineage.parent,
      ancestorIndex: 0,
      referenceIndex: 0,
      novelty: null,
      task: 0,
      outcome: -1,
    },
    ancestor,
    mutators: lineage.mutators,
    mutationCount: 0,
    isRebased: false,
  };
}
