import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder, UNFINISHED_PREFIX, writeAtomically, writeDurably } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import { greedySetCover } from '../coverage/greedy-set-cover.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import {
  CORPUS_FOLDER,
  formatRecord,
  loadTestcase,
  STATE_FOLDER,
  testcasePath,
  writeVectors,
} from '../storage/journal.ts';
import { Lock } from '../storage/lock.ts';
import {
  DISTILLED_FILE,
  type DistilledRecord,
  type ReadOnlyCorpus,
  readCorpusFolder,
  readDistilledRecord,
} from './source.ts';

/** Says what an unfinished folder is to become. */
const PLAN_FILE = 'distilling.json';

/** Testcases copied at the same time. */
const COPY_CONCURRENCY = 16;

/** Doublings and halvings after which a reach that keeps few enough is near the smallest. */
const MAX_RADIUS_STEPS = 24;

/** How corpora are distilled. */
export interface DistillOptions {
  /** Where the distilled corpus goes. */
  readonly out: string;
  /** Squared L2 distance within which a testcase stands for another; the campaigns' own unless told. */
  readonly threshold?: number | undefined;
  /** Most testcases; the distance then grows until that many do. */
  readonly max?: number | undefined;
}

/** What came of it. */
export interface DistillReport extends DistilledRecord {
  readonly out: string;
  /** Whether all of it was there already. */
  readonly wasDone: boolean;
  readonly damage: readonly string[];
}

/**
 * Writes the smallest corpus that covers what some campaigns' corpora cover, and holds their smallest margins. Every
 * testcase that is left out has activations within the threshold of one that is kept. The sources are only read. What was
 * ended on the way goes on when it is run again.
 *
 * @param folders campaigns, or distilled corpora
 * @throws UserError where they are of different models or coverage, or `out` holds something else
 */
export async function distill(folders: readonly string[], options: DistillOptions): Promise<DistillReport> {
  const sources: ReadOnlyCorpus[] = [];
  for (const folder of folders) sources.push(await readCorpusFolder(folder));
  checkSameCoverage(sources);
  const merged = new MergedCorpus(sources);
  const choice = await selectUndamaged(merged, options);
  await makeFolder(options.out, 'the folder');
  const lock = await Lock.acquire(options.out);
  try {
    return await distillInto(merged, choice, options.out);
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, 'write the distilled corpus to', options.out);
  } finally {
    await lock.release();
  }
}

function checkSameCoverage(sources: readonly ReadOnlyCorpus[]): void {
  const [first] = sources;
  for (const other of sources.slice(1)) {
    const differs =
      other.modelSha256 !== first.modelSha256
        ? 'are of different models'
        : JSON.stringify([other.coverage, other.measure, other.width]) !==
            JSON.stringify([first.coverage, first.measure, first.width])
          ? 'compare different activations'
          : undefined;
    if (differs !== undefined)
      throw new UserError(
        `${first.folder} and ${other.folder} ${differs}: distill each alone, and begin a campaign with both by fuzz --corpus`,
      );
  }
}

/** The entries of all sources, each id once, ancestors before what comes from them. */
class MergedCorpus {
  readonly entries: CorpusEntryRecord[] = [];
  readonly sources: readonly ReadOnlyCorpus[];
  readonly width: number;
  readonly damagedIds = new Set<string>();
  readonly #vectors: Float32Array[] = [];
  readonly #indexById = new Map<string, number>();
  readonly #folders: string[] = [];

