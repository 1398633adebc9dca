import type { Queue } from 'bullmq';
import type { ChainableCommander, Redis } from 'ioredis';
import type { RedisKeys } from './redis-keys.ts';

/** Time to live of a coordinator's heartbeat, and of the keys of its session, which it may resume. */
const HEARTBEAT_TTL_SECONDS = 15;
const RETENTION_SECONDS = 1800;

/** Time to live of the marker of an ended session. */
const ENDED_MARKER_SECONDS = 60;

/** A session: the lifetime of one coordinator of a campaign, with the Redis connection and key names to access it. */
export interface RedisSession {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly session: string;
}

/** Renews the heartbeat of a coordinator and the expiry of its keys. @throws the error that Redis replied */
export async function refreshHeartbeat({ redis, keys, session }: RedisSession): Promise<void> {
  const pipeline = redis
    .pipeline()
    .sadd(keys.sessions, session)
    .set(keys.heartbeat(session), '1', 'EX', HEARTBEAT_TTL_SECONDS)
    .set(keys.retention(session), '1', 'EX', RETENTION_SECONDS);
  for (const key of sessionKeys(keys, session)) pipeline.expire(key, RETENTION_SECONDS);
  await execPipeline(pipeline);
}

/** Deletes all keys of a session. Both the coordinator and nodes may call it, repeatedly. */
export async function deleteSession({ redis, keys, session }: RedisSession, queue: Queue): Promise<void> {
  // Fails if Redis is out of memory. Then late keys of this session are only removed by their expiry.
  await redis.set(keys.ended(session), '1', 'EX', ENDED_MARKER_SECONDS).catch(() => {});
  await redis.srem(keys.sessions, session);
  await redis.del(keys.heartbeat(session), keys.retention(session), ...sessionKeys(keys, session));
  await queue.obliterate({ force: true });
}

/** Whether the coordinator of a session has ended regularly, as opposed to Redis having lost its data. */
export async function hasEnded({ redis, keys, session }: RedisSession): Promise<boolean> {
  return (await redis.exists(keys.ended(session))) === 1;
}

/** Pushes results to the coordinator. They expire if nobody receives them. */
export async function pushResults(
  { redis, keys, session }: RedisSession,
  results: readonly Buffer[],
): Promise<void> {
  const key = keys.results(session);
  await execPipeline(
    redis
      .pipeline()
      .rpush(key, ...results)
      .expire(key, RETENTION_SECONDS),
  );
}

/** Executes a pipeline. @throws the first error that Redis replied */
async function execPipeline(pipeline: ChainableCommander): Promise<void> {
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

/** Lists the sessions whose coordinators are alive, and those whose coordinators will not return. */
export async function listSessions(
  redis: Redis,
  keys: RedisKeys,
): Promise<{ readonly living: readonly string[]; readonly over: readonly string[] }> {
  const sessions = (await redis.smembers(keys.sessions)).filter((session) => /^[0-9a-f]{32}$/.test(session));
  const living: string[] = [];
  const over: string[] = [];
  for (const session of sessions.sort()) {
    const [alive, kept] = await redis.mget(keys.heartbeat(session), keys.retention(session));
    if (alive !== null) living.push(session);
    else if (kept === null) over.push(session);
  }
  return { living, over };
}

function sessionKeys(keys: RedisKeys, session: string): string[] {
  return [keys.descriptor(session), keys.entries(session), keys.results(session)];
}
