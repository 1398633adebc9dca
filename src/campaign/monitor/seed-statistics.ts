import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { SeedAccount, SeedAccounts } from '../../fuzzer/seeds/seed-accounts.ts';
import type { SeedNorm } from '../../fuzzer/seeds/seed-distance.ts';

/** A point of the curve: the share of all seeds that are broken at a distance of at most epsilon. */
export interface BrokenSharePoint {
  readonly epsilon: number;
  readonly share: number;
}

/** A seed in stats.json. */
export interface SeedRow {
  /** Id of the seed. */
  readonly seed: string;
  readonly broken: boolean;
  /** Mutants spent on it. */
  readonly queries: number;
  /** Mutants spent on it until the first violation, that one included; null while it is not broken. */
  readonly firstQuery: number | null;
  /** The least distances of violations, each by itself; null while it is not broken, or where they are not known. */
  readonly linf: number | null;
  readonly l2: number | null;
  readonly l0: number | null;
}

/** The accounts of all seeds for one objective. */
export interface SeedStatistics {
  /** Name of the objective. */
  readonly objective: string;
  readonly seeds: number;
  readonly broken: number;
  readonly share: number;
  /** Of the first queries of seeds that a mutant broke; null without any. */
  readonly medianQueries: number | null;
  readonly p90Queries: number | null;
  /** The distance of the curve: that of the constraint. */
  readonly norm: SeedNorm;
  /** Ascending; the last point has all seeds whose distance is known. */
  readonly curve: readonly BrokenSharePoint[];
  readonly accounts: readonly SeedRow[];
}

/** Most points of a curve: the distances of seeds at equal shares. */
const MAX_POINTS = 20;

/** The accounts of a campaign's seeds, for each objective that has any. */
export function seedStatistics(accounts: SeedAccounts | undefined): SeedStatistics[] {
  if (accounts === undefined) return [];
  return accounts.objectives.map((objective) =>
    statisticsOf(objective, accounts.norm, accounts.accountsOf(objective).map(rowOf)),
  );
}

/** A finding, as far as it tells how near to a seed a violation lies. */
export interface SeedFinding {
  readonly ancestor: string;
  readonly distance: Readonly<Record<SeedNorm, number>>;
}

/** The accounts with the distances of findings that lie nearer: those that were minimized. */
export function withFindings(
  { objective, norm, accounts }: SeedStatistics,
  findings: readonly SeedFinding[],
): SeedStatistics {
  const rows = new Map(accounts.map((row) => [row.seed, row]));
  for (const { ancestor, distance } of findings) {
    const row = rows.get(ancestor);
    if (row?.broken !== true) continue;
    const least = (key: SeedNorm): number => Math.min(row[key] ?? Number.POSITIVE_INFINITY, distance[key]);
    rows.set(ancestor, { ...row, linf: least('linf'), l2: least('l2'), l0: least('l0') });
  }
  return statisticsOf(objective, norm, [...rows.values()]);
}

function statisticsOf(objective: string, norm: SeedNorm, rows: readonly SeedRow[]): SeedStatistics {
  const broken = rows.filter((row) => row.broken);
  const queries = broken.flatMap(({ firstQuery }) =>
    firstQuery === null || firstQuery === 0 ? [] : [firstQuery],
  );
  return {
    objective,
    seeds: rows.length,
    broken: broken.length,
    share: rows.length === 0 ? 0 : Number((broken.length / rows.length).toPrecision(4)),
    medianQueries: quantile(queries, 0.5),
    p90Queries: quantile(queries, 0.9),
    norm,
    curve: brokenShareCurve(
      broken.flatMap((row) => row[norm] ?? []),
      rows.length,
    ),
    accounts: rows,
  };
}

function rowOf({ seed, queries, broken }: SeedAccount): SeedRow {
  const known = (distance: number | undefined): number | null =>
    distance === undefined || !Number.isFinite(distance) ? null : distance;
  return {
    seed,
    broken: broken !== undefined,
    queries,
    firstQuery: broken?.firstQuery ?? null,
    linf: known(broken?.linf),
    l2: known(broken?.l2),
    l0: known(broken?.l0),
  };
}

/** The least number that at least a share of the numbers does not exceed; null without numbers. */
export function quantile(numbers: readonly number[], share: number): number | null {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/**
 * The share of seeds that are broken at a distance of at most epsilon, at up to 20 of the distances.
 *
 * @param distances the least one of each broken seed
 * @param seeds all seeds, broken or not
 */
export function brokenShareCurve(distances: readonly number[], seeds: number): BrokenSharePoint[] {
  const sorted = [...distances].sort((a, b) => a - b);
  const count = Math.min(MAX_POINTS, sorted.length);
  const ranks = Array.from({ length: count }, (_, i) => Math.ceil(((i + 1) * sorted.length) / count));
  // Equal distances are one point: that of the last of them.
  const points = new Map(
    ranks.map((rank) => {
      const epsilon = sorted[rank - 1];
      return [epsilon, sorted.filter((distance) => distance <= epsilon).length] as const;
    }),
  );
  return [...points].map(([epsilon, broken]) => ({
    epsilon,
    share: Number((broken / seeds).toPrecision(4)),
  }));
}

/** Names of the norms for people. */
export const NORM_TEXTS: Readonly<Record<SeedNorm, string>> = { linf: 'L∞', l2: 'L2', l0: 'L0' };

/** Points of the curve in a line. */
const MAX_LINE_POINTS = 5;

/** An account in two lines: how many seeds are broken after how many mutants, and at what distances. */
export function seedLines({
  objective,
  seeds,
  broken,
  share,
  medianQueries,
  p90Queries,
  norm,
  curve,
}: Omit<SeedStatistics, 'accounts'>): string[] {
  const queries =
    medianQueries === null || p90Queries === null
      ? ''
      : `, after a median of ${plural(medianQueries, 'mutant')} (90 % within ${formatCount(p90Queries)})`;
  // Of distances that read the same the last stands for all.
  const byText = new Map(curve.map((point) => [formatNumber(point.epsilon, 3), percentText(point.share)]));
  const every = Math.ceil(byText.size / MAX_LINE_POINTS);
  const points = [...byText].filter((_, i) => (byText.size - 1 - i) % every === 0);
  return [
    `${objective}: ${broken} of ${plural(seeds, 'seed')} broken (${percentText(share)})${queries}`,
    ...(points.length === 0
      ? []
      : [
          `  broken within ${NORM_TEXTS[norm]} of ${points.map(([epsilon, reached]) => `${epsilon}: ${reached}`).join(', ')}`,
        ]),
  ];
}

/** A share for people: `96 %`. */
export function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
