import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { NewFaultChance } from '../campaign/findings/new-fault-chance.ts';
import type { SeedStatistics } from '../campaign/monitor/seed-statistics.ts';
import { verifyChecksum } from '../core/checksum.ts';
import { fileError } from '../core/errors.ts';
import type { IndexRecall } from '../coverage/index/recall-sample.ts';
import { STATISTICS_FILE, STATISTICS_LOG_FILE } from '../storage/campaign-store.ts';
import type { HistoryPoint, MutatorYield, SiteView, StatisticsView } from './view-model.ts';

/** A statistic; a damaged or missing one is not drawn. */
const figure = z.number().catch(Number.NaN);

/** A statistic; a damaged or missing one counts as 0. */
const count = z.number().catch(0);

const recallSchema: z.ZodType<IndexRecall> = z.object({ checked: z.number(), found: z.number() });

const statisticsSchema = z.object({
  execs: count,
  elapsedSeconds: count,
  execsPerSecond: count,
  corpus: count,
  seeds: count,
  threshold: figure,
  indexRecall: recallSchema.optional().catch(undefined),
  hits: count,
});

const mutatorSchema = z.object({
  input: z.string(),
  mutator: z.string(),
  mutants: z.number(),
  entries: z.number(),
  signatures: z.number(),
});

const siteSchema = z.object({
  site: z.string(),
  op: z.string(),
  kind: z.string(),
  region: z.string(),
  status: z.string(),
  margin: z.number().nullable(),
  closest: z
    .object({ measure: z.string(), value: z.number(), bound: z.number(), outcome: z.string() })
    .optional(),
  method: z.string().optional(),
});

const distance = z.number().nullable();

const seedAccountSchema: z.ZodType<SeedStatistics> = z.object({
  objective: z.string(),
  seeds: z.number(),
  broken: z.number(),
  share: z.number(),
  medianQueries: z.number().nullable(),
  p90Queries: z.number().nullable(),
  norm: z.enum(['linf', 'l2', 'l0']),
  curve: z.array(z.object({ epsilon: z.number(), share: z.number() })),
  accounts: z.array(
    z.object({
      seed: z.string(),
      broken: z.boolean(),
      queries: z.number(),
      firstQuery: z.number().nullable(),
      linf: distance,
      l2: distance,
      l0: distance,
    }),
  ),
});

const newFaultSchema: z.ZodType<NewFaultChance> = z.object({
  singletons: z.number(),
  chance: z.number(),
  isUpperBound: z.boolean(),
  upper95: z.number(),
  mutantsSinceLast: z.number(),
  secondsSinceLast: z.number(),
});

const historySchema = z
  .object({
    execs: z.number(),
    elapsedSeconds: figure,
    execsPerSecond: figure,
    execsPerSecondNow: figure,
    corpus: figure,
    threshold: figure,
    hits: figure,
    signatures: z.array(z.unknown()),
  })
  .transform(({ signatures, ...point }): HistoryPoint => ({ ...point, faults: signatures.length }));

/** Statistics of a campaign. What is missing or damaged on disk is absent. */
export interface CollectedStatistics {
  readonly latest: StatisticsView | undefined;
  readonly history: readonly HistoryPoint[];
  readonly mutators: readonly MutatorYield[];
  readonly sites: readonly SiteView[];
  readonly seedAccounts: readonly SeedStatistics[];
  readonly newFaults: NewFaultChance | undefined;
}

/**
 * Reads stats.json and stats.jsonl of a campaign.
 *
 * @param damage receives a description of what is damaged
 */
export async function collectStatistics(folder: string, damage: string[]): Promise<CollectedStatistics> {
  const latest = await readLatest(folder, damage);
  const lines = await readJsonLines(join(folder, STATISTICS_LOG_FILE), damage);
  return {
    latest: latest === undefined ? undefined : statisticsSchema.parse(latest),
    history: validItems(historySchema, lines),
    mutators: validItems(mutatorSchema, latest?.mutators),
    sites: validItems(siteSchema, latest?.sites),
    seedAccounts: validItems(seedAccountSchema, latest?.seedAccounts),
    newFaults: newFaultSchema.safeParse(latest?.newFaults).data,
  };
}

/** Reads the figures of stats.json alone; undefined where there are none. */
export async function readStatistics(folder: string, damage: string[]): Promise<StatisticsView | undefined> {
  const latest = await readLatest(folder, damage);
  return latest === undefined ? undefined : statisticsSchema.parse(latest);
}

async function readLatest(
  folder: string,
  damage: string[],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const path = join(folder, STATISTICS_FILE);
  const text = await readText(path, damage);
  const latest = text === undefined ? undefined : parseIntact(text);
  if (text !== undefined && latest === undefined) damage.push(`${path} is damaged: its figures are left out`);
  return latest;
}

function validItems<T>(schema: z.ZodType<T>, items: unknown): T[] {
  if (!Array.isArray(items)) return [];
  return items.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}

/**
 * Reads a file with one JSON object per line. A last line that was not finished is skipped in silence.
 *
 * @param damage receives a description of each damaged line
 */
export async function readJsonLines(
  path: string,
  damage: string[],
): Promise<Readonly<Record<string, unknown>>[]> {
  const lines = ((await readText(path, damage)) ?? '').split('\n').slice(0, -1);
  return lines.flatMap((line, i) => {
    const value = parseIntact(line);
    if (value !== undefined) return [value];
    damage.push(`line ${i + 1} of ${path} is damaged: it is left out`);
    return [];
  });
}

/** A file's text; undefined where there is none, or it can't be read. */
async function readText(path: string, damage: string[]): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      damage.push(fileError(error, 'read', path).message);
    return undefined;
  }
}

/** The object of a JSON text; undefined where it is none, or its checksum does not fit. */
function parseIntact(text: string): Readonly<Record<string, unknown>> | undefined {
  if (verifyChecksum(text) === 'damaged') return undefined;
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
