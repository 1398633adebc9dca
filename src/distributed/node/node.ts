import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { errorMessage, MachineError } from '../../core/errors.ts';
import { type Metric, makeMetric } from '../../core/prometheus.ts';
import type { TaskResult } from '../../fuzzer/scheduling/task.ts';
import { NotYetAvailableError } from '../errors.ts';
import { MAX_MESSAGE_BYTES, packMessage, unpackMessage } from '../protocol/codec.ts';
import {
  checkDescriptor,
  checkShard,
  type Descriptor,
  MESSAGE_VERSION,
  type ResultMessage,
} from '../protocol/messages.ts';
import { registeredNodes, registerNode, unregisterNode, type WorkerNode } from '../protocol/node-registry.ts';
import { RedisKeys } from '../protocol/redis-keys.ts';
import {
  deleteSession,
  hasEnded,
  listSessions,
  pushResults,
  type RedisSession,
} from '../protocol/session.ts';
import { checkQueue, connectionOptions, explainRedisError, type QueueAddress } from '../redis/connection.ts';
import { FULL_TIMEOUT_MS, retryWhileFull } from '../redis/retry-when-full.ts';
import { FileCache } from '../transfer/file-transfer.ts';
import { CampaignMembership } from './campaign-membership.ts';
import { type CampaignLoad, selectCampaign } from './campaign-selection.ts';
import { ResultBatcher } from './result-batcher.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Milliseconds between looks for campaigns, and between words on how this machine is. */
const POLL_INTERVAL_MS = 500;
const HEARTBEAT_INTERVAL_MS = 3000;

/** Milliseconds that a shard is a machine's before it must say that it still works on it. */
const LEASE_MS = 6000;

/** Milliseconds between words on a full Redis. */
const FULL_WARNING_INTERVAL_MS = 30_000;

/** Milliseconds that the end of a worker is waited for: at once, and with the shards that it works on. */
const FORCED_CLOSE_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 120_000;

/** Milliseconds that a machine leaves a campaign to others whose shard it could not carry out: at first, and at most. */
const MIN_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 30_000;

/** Shards at a time: one that is worked on, and one whose first tasks fill its gaps. */
const SHARD_CONCURRENCY = 2;

/** How a machine takes part. */
export interface WorkerNodeOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  readonly jobs: number;
  /** Campaigns at a time, each with as many worker processes. */
  readonly campaigns: number;
  /** Packages whose plug-ins campaigns may run here. */
  readonly allowed: readonly string[];
  readonly cache: { readonly folder: string; readonly bytes: number };
}

/** What a machine did so far. */
export interface WorkerNodeStatistics {
  readonly shards: number;
  readonly tasks: number;
  readonly execs: number;
  readonly busy: number;
  readonly campaigns: number;
  readonly memoryMB: number;
}

/** Who watches a machine. */
export interface WorkerNodeMonitor {
  /** Given what tells the figures of the moment, once it works. */
  onStart?(figures: () => WorkerNodeStatistics): void;
  info(text: string): void;
  warn(text: string): void;
}

/** A machine's figures for Prometheus. */
export function workerNodeMetrics({
  shards,
  tasks,
  execs,
  busy,
  campaigns,
  memoryMB,
}: WorkerNodeStatistics): Metric[] {
  return [
    makeMetric('worker_shards_total', 'shards that were carried out', shards),
    makeMetric('worker_tasks_total', 'tasks that were carried out', tasks),
    makeMetric('worker_execs_total', 'mutants that ran', execs),
    makeMetric('worker_shards_busy', 'shards that are worked on', busy),
    makeMetric('worker_campaigns', 'campaigns that this machine takes part in', campaigns),
    makeMetric('worker_memory_megabytes', 'of all worker processes', memoryMB),
  ];
}

interface JoinedCampaign {
  readonly membership: CampaignMembership;
  readonly resultBatcher: ResultBatcher;
  /** When it joined, in milliseconds. */
  readonly joinedAt: number;
  readonly queueWorker: Worker;
}

/**
 * Takes shards of all campaigns on a queue until it is told to end.
 *
 * @throws UserError, MachineError where the queue cannot be used
 */
