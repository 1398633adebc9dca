import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { ExecutorContext, ExecutorFactory } from '../../campaign/executor-factory.ts';
import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import type { Executor, QueueStatistics, WorkerStatistics } from '../../fuzzer/executor.ts';
import type { PhaseSeconds, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { unpackMessage } from '../protocol/codec.ts';
import { checkResult, type ResultMessage } from '../protocol/messages.ts';
import { registeredNodes } from '../protocol/node-registry.ts';
import { RedisKeys } from '../protocol/redis-keys.ts';
import { deleteSession, type RedisSession } from '../protocol/session.ts';
import { connectionOptions, explainRedisError, type QueueAddress } from '../redis/connection.ts';
import { FULL_TIMEOUT_MS, isFull, retryWhileFull } from '../redis/retry-when-full.ts';
import { NodeStatistics } from './node-statistics.ts';
import { type PendingTask, type PublishedShard, PublishedShards } from './published-shards.ts';
import { CampaignPublisher } from './publisher.ts';
import { type CampaignUpload, collectCampaignFiles, prepareUpload } from './upload-manifest.ts';

/** Default number of tasks in an epoch of a distributed campaign. */
export const DEFAULT_EPOCH_TASKS = 256;

/** Results popped at once, and the delay in which more of them accumulate. */
const RESULTS_PER_POP = 64;
const GATHER_MS = 10;

/** Weight of the latest task in the moving average of task durations. */
const SMOOTHING_FACTOR = 0.1;

/** Interval at which published shards are checked. */
const POLL_INTERVAL_MS = 1000;

/** Target for the maximum duration of a shard; nodes join and leave between shards. */
const MAX_SHARD_SECONDS = 10;

/** Shards per node in an epoch, so that fast nodes need not wait for the slowest. */
const SHARDS_PER_NODE = 2;

/** Interval of warnings that no node takes part, and the delay before the first. */
const NO_NODE_WARNING_INTERVAL_MS = 30_000;
const JOIN_GRACE_MS = 5000;

/** How a campaign is published. */
export interface QueueOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  /** Display name of the campaign. */
  readonly name: string;
  /** Whether to accept nodes whose floating-point results differ in the last digits. */
  readonly mixed: boolean;
}

/** Makes executors that distribute tasks over the worker nodes on a queue. */
export function queueExecutorFactory(options: QueueOptions): ExecutorFactory {
  return {
    mixed: options.mixed,
    check: async (setup, loadOptions) => {
      if (setup.plausible !== undefined)
        throw new UserError(
          `--queue: the model of threatModel.plausible (${setup.plausible.path}) does not travel: run the campaign without --queue`,
        );
      if (setup.judges !== undefined)
        throw new UserError('--queue: the models of --judge do not travel: run the campaign without --queue');
      if (setup.latent !== undefined)
        throw new UserError(
          '--queue: the models of --encoder and --decoder do not travel: run the campaign without --queue',
        );
      await collectCampaignFiles(setup, loadOptions).catch((error: unknown) => {
        throw error instanceof UserError ? new UserError(`--queue: ${error.message}`) : error;
      });
    },
    create: async (context) => {
      const upload = await prepareUpload(context);
      const { displayUrl } = options.address;
      context.monitor.info(`on the queue ${displayUrl}: neurofuzz worker --queue … can run on any machine`);
      return new Coordinator(options, context, upload);
    },
  };
}

/** Total processing time of a task in seconds. */
function totalSeconds({ mutate, model, objectives, coverage }: PhaseSeconds): number {
  return mutate + model + objectives + coverage;
}

/**
 * Publishes tasks as shards and receives their results. Redis is transport only: shards that it loses are published again,
 * so every submitted task gets exactly one result.
 */
class Coordinator implements Executor {
  readonly whenClosed: Promise<void>;
  readonly #options: QueueOptions;
  readonly #context: ExecutorContext;
  readonly #redisSession: RedisSession;
  readonly #publisher: CampaignPublisher;
  readonly #nodeStatistics = new NodeStatistics(POLL_INTERVAL_MS / 1000);
  readonly #keys: RedisKeys;
  readonly #sessionId = randomBytes(16).toString('hex');
  readonly #redis: Redis;
  readonly #blockingRedis: Redis;
  readonly #queue: Queue;
  readonly #shards: PublishedShards;
  #unpublished: PendingTask[] = [];
  #isFlushScheduled = false;
  #lastPublish: Promise<void> = Promise.resolve();
  #secondsPerTask: number | undefined;
  #republishedShards = 0;
  #duplicateResults = 0;
  #isClosed = false;
  #failure: unknown;
  /** Time of the last warning that no node takes part; initialized so that nodes have a grace period to join. */
  #warnedAt = Date.now() - NO_NODE_WARNING_INTERVAL_MS + JOIN_GRACE_MS;
  /** Time since which Redis has been out of memory. */
  #fullSince: number | undefined;

