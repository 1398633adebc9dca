import type { Redis } from 'ioredis';
import * as z from 'zod';
import type { RedisKeys } from './redis-keys.ts';

/** Time to live of a registration, which a node renews by its heartbeat. */
const REGISTRATION_TTL_SECONDS = 15;

const workerNode = z.object({
  id: z.string().max(256),
  host: z.string().max(256),
  pid: z.int(),
  version: z.string().max(64),
  jobs: z.int().min(1),
  busy: z.boolean(),
  /** Sessions of the campaigns that it has joined. */
  sessions: z.array(z.string().max(64)).max(1024),
  /** Names of the campaigns that it cannot join, each with the reason. */
  refused: z.array(z.string().max(1024)).max(64),
  shards: z.int(),
  tasks: z.int(),
  execs: z.number(),
  execsPerSecond: z.number(),
  replaced: z.int(),
  memoryMB: z.number(),
});

/** A worker node: one `neurofuzz worker` process, as it registers itself. */
export type WorkerNode = z.output<typeof workerNode>;

export async function registerNode(redis: Redis, keys: RedisKeys, node: WorkerNode): Promise<void> {
  await redis.set(keys.node(node.id), JSON.stringify(node), 'EX', REGISTRATION_TTL_SECONDS);
}

export async function unregisterNode(redis: Redis, keys: RedisKeys, id: string): Promise<void> {
  await redis.del(keys.node(id));
}

/** Lists all registered nodes, sorted by key; entries in an unknown format are ignored. */
export async function registeredNodes(redis: Redis, keys: RedisKeys): Promise<WorkerNode[]> {
  const names: string[] = [];
  for (let cursor = '0'; ; ) {
    const [next, batch] = await redis.scan(cursor, 'MATCH', keys.nodePattern, 'COUNT', 1000);
    names.push(...batch);
    if (next === '0') break;
    cursor = next;
  }
  if (names.length === 0) return [];
  const texts = await redis.mget(names.sort());
  return texts.flatMap((text) => {
    if (text === null) return [];
    try {
      const parsed = workerNode.safeParse(JSON.parse(text));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
