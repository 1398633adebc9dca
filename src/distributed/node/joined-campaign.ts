import { setTimeout as pause } from 'node:timers/promises';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { errorMessage, MachineError } from '../../core/errors.ts';
import type { TaskResult } from '../../fuzzer/scheduling/task.ts';
import { NotYetAvailableError } from '../errors.ts';
import { MAX_MESSAGE_BYTES, packMessage } from '../protocol/codec.ts';
import { checkShard, MESSAGE_VERSION, type ResultMessage } from '../protocol/messages.ts';
import { pushResults, type RedisSession } from '../protocol/session.ts';
import { connectionOptions, type QueueAddress } from '../redis/connection.ts';
import { FULL_TIMEOUT_MS, retryWhileFull } from '../redis/retry-when-full.ts';
import type { CampaignMembership } from './campaign-membership.ts';
import { ResultBatcher } from './result-batcher.ts';

/** Lease of a shard: time after which it is given to another node unless the lease is renewed. */
const LEASE_MS = 6000;

/** Time to wait for the queue worker to close, when its shards are abandoned and when they are finished first. */
const FORCED_CLOSE_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 120_000;

/** Concurrent shards: the first tasks of the second one keep all processes busy at the end of the first. */
const SHARD_CONCURRENCY = 2;

/** Work done by a node, counted over all its campaigns. */
export interface WorkTotals {
  shards: number;
  tasks: number;
  execs: number;
  busyShards: number;
}

export interface JoinedCampaignOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  /** ID of this node. */
  readonly nodeId: string;
  /** Counters that the campaign updates. */
  readonly totals: WorkTotals;
  /** Called when a shard has failed for a reason that may lie on this node. */
  readonly onShardFailure: (reason: string) => void;
  /** Called when Redis has rejected results because it is out of memory. */
  readonly onRedisFull: (error: unknown) => void;
}

/** A campaign that a node has joined: takes shards from its queue and sends the results. */
export class JoinedCampaign {
  readonly membership: CampaignMembership;
  /** Time of joining, in ms since the epoch. */
  readonly joinedAt = Date.now();
  readonly #redisSession: RedisSession;
  readonly #options: JoinedCampaignOptions;
  readonly #resultBatcher: ResultBatcher;
  readonly #queueWorker: Worker;
  #hasLeft = false;
  #isDrained = false;

  constructor(membership: CampaignMembership, redisSession: RedisSession, options: JoinedCampaignOptions) {
    this.membership = membership;
    this.#redisSession = redisSession;
    this.#options = options;
    this.#resultBatcher = new ResultBatcher((results) => this.#pushResults(results));
    const { keys, session } = redisSession;
    this.#queueWorker = new Worker(keys.queue(session), (job) => this.#runShard(job), {
      connection: connectionOptions(options.address),
      prefix: options.prefix,
      concurrency: SHARD_CONCURRENCY,
      lockDuration: LEASE_MS,
      stalledInterval: LEASE_MS / 2,
      maxStalledCount: 1000,
      skipVersionCheck: true,
      removeOnComplete: { count: 0 },
    });
    this.#queueWorker.on('error', () => {
      // Reconnection is automatic, and the node's own connection reports the error.
    });
  }

  /** Takes no further shards, and resolves when the current ones are finished. */
  async drain(): Promise<void> {
    await closeQueueWorker(this.#queueWorker, false);
    this.#isDrained = true;
  }

  /** Ends the worker processes. Shards not finished are left to other nodes. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    await this.membership.leave();
    if (!this.#isDrained) await closeQueueWorker(this.#queueWorker, true);
  }

  async #runShard(job: Job): Promise<void> {
    const { totals, onShardFailure } = this.#options;
    totals.busyShards++;
    try {
      const shard = checkShard(job.data);
      await this.membership.runShard(shard, (result) => this.#sendResult(shard.id, result));
      totals.shards++;
    } catch (error) {
      if (!(error instanceof NotYetAvailableError)) onShardFailure(errorMessage(error));
      throw new UnrecoverableError(errorMessage(error));
    } finally {
      totals.busyShards--;
    }
  }

  async #sendResult(shard: string, result: TaskResult): Promise<void> {
    const { nodeId, totals } = this.#options;
    const message: ResultMessage = { v: MESSAGE_VERSION, shard, machine: nodeId, result };
    const bytes = packMessage(message);
    if (bytes.length > MAX_MESSAGE_BYTES)
      throw new MachineError(
        `the result of task ${result.task} has ${bytes.length} bytes, more than the queue can transfer: set a smaller --batch or --keep`,
      );
    if (!this.#hasLeft) await this.#resultBatcher.add(bytes);
    totals.tasks++;
    totals.execs += result.mutants;
  }

  async #pushResults(results: readonly Buffer[]): Promise<void> {
    await retryWhileFull(
      () => pushResults(this.#redisSession, results),
      (error, milliseconds) => {
        this.#options.onRedisFull(error);
        return milliseconds < FULL_TIMEOUT_MS && !this.#hasLeft;
      },
    );
  }
}

/** Closes a queue worker. Closing blocks while its connection is lost, so the wait is limited. */
async function closeQueueWorker(worker: Worker, isForced: boolean): Promise<void> {
  const closing = worker.close(isForced).catch(() => {});
  await Promise.race([
    closing,
    pause(isForced ? FORCED_CLOSE_TIMEOUT_MS : CLOSE_TIMEOUT_MS, undefined, { ref: false }),
  ]);
}
