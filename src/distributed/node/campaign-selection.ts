import { createHash } from 'node:crypto';

/** A campaign on a queue as one machine sees it. */
export interface Standing {
  readonly session: string;
  /** Machines that take part, this one included where it does. */
  readonly machines: number;
  /** Milliseconds that this machine has taken part; undefined where it does not. */
  readonly joined?: number | undefined;
  /** Milliseconds since it left that; undefined where it never took part. */
  readonly left?: number | undefined;
}

/** What a machine does next: at most one of both. */
export interface Choice {
  readonly leave?: string;
  readonly join?: string;
}

/** Milliseconds that a machine stays with a campaign before it goes to one that fewer work on: joining takes seconds. */
export const STAY = 60_000;

/**
 * Chooses among campaigns, of which a machine takes part in few at a time, since each has worker processes of its own: it joins the one
 * that fewest work on, and after a while leaves one for another that nobody works on, or fewer by more than one. So all get their turns.
 *
 * @param most campaigns at a time
 * @param salt differs from machine to machine: of campaigns that stand alike each takes another
 */
export function choose(campaigns: readonly Standing[], most: number, salt: string): Choice {
  const own = campaigns.filter(({ joined }) => joined !== undefined);
  const [neediest] = campaigns
    .filter(({ joined }) => joined === undefined)
    .map((one) => ({
      ...one,
      place: createHash('sha256')
        .update(salt + one.session)
        .digest('hex'),
    }))
    .sort((a, b) => a.machines - b.machines || waited(b) - waited(a) || (a.place < b.place ? -1 : 1));
  if (neediest === undefined) return {};
  if (own.length < most) return { join: neediest.session };
  const [richest] = own
    .filter(({ joined = 0 }) => joined >= STAY)
    .sort((a, b) => b.machines - a.machines || (b.joined ?? 0) - (a.joined ?? 0));
  if (richest === undefined) return {};
  const isWorth = neediest.machines === 0 || neediest.machines + 1 < richest.machines;
  return isWorth ? { leave: richest.session } : {};
}

/** Milliseconds that a campaign has waited for this machine; one that never had it counts for longer than any other. */
function waited({ left = Number.MAX_SAFE_INTEGER }: Standing): number {
  return left;
}