export async function runWorkerNode(
  options: WorkerNodeOptions,
  observer: WorkerNodeMonitor,
  signal: AbortSignal,
): Promise<void> {
  await checkQueue(options.address, options.prefix);
  let failure: unknown;
  const ended = new AbortController();
  const redis = new Redis(
    connectionOptions(options.address, (error) => {
      failure = error;
      ended.abort();
    }),
  );
  let isLost = false;
  redis.on('error', (error: Error) => {
    if (!isLost) observer.warn(`${explainRedisError(error, options.address).message}; trying again`);
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) observer.info('the queue is there again');
    isLost = false;
  });
  const machine = new WorkerNodeController(options, observer, redis);
  observer.onStart?.(() => machine.statistics);
  try {
    await machine.run(AbortSignal.any([signal, ended.signal]));
  } finally {
    await machine.shutDown();
    redis.disconnect();
  }
  if (failure !== undefined) throw failure;
}

/** Closes a worker; one that does not get its connection back is not waited for any longer. */
async function closeQueueWorker(worker: Worker, isForced: boolean): Promise<void> {
  const closing = worker.close(isForced).catch(() => {});
  await Promise.race([
    closing,
    pause(isForced ? FORCED_CLOSE_TIMEOUT_MS : CLOSE_TIMEOUT_MS, undefined, { ref: false }),
  ]);
}

class WorkerNodeController {
  readonly #options: WorkerNodeOptions;
  readonly #monitor: WorkerNodeMonitor;
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #cache: FileCache;
  readonly #id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  readonly #campaigns = new Map<string, JoinedCampaign>();
  /** When it left campaigns for others. */
  readonly #leftAt = new Map<string, number>();
  /** Sessions whose shards it could not carry out, until when it leaves them to others, and how often it was so. */
  readonly #backoffs = new Map<string, { readonly until: number; readonly times: number }>();
  /** Sessions that it does not take part in, and why. */
  readonly #refusals = new Map<string, string>();
  readonly #totals = { shards: 0, tasks: 0, execs: 0 };
  #busyShards = 0;
  #isLeaving = false;
  #registeredAt = 0;
  /** When it was told last that Redis is full. */
  #warnedAt = 0;
  #execsHistory: { readonly time: number; readonly execs: number }[] = [];

  constructor(options: WorkerNodeOptions, observer: WorkerNodeMonitor, redis: Redis) {
    this.#options = options;
    this.#monitor = observer;
    this.#redis = redis;
    this.#keys = new RedisKeys(options.prefix);
    this.#cache = new FileCache(options.cache.folder, options.cache.bytes);
  }

