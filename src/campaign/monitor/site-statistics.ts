import type { BoundMethod } from '../../analysis/bounds/rule-out.ts';
import { type Closeness, closenessOf, type NearestTarget } from '../../analysis/numerical-sites/closeness.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import { formatCount } from '../../core/format-number.ts';
import { isSiteFault } from '../../fuzzer/search/search-goal.ts';
import { isAbsorbed } from '../../objectives/objective.ts';
import type { Fault } from '../findings/fault-registry.ts';

/** Statistics of one numerical site. */
export interface SiteStatistics {
  readonly site: string;
  readonly op: string;
  readonly kind: string;
  /** The unsafe region, for people. */
  readonly region: string;
  /**
   * `triggered`: it went wrong; `unreachable`: it cannot within the ranges of the inputs, unless an operation before it
   * goes wrong; `open`: neither.
   */
  readonly status: 'triggered' | 'open' | 'unreachable';
  /**
   * How many times the closest mutant's distance from the unsafe region must still halve; null where that was not
   * measured.
   */
  readonly margin: number | null;
  /** The closest mutant's value and the bound; absent where it is not `open`, or where no value is known. */
  readonly closest?: Closeness;
  /**
   * Signature of the fault that is named after it; null where nothing came of it, as behind a Where that selects the other
   * branch.
   */
  readonly signature: string | null;
  /** Inputs on whose sizes alone it depends; absent for other sites. */
  readonly sizesOf?: readonly string[];
  /** How it was shown that it cannot go wrong; absent where it is not `unreachable`. */
  readonly method?: BoundMethod;
}

/** The signature of the fault that is named after a site: of two, the one whose values come to an output. */
function signatureOf(faults: readonly Fault[], site: string): string | undefined {
  const signatures = faults.map(({ signature }) => signature).filter((text) => isSiteFault(text, site));
  return signatures.find((text) => !isAbsorbed(text)) ?? signatures[0];
}

/**
 * Statistics of all sites, in topological order.
 *
 * @param unreachable how sites were ruled out, by name
 * @param nearest the target of each site that a run came nearest to, by name
 */
export function siteStatistics(
  sites: readonly NumericalSite[],
  unreachable: ReadonlyMap<string, BoundMethod>,
  nearest: ReadonlyMap<string, NearestTarget>,
  faults: readonly Fault[],
): SiteStatistics[] {
  return sites.map(({ name, op, kind, region, sizesOf }) => {
    const signature = signatureOf(faults, name) ?? null;
    const target = nearest.get(name);
    const margin = signature === null ? (target?.margin ?? null) : 0;
    const method = unreachable.get(name);
    const status = margin === 0 ? 'triggered' : method === undefined ? 'open' : 'unreachable';
    const closest = status === 'open' && target !== undefined ? closenessOf(target, kind) : undefined;
    const rounded = margin === null ? null : Number(margin.toPrecision(4));
    return {
      site: name,
      op,
      kind,
      region,
      status,
      margin: rounded,
      ...(closest === undefined ? {} : { closest }),
      signature,
      ...(sizesOf === undefined ? {} : { sizesOf }),
      ...(status === 'unreachable' && method !== undefined ? { method } : {}),
    };
  });
}

type SiteState = Pick<SiteStatistics, 'status'>;

/** How many sites are in each state, for people: `1 failed`, `0 proven safe`, `2 not reached`. */
export function siteCounts(sites: readonly SiteState[]): [failed: string, safe: string, open: string] {
  const countOf = (status: SiteStatistics['status']): number =>
    sites.filter((site) => site.status === status).length;
  return [
    `${formatCount(countOf('triggered'))} failed`,
    `${formatCount(countOf('unreachable'))} proven safe`,
    `${formatCount(countOf('open'))} not reached`,
  ];
}

/** The open sites that were measured, the closest first. */
export function sitesByCloseness(sites: readonly SiteStatistics[]): SiteStatistics[] {
  return sites
    .filter(({ status, margin }) => status === 'open' && margin !== null)
    .sort((a, b) => (a.margin ?? 0) - (b.margin ?? 0));
}
