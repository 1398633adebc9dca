import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { ExecutorContext, ExecutorFactory } from '../../campaign/executor-factory.ts';
import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import type { Executor, QueueStatistics, WorkerStatistics } from '../../fuzzer/executor.ts';
import type { PhaseSeconds, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { unpackMessage } from '../protocol/codec.ts';
import { checkResult, MESSAGE_VERSION, type ResultMessage, type Shard } from '../protocol/messages.ts';
import { registeredNodes } from '../protocol/node-registry.ts';
import { RedisKeys } from '../protocol/redis-keys.ts';
import { deleteSession, type RedisSession } from '../protocol/session.ts';
import { connectionOptions, explainRedisError, type QueueAddress } from '../redis/connection.ts';
import { FULL_TIMEOUT_MS, isFull, retryWhileFull } from '../redis/retry-when-full.ts';
import { NodeStatistics } from './node-statistics.ts';
import { CampaignPublisher } from './publisher.ts';
import { type CampaignUpload, collectCampaignFiles, prepareUpload } from './upload-manifest.ts';

/** Tasks in an epoch of a campaign on a queue, unless told. */
export const DEFAULT_EPOCH_TASKS = 256;

/** Results that are taken at a time, and milliseconds that they are gathered for. */
const RESULTS_PER_POP = 64;
const GATHER_MS = 10;

/** What the latest task counts for in what tasks take. */
const SMOOTHING_FACTOR = 0.1;

/** Milliseconds between looks at what is out. */
const POLL_INTERVAL_MS = 1000;

/** Milliseconds that a shard is out before anyone asks for it, and without a job or a result before it is published again. */
const REPUBLISH_AFTER_MS = 5000;

/** Seconds that a shard may take in the best case: machines come and go between shards. */
const MAX_SHARD_SECONDS = 10;

/** Shards that each machine may find waiting, so that none waits for the slowest. */
const SHARDS_PER_NODE = 2;

/** Times that a shard may fail on machines before that is hopeless. */
const MAX_FAILURES = 10;

/** Milliseconds between words on there being no machine, and before the first. */
const NO_NODE_WARNING_INTERVAL_MS = 30_000;
const JOIN_GRACE_MS = 5000;

/** How a campaign is put on a queue. */
export interface QueueOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  /** What people call the campaign. */
  readonly name: string;
  /** Whether machines may take part that compute otherwise in the last digits. */
  readonly mixed: boolean;
}

interface PendingTask {
  readonly task: Task;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: unknown) => void;
}

interface PublishedShard {
  readonly shard: Shard;
  /** Tasks whose results are not there, by their numbers. */
  readonly missing: Map<number, PendingTask>;
  /** When it was published last. */
  publishedAt: number;
  /** Since when its job is gone; its result may be on the way then. */
  goneSince: number | undefined;
  /** Times that it was published, for names of jobs: one that is gone may come back late. */
  attempts: number;
  failures: number;
}

/** Makes an executor whose tasks are carried out by machines on a queue. */
export function queueExecutorFactory(options: QueueOptions): ExecutorFactory {
  return {
    mixed: options.mixed,
    check: async (setup, loading) => {
      await collectCampaignFiles(setup, loading).catch((error: unknown) => {
        throw error instanceof UserError ? new UserError(`--queue: ${error.message}`) : error;
      });
    },
    create: async (parts) => {
      const departure = await prepareUpload(parts);
      const { displayUrl } = options.address;
      parts.monitor.info(`on the queue ${displayUrl}: neurofuzz worker --queue … on any machine takes part`);
      return new Coordinator(options, parts, departure);
    },
  };
}

/** Seconds that a process worked on a task. */
function totalSeconds({ mutate, model, objectives, coverage }: PhaseSeconds): number {
  return mutate + model + objectives + coverage;
}

