import { join } from 'node:path';
import type { Finding } from '../storage/finding.ts';
import { INPUT_FILE, INPUT_PICTURE_FILE, TEXT_FILE } from '../storage/finding-files.ts';
import { exists, readFinding } from '../triage/findings.ts';
import type { TriagedFault } from '../triage/triage.ts';
import { differenceText } from './difference-text.ts';

/** A fault with what a reader needs to reproduce it. */
export interface ReportedFault extends TriagedFault {
  /** The command that reproduces it, to be run where the report was written. */
  readonly replay: string;
  /** File of its input: a picture or a text where there is one, else the archive of its arrays. */
  readonly input: string;
  /** Whether the input was minimized. */
  readonly isMinimized: boolean;
}

/** A fault and the record of its representative finding. */
export interface FaultRecord {
  readonly fault: ReportedFault;
  readonly finding: Finding;
}

/**
 * Reads the representative finding of a fault.
 *
 * @param replayLine makes the command that reproduces the finding in a folder
 */
export async function readFaultRecord(
  fault: TriagedFault,
  replayLine: (folder: string) => string,
): Promise<FaultRecord> {
  const finding = await readFinding(fault.path, true);
  const reported = {
    ...fault,
    replay: replayLine(fault.path),
    input: await inputFile(fault.path),
    isMinimized: finding.minimized !== undefined,
  };
  return { fault: reported, finding };
}

async function inputFile(folder: string): Promise<string> {
  for (const name of [INPUT_PICTURE_FILE, TEXT_FILE])
    if (await exists(join(folder, name))) return join(folder, name);
  return join(folder, INPUT_FILE);
}

/** The label of a fault's input, and how far the input is from its seed. */
export function inputText({ distance, isMinimized, gap }: ReportedFault): string {
  const label = gap === undefined ? 'Smallest input' : 'Input with the largest gap';
  return `${label}: ${differenceText(distance)}${isMinimized ? ' (minimized)' : ''}`;
}
