import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from './redis-keys.ts';

/** Seconds after which a machine that says nothing is gone. */
const GONE_AFTER = 15;

const machine = z.object({
  id: z.string().max(256),
  host: z.string().max(256),
  pid: z.int(),
  version: z.string().max(64),
  jobs: z.int().min(1),
  busy: z.boolean(),
  /** Sessions of campaigns that it takes part in. */
  sessions: z.array(z.string().max(64)).max(1024),
  /** Campaigns that it does not take part in, and why. */
  refused: z.array(z.string().max(1024)).max(64),
  shards: z.int(),
  tasks: z.int(),
  execs: z.number(),
  execsPerSecond: z.number(),
  replaced: z.int(),
  memoryMB: z.number(),
});

/** A machine that takes part, as it says of itself. */
export type Machine = z.output<typeof machine>;

export async function signIn(redis: Redis, keys: Keys, own: Machine): Promise<void> {
  await redis.set(keys.machine(own.id), JSON.stringify(own), 'EX', GONE_AFTER);
}

export async function signOut(redis: Redis, keys: Keys, id: string): Promise<void> {
  await redis.del(keys.machine(id));
}

/** All machines on a queue, by their names; what is none of ours is passed over. */
export async function machinesOn(redis: Redis, keys: Keys): Promise<Machine[]> {
  const names: string[] = [];
  for (let cursor = '0'; ; ) {
    const [next, some] = await redis.scan(cursor, 'MATCH', keys.machines, 'COUNT', 1000);
    names.push(...some);
    if (next === '0') break;
    cursor = next;
  }
  if (names.length === 0) return [];
  const texts = await redis.mget(names.sort());
  return texts.flatMap((text) => {
    if (text === null) return [];
    try {
      const parsed = machine.safeParse(JSON.parse(text));
      return parsed.success ? [parsed.data] : [];
    } catch {
      return [];
    }
  });
}
