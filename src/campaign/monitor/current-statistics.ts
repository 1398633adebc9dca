import type { BoundMethod } from '../../analysis/bounds/rule-out.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import type { Executor } from '../../fuzzer/executor.ts';
import type { FuzzerState } from '../../fuzzer/state.ts';
import type { HalfArithmetic } from '../../model/half.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import type { FaultRegistry } from '../findings/fault-registry.ts';
import { newFaultChance } from '../findings/new-fault-chance.ts';
import { type NotLookedInto, overflowingHalfSums } from '../not-looked-into.ts';
import { seedStatistics } from './seed-statistics.ts';
import { siteStatistics } from './site-statistics.ts';
import type { Statistics, StatisticsCollector } from './statistics.ts';

/** The parts of a campaign that its statistics are read from. */
export interface StatisticsSources {
  readonly collector: StatisticsCollector;
  readonly state: FuzzerState;
  readonly faults: FaultRegistry;
  readonly store: CampaignStore;
  readonly executor: Executor;
  /** The model's numerical sites, and by name how those are ruled out that no input within the range can reach. */
  readonly sites: readonly NumericalSite[];
  readonly unreachableSites: ReadonlyMap<string, BoundMethod>;
  /** What the campaign leaves out by its settings and its model. */
  readonly notLookedInto: readonly NotLookedInto[];
  /** How the model computes in half precision, where that is emulated. */
  readonly half?: HalfArithmetic | undefined;
}

/** Reads the campaign's statistics at this moment. */
export function currentStatistics(sources: StatisticsSources): Statistics {
  const { collector, state, faults, store, executor, sites, unreachableSites } = sources;
  const { count, seeds } = state.corpus.size;
  const siteRows = siteStatistics(sites, unreachableSites, state.nearestTargets, faults.confirmed);
  return collector.snapshot({
    execs: state.execs,
    lost: state.lost,
    looked: state.lookaheadMutants,
    spoken: state.generatedTokens,
    ascent: state.ascent,
    readTokens: state.readTokens,
    rejected: rejectedShare(state),
    mutators: state.mutatorStatistics,
    corpus: count,
    seeds,
    threshold: state.threshold,
    ...(state.indexRecall === undefined ? {} : { indexRecall: state.indexRecall }),
    hits: faults.hitCount,
    faults: faults.faults,
    newFaults: newFaultChance(
      faults.faults.filter((fault) => !faults.dependsOnMachine(fault)),
      state.execs,
      collector.elapsedSeconds,
    ),
    seedAccounts: seedStatistics(state.accounts),
    ...(state.submissions === undefined ? {} : { submitted: state.submissions.total }),
    sites: siteRows,
    notLookedInto: [...sources.notLookedInto, ...overflowingHalfSums(siteRows, sources.half)],
    workers: executor.workers,
    ...(executor.queue === undefined ? {} : { queue: executor.queue }),
    diskMB: Math.round(store.bytes / 1e6),
  });
}

function rejectedShare({ execs, rejected }: Pick<FuzzerState, 'execs' | 'rejected'>): number {
  return rejected === 0 ? 0 : Number((rejected / (execs + rejected)).toPrecision(4));
}

/**
 * Writes stats.json and adds a line to stats.jsonl. Sites and seeds, of which there may be thousands, and what is left out, which
 * hardly changes, go to stats.json alone.
 */
export async function writeStats(store: CampaignStore, statistics: Statistics): Promise<void> {
  const { sites, faults, notLookedInto, seedAccounts, ...common } = statistics;
  const signatures = faults.map(
    ({
      signature,
      objective,
      summary,
      hits,
      kept,
      batchDependent,
      flaky,
      firstExecs,
      firstSeconds,
      path,
    }) => ({
      signature,
      objective,
      summary,
      hits,
      kept,
      batchDependent,
      flaky,
      firstExecs,
      firstSeconds,
      path,
    }),
  );
  await store.writeStats({ ...common, signatures }, { sites, seedAccounts, notLookedInto });
}
