import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import type { FailedCampaign } from '../report/fault-groups.ts';
import { type ReportOptions, type ReportSource, report } from '../report/report.ts';
import type { ReportedCampaign } from '../report/view-model.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { NIGHT_SUMMARY_FILE, NIGHTS_FOLDER } from './generations.ts';

/** Paths of the reports of a night. */
export interface NightReportFiles {
  readonly html: string;
  readonly junit: string;
  readonly sarif: string;
  readonly markdown: string;
  readonly comment: string;
}

/** Paths of the reports in a folder: that of a night, or the nightly folder, which has those of the latest night. */
export function nightReportFiles(folder: string): NightReportFiles {
  return {
    html: join(folder, 'report.html'),
    junit: join(folder, 'junit.xml'),
    sarif: join(folder, 'report.sarif'),
    markdown: join(folder, 'summary.md'),
    comment: join(folder, 'comment.md'),
  };
}

/**
 * Writes the reports and the summary of a night, and copies the reports to the nightly folder.
 *
 * @throws UserError, MachineError if a file can't be written
 */
export async function writeNightReports(
  out: string,
  night: string,
  campaigns: readonly ReportSource[],
  failures: readonly FailedCampaign[],
  options: Omit<ReportOptions, 'failures'>,
): Promise<ReportedCampaign[]> {
  const folder = join(out, NIGHTS_FOLDER, night);
  const files = nightReportFiles(folder);
  const reported = await report(campaigns, files, { ...options, failures });
  const latest = nightReportFiles(out);
  for (const kind of ['html', 'junit', 'sarif', 'markdown', 'comment'] as const)
    await replaceFile(latest[kind], await readFile(files[kind]));
  const summary = { formatVersion: FORMAT_VERSION, night, campaigns: reported, failures };
  await replaceFile(join(folder, NIGHT_SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
  return reported;
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeAtomically(path, content);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}
