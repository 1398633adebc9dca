import type { ThreatModel } from '../../config/schema.ts';
import { plural } from '../../core/format-number.ts';
import type { SeedAccounts } from '../../fuzzer/seeds/seed-accounts.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { testcaseId } from '../../inputs/testcase.ts';
import { percentText, type SeedStatistics } from '../monitor/seed-statistics.ts';

/** How far an attacker got, for one objective that counts per seed. */
export interface ThreatSuccess {
  readonly objective: string;
  /** Seeds that are wrong under attack: those that are wrong without any change included. */
  readonly seeds: number;
  /** All seeds. */
  readonly of: number;
  /** Seeds that are wrong without any change. */
  readonly errors: number;
  /** Whether the attacker reached the goal at all. */
  readonly isReached: boolean;
  /**
   * Expected loss per input, in ordinary errors: (1 − p)·e + p·c·s with the attackers' share p, the cost c of a success, the error
   * rate e and the success rate s, which is 1 for an attacker who picks or makes the input and reached the goal. Absent without `population`.
   */
  readonly expectedLoss?: number;
}

/** A threat model with the number of its distinct seeds; undefined without one. */
export function attackedBy(
  model: ThreatModel | undefined,
  seeds: Seeds,
): { readonly model: ThreatModel; readonly seeds: number } | undefined {
  return model && { model, seeds: new Set(seeds.map(testcaseId)).size };
}

/**
 * Success of the attacker of a threat model.
 *
 * @param seedCount distinct seeds, those that an objective leaves out because they are wrong already included
 */
export function threatSuccess(
  { population, starts }: Pick<ThreatModel, 'population' | 'starts'>,
  seedCount: number,
  accounts: readonly SeedStatistics[],
): ThreatSuccess[] {
  return accounts.map(({ objective, seeds, broken, accounts: rows }) => {
    const of = Math.max(seedCount, seeds);
    const leftOut = of - seeds;
    const errors = leftOut + rows.filter(({ firstQuery }) => firstQuery === 0).length;
    const wrong = leftOut + broken;
    const isReached = wrong > errors;
    const success = { objective, seeds: wrong, of, errors, isReached };
    if (population === undefined || of === 0) return success;
    const { share, cost } = population;
    // Whoever picks the input sends the one that gives way each time.
    const rate = starts !== 'given' && isReached ? 1 : wrong / of;
    const loss = (1 - share) * (errors / of) + share * cost * rate;
    return { ...success, expectedLoss: Number(loss.toPrecision(4)) };
  });
}

/**
 * How far the attacker had got when a finding was found.
 *
 * @param accounts as they were before it
 * @param finding its objective, and the id of its seed
 * @returns undefined where its objective does not count per seed
 */
export function successSoFar(
  accounts: Pick<SeedAccounts, 'has' | 'accountsOf'> | undefined,
  { objective, ancestor }: { readonly objective: string; readonly ancestor: string },
  seedCount: number,
): { readonly seeds: number; readonly of: number } | undefined {
  if (accounts?.has(objective) !== true) return undefined;
  const broken = new Set(
    accounts.accountsOf(objective).flatMap(({ seed, broken: how }) => (how === undefined ? [] : [seed])),
  );
  return { seeds: broken.add(ancestor).size, of: seedCount };
}

/** Success in a line; ordinary errors come first where they are more than the attack adds. */
export function successLine(
  { starts }: Pick<ThreatModel, 'starts'>,
  { objective, seeds, of, errors, isReached, expectedLoss }: ThreatSuccess,
): string {
  const rate = (count: number): string => (of === 0 ? '0 %' : percentText(count / of));
  const plain = `${plural(errors, 'seed')} of ${of} wrong without an attack (${rate(errors)})`;
  const attacked =
    starts === 'given'
      ? `${seeds} of ${of} wrong under attack (${rate(seeds)})`
      : isReached
        ? 'the attacker reached the goal'
        : 'the attacker did not reach the goal';
  const parts = errors > seeds - errors ? [plain, attacked] : [attacked, plain];
  const loss = expectedLoss === undefined ? '' : `; expected loss ${expectedLoss} errors per input`;
  return `threat model: ${objective}: ${parts.join(', ')}${loss}`;
}

/** Warnings where ordinary errors are more than the attack adds: one line each. None without a threat model. */
export function errorWarnings(
  threat: { readonly model: ThreatModel; readonly seeds: number } | undefined,
  accounts: readonly SeedStatistics[],
): string[] {
  if (threat === undefined) return [];
  return threatSuccess(threat.model, threat.seeds, accounts).flatMap(({ objective, seeds, errors }) => {
    const gain = seeds - errors;
    if (errors === 0 || errors <= gain) return [];
    return [
      `threat model: ${objective}: ${plural(errors, 'seed')} wrong without an attack, ${gain} by it: ordinary errors come first`,
    ];
  });
}
