/**
 * Simulates many worker nodes in one process, which answer at once with results read from a file by task number.
 * Their queue workers behave like real ones, with one connection and one lease each.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { packMessage, unpackMessage } from '../src/distributed/protocol/codec.ts';
import { MESSAGE_VERSION, type Shard } from '../src/distributed/protocol/messages.ts';
import { registerNode } from '../src/distributed/protocol/node-registry.ts';
import { DEFAULT_PREFIX, RedisKeys } from '../src/distributed/protocol/redis-keys.ts';
import { listSessions } from '../src/distributed/protocol/session.ts';
import { connectionOptions, parseQueueAddress } from '../src/distributed/redis/connection.ts';
import type { TaskResult } from '../src/fuzzer/scheduling/task.ts';

const [url, file, count] = process.argv.slice(2);
const address = parseQueueAddress(url);
const keys = new RedisKeys(DEFAULT_PREFIX);
const redis = new Redis(connectionOptions(address));
const answers = new Map<number, TaskResult>();
const kept = await readFile(file);
for (let at = 0; at < kept.length; ) {
  const end = at + 4 + kept.readUInt32LE(at);
  const result = unpackMessage(kept.subarray(at + 4, end)) as TaskResult;
  answers.set(result.task, result);
  at = end;
}

const names = Array.from({ length: Number(count) }, (_, i) => `machine-${i}`);
let sessions: readonly string[] = [];
const signAll = async (): Promise<void> => {
  for (const id of names)
    await registerNode(redis, keys, {
      id,
      host: id,
      pid: process.pid,
      version: '0',
      jobs: 1,
      busy: true,
      sessions: [...sessions],
      refused: [],
      shards: 0,
      tasks: 0,
      execs: 0,
      execsPerSecond: 0,
      replaced: 0,
      memoryMB: 0,
    });
};

while (sessions.length === 0) {
  sessions = (await listSessions(redis, keys)).living;
  await pause(50);
}
const [session] = sessions;
await signAll();
for (const machine of names) {
  const worker = new Worker<Shard>(
    keys.queue(session),
    async ({ data }) => {
      for (const { number } of data.tasks) {
        const result = answers.get(number);
        if (result === undefined) throw new Error(`task ${number} is not in ${file}`);
        await redis.rpush(
          keys.results(session),
          packMessage({ v: MESSAGE_VERSION, shard: data.id, machine, result }),
        );
      }
    },
    { connection: connectionOptions(address), prefix: DEFAULT_PREFIX, skipVersionCheck: true },
  );
  worker.on('error', () => {});
  worker.on('failed', (_, error) => process.stderr.write(`${error.message}\n`));
}
for (;;) {
  await pause(5000);
  await signAll();
}
