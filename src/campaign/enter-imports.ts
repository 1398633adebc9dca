import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brokenConstraints } from '../constraints/checker.ts';
import { fileError, UserError } from '../core/errors.ts';
import type { Imported } from '../fuzzer/corpus/imported-testcase.ts';
import type { Hit } from '../fuzzer/scheduling/task.ts';
import { isSound, type RunSeed } from '../fuzzer/seed-runner.ts';
import type { State } from '../fuzzer/state.ts';
import { type Lineage, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { testcaseInputs } from '../model/batched-model.ts';
import { type Finding, FORMAT_VERSION, findingFolders } from '../storage/finding.ts';
import { loadTestcase, readJournal, testcaseFile } from '../storage/journal.ts';
import type { Scout } from '../workers/probe-worker.ts';
import type { Faults, Origin } from './findings/fault-registry.ts';
import type { Observer } from './monitor/monitor.ts';
import type { InputPlan } from './resolve/inputs.ts';
import type { Notes } from './resolve/model-settings.ts';

/** Where a testcase of an older campaign lies, and where it comes from. */
export interface ImportPlace {
  readonly lineage: Lineage;
  readonly site?: string | undefined;
  readonly path: string;
}

/** What campaigns and distilled corpora hold, corpus and findings, before any testcase is read. */
export interface ImportPlaces {
  readonly folders: readonly string[];
  /** Each testcase once. */
  readonly places: readonly ImportPlace[];
  /** Lines and findings that are damaged. */
  readonly damaged: number;
}

/** @throws UserError where a folder holds no corpus */
export async function importPlaces(folders: readonly string[]): Promise<ImportPlaces> {
  const places = new Map<string, ImportPlace>();
  const damage: string[] = [];
  for (const folder of folders)
    for (const place of await placesIn(folder, damage))
      if (!places.has(place.lineage.id)) places.set(place.lineage.id, place);
  return { folders, places: [...places.values()], damaged: damage.length };
}

/**
 * Reads the testcases: seeds first. What the settings of this campaign do not allow is left out and counted.
 *
 * @param varying whether testcases may be of other forms than the seeds
 */
export async function readImports(
  { folders, places, damaged }: ImportPlaces,
  plan: InputPlan,
  varying: boolean,
  notes: Notes,
): Promise<Imported[]> {
  const inputs = testcaseInputs(plan.inputs);
  const leftOut = new Map<string, number>();
  const leave = (why: string, count = 1): void => void leftOut.set(why, (leftOut.get(why) ?? 0) + count);
  if (damaged > 0) leave('are damaged', damaged);
  const dataOf = new Map(plan.seeds.map((seed) => [testcaseId(seed), seed]));
  const read: { readonly place: ImportPlace; readonly data: TestcaseData }[] = [];
  for (const place of places) {
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
  const imported = read.flatMap(({ place: { lineage, site }, data }): Imported[] => {
    const ancestor = dataOf.get(lineage.ancestor);
    const reference = lineage.reference === undefined ? ancestor : dataOf.get(lineage.reference);
    if (ancestor === undefined || reference === undefined) {
      leave('lack the seed that they are measured from');
      return [];
    }
    const fits = varying || forms.has(data.form.key);
    const roots = { ancestor, reference };
    if (!fits || brokenConstraints(data, roots, plan.limits, plan.traits, isMutated).length > 0) {
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

async function placesIn(folder: string, damage: string[]): Promise<ImportPlace[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, 'read the corpus', folder);
  });
  if (!names.includes('corpus') && !names.includes('findings'))
    throw new UserError(`--corpus: ${folder} holds no corpus: name a campaign, or what distill wrote`);
  const { lines } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const places: ImportPlace[] = lines.map(({ line }) => ({
    lineage: lineageOf(line),
    site: line.site,
    path: testcaseFile(folder, line.id),
  }));
  for (const name of await findingFolders(folder)) {
    const path = join(folder, 'findings', name);
    const lineage = await findingLineage(join(path, 'finding.json'));
    if (lineage === undefined) damage.push(path);
    else if (lineage !== 'flaky') places.push({ lineage, path: join(path, 'input.npz') });
  }
  return places;
}

function lineageOf({ id, parent, ancestor, reference, generation, mutators }: Lineage): Lineage {
  return { id, parent, ancestor, ...(reference === undefined ? {} : { reference }), generation, mutators };
}

/** Where a finding comes from, unless it is flaky; undefined where its file is damaged. */
async function findingLineage(path: string): Promise<Lineage | 'flaky' | undefined> {
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
  return isWhole ? lineageOf(finding as Finding) : undefined;
}

/** Puts them into the corpus after the seeds; those that break an objective are findings. */
export async function enterImports(
  imports: readonly Imported[],
  scout: Scout,
  labelOf: ReadonlyMap<string, number> | undefined,
  state: State,
  faults: Faults,
  observer: Observer,
  folder: string,
): Promise<void> {
  if (imports.length === 0) return;
  const labels =
    labelOf && new Map(imports.map(({ data, lineage }) => [data, labelOf.get(lineage.ancestor) ?? -1]));
  const run = await scout.seeds(
    imports.map(({ data }) => data),
    labels,
  );
  let orphans = 0;
  for (const [i, one] of imports.entries()) {
    if (isSound(run[i])) {
      if (!state.addImported(one, run[i].activations, run[i].outcome)) orphans++;
    } else if (run[i].violation !== undefined) await enterFinding(one, run[i], faults, observer, folder);
  }
  if (orphans > 0)
    observer.warn(
      `${orphans} imported testcases come from a seed that breaks an objective by itself: they are left out`,
    );
}

async function enterFinding(
  { lineage, data, ancestor }: Imported,
  { violation, changed }: RunSeed,
  faults: Faults,
  observer: Observer,
  folder: string,
): Promise<void> {
  if (violation === undefined) return;
  const hit: Hit = {
    pick: -1,
    execs: 0,
    violation,
    data,
    batch: { data, rows: 1, row: 0 },
    ...(changed === undefined ? {} : { changed }),
  };
  const origin: Origin = {
    parent: {
      ...lineage,
      id: lineage.parent ?? lineage.id,
      ancestorIndex: 0,
      referenceIndex: 0,
      novelty: null,
      task: 0,
      outcome: -1,
    },
    ancestor,
    mutators: lineage.mutators,
    steps: 0,
    rebases: false,
  };
  const kept = await faults.keep([hit], 0, lineage.parent === null ? undefined : () => origin, false);
  for (const fault of faults.enter(kept, 0)) observer.found(fault, folder);
  faults.count([{ signature: violation.signature, hits: 1 }]);
}
