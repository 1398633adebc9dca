import type { BoundMethod } from '../../analysis/bounds/rule-out.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
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
 * @param margins the smallest margin of each site that was measured, by name
 */
export function siteStatistics(
  sites: readonly NumericalSite[],
  unreachable: ReadonlyMap<string, BoundMethod>,
  margins: ReadonlyMap<string, number>,
  faults: readonly Fault[],
): SiteStatistics[] {
  return sites.map(({ name, op, kind, region, sizesOf }) => {
    const signature = signatureOf(faults, name) ?? null;
    const margin = signature === null ? (margins.get(name) ?? null) : 0;
    const method = unreachable.get(name);
    const status = margin === 0 ? 'triggered' : method === undefined ? 'open' : 'unreachable';
    const rounded = margin === null ? null : Number(margin.toPrecision(4));
    return {
      site: name,
      op,
      kind,
      region,
      status,
      margin: rounded,
      signature,
      ...(sizesOf === undefined ? {} : { sizesOf }),
      ...(status === 'unreachable' && method !== undefined ? { method } : {}),
    };
  });
}
