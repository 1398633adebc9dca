import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readText } from '../core/read-bounded.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { listNights, NIGHT_SUMMARY_FILE, NIGHTS_FOLDER } from './generations.ts';

/** A distance or a gap: JSON has null for what is infinite or not a number. */
const measure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);

const knownFault = z.object({
  signature: z.string(),
  objective: z.string(),
  summary: z.string(),
  firstSeen: z.string().nullable(),
});

const reportedFault = knownFault.extend({
  state: z.enum(['new', 'known', 'ignored', 'fixed']).exactOptional(),
  campaigns: z.array(z.string()),
  hits: z.number(),
  findings: z.number(),
  flaky: z.number(),
  batchDependent: z.number(),
  minimized: z.number(),
  reproduced: z.string(),
  distance: z.object({
    linf: measure,
    l2: measure,
    l0: z.number(),
    edits: z.number().exactOptional(),
  }),
  gap: z.object({ reference: measure, copy: measure }).exactOptional(),
  broken: z.number().nullable(),
  path: z.string(),
  input: z.string(),
  replay: z.string(),
  repair: z.object({ text: z.string(), source: z.string().exactOptional() }).exactOptional(),
  isMinimized: z.boolean(),
});

/** What later commands read of a night's summary.json. */
const nightSummary = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  night: z.string(),
  campaigns: z.array(
    z.object({ name: z.string(), faults: z.array(reportedFault), fixed: z.array(knownFault) }),
  ),
});

/** A night as its summary records it: texts may be those of strangers. */
export type NightSummary = z.output<typeof nightSummary>;

/**
 * Reads the summary of the last night.
 *
 * @param out the nightly folder
 * @throws UserError if no night has ended there, or its summary can't be read
 */
export async function readLastNight(out: string): Promise<NightSummary> {
  const last = (await listNights(out)).at(-1);
  if (last === undefined)
    throw new UserError(`${out} has no night: run neurofuzz nightly without --issues first`);
  const path = join(out, NIGHTS_FOLDER, last, NIGHT_SUMMARY_FILE);
  const text = readText(path, "read the night's summary", MAX_TEXT_BYTES);
  let parsed: ReturnType<typeof nightSummary.safeParse>;
  try {
    parsed = nightSummary.safeParse(JSON.parse(text));
  } catch {
    throw new UserError(`${path} is damaged: run neurofuzz nightly again`);
  }
  if (!parsed.success)
    throw new UserError(
      `${path} is not a summary that this version of neurofuzz wrote: run neurofuzz nightly again`,
    );
  return parsed.data;
}
