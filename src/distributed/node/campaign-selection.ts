import { createHash } from 'node:crypto';

/** A campaign on a queue as one machine sees it. */
export interface CampaignLoad {
  readonly session: string;
  /** Machines that take part, this one included where it does. */
  readonly nodeCount: number;
  /** Milliseconds that this machine has taken part; undefined where it does not. */
  readonly joinedMs?: number | undefined;
  /** Milliseconds since it left that; undefined where it never took part. */
  readonly leftMs?: number | undefined;
}

/** What a machine does next: at most one of both. */
export interface CampaignSelection {
  readonly leave?: string;
  readonly join?: string;
}

/** Milliseconds that a machine stays with a campaign before it goes to one that fewer work on: joining takes seconds. */
export const MIN_STAY_MS = 60_000;

/**
 * Chooses among campaigns, of which a machine takes part in few at a time, since each has worker processes of its own: it joins the one
 * that fewest work on, and after a while leaves one for another that nobody works on, or fewer by more than one. So all get their turns.
 *
 * @param most campaigns at a time
 * @param salt differs from machine to machine: of campaigns that stand alike each takes another
 */
export function selectCampaign(
  campaigns: readonly CampaignLoad[],
  most: number,
  salt: string,
): CampaignSelection {
  const own = campaigns.filter(({ joinedMs }) => joinedMs !== undefined);
  const [neediest] = campaigns
    .filter(({ joinedMs }) => joinedMs === undefined)
    .map((one) => ({
      ...one,
      place: createHash('sha256')
        .update(salt + one.session)
        .digest('hex'),
    }))
    .sort((a, b) => a.nodeCount - b.nodeCount || waitedMs(b) - waitedMs(a) || (a.place < b.place ? -1 : 1));
  if (neediest === undefined) return {};
  if (own.length < most) return { join: neediest.session };
  const [richest] = own
    .filter(({ joinedMs = 0 }) => joinedMs >= MIN_STAY_MS)
    .sort((a, b) => b.nodeCount - a.nodeCount || (b.joinedMs ?? 0) - (a.joinedMs ?? 0));
  if (richest === undefined) return {};
  const isWorth = neediest.nodeCount === 0 || neediest.nodeCount + 1 < richest.nodeCount;
  return isWorth ? { leave: richest.session } : {};
}

/** Milliseconds that a campaign has waited for this machine; one that never had it counts for longer than any other. */
function waitedMs({ leftMs = Number.MAX_SAFE_INTEGER }: CampaignLoad): number {
  return leftMs;
}
