import type { CampaignConfig } from '../config/schema.ts';
import type { StopReason } from './monitor/monitor.ts';

/** What became of the seeds, in numbers. */
export interface SeedAccount {
  readonly seeds: number;
  /** Those that break an objective already. */
  readonly violating: number;
  /** Those that an objective leaves out, as one whose label is wrong from the start. */
  readonly exempt: number;
  /** Those whose watched tensors are not finite, so that coverage cannot compare them. */
  readonly nonFinite: number;
}

/** How a campaign ended, as far as it tells why no mutant ran. */
export interface CampaignEnd {
  readonly stopped: StopReason;
  /** Mutants of the whole campaign, those before a resume included. */
  readonly execs: number;
  /** Undefined where the campaign was resumed. */
  readonly seedAccount: SeedAccount | undefined;
  /** Tensors that coverage watches. */
  readonly watched: readonly string[];
}

/**
 * Why a campaign ended without a single mutant, and the flag that mends it: one line. Undefined where mutants ran, or the
 * user ended it.
 */
export function idleReason(
  { stopped, execs, seedAccount, watched }: CampaignEnd,
  { time }: Pick<CampaignConfig, 'time'>,
): string | undefined {
  if (execs > 0) return undefined;
  switch (stopped) {
    case 'seeds':
      return `no mutant ran: ${seedReasons(seedAccount, watched)}`;
    case 'time':
      return `no mutant ran within --time ${time}, which includes loading, seeds and calibration: set a longer --time`;
    case 'disk':
      return 'no mutant ran: the folder reached --max-disk with the seeds alone; allow more with --max-disk';
    default:
      return undefined;
  }
}

function seedReasons(account: SeedAccount | undefined, watched: readonly string[]): string {
  if (account === undefined) return 'no seed is left; start a new campaign with other --seeds';
  const { seeds, violating, exempt, nonFinite } = account;
  const reasons: string[] = [];
  if (violating > 0) reasons.push(`${violating} of ${seeds} seeds break an objective`);
  if (exempt > 0) reasons.push(`${exempt} of ${seeds} seeds are left out by an objective`);
  if (nonFinite > 0)
    reasons.push(`${nonFinite} of ${seeds} seeds have values that are not finite in ${watched.join(', ')}`);
  const remedies = [
    ...(nonFinite > 0 ? ['watch other tensors with --coverage'] : []),
    'set other seeds with --seeds',
  ];
  return `${reasons.join(', ')}: ${remedies.join(', or ')}`;
}
