import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import { isSiteFault } from '../../fuzzer/search/search-goal.ts';
import type { Fault } from '../findings/fault-registry.ts';

/** What is known of one site at one moment. */
export interface SiteStatistics {
  readonly site: string;
  readonly op: string;
  readonly kind: string;
  /** The unsafe region, for people. */
  readonly region: string;
  /**
   * `triggered`: it went wrong; `unreachable`: it can't within the range of the inputs, unless an operation before it
   * goes wrong; `open`: neither.
   */
  readonly status: 'triggered' | 'open' | 'unreachable';
  /**
   * How many times the distance from the unsafe region must still halve, for the nearest mutant; null where that was
   * not measured.
   */
  readonly margin: number | null;
  /** The fault that is named after it; null where what it made never came to an output. */
  readonly signature: string | null;
}

/** Figures of all sites, in topological order. */
export function siteStatistics(
  sites: readonly NumericalSite[],
  unreachable: ReadonlySet<string>,
  margins: ReadonlyMap<string, number>,
  faults: readonly Fault[],
): SiteStatistics[] {
  return sites.map(({ name, op, kind, region }) => {
    const signature = faults.find((fault) => isSiteFault(fault.signature, name))?.signature ?? null;
    const margin = signature === null ? (margins.get(name) ?? null) : 0;
    const status = margin === 0 ? 'triggered' : unreachable.has(name) ? 'unreachable' : 'open';
    const shown = margin === null ? null : Number(margin.toPrecision(4));
    return { site: name, op, kind, region, status, margin: shown, signature };
  });
}