  constructor(sources: readonly ReadOnlyCorpus[]) {
    this.sources = sources;
    this.width = sources[0].width;
    for (const isSeed of [true, false]) {
      for (const { folder, entries, activations } of sources) {
        entries.forEach((line, i) => {
          if ((line.parent === null) !== isSeed || this.#indexById.has(line.id)) return;
          this.#indexById.set(line.id, this.entries.length);
          this.entries.push(line);
          this.#folders.push(folder);
          this.#vectors.push(activations.subarray(i * this.width, (i + 1) * this.width));
        });
      }
    }
  }

  indexOf(id: string): number | undefined {
    return this.damagedIds.has(id) ? undefined : this.#indexById.get(id);
  }

  folderAt(place: number): string {
    return this.#folders[place];
  }

  vectorAt(place: number): Float32Array {
    return this.#vectors[place];
  }

  /** What an entry can't do without: its ancestor, and what it is measured from. Undefined where that is damaged. */
  rootsOf({ id, ancestor, reference }: CorpusEntryRecord): number[] | undefined {
    const roots = [ancestor, ...(reference === undefined ? [] : [reference])]
      .filter((root) => root !== id)
      .map((root) => this.indexOf(root));
    return roots.includes(undefined) ? undefined : (roots as number[]);
  }
}

/** What is to be kept. */
interface CorpusSelection {
  readonly indices: readonly number[];
  readonly radius: number;
  readonly margins: DistilledRecord['margins'];
  readonly keptFor: DistilledRecord['keptFor'];
}

/** What to keep, of testcases whose files are whole. */
async function selectUndamaged(merged: MergedCorpus, options: DistillOptions): Promise<CorpusSelection> {
  const own = merged.sources.reduce((most, { threshold }) => Math.max(most, threshold), 0);
  let choice: CorpusSelection;
  let damaged: string[];
  do {
    choice = selectEntries(merged, options.threshold ?? own, options.max);
    damaged = await findDamaged(merged, choice.indices);
    for (const id of damaged) merged.damagedIds.add(id);
  } while (damaged.length > 0);
  return choice;
}

async function distillInto(
  merged: MergedCorpus,
  choice: CorpusSelection,
  out: string,
): Promise<DistillReport> {
  const { indices, radius, margins, keptFor } = choice;
  const [{ modelSha256, coverage, measure, inputs }] = merged.sources;
  const ids = indices.map((place) => merged.entries[place].id);
  const findings = new Map(
    merged.sources.flatMap(({ folder, findings: theirs }) =>
      theirs.map((path): [string, string] => [path, join(folder, 'findings', path)]),
    ),
  );
  const result: DistilledRecord = {
    formatVersion: FORMAT_VERSION,
    digest: createHash('sha256')
      .update(JSON.stringify([modelSha256, radius, ids, [...findings.keys()]]))
      .digest('hex'),
    modelSha256,
    coverage,
    measure,
    inputs,
    threshold: radius,
    width: merged.width,
    sources: merged.sources.map(({ folder, entries }) => ({ path: folder, testcases: entries.length })),
    testcases: merged.entries.length,
    kept: ids.length,
    keptFor,
    findings: findings.size,
    margins,
  };
  const damage = [
    ...merged.sources.flatMap((source) => source.damage.map((what) => `${source.folder}: ${what}`)),
    ...[...merged.damagedIds].map((id) => `corpus/${id}.npz is damaged or missing: it is left out`),
  ];
  const wasDone = await isDone(out, result.digest);
  if (!wasDone) await writeCorpus(merged, indices, result, findings, out);
  return { ...result, out, wasDone, damage };
}

/** @throws UserError where the folder holds something else */
async function isDone(out: string, digest: string): Promise<boolean> {
  const names = (await readdir(out)).filter((name) => name !== 'lock' && !name.startsWith(UNFINISHED_PREFIX));
  if (names.length === 0) return false;
  for (const [name, done] of [
    [DISTILLED_FILE, true],
    [PLAN_FILE, false],
  ] as const) {
    if (!names.includes(name)) continue;
    const there = done
      ? (await readDistilledRecord(join(out, name))).digest
      : (JSON.parse(await readFile(join(out, name), 'utf8')) as { digest?: string }).digest;
    if (there === digest) return done;
    throw new UserError(
      `${out} holds ${done ? 'another distilled corpus' : 'another one, unfinished'}: choose another folder with --out`,
    );
  }
  throw new UserError(`${out} is not empty: choose another folder with --out`);
}

function selectEntries(merged: MergedCorpus, threshold: number, max: number | undefined): CorpusSelection {
  const places = merged.entries.flatMap((line, place) =>
    merged.indexOf(line.id) === undefined || merged.rootsOf(line) === undefined ? [] : [place],
  );
  const placeAmong = new Map(places.map((place, i) => [place, i]));
  const vectors = new Float32Array(places.length * merged.width);
  places.forEach((place, i) => {
    vectors.set(merged.vectorAt(place), i * merged.width);
  });
  const margins = smallestMargins(merged, (id) => {
    const place = merged.indexOf(id);
    return place !== undefined && placeAmong.has(place);
  });
  const among = (id: string): number => placeAmong.get(merged.indexOf(id) as number) as number;
  const required = [...new Set(Object.values(margins).map(({ id }) => among(id)))];
  const withIt = (i: number): number[] =>
    (merged.rootsOf(merged.entries[places[i]]) ?? []).map((place) => placeAmong.get(place) as number);
  const cover = (reach: number): number[] =>
    greedySetCover({ vectors, width: merged.width, radius: reach, required, dependenciesOf: withIt });
  const { reach, chosen } =
    max === undefined
      ? { reach: threshold, chosen: cover(threshold) }
      : coverWithAtMost(max, threshold, cover);
  const held = new Set(required);
  const roots = new Set(chosen.flatMap(withIt));
  const count = (is: (i: number) => boolean): number => chosen.filter(is).length;
  return {
    indices: chosen.map((i) => places[i]),
    radius: reach,
    margins,
    keptFor: {
      margins: count((i) => held.has(i)),
      ancestors: count((i) => !held.has(i) && roots.has(i)),
      coverage: count((i) => !held.has(i) && !roots.has(i)),
    },
  };
}

/** The smallest distance with which no more than `max` are kept, as near as some steps come to it. */
function coverWithAtMost(
  max: number,
  threshold: number,
  cover: (reach: number) => number[],
): { readonly reach: number; readonly chosen: number[] } {
  let reach = Math.max(threshold, Number.MIN_VALUE);
  let chosen = cover(reach);
  if (chosen.length <= max) return { reach, chosen };
  let least = reach;
  while (chosen.length > max) {
    least = reach;
    reach *= 16;
    if (!Number.isFinite(reach))
      throw new UserError(
        `--max ${max} is too few: ${chosen.length} testcases are needed for margins and for the seeds they are measured from`,
      );
    chosen = cover(reach);
  }
  for (let step = 0; step < MAX_RADIUS_STEPS && reach > least * 1.01; step++) {
    const middle = Math.sqrt(least * reach);
    const tried = cover(middle);
    if (tried.length > max) least = middle;
    else [reach, chosen] = [middle, tried];
  }
  return { reach, chosen };
}

/** Of each point and target the testcase that came nearest, of those that there are. */
function smallestMargins(merged: MergedCorpus, isThere: (id: string) => boolean): DistilledRecord['margins'] {
  const best: Record<string, { id: string; margin: number }> = {};
  for (const { margins } of merged.sources)
    for (const [point, holder] of margins)
      if (isThere(holder.id) && !(best[point]?.margin <= holder.margin)) best[point] = holder;
  return best;
}

/** Ids of those whose files are not whole. */
async function findDamaged(merged: MergedCorpus, places: readonly number[]): Promise<string[]> {
  const [{ inputs }] = merged.sources;
  const damaged: string[] = [];
  for (let from = 0; from < places.length; from += COPY_CONCURRENCY) {
    await Promise.all(
      places.slice(from, from + COPY_CONCURRENCY).map(async (place) => {
        const { id } = merged.entries[place];
        const read = await loadTestcase(testcasePath(merged.folderAt(place), id), inputs, id);
        if (typeof read === 'string') damaged.push(id);
      }),
    );
  }
  return damaged;
}

async function writeCorpus(
  merged: MergedCorpus,
  places: readonly number[],
  result: DistilledRecord,
  findings: ReadonlyMap<string, string>,
  out: string,
): Promise<void> {
  await writeDurably(join(out, PLAN_FILE), `${JSON.stringify({ digest: result.digest })}\n`);
  for (const name of [CORPUS_FOLDER, STATE_FOLDER]) await mkdir(join(out, name), { recursive: true });
  const there = new Set(await readdir(join(out, CORPUS_FOLDER)));
  const missing = places.filter((place) => !there.has(`${merged.entries[place].id}.npz`));
  for (let from = 0; from < missing.length; from += COPY_CONCURRENCY) {
    await Promise.all(
      missing.slice(from, from + COPY_CONCURRENCY).map(async (place) => {
        const { id } = merged.entries[place];
        await writeAtomically(
          testcasePath(out, id),
          await readFile(testcasePath(merged.folderAt(place), id)),
        );
      }),
    );
  }
  for (const [path, from] of findings) await copyFinding(from, join(out, 'findings', path));
  await writeVectors(
    out,
    places.map((place) => merged.vectorAt(place)),
  );
  const lines = places.map((place) => formatRecord(merged.entries[place]));
  await writeDurably(join(out, CORPUS_FOLDER, 'journal.jsonl'), lines.join(''));
  await writeDurably(join(out, DISTILLED_FILE), `${JSON.stringify(result, null, 2)}\n`);
  await rm(join(out, PLAN_FILE));
}

async function copyFinding(from: string, to: string): Promise<void> {
  const parent = dirname(to);
  await mkdir(parent, { recursive: true });
  if ((await readdir(parent)).includes(basename(to))) return;
  const unfinished = join(parent, `${UNFINISHED_PREFIX}${basename(to)}`);
  await rm(unfinished, { recursive: true, force: true });
  await cp(from, unfinished, { recursive: true });
  await rename(unfinished, to);
}