/** Publishes tasks as shards and takes results; Redis only carries, and what it loses is published again. */
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
  readonly #published = new Map<string, PublishedShard>();
  #unpublished: PendingTask[] = [];
  #isFlushScheduled = false;
  #lastPublish: Promise<void> = Promise.resolve();
  #shardCount = 0;
  #secondsPerTask: number | undefined;
  #republishedShards = 0;
  #duplicateResults = 0;
  #completedShards = 0;
  #isClosed = false;
  #failure: unknown;
  /** When it was told that there is no machine; at first they are given some seconds to join. */
  #warnedAt = Date.now() - NO_NODE_WARNING_INTERVAL_MS + JOIN_GRACE_MS;
  /** Since when Redis has been full. */
  #fullSince: number | undefined;

  constructor(options: QueueOptions, parts: ExecutorContext, departure: CampaignUpload) {
    this.#options = options;
    this.#context = parts;
    this.#keys = new RedisKeys(options.prefix);
    const connect = (): Redis => {
      const redis = new Redis(connectionOptions(options.address, (error) => this.#fail(error)));
      redis.on('error', () => {
        // It goes on trying, and says so when that is hopeless.
      });
      return redis;
    };
    this.#redis = connect();
    this.#blockingRedis = connect();
    this.#redisSession = { redis: this.#redis, keys: this.#keys, session: this.#sessionId };
    this.#publisher = new CampaignPublisher(this.#redisSession, parts, departure, options);
    this.#queue = new Queue(this.#keys.queue(this.#sessionId), {
      connection: this.#redis,
      prefix: options.prefix,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: false, attempts: 1 },
    });
    this.#queue.on('error', () => {});
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
      shards: this.#completedShards,
      again: this.#republishedShards,
      repeated: this.#duplicateResults,
      out: this.#published.size,
    };
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((done, failed) => {
      if (this.#failure !== undefined) return failed(this.#failure);
      this.#unpublished.push({ task, resolve: done, reject: failed });
      if (this.#isFlushScheduled) return;
      this.#isFlushScheduled = true;
      // Tasks of an epoch are handed in one after the other: they are published together.
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
    for (const { missing } of this.#published.values())
      for (const { reject } of missing.values()) reject(this.#failure);
    for (const { reject: failed } of this.#unpublished) failed(this.#failure);
    this.#unpublished = [];
  }

  /** Publishes one thing after the other: parts of the corpus have an order. */
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
    for (let from = 0; from < tasks.length; from += size) {
      const some = tasks.slice(from, from + size);
      const id = `${some[0].task.number}-${some[some.length - 1].task.number}-${this.#shardCount++}`;
      const shard = { v: MESSAGE_VERSION, id, entries, tasks: some.map(({ task }) => task) };
      const missing = new Map(some.map((pending) => [pending.task.number, pending]));
      const out = { shard, missing, publishedAt: Date.now(), goneSince: undefined, attempts: 0, failures: 0 };
      this.#published.set(id, out);
      shards.push(out);
    }
    await this.#retryWhileFull(() => this.#publisher.publish(entries));
    await this.#retryWhileFull(() => this.#addJobs(shards));
  }

  /** Goes on trying where Redis is full: what takes results makes room meanwhile, and what looks after all says when that is hopeless. */
  #retryWhileFull(publish: () => Promise<void>): Promise<void> {
    return retryWhileFull(
      publish,
      (_, milliseconds) => milliseconds < FULL_TIMEOUT_MS && !this.#isClosed && this.#failure === undefined,
    );
  }

  /** Tasks of a shard: some seconds of work, and enough shards for all machines. */
  #shardSize(tasks: number): number {
    const fair = Math.ceil(tasks / (Math.max(1, this.#nodeStatistics.nodeCount) * SHARDS_PER_NODE));
    const { meanJobs } = this.#nodeStatistics;
    const short =
      this.#secondsPerTask === undefined ? fair : (MAX_SHARD_SECONDS * meanJobs) / this.#secondsPerTask;
    return Math.max(1, Math.min(fair, Math.floor(short)));
  }

  async #addJobs(shards: readonly PublishedShard[]): Promise<void> {
    for (const out of shards) {
      out.publishedAt = Date.now();
      out.goneSince = undefined;
    }
    await this.#queue.addBulk(
      shards.map((out) => ({
        name: 'shard',
        data: { ...out.shard, tasks: [...out.missing.values()].map(({ task }) => task) },
        opts: { jobId: `${out.shard.id}-${out.attempts++}` },
      })),
    );
  }

  /** Takes results as they come, until it is closed. */
  async #receiveResults(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const results = this.#keys.results(this.#sessionId);
        const popped = await this.#blockingRedis.blpopBuffer(results, 5);
        if (popped === null) continue;
        this.#handleResult(popped[1]);
        // Others come soon: asking costs more than what is asked for.
        await pause(GATHER_MS);
        for (const bytes of (await this.#blockingRedis.lpopBuffer(results, RESULTS_PER_POP)) ?? [])
          this.#handleResult(bytes);
      } catch {
        // The connection was lost or closed; what was on the way is published again.
        if (!this.#isClosed) await pause(POLL_INTERVAL_MS);
      }
    }
  }

  /** Takes a result; one that came before, or is of a session before, is passed over, and one that is damaged is made again. */
  #handleResult(bytes: Uint8Array): void {
    let message: ResultMessage;
    try {
      message = checkResult(unpackMessage(bytes));
    } catch (error) {
      this.#context.monitor.warn(`${errorMessage(error)}: its shard is published again`);
      return;
    }
    const { machine, shard, result } = message;
    const out = this.#published.get(shard);
    const pending = out?.missing.get(result.task);
    if (out === undefined || pending === undefined) {
      this.#duplicateResults++;
      return;
    }
    if (pending.task.mutants !== result.mutants) return;
    out.missing.delete(result.task);
    if (out.missing.size === 0) {
      this.#published.delete(shard);
      this.#completedShards++;
    }
    const own = totalSeconds(result.seconds);
    this.#secondsPerTask = (this.#secondsPerTask ?? own) * (1 - SMOOTHING_FACTOR) + own * SMOOTHING_FACTOR;
    this.#nodeStatistics.recordTask(machine, result.mutants);
    pending.resolve(result);
  }

  /** Looks after what is out, until it is closed. */
  async #superviseShards(): Promise<void> {
    while (!this.#isClosed && this.#failure === undefined) {
      await pause(POLL_INTERVAL_MS);
      if (this.#isClosed) return;
      try {
        await this.#superviseShardsOnce();
        this.#fullSince = undefined;
      } catch (error) {
        // A connection that was lost comes back; what Redis refuses, and what no machine can do, is a failure.
        const isFinal =
          error instanceof MachineError || (error instanceof Error && error.name === 'ReplyError');
        if (!this.#isClosed && isFinal && !this.#canWait(error)) this.#fail(error);
      }
    }
  }

  /** Whether an error may pass: a Redis that is full is waited for a while. */
  #canWait(error: unknown): boolean {
    if (!isFull(error)) return false;
    if (this.#fullSince === undefined)
      this.#context.monitor.warn(`${explainRedisError(error, this.#options.address).message}; trying again`);
    this.#fullSince ??= Date.now();
    return Date.now() - this.#fullSince < FULL_TIMEOUT_MS;
  }

  async #superviseShardsOnce(): Promise<void> {
    const machines = await registeredNodes(this.#redis, this.#keys);
    this.#nodeStatistics.update(machines.filter(({ sessions }) => sessions.includes(this.#sessionId)));
    this.#warnWithoutNodes();
    // Redis may have come back without its memory.
    if (!(await this.#publisher.renew())) {
      await this.#publishInOrder(() => this.#publisher.republish());
      // Whoever was taking it away just then had paused it first.
      await this.#queue.resume();
      for (const out of this.#published.values()) [out.publishedAt, out.goneSince] = [0, 0];
      this.#context.monitor.warn('the queue had lost what was on it: all of it was published again');
    }
    const late: PublishedShard[] = [];
    for (const out of this.#published.values()) {
      if (Date.now() - out.publishedAt < REPUBLISH_AFTER_MS) continue;
      const job = await this.#queue.getJob(`${out.shard.id}-${out.attempts - 1}`);
      const state = job === undefined ? 'gone' : await job.getState();
      if (state === 'waiting' || state === 'active' || state === 'delayed' || state === 'prioritized')
        continue;
      if (state === 'failed' && ++out.failures >= MAX_FAILURES)
        throw new MachineError(`no machine can carry out tasks ${out.shard.id}: ${job?.failedReason}`);
      // Where it was carried out, the result comes before long.
      out.goneSince ??= Date.now();
      if (state !== 'failed' && Date.now() - out.goneSince < REPUBLISH_AFTER_MS) continue;
      await job?.remove();
      late.push(out);
    }
    if (late.length === 0) return;
    this.#republishedShards += late.length;
    await this.#addJobs(late);
  }

  #warnWithoutNodes(): void {
    if (
      this.#nodeStatistics.nodeCount > 0 ||
      this.#published.size === 0 ||
      Date.now() - this.#warnedAt < NO_NODE_WARNING_INTERVAL_MS
    )
      return;
    this.#warnedAt = Date.now();
    this.#context.monitor.warn(
      'no machine takes part yet: start neurofuzz worker with the same --queue and version',
    );
  }

  /** Takes away all that is this session's. */
  async #endSession(): Promise<void> {
    try {
      if (this.#redis.status === 'ready') {
        await deleteSession(this.#redisSession, this.#queue);
      }
    } catch {
      // What stays there is passed over by everyone, since the session is over.
    } finally {
      await this.#queue.close().catch(() => {});
      this.#redis.disconnect();
    }
  }
}
