import { createHash } from 'node:crypto';

/** A campaign on the queue, as seen by one node. */
export interface CampaignLoad {
  readonly session: string;
  /** Number of member nodes, this one included if it is a member. */
  readonly nodeCount: number;
  /** Milliseconds since this node joined; undefined if it is not a member. */
  readonly joinedMs?: number | undefined;
  /** Milliseconds since this node left; undefined if it never was a member. */
  readonly leftMs?: number | undefined;
}

/** A node's next step: at most one of the two. */
export interface CampaignSelection {
  readonly leave?: string;
  readonly join?: string;
}

/** Minimum time in a campaign before a node moves to one with fewer nodes: joining takes seconds. */
export const MIN_STAY_MS = 60_000;

/**
 * Chooses which campaign a node joins or leaves. A node is a member of few campaigns at a time, since each has its own worker
 * processes. It joins the campaign with the fewest nodes; after a minimum stay it leaves one for another that has no node, or at
 * least two fewer. Thus every campaign gets its turn.
 *
 * @param maxCampaigns number of campaigns at a time
 * @param salt differs between nodes, so that they choose different ones among equal campaigns
 */
export function selectCampaign(
  campaigns: readonly CampaignLoad[],
  maxCampaigns: number,
  salt: string,
): CampaignSelection {
  const joined = campaigns.filter(({ joinedMs }) => joinedMs !== undefined);
  const [neediest] = campaigns
    .filter(({ joinedMs }) => joinedMs === undefined)
    .map((campaign) => ({
      ...campaign,
      tieBreak: createHash('sha256')
        .update(salt + campaign.session)
        .digest('hex'),
    }))
    .sort(
      (a, b) => a.nodeCount - b.nodeCount || waitedMs(b) - waitedMs(a) || (a.tieBreak < b.tieBreak ? -1 : 1),
    );
  if (neediest === undefined) return {};
  if (joined.length < maxCampaigns) return { join: neediest.session };
  const [richest] = joined
    .filter(({ joinedMs = 0 }) => joinedMs >= MIN_STAY_MS)
    .sort((a, b) => b.nodeCount - a.nodeCount || (b.joinedMs ?? 0) - (a.joinedMs ?? 0));
  if (richest === undefined) return {};
  const isWorth = neediest.nodeCount === 0 || neediest.nodeCount + 1 < richest.nodeCount;
  return isWorth ? { leave: richest.session } : {};
}

/** Milliseconds that a campaign has waited for this node; longest for one of which it never was a member. */
function waitedMs({ leftMs = Number.MAX_SAFE_INTEGER }: CampaignLoad): number {
  return leftMs;
}
