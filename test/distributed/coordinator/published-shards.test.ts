import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Job, Queue } from 'bullmq';
import { type PendingTask, PublishedShards } from '../../../src/distributed/coordinator/published-shards.ts';
import type { Shard } from '../../../src/distributed/protocol/messages.ts';
import type { Task } from '../../../src/fuzzer/scheduling/task.ts';

/** A queue in memory: the state of each job by its ID. */
class FakeQueue {
  readonly jobs = new Map<string, { state: string; data: Shard }>();

  addBulk: Queue['addBulk'] = async (added) => {
    for (const { data, opts } of added) this.jobs.set(String(opts?.jobId), { state: 'waiting', data });
    return [];
  };

  getJob: Queue['getJob'] = async (id: string) => {
    const job = this.jobs.get(id);
    if (job === undefined) return undefined;
    const remove = async (): Promise<void> => void this.jobs.delete(id);
    return { getState: async () => job.state, failedReason: 'it crashed', remove } as unknown as Job;
  };
}

const pending = (number: number): PendingTask => ({
  task: { number } as Task,
  resolve: () => {},
  reject: () => {},
});

let queue: FakeQueue;
let shards: PublishedShards;

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
  queue = new FakeQueue();
  shards = new PublishedShards(queue);
});
afterEach(() => {
  jest.useRealTimers();
});

test('a shard is complete with the last of its results, and further ones are duplicates', async () => {
  await shards.publish([shards.create([pending(4), pending(5)], 9)]);
  expect([...queue.jobs.keys()]).toEqual(['4-5-0-0']);
  shards.complete('4-5-0', 4);
  expect([shards.size, shards.completedCount]).toEqual([1, 0]);
  expect(shards.findPending('4-5-0', 4)).toBeUndefined();
  shards.complete('4-5-0', 5);
  expect([shards.size, shards.completedCount]).toEqual([0, 1]);
});

test('a shard whose job is gone is published again after 5 s, as another job, without the tasks that are done', async () => {
  await shards.publish([shards.create([pending(1), pending(2)], 0)]);
  shards.complete('1-2-0', 1);
  queue.jobs.clear();
  jest.advanceTimersByTime(5000);
  expect(await shards.removeLostJobs()).toEqual([]);
  jest.advanceTimersByTime(5000);
  const lost = await shards.removeLostJobs();
  expect(lost.map(({ shard }) => shard.id)).toEqual(['1-2-0']);
  await shards.publish(lost);
  expect([...queue.jobs].map(([id, { data }]) => [id, data.tasks.map(({ number }) => number)])).toEqual([
    ['1-2-0-1', [2]],
  ]);
});

test('a shard that a node works on is left alone however long it takes', async () => {
  await shards.publish([shards.create([pending(1)], 0)]);
  for (const job of queue.jobs.values()) job.state = 'active';
  jest.advanceTimersByTime(3_600_000);
  expect(await shards.removeLostJobs()).toEqual([]);
});

test('a shard that has failed ten times ends the campaign', async () => {
  const shard = shards.create([pending(1)], 0);
  for (let failures = 1; failures < 10; failures++) {
    await shards.publish([shard]);
    for (const job of queue.jobs.values()) job.state = 'failed';
    jest.advanceTimersByTime(5000);
    expect(await shards.removeLostJobs()).toEqual([shard]);
  }
  await shards.publish([shard]);
  for (const job of queue.jobs.values()) job.state = 'failed';
  jest.advanceTimersByTime(5000);
  await expect(shards.removeLostJobs()).rejects.toThrow('no machine can run tasks 1-1-0: it crashed');
});
