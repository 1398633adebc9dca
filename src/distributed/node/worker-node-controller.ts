import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { errorMessage } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { VERSION } from '../../core/package-files.ts';
import { NotYetAvailableError } from '../errors.ts';
import { unpackMessage } from '../protocol/codec.ts';
import { checkDescriptor, type Descriptor } from '../protocol/messages.ts';
import { registeredNodes, registerNode, unregisterNode } from '../protocol/node-registry.ts';
import { RedisKeys } from '../protocol/redis-keys.ts';
import { deleteSession, hasEnded, listSessions, type RedisSession } from '../protocol/session.ts';
import { explainRedisError, type QueueAddress } from '../redis/connection.ts';
import { FileCache } from '../transfer/file-transfer.ts';
import { Backoffs } from './backoffs.ts';
import { CampaignMembership } from './campaign-membership.ts';
import { type CampaignLoad, selectCampaign } from './campaign-selection.ts';
import { JoinedCampaign, type WorkTotals } from './joined-campaign.ts';
import type { WorkerNodeStatistics } from './node-metrics.ts';

/** Poll interval for campaigns, and heartbeat interval. */
const POLL_INTERVAL_MS = 500;
const HEARTBEAT_INTERVAL_MS = 3000;

/** Interval of warnings that Redis is out of memory. */
const FULL_WARNING_INTERVAL_MS = 30_000;

/** Heartbeats over which a node's mutants per second are averaged. */
const RATE_WINDOW_HEARTBEATS = 4;

/** Campaigns that a registration names as refused, and characters of each reason. */
const MAX_REFUSALS = 64;
const MAX_REFUSAL_LENGTH = 1024;

export interface WorkerNodeOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  /** Worker processes of each campaign. */
  readonly jobs: number;
  /** Maximum number of campaigns at a time. */
  readonly campaigns: number;
  /** Packages whose plug-ins campaigns may run on this node. */
  readonly allowed: readonly string[];
  readonly cache: { readonly folder: string; readonly bytes: number };
}

/** Receives the messages of a worker node. */
export interface WorkerNodeMonitor {
  info(text: string): void;
  warn(text: string): void;
}

/** Joins and leaves campaigns, and registers the node on the queue. */
export class WorkerNodeController {
  readonly #options: WorkerNodeOptions;
  readonly #monitor: WorkerNodeMonitor;
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #cache: FileCache;
  readonly #id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  /** Joined campaigns by session. */
  readonly #campaigns = new Map<string, JoinedCampaign>();
  /** Times at which campaigns were left in favour of others, by session. */
  readonly #leftAt = new Map<string, number>();
  readonly #backoffs = new Backoffs();
  /** Campaigns that this node cannot join, by session, each with its name and the reason. */
  readonly #refusals = new Map<string, string>();
  readonly #totals: WorkTotals = { shards: 0, tasks: 0, execs: 0, busyShards: 0 };
  #isLeaving = false;
  /** Time of the last heartbeat; 0 forces one at the next poll. */
  #registeredAt = 0;
  /** Time of the last warning that Redis is out of memory. */
  #warnedAt = 0;
  #execsHistory: { readonly time: number; readonly execs: number }[] = [];

  constructor(options: WorkerNodeOptions, monitor: WorkerNodeMonitor, redis: Redis) {
    this.#options = options;
    this.#monitor = monitor;
    this.#redis = redis;
    this.#keys = new RedisKeys(options.prefix);
    this.#cache = new FileCache(options.cache.folder, options.cache.bytes);
  }

