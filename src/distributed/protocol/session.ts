import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis-keys.ts';

/** Seconds that a session lives without a sign of its coordinator's, and that what is its is kept for when that comes back. */
const HEARTBEAT_TTL_SECONDS = 15;
const RETENTION_SECONDS = 1800;

/** Seconds that it is known that a session has ended. */
const ENDED_MARKER_SECONDS = 60;

/** A campaign's time on a queue under one coordinator, and where it is. */
export interface RedisSession {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly session: string;
}

/** Says that a session's coordinator is alive. @throws where Redis refuses that */
export async function refreshHeartbeat({ redis, keys, session }: RedisSession): Promise<void> {
  const told = redis
    .pipeline()
    .sadd(keys.sessions, session)
    .set(keys.heartbeat(session), '1', 'EX', HEARTBEAT_TTL_SECONDS)
    .set(keys.retention(session), '1', 'EX', RETENTION_SECONDS);
  for (const key of sessionKeys(keys, session)) told.expire(key, RETENTION_SECONDS);
  for (const [error] of (await told.exec()) ?? []) if (error !== null) throw error;
}

/** Takes away all that is a session's, for good: machines that come late do the same. */
export async function deleteSession({ redis, keys, session }: RedisSession, queue: Queue): Promise<void> {
  // A full Redis takes no more; then less is taken away after it.
  await redis.set(keys.ended(session), '1', 'EX', ENDED_MARKER_SECONDS).catch(() => {});
  await redis.srem(keys.sessions, session);
  await redis.del(keys.heartbeat(session), keys.retention(session), ...sessionKeys(keys, session));
  await queue.obliterate({ force: true });
}

/** Whether a session's coordinator has ended in order; where Redis has lost its memory it has not. */
export async function hasEnded({ redis, keys, session }: RedisSession): Promise<boolean> {
  return (await redis.exists(keys.ended(session))) === 1;
}

/** Sends results; they do not stay where nobody takes them any more. */
export async function pushResults(
  { redis, keys, session }: RedisSession,
  results: readonly Buffer[],
): Promise<void> {
  const key = keys.results(session);
  const told = redis
    .pipeline()
    .rpush(key, ...results)
    .expire(key, RETENTION_SECONDS);
  for (const [error] of (await told.exec()) ?? []) if (error !== null) throw error;
}

/** Sessions whose coordinators are alive, and those that will not come back. */
export async function listSessions(
  redis: Redis,
  keys: RedisKeys,
): Promise<{ readonly living: readonly string[]; readonly over: readonly string[] }> {
  const all = (await redis.smembers(keys.sessions)).filter((session) => /^[0-9a-f]{32}$/.test(session));
  const living: string[] = [];
  const over: string[] = [];
  for (const session of all.sort()) {
    const [alive, kept] = await redis.mget(keys.heartbeat(session), keys.retention(session));
    if (alive !== null) living.push(session);
    else if (kept === null) over.push(session);
  }
  return { living, over };
}

function sessionKeys(keys: RedisKeys, session: string): string[] {
  return [keys.descriptor(session), keys.entries(session), keys.results(session)];
}
