import type { Queue } from 'bullmq';
import { MachineError } from '../../core/errors.ts';
import type { Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { MESSAGE_VERSION, type Shard } from '../protocol/messages.ts';

/** Age at which a shard is first checked, and time without a job or a result after which it is published again. */
const REPUBLISH_AFTER_MS = 5000;

/** Failures of one shard after which the campaign ends. */
const MAX_FAILURES = 10;

/** States of a job that a node will process, or is processing. */
const LIVE_STATES: ReadonlySet<string> = new Set(['waiting', 'active', 'delayed', 'prioritized']);

/** A submitted task that has no result yet. */
export interface PendingTask {
  readonly task: Task;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface PublishedShard {
  readonly shard: Shard;
  /** Tasks without a result, by task number. */
  readonly missing: Map<number, PendingTask>;
  /** Time of the last publication. */
  publishedAt: number;
  /** Time since which its job has been gone; its result may be in transit. */
  goneSince: number | undefined;
  /** Number of publications. It is part of the job ID, because the job of an earlier attempt may still exist. */
  attempts: number;
  failures: number;
}

/** The shards of a session that have no complete result yet, and their jobs on the queue. */
export class PublishedShards {
  readonly #queue: Pick<Queue, 'addBulk' | 'getJob'>;
  readonly #byId = new Map<string, PublishedShard>();
  #createdCount = 0;
  #completedCount = 0;

  constructor(queue: Pick<Queue, 'addBulk' | 'getJob'>) {
    this.#queue = queue;
  }

  get size(): number {
    return this.#byId.size;
  }

  get completedCount(): number {
    return this.#completedCount;
  }

  *pendingTasks(): Generator<PendingTask> {
    for (const { missing } of this.#byId.values()) yield* missing.values();
  }

  /** @param entries number of corpus entries that the tasks refer to */
  create(tasks: readonly PendingTask[], entries: number): PublishedShard {
    const id = `${tasks[0].task.number}-${tasks[tasks.length - 1].task.number}-${this.#createdCount++}`;
    const published: PublishedShard = {
      shard: { v: MESSAGE_VERSION, id, entries, tasks: tasks.map(({ task }) => task) },
      missing: new Map(tasks.map((pending) => [pending.task.number, pending])),
      publishedAt: Date.now(),
      goneSince: undefined,
      attempts: 0,
      failures: 0,
    };
    this.#byId.set(id, published);
    return published;
  }

  /** Adds jobs for shards, each with the tasks that have no result yet. */
  async publish(shards: readonly PublishedShard[]): Promise<void> {
    for (const published of shards) {
      published.publishedAt = Date.now();
      published.goneSince = undefined;
    }
    await this.#queue.addBulk(
      shards.map((published) => ({
        name: 'shard',
        data: { ...published.shard, tasks: [...published.missing.values()].map(({ task }) => task) },
        opts: { jobId: `${published.shard.id}-${published.attempts++}` },
      })),
    );
  }

  /** The task of a result; undefined if the result is a duplicate or of an earlier session. */
  findPending(shardId: string, taskNumber: number): PendingTask | undefined {
    return this.#byId.get(shardId)?.missing.get(taskNumber);
  }

  /** Records the result of a task, and removes its shard with the last one. */
  complete(shardId: string, taskNumber: number): void {
    const published = this.#byId.get(shardId);
    if (published === undefined) return;
    published.missing.delete(taskNumber);
    if (published.missing.size > 0) return;
    this.#byId.delete(shardId);
    this.#completedCount++;
  }

  /** Treats all jobs as lost, so that the next check publishes them again unless they exist. */
  markAllLost(): void {
    for (const published of this.#byId.values()) {
      published.publishedAt = 0;
      published.goneSince = 0;
    }
  }

  /**
   * Finds the shards that have to be published again, and removes their old jobs.
   *
   * @throws MachineError if a shard has failed too often
   */
  async removeLostJobs(): Promise<PublishedShard[]> {
    const lost: PublishedShard[] = [];
    for (const published of this.#byId.values())
      if (await this.#removeLostJob(published)) lost.push(published);
    return lost;
  }

  async #removeLostJob(published: PublishedShard): Promise<boolean> {
    if (Date.now() - published.publishedAt < REPUBLISH_AFTER_MS) return false;
    const { shard, attempts } = published;
    const job = await this.#queue.getJob(`${shard.id}-${attempts - 1}`);
    const state = job === undefined ? 'gone' : await job.getState();
    if (LIVE_STATES.has(state)) return false;
    if (state === 'failed' && ++published.failures >= MAX_FAILURES)
      throw new MachineError(`no machine can run tasks ${shard.id}: ${job?.failedReason}`);
    // If a node has completed the job, the results arrive shortly.
    published.goneSince ??= Date.now();
    if (state !== 'failed' && Date.now() - published.goneSince < REPUBLISH_AFTER_MS) return false;
    await job?.remove();
    return true;
  }
}