  get statistics(): WorkerNodeStatistics {
    const { shards, tasks, execs, busyShards: busy } = this.#totals;
    const memoryMB = this.#memberships.reduce((sum, membership) => sum + membership.memoryMB, 0);
    return { shards, tasks, execs, busy, campaigns: this.#campaigns.size, memoryMB };
  }

  get #memberships(): readonly CampaignMembership[] {
    return [...this.#campaigns.values()].map(({ membership }) => membership);
  }

  /** Polls the queue until the signal aborts. */
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

  /** Leaves all campaigns and removes the registration. */
  async shutDown(): Promise<void> {
    for (const session of [...this.#campaigns.keys()]) await this.#leaveCampaign(session);
    if (this.#redis.status === 'ready')
      await unregisterNode(this.#redis, this.#keys, this.#id).catch(() => {});
  }

  /** Leaves campaigns that have ended, and chooses among the others. */
  async #pollCampaigns(): Promise<void> {
    const { living, over } = await listSessions(this.#redis, this.#keys);
    const livingSessions = new Set(living);
    for (const session of over) await this.#deleteSession(session);
    for (const [session, { membership }] of [...this.#campaigns]) {
      if (livingSessions.has(session)) continue;
      this.#monitor.info(`left ${membership.name}: it has ended`);
      await this.#leaveCampaign(session);
      // Results in transit may have created keys after the coordinator deleted the session. If Redis has lost its data
      // instead, the session reappears and must not be deleted.
      if (await hasEnded(this.#redisSession(session))) await this.#deleteSession(session);
    }
    for (const bySession of [this.#refusals, this.#leftAt])
      for (const session of bySession.keys()) if (!livingSessions.has(session)) bySession.delete(session);
    this.#backoffs.retain(livingSessions);
    await this.#rebalance(
      living.filter((session) => !this.#refusals.has(session) && !this.#backoffs.isActive(session)),
    );
  }

  /** Joins the campaign with the fewest nodes, or leaves one for it. */
  async #rebalance(sessions: readonly string[]): Promise<void> {
    if (this.#isLeaving || sessions.every((session) => this.#campaigns.has(session))) return;
    const otherNodes = (await registeredNodes(this.#redis, this.#keys)).filter(({ id }) => id !== this.#id);
    const now = Date.now();
    const loads = sessions.map((session): CampaignLoad => {
      const joined = this.#campaigns.get(session);
      const nodeCount = otherNodes.filter((node) => node.sessions.includes(session)).length;
      const leftAt = this.#leftAt.get(session);
      return joined === undefined
        ? { session, nodeCount, ...(leftAt === undefined ? {} : { leftMs: now - leftAt }) }
        : { session, nodeCount: nodeCount + 1, joinedMs: now - joined.joinedAt };
    });
    const { leave, join } = selectCampaign(loads, this.#options.campaigns, this.#id);
    if (leave !== undefined) this.#leaveForAnother(leave);
    if (join === undefined) return;
    await this.#joinCampaign(join);
    // The choices of other nodes depend on this registration.
    this.#registeredAt = 0;
  }

  /** Leaves a campaign in the background, after its current shards are finished. */
  #leaveForAnother(session: string): void {
    this.#monitor.info(
      `leaves ${this.#campaigns.get(session)?.membership.name} for another campaign with fewer machines`,
    );
    this.#isLeaving = true;
    void this.#leaveCampaign(session, true).finally(() => {
      this.#isLeaving = false;
      this.#leftAt.set(session, Date.now());
      this.#registeredAt = 0;
    });
  }

  /** Deletes the keys of a session whose coordinator did not return. */
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

  /** @param finishShards whether to finish the current shards first instead of leaving them to other nodes */
  async #leaveCampaign(session: string, finishShards = false): Promise<void> {
    const campaign = this.#campaigns.get(session);
    if (campaign === undefined) return;
    if (finishShards) await campaign.drain();
    // Removed before its processes end, so that the shards that fail by this cause no backoff.
    this.#campaigns.delete(session);
    await campaign.leave();
  }

  async #joinCampaign(session: string): Promise<void> {
    let name = session;
    try {
      const bytes = await this.#redis.getBuffer(this.#keys.descriptor(session));
      if (bytes === null) return;
      const descriptor = checkVersion(unpackMessage(bytes));
      name = descriptor.name;
      const membership = await CampaignMembership.join(
        descriptor,
        this.#options,
        this.#cache,
        this.#redis,
        this.#keys,
      );
      const campaign = new JoinedCampaign(membership, this.#redisSession(session), {
        address: this.#options.address,
        prefix: this.#options.prefix,
        nodeId: this.#id,
        totals: this.#totals,
        onShardFailure: (reason) => this.#backOff(membership, reason),
        onRedisFull: (error) => this.#warnFull(error),
      });
      this.#campaigns.set(session, campaign);
      this.#monitor.info(`joined ${name} with ${plural(this.#options.jobs, 'process', 'processes')}`);
    } catch (error) {
      // Retried at the next poll.
      if (error instanceof NotYetAvailableError) return;
      const reason = errorMessage(error);
      this.#refusals.set(session, `${name}: ${reason}`);
      this.#monitor.warn(`cannot join ${name}: ${reason}`);
    }
  }

  /**
   * Leaves a campaign for a while after one of its shards failed, so that other nodes get the shard. Joining again downloads its
   * files and restarts its processes, which may repair what was wrong on this node.
   */
  #backOff({ session, name }: CampaignMembership, reason: string): void {
    if (!this.#campaigns.has(session) || this.#backoffs.isActive(session)) return;
    const duration = this.#backoffs.start(session);
    this.#monitor.warn(`${name}: ${reason}; leaving it for ${duration / 1000} s`);
    // The queue worker has to stay until it has reported the failure to the coordinator.
    void this.#leaveCampaign(session, true);
  }

  #warnFull(error: unknown): void {
    if (Date.now() - this.#warnedAt < FULL_WARNING_INTERVAL_MS) return;
    this.#warnedAt = Date.now();
    this.#monitor.warn(`${explainRedisError(error, this.#options.address).message}; trying again`);
  }

  /** Renews the registration if a heartbeat is due. */
  async #register(): Promise<void> {
    const now = Date.now();
    if (now - this.#registeredAt < HEARTBEAT_INTERVAL_MS) return;
    this.#registeredAt = now;
    const { shards, tasks, execs, busy, memoryMB } = this.statistics;
    this.#execsHistory = [...this.#execsHistory.slice(-RATE_WINDOW_HEARTBEATS), { time: now, execs }];
    const [oldest] = this.#execsHistory;
    await registerNode(this.#redis, this.#keys, {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      jobs: this.#options.jobs,
      busy: busy > 0,
      sessions: [...this.#campaigns.keys()],
      refused: [...this.#refusals.values()]
        .slice(0, MAX_REFUSALS)
        .map((refusal) => refusal.slice(0, MAX_REFUSAL_LENGTH)),
      shards,
      tasks,
      execs,
      execsPerSecond: Math.round((1000 * (execs - oldest.execs)) / Math.max(1, now - oldest.time)),
      replaced: this.#memberships.reduce((sum, { replaced }) => sum + replaced, 0),
      memoryMB: Math.round(memoryMB),
    });
  }
}

/** Checks a descriptor. A version mismatch is reported first, because the format may differ. */
function checkVersion(message: unknown): Descriptor {
  const { version: publishedVersion }: Partial<Descriptor> = message ?? {};
  if (typeof publishedVersion === 'string' && publishedVersion !== VERSION)
    throw new Error(
      `it was started with neurofuzz ${publishedVersion.slice(0, 64)}, and this machine has ${VERSION}`,
    );
  return checkDescriptor(message);
}