  constructor(options: QueueOptions, context: ExecutorContext, upload: CampaignUpload) {
    this.#options = options;
    this.#context = context;
    this.#keys = new RedisKeys(options.prefix);
    const connect = (): Redis => {
      const redis = new Redis(connectionOptions(options.address, (error) => this.#fail(error)));
      redis.on('error', () => {
        // Reconnection is automatic; `connectionOptions` reports when it is given up.
      });
      return redis;
    };
    this.#redis = connect();
    this.#blockingRedis = connect();
    this.#redisSession = { redis: this.#redis, keys: this.#keys, session: this.#sessionId };
    this.#publisher = new CampaignPublisher(this.#redisSession, context, upload, options);
    this.#queue = new Queue(this.#keys.queue(this.#sessionId), {
      connection: this.#redis,
      prefix: options.prefix,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: false, attempts: 1 },
    });
    this.#queue.on('error', () => {});
    this.#shards = new PublishedShards(this.#queue);
    this.whenClosed = Promise.all([this.#receiveResults(), this.#superviseShards()]).then(() =>
      this.#endSession(),
    );
    this.whenClosed.catch(() => {});
  }

  get workers(): readonly WorkerStatistics[] {
    return this.#nodeStatistics.workers;
  }

  get queue(): QueueStatistics {
    return {
      machines: this.#nodeStatistics.nodeCount,
      shards: this.#shards.completedCount,
      again: this.#republishedShards,
      repeated: this.#duplicateResults,
      out: this.#shards.size,
    };
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#unpublished.push({ task, resolve, reject });
      if (this.#isFlushScheduled) return;
      this.#isFlushScheduled = true;
      // The tasks of an epoch are submitted in one go; defer publishing so that they are sharded together.
      setImmediate(() => {
        this.#isFlushScheduled = false;
        this.#publishInOrder(() => this.#publishTasks()).catch((error: unknown) => this.#fail(error));
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#blockingRedis.disconnect();
  }

  #fail(error: unknown): void {
    this.#failure ??= explainRedisError(error, this.#options.address);
    for (const { reject } of [...this.#shards.pendingTasks(), ...this.#unpublished]) reject(this.#failure);
    this.#unpublished = [];
  }

  /** Serializes publications: parts of the corpus must be published in order. */
  #publishInOrder(publish: () => Promise<void>): Promise<void> {
    const turn = this.#lastPublish.then(publish);
    this.#lastPublish = turn.catch(() => {});
    return turn;
  }

  async #publishTasks(): Promise<void> {
    const tasks = this.#unpublished;
    this.#unpublished = [];
    if (tasks.length === 0) return;
    const entries = this.#context.corpusSource.corpus.size.count;
    const size = this.#shardSize(tasks.length);
    const shards: PublishedShard[] = [];
    for (let from = 0; from < tasks.length; from += size)
      shards.push(this.#shards.create(tasks.slice(from, from + size), entries));
    await this.#retryWhileFull(() => this.#publisher.publish(entries));
    await this.#retryWhileFull(() => this.#shards.publish(shards));
  }

  /** Retries while Redis is out of memory: receiving results frees some. The supervision loop reports when to give up. */
  #retryWhileFull(publish: () => Promise<void>): Promise<void> {
    return retryWhileFull(
      publish,
      (_, milliseconds) => milliseconds < FULL_TIMEOUT_MS && !this.#isClosed && this.#failure === undefined,
    );
  }

  /** Number of tasks in a shard: at most some seconds of work, and small enough that there are shards for all nodes. */
  #shardSize(tasks: number): number {
    const evenShare = Math.ceil(tasks / (Math.max(1, this.#nodeStatistics.nodeCount) * SHARDS_PER_NODE));
    const { meanJobs } = this.#nodeStatistics;
    const timeLimit =
      this.#secondsPerTask === undefined ? evenShare : (MAX_SHARD_SECONDS * meanJobs) / this.#secondsPerTask;
    return Math.max(1, Math.min(evenShare, Math.floor(timeLimit)));
  }

  /** Receives results until the executor is closed. */
  async #receiveResults(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const results = this.#keys.results(this.#sessionId);
        const popped = await this.#blockingRedis.blpopBuffer(results, 5);
        if (popped === null) continue;
        this.#handleResult(popped[1]);
        // Wait for further results: a round trip costs more than the delay.
        await pause(GATHER_MS);
        for (const bytes of (await this.#blockingRedis.lpopBuffer(results, RESULTS_PER_POP)) ?? [])
          this.#handleResult(bytes);
      } catch {
        // The connection was lost or closed. Results lost in transit are missing, and their shards are published again.
        if (!this.#isClosed) await pause(POLL_INTERVAL_MS);
      }
    }
  }

  /** Resolves the task of a result. Duplicates and results of earlier sessions are ignored; a damaged result stays missing. */
  #handleResult(bytes: Uint8Array): void {
    let message: ResultMessage;
    try {
      message = checkResult(unpackMessage(bytes));
    } catch (error) {
      this.#context.monitor.warn(`${errorMessage(error)}; its shard is published again`);
      return;
    }
    const { machine: nodeId, shard, result } = message;
    const pending = this.#shards.findPending(shard, result.task);
    if (pending === undefined) {
      this.#duplicateResults++;
      return;
    }
    if (pending.task.mutants !== result.mutants) return;
    this.#shards.complete(shard, result.task);
    const seconds = totalSeconds(result.seconds);
    this.#secondsPerTask =
      (this.#secondsPerTask ?? seconds) * (1 - SMOOTHING_FACTOR) + seconds * SMOOTHING_FACTOR;
    this.#nodeStatistics.recordTask(nodeId, result.mutants);
    pending.resolve(result);
  }

  /** Supervises published shards until the executor is closed. */
  async #superviseShards(): Promise<void> {
    while (!this.#isClosed && this.#failure === undefined) {
      await pause(POLL_INTERVAL_MS);
      if (this.#isClosed) return;
      try {
        await this.#superviseShardsOnce();
        this.#fullSince = undefined;
      } catch (error) {
        // A lost connection is restored; errors replied by Redis, and shards that fail on every node, are final.
        const isFinal =
          error instanceof MachineError || (error instanceof Error && error.name === 'ReplyError');
        if (!this.#isClosed && isFinal && !this.#canWait(error)) this.#fail(error);
      }
    }
  }

  /** Whether an error may be temporary: Redis may regain memory within `FULL_TIMEOUT_MS`. */
  #canWait(error: unknown): boolean {
    if (!isFull(error)) return false;
    if (this.#fullSince === undefined)
      this.#context.monitor.warn(`${explainRedisError(error, this.#options.address).message}; trying again`);
    this.#fullSince ??= Date.now();
    return Date.now() - this.#fullSince < FULL_TIMEOUT_MS;
  }

  async #superviseShardsOnce(): Promise<void> {
    const nodes = await registeredNodes(this.#redis, this.#keys);
    this.#nodeStatistics.update(nodes.filter(({ sessions }) => sessions.includes(this.#sessionId)));
    this.#warnWithoutNodes();
    // Redis may have restarted without its data.
    if (!(await this.#publisher.renew())) await this.#republishSession();
    const lost = await this.#shards.removeLostJobs();
    if (lost.length === 0) return;
    this.#republishedShards += lost.length;
    await this.#shards.publish(lost);
  }

  async #republishSession(): Promise<void> {
    await this.#publishInOrder(() => this.#publisher.republish());
    // A node that was just deleting the session has paused its queue.
    await this.#queue.resume();
    this.#shards.markAllLost();
    this.#context.monitor.warn('the queue lost its contents: all shards were published again');
  }

  #warnWithoutNodes(): void {
    if (
      this.#nodeStatistics.nodeCount > 0 ||
      this.#shards.size === 0 ||
      Date.now() - this.#warnedAt < NO_NODE_WARNING_INTERVAL_MS
    )
      return;
    this.#warnedAt = Date.now();
    this.#context.monitor.warn(
      'no machine has joined yet: start neurofuzz worker with the same --queue and version',
    );
  }

  /** Deletes all keys of this session. */
  async #endSession(): Promise<void> {
    try {
      if (this.#redis.status === 'ready') {
        await deleteSession(this.#redisSession, this.#queue);
      }
    } catch {
      // Keys left behind are ignored by all nodes, because the session has ended.
    } finally {
      await this.#queue.close().catch(() => {});
      this.#redis.disconnect();
    }
  }
}
