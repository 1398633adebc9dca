import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import type { OnProgress, Progress } from '../core/progress.ts';
import { DEFAULT_FEEDBACK } from '../coverage/feedback/registry.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { damagedFiles } from '../storage/finding-checksums.ts';
import { Lock } from '../storage/lock.ts';
import type { DistilledRecord } from './distilled-record.ts';
import { MergedCorpus } from './merged-corpus.ts';
import { type ReadOnlyCorpus, readCorpusFolder } from './read-corpus-folder.ts';
import { type CorpusSelection, type SelectionOptions, selectUndamaged } from './select-entries.ts';
import { isComplete, writeDistilledCorpus } from './write-corpus.ts';

/** Steps of distilling: reading, selecting, writing. */
const STEPS = 3;

/** Settings of `distill`. */
export interface DistillOptions extends SelectionOptions {
  /** Is told which step is done, and how many files of the current one are. */
  readonly onProgress?: OnProgress | undefined;
  /** Folder of the distilled corpus. */
  readonly out: string;
}

/** The distilled corpus, and what went along with it. */
export interface DistillReport extends DistilledRecord {
  readonly out: string;
  /** Whether it was complete before. */
  readonly wasDone: boolean;
  readonly damage: readonly string[];
}

/**
 * Writes a small corpus that covers what the corpora of some campaigns cover, and holds their smallest margins: no testcase
 * that is left out is new, by the campaigns' feedback and threshold, to those that are kept. The sources are only read. An
 * interrupted run continues when it is started again.
 *
 * @param folders campaigns, or distilled corpora
 * @throws UserError where they have different models or coverage, or `out` holds something else
 */
export async function distill(folders: readonly string[], options: DistillOptions): Promise<DistillReport> {
  const { onProgress = () => {} } = options;
  const steps = (done: number, inner?: Progress): void =>
    onProgress({ label: 'distilling', done, total: STEPS, unit: 'step', inner });
  const sources: ReadOnlyCorpus[] = [];
  for (const [done, folder] of folders.entries()) {
    steps(0, { label: 'reading', done, total: folders.length, unit: 'corpus', units: 'corpora' });
    sources.push(await readCorpusFolder(folder));
  }
  checkSameCoverage(sources);
  const merged = new MergedCorpus(sources);
  steps(1);
  const selection = await selectUndamaged(merged, options);
  await makeFolder(options.out, 'the folder');
  const lock = await Lock.acquire(options.out);
  try {
    return await distillInto(options.out, merged, selection, (done, total) =>
      steps(2, { label: 'writing', done, total, unit: 'testcase' }),
    );
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, 'write the distilled corpus to', options.out);
  } finally {
    await lock.release();
  }
}

function checkSameCoverage(sources: readonly ReadOnlyCorpus[]): void {
  const [first] = sources;
  const coverageOf = ({ coverage, measure, feedback, width }: ReadOnlyCorpus): string =>
    JSON.stringify([coverage, measure, feedback, width]);
  for (const other of sources.slice(1)) {
    const difference =
      other.modelSha256 !== first.modelSha256
        ? 'have different models'
        : coverageOf(other) !== coverageOf(first)
          ? 'compare different activations'
          : other.reference !== first.reference
            ? 'have different reference inputs, which are the seeds where --coverage-reference names no others'
            : undefined;
    if (difference !== undefined)
      throw new UserError(
        `${first.folder} and ${other.folder} ${difference}: distill each separately, and start a campaign with both by fuzz --corpus`,
      );
  }
}

async function distillInto(
  out: string,
  merged: MergedCorpus,
  { indices, threshold, margins, keptFor }: CorpusSelection,
  onWritten: (done: number, total: number) => void,
): Promise<DistillReport> {
  const [{ modelSha256, coverage, measure, reference, feedback, inputs }] = merged.sources;
  const entries = indices.map((index) => merged.entries[index]);
  const ids = entries.map(({ record }) => record.id);
  const findings = new Map<string, string>();
  const damagedFindings: string[] = [];
  for (const source of merged.sources)
    for (const path of source.findings) {
      const from = join(source.folder, 'findings', path);
      const damaged = damagedFiles(from);
      if (damaged.length === 0) findings.set(path, from);
      else damagedFindings.push(`${from}/${damaged.join(', ')} is damaged: the finding is left out`);
    }
  const record: DistilledRecord = {
    formatVersion: FORMAT_VERSION,
    digest: createHash('sha256')
      .update(JSON.stringify([modelSha256, threshold, ids, [...findings.keys()]]))
      .digest('hex'),
    modelSha256,
    coverage,
    measure,
    ...(reference === undefined ? {} : { reference }),
    ...(feedback === DEFAULT_FEEDBACK ? {} : { feedback }),
    inputs,
    threshold,
    width: merged.width,
    sources: merged.sources.map((source) => ({ path: source.folder, testcases: source.entries.length })),
    testcases: merged.entries.length,
    kept: ids.length,
    keptFor,
    findings: findings.size,
    margins,
  };
  const damage = [
    ...merged.sources.flatMap((source) => source.damage.map((line) => `${source.folder}: ${line}`)),
    ...[...merged.damagedIds].map((id) => `corpus/${id}.npz is damaged or missing: it is left out`),
    ...damagedFindings,
  ];
  const wasDone = await isComplete(out, record.digest);
  if (!wasDone) await writeDistilledCorpus(out, entries, record, merged.fileCrc32s, findings, onWritten);
  return { ...record, out, wasDone, damage };
}
