import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findBrokenConstraints } from '../constraints/find-broken-constraints.ts';
import { fileError, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { ImportedTestcase } from '../fuzzer/corpus/imported-testcase.ts';
import type { MutantOrigin } from '../fuzzer/corpus/lineage.ts';
import { isFuzzable } from '../fuzzer/seed-runner.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import type { InputInvariants } from '../model/model.ts';
import { type Finding, FORMAT_VERSION, listFindingFolders } from '../storage/finding.ts';
import { damagedFiles } from '../storage/finding-checksums.ts';
import { FINDING_FILE, INPUT_FILE } from '../storage/finding-files.ts';
import { loadTestcase, readJournal, testcasePath } from '../storage/journal.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { type SeededCampaign, storeSeedFindings } from './enter-seeds.ts';
import type { Monitor } from './monitor/monitor.ts';
import { keepsInvariants } from './resolve/input-invariants.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { Notices } from './resolve/model-settings.ts';

/** Path and lineage of a testcase of an earlier campaign. */
export interface ImportCandidate {
  readonly lineage: Lineage;
  readonly site?: string | undefined;
  readonly path: string;
}

/** Testcases that `--corpus` offers, from journals and findings; none is loaded yet. */
export interface ImportCandidates {
  readonly folders: readonly string[];
  /** Each testcase once. */
  readonly candidates: readonly ImportCandidate[];
  /** Lines and findings that are damaged. */
  readonly damagedCount: number;
}

/** @throws UserError where a folder holds no corpus */
export async function findImports(folders: readonly string[]): Promise<ImportCandidates> {
  const byId = new Map<string, ImportCandidate>();
  const damage: string[] = [];
  for (const folder of folders)
    for (const candidate of await candidatesIn(folder, damage))
      if (!byId.has(candidate.lineage.id)) byId.set(candidate.lineage.id, candidate);
  return { folders, candidates: [...byId.values()], damagedCount: damage.length };
}

/**
 * Loads the candidates and returns those that are legal in this campaign, by ascending generation; the others are counted
 * by reason and reported.
 *
 * @param varying whether testcases may have other shapes than the seeds
 * @param invariants what the inputs of all testcases have in common
 */
export async function readImports(
  { folders, candidates, damagedCount }: ImportCandidates,
  resolved: ResolvedInputs,
  varying: boolean,
  invariants: InputInvariants | undefined,
  notices: Notices,
): Promise<ImportedTestcase[]> {
  const inputs = stripBatchDimension(resolved.inputs);
  const leftOut = new Map<string, number>();
  const countLeftOut = (why: string, count = 1): void =>
    void leftOut.set(why, (leftOut.get(why) ?? 0) + count);
  if (damagedCount > 0) countLeftOut('are damaged', damagedCount);
  const dataOf = new Map(resolved.seeds.map((seed) => [testcaseId(seed), seed]));
  const read: { readonly candidate: ImportCandidate; readonly data: TestcaseData }[] = [];
  for (const candidate of candidates) {
    if (dataOf.has(candidate.lineage.id)) continue;
    const loaded = await loadTestcase(candidate.path, inputs, candidate.lineage.id);
    if (typeof loaded === 'string') {
      countLeftOut(loaded === 'missing' ? 'are missing' : 'are damaged or of another shape');
      continue;
    }
    dataOf.set(candidate.lineage.id, loaded.data);
    read.push({ candidate, data: loaded.data });
  }
  read.sort((a, b) => a.candidate.lineage.generation - b.candidate.lineage.generation);
  const shapeKeys = new Set(resolved.seeds.map(({ form }) => form.key));
  const isMutated = resolved.mutators.map((list) => list.length > 0);
  const imported = read.flatMap(({ candidate: { lineage, site }, data }): ImportedTestcase[] => {
    const ancestor = dataOf.get(lineage.ancestor);
    const reference = lineage.reference === undefined ? ancestor : dataOf.get(lineage.reference);
    if (ancestor === undefined || reference === undefined) {
      countLeftOut('lack their ancestor seed');
      return [];
    }
    const fits = varying || shapeKeys.has(data.form.key);
    const anchors = { ancestor, reference };
    if (
      !fits ||
      !keepsInvariants(data, invariants) ||
      findBrokenConstraints(data, anchors, resolved.limits, resolved.descriptors, isMutated).length > 0
    ) {
      countLeftOut('violate the constraints of this campaign');
      return [];
    }
    return [{ lineage, site, data, ancestor }];
  });
  for (const [why, count] of leftOut)
    notices.warn(`${count} of the testcases in ${folders.join(', ')} ${why} and are left out`);
  notices.info(
    `${plural(imported.length, 'testcase')} of ${folders.join(', ')} added to ${plural(resolved.seeds.length, 'seed')}`,
  );
  return imported;
}

async function candidatesIn(folder: string, damage: string[]): Promise<ImportCandidate[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, 'read the corpus', folder);
  });
  if (!names.includes('corpus') && !names.includes('findings'))
    throw new UserError(
      `--corpus: ${folder} has no corpus; name a campaign's folder or the output of distill`,
    );
  const { lines } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const candidates: ImportCandidate[] = lines.map(({ record }) => ({
    lineage: pickLineage(record),
    site: record.site,
    path: testcasePath(folder, record.id),
  }));
  for (const name of await listFindingFolders(folder)) {
    const path = join(folder, 'findings', name);
    const isDamaged = damagedFiles(path).length > 0;
    const lineage = isDamaged ? undefined : await readFindingLineage(join(path, FINDING_FILE));
    if (lineage === undefined) damage.push(path);
    else if (lineage !== 'flaky') candidates.push({ lineage, path: join(path, INPUT_FILE) });
  }
  return candidates;
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
    labelsById &&
    new Map(imports.map(({ data, lineage }) => [data, labelsById.get(lineage.ancestor) ?? NO_CLASS]));
  const results = await probeWorker.runSeeds(
    imports.map(({ data }) => data),
    labels,
  );
  let [orphans, leftOver] = [0, 0];
  for (const [i, imported] of imports.entries()) {
    if (!isFuzzable(results[i])) continue;
    const { activations, predictedClass } = results[i];
    const entry = campaign.state.addImported(imported, activations, predictedClass);
    if (entry === 'orphan') orphans++;
    else if (entry === 'full') leftOver++;
    else if (entry !== 'known') campaign.store.addEntry(entry);
  }
  await storeSeedFindings(results, (index) => importOrigin(imports[index]), campaign, monitor);
  if (leftOver > 0)
    monitor.warn(
      `${plural(leftOver, 'imported testcase')} left out: the corpus is full; raise --max-corpus, or distill the imported corpus first`,
    );
  if (orphans > 0)
    monitor.warn(
      `${orphans} imported testcases come from a seed that violates an objective: they are left out`,
    );
}

/** The lineage of an imported finding as its earlier campaign recorded it; undefined for a seed. */
function importOrigin({ lineage, ancestor }: ImportedTestcase): MutantOrigin | undefined {
  if (lineage.parent === null) return undefined;
  return {
    parent: { ...lineage, id: lineage.parent },
    ancestor,
    mutators: lineage.mutators,
    mutationCount: 0,
    isRebased: false,
  };
}
