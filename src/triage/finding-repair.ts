import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findNumericalSites } from '../analysis/numerical-sites/find-sites.ts';
import { type Repair, repairOf } from '../analysis/numerical-sites/repairs.ts';
import { verifyChecksum } from '../core/checksum.ts';
import type { Graph } from '../model/graph/graph.ts';
import { STATISTICS_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';

/** The kinds of a model's numerical sites, by the names of the operations. */
export type SiteKindNames = ReadonlyMap<string, string>;

/** The kinds of sites that stats.json of a campaign records; none if it is missing or damaged. */
export async function readSiteKinds(campaign: string): Promise<SiteKindNames> {
  const kinds = new Map<string, string>();
  const text = await readFile(join(campaign, STATISTICS_FILE), 'utf8').catch(() => '');
  if (text === '' || verifyChecksum(text) === 'damaged') return kinds;
  try {
    const { sites } = Object(JSON.parse(text)) as { readonly sites?: unknown };
    for (const item of [sites ?? []].flat() as ({ site?: unknown; kind?: unknown } | null)[])
      if (typeof item?.site === 'string' && typeof item.kind === 'string') kinds.set(item.site, item.kind);
  } catch {
    // Without it the type of the operation says which repair is usual.
  }
  return kinds;
}

/** The kinds of sites in a graph whose large constants are not at hand. */
export function siteKindsOf(graph: Graph): SiteKindNames {
  const sites = findNumericalSites({ graph, constant: () => undefined });
  return new Map(sites.map(({ name, kind }) => [name, kind]));
}

/** The usual repair of the operation in which a finding's violation begins; undefined if that is not known. */
export function findingRepair(
  { origin, violation, objective }: Pick<Finding, 'origin' | 'violation' | 'objective'>,
  kinds: SiteKindNames,
): Repair | undefined {
  // A finding's file may have been written by hand.
  const traced = Object(violation.details.origin) as {
    readonly operation?: unknown;
    readonly kind?: unknown;
  };
  const operation = origin?.operation ?? traced.operation;
  const op = origin?.kind ?? traced.kind;
  if (typeof operation !== 'string' || typeof op !== 'string') return undefined;
  const kind = kinds.get(operation);
  // An operation may crash for other reasons than its arithmetic.
  if (objective !== 'nonfinite' && kind === undefined) return undefined;
  return repairOf(op, kind);
}
