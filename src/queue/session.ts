import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** Seconds that a session lives without a sign of its coordinator's, and that what is its is kept for when that comes back. */
const ALIVE = 15;
const KEPT = 1800;

/** Says that a session's coordinator is alive. @throws where Redis refuses that */
export async function announce(redis: Redis, keys: Keys, session: string): Promise<void> {
  const told = redis
    .pipeline()
    .sadd(keys.sessions, session)
    .set(keys.alive(session), '1', 'EX', ALIVE)
    .set(keys.kept(session), '1', 'EX', KEPT);
  for (const key of own(keys, session)) told.expire(key, KEPT);
  for (const [error] of (await told.exec()) ?? []) if (error !== null) throw error;
}

/** Takes away all that is a session's. */
export async function withdraw(redis: Redis, keys: Keys, session: string, queue: Queue): Promise<void> {
  await redis.srem(keys.sessions, session);
  await redis.del(keys.alive(session), keys.kept(session), ...own(keys, session));
  await queue.obliterate({ force: true });
}

/** Sessions whose coordinators are alive, and those that will not come back. */
export async function sessionsOn(
  redis: Redis,
  keys: Keys,
): Promise<{ readonly living: readonly string[]; readonly over: readonly string[] }> {
  const all = (await redis.smembers(keys.sessions)).filter((session) => /^[0-9a-f]{32}$/.test(session));
  const living: string[] = [];
  const over: string[] = [];
  for (const session of all.sort()) {
    const [alive, kept] = await redis.mget(keys.alive(session), keys.kept(session));
    if (alive !== null) living.push(session);
    else if (kept === null) over.push(session);
  }
  return { living, over };
}

function own(keys: Keys, session: string): string[] {
  return [keys.descriptor(session), keys.entries(session), keys.results(session)];
}