  get statistics(): WorkerNodeStatistics {
    const parts = [...this.#campaigns.values()].map(({ membership }) => membership);
    const memoryMB = parts.reduce((sum, own) => sum + own.memoryMB, 0);
    return { ...this.#totals, busy: this.#busyShards, campaigns: parts.length, memoryMB };
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#cache.removeStaleFolders();
    while (!signal.aborted) {
      try {
        if (this.#redis.status === 'ready') {
          await this.#pollCampaigns();
          await this.#register();
        }
      } catch (error) {
        this.#monitor.warn(explainRedisError(error, this.#options.address).message);
      }
      await pause(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
  }

  async shutDown(): Promise<void> {
    for (const session of [...this.#campaigns.keys()]) await this.#leaveCampaign(session);
    if (this.#redis.status === 'ready')
      await unregisterNode(this.#redis, this.#keys, this.#id).catch(() => {});
  }

  /** Leaves campaigns that are over, and chooses among the others. */
  async #pollCampaigns(): Promise<void> {
    const { living: all, over } = await listSessions(this.#redis, this.#keys);
    const living = new Set(all);
    for (const session of over) await this.#deleteSession(session);
    for (const [session, { membership }] of [...this.#campaigns]) {
      if (living.has(session)) continue;
      this.#monitor.info(`${membership.name} is over`);
      await this.#leaveCampaign(session);
      // What was still under way may have left keys behind the coordinator's back. Where Redis has lost its memory, it comes again.
      if (await hasEnded(this.#redisSession(session))) await this.#deleteSession(session);
    }
    for (const known of [this.#refusals, this.#leftAt, this.#backoffs])
      for (const session of known.keys()) if (!living.has(session)) known.delete(session);
    await this.#rebalance(
      all.filter((session) => !this.#refusals.has(session) && !this.#isBackingOff(session)),
    );
  }

  /** Joins the campaign that fewest work on, or leaves one for it. */
  async #rebalance(sessions: readonly string[]): Promise<void> {
    if (this.#isLeaving || sessions.every((session) => this.#campaigns.has(session))) return;
    const others = (await registeredNodes(this.#redis, this.#keys)).filter(({ id }) => id !== this.#id);
    const now = Date.now();
    const standings = sessions.map((session): CampaignLoad => {
      const own = this.#campaigns.get(session);
      const machines = others.filter((other) => other.sessions.includes(session)).length;
      const left = this.#leftAt.get(session);
      return own === undefined
        ? { session, nodeCount: machines, ...(left === undefined ? {} : { leftMs: now - left }) }
        : { session, nodeCount: machines + 1, joinedMs: now - own.joinedAt };
    });
    const { leave, join } = selectCampaign(standings, this.#options.campaigns, this.#id);
    if (leave !== undefined) {
      this.#monitor.info(
        `leaves ${this.#campaigns.get(leave)?.membership.name} for another that fewer work on`,
      );
      this.#isLeaving = true;
      // What it works on there comes to its end while it goes on elsewhere.
      void this.#leaveCampaign(leave, true).finally(() => {
        this.#isLeaving = false;
        this.#leftAt.set(leave, Date.now());
        this.#registeredAt = 0;
      });
    }
    if (join === undefined) return;
    await this.#joinCampaign(join);
    // Others choose by it.
    this.#registeredAt = 0;
  }

  /** Takes away what a coordinator left that did not come back. */
  async #deleteSession(session: string): Promise<void> {
    const { prefix } = this.#options;
    const queue = new Queue(this.#keys.queue(session), {
      connection: this.#redis,
      prefix,
      skipVersionCheck: true,
    });
    queue.on('error', () => {});
    await deleteSession(this.#redisSession(session), queue);
    await queue.close();
  }

  #redisSession(session: string): RedisSession {
    return { redis: this.#redis, keys: this.#keys, session };
  }

  /**
   * Leaves a campaign.
   *
   * @param inOrder whether shards that it works on are brought to their end first; else they are given to others
   */
  async #leaveCampaign(session: string, inOrder = false): Promise<void> {
    const joined = this.#campaigns.get(session);
    if (joined === undefined) return;
    if (inOrder) await closeQueueWorker(joined.queueWorker, false);
    // Before its processes end: whoever waits for them need not be told.
    this.#campaigns.delete(session);
    await joined.membership.leave();
    if (!inOrder) await closeQueueWorker(joined.queueWorker, true);
  }

  async #joinCampaign(session: string): Promise<void> {
    let name = session;
    try {
      const bytes = await this.#redis.getBuffer(this.#keys.descriptor(session));
      if (bytes === null) return;
      const descriptor = this.#checkDescriptor(unpackMessage(bytes));
      name = descriptor.name;
      const { jobs } = this.#options;
      const part = await CampaignMembership.join(
        descriptor,
        this.#options,
        this.#cache,
        this.#redis,
        this.#keys,
      );
      const outbox = new ResultBatcher((all) => this.#pushResults(session, all));
      this.#campaigns.set(session, {
        membership: part,
        resultBatcher: outbox,
        queueWorker: this.#createQueueWorker(part),
        joinedAt: Date.now(),
      });
      this.#monitor.info(`takes part in ${name} with ${jobs} processes`);
    } catch (error) {
      const why = errorMessage(error);
      // What did not come over may come later.
      if (error instanceof NotYetAvailableError) return;
      this.#refusals.set(session, `${name}: ${why}`);
      this.#monitor.warn(`does not take part in ${name}: ${why}`);
    }
  }

  #checkDescriptor(message: unknown): Descriptor {
    const { version: theirs } = (message ?? {}) as Partial<Descriptor>;
    if (typeof theirs === 'string' && theirs !== version)
      throw new Error(`it is of neurofuzz ${theirs.slice(0, 64)}, and this machine has ${version}`);
    return checkDescriptor(message);
  }

  #createQueueWorker(part: CampaignMembership): Worker {
    const worker = new Worker(this.#keys.queue(part.session), (job) => this.#runShard(part, job), {
      connection: connectionOptions(this.#options.address),
      prefix: this.#options.prefix,
      concurrency: SHARD_CONCURRENCY,
      lockDuration: LEASE_MS,
      stalledInterval: LEASE_MS / 2,
      maxStalledCount: 1000,
      skipVersionCheck: true,
      removeOnComplete: { count: 0 },
    });
    worker.on('error', () => {
      // The connection comes back; the machine's own says what is wrong.
    });
    return worker;
  }

  async #runShard(part: CampaignMembership, job: Job): Promise<void> {
    this.#busyShards++;
    try {
      const shard = checkShard(job.data);
      await part.runShard(shard, (result) => this.#sendResult(part, shard.id, result));
      this.#totals.shards++;
    } catch (error) {
      if (!(error instanceof NotYetAvailableError)) this.#backOff(part, errorMessage(error));
      throw new UnrecoverableError(errorMessage(error));
    } finally {
      this.#busyShards--;
    }
  }

  /**
   * Leaves a campaign for a while where a shard cannot be carried out, so that others get it, and joins anew with all that it takes: what
   * is wrong here may be mended by that.
   */
  #backOff({ session, name }: CampaignMembership, why: string): void {
    const { until = 0, times = 0 } = this.#backoffs.get(session) ?? {};
    if (!this.#campaigns.has(session) || until > Date.now()) return;
    const pause = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** times);
    this.#monitor.warn(`${name}: ${why}; leaves it for ${pause / 1000} s`);
    this.#backoffs.set(session, { until: Date.now() + pause, times: times + 1 });
    // In order: the coordinator is told that the shard has failed.
    void this.#leaveCampaign(session, true);
  }

  #isBackingOff(session: string): boolean {
    return (this.#backoffs.get(session)?.until ?? 0) > Date.now();
  }

  /** Sends a result. */
  async #sendResult(part: CampaignMembership, shard: string, result: TaskResult): Promise<void> {
    const message: ResultMessage = { v: MESSAGE_VERSION, shard, machine: this.#id, result };
    const bytes = packMessage(message);
    if (bytes.length > MAX_MESSAGE_BYTES)
      throw new MachineError(
        `what task ${result.task} brought takes ${bytes.length} bytes, more than a queue carries: make --batch or --keep smaller`,
      );
    await this.#campaigns.get(part.session)?.resultBatcher.add(bytes);
    this.#totals.tasks++;
    this.#totals.execs += result.mutants;
  }

  /** Sends results; a full Redis is waited for. */
  async #pushResults(session: string, results: Buffer[]): Promise<void> {
    await retryWhileFull(
      () => pushResults(this.#redisSession(session), results),
      (error, milliseconds) => {
        this.#warnFull(error);
        return milliseconds < FULL_TIMEOUT_MS && this.#campaigns.has(session);
      },
    );
  }

  #warnFull(error: unknown): void {
    if (Date.now() - this.#warnedAt < FULL_WARNING_INTERVAL_MS) return;
    this.#warnedAt = Date.now();
    this.#monitor.warn(`${explainRedisError(error, this.#options.address).message}; trying again`);
  }

  async #register(): Promise<void> {
    const now = Date.now();
    if (now - this.#registeredAt < HEARTBEAT_INTERVAL_MS) return;
    this.#registeredAt = now;
    const { shards, tasks, execs, busy, memoryMB } = this.statistics;
    this.#execsHistory = [...this.#execsHistory.slice(-4), { time: now, execs }];
    const [first] = this.#execsHistory;
    const own: WorkerNode = {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      version,
      jobs: this.#options.jobs,
      busy: busy > 0,
      sessions: [...this.#campaigns.keys()],
      refused: [...this.#refusals.values()].slice(0, 64).map((text) => text.slice(0, 1024)),
      shards,
      tasks,
      execs,
      execsPerSecond: Math.round((1000 * (execs - first.execs)) / Math.max(1, now - first.time)),
      replaced: [...this.#campaigns.values()].reduce((sum, { membership }) => sum + membership.replaced, 0),
      memoryMB: Math.round(memoryMB),
    };
    await registerNode(this.#redis, this.#keys, own);
  }
}
