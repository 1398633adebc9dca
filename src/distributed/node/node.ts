import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { MachineError, reason } from '../../core/errors.ts';
import { type Metric, metric } from '../../core/prometheus.ts';
import type { TaskResult } from '../../fuzzer/scheduling/task.ts';
import { NotThere } from '../errors.ts';
import { MOST_BYTES, packed, unpacked } from '../protocol/codec.ts';
import {
  checkDescriptor,
  checkShard,
  type Descriptor,
  MESSAGE_VERSION,
  type ResultMessage,
} from '../protocol/messages.ts';
import { type Machine, machinesOn, signIn, signOut } from '../protocol/node-registry.ts';
import { Keys } from '../protocol/redis-keys.ts';
import { hasEnded, pushResults, type SessionPlace, sessionsOn, withdraw } from '../protocol/session.ts';
import { checkQueue, connectionOptions, explained, type QueueAddress } from '../redis/connection.ts';
import { insist, PATIENCE } from '../redis/retry-when-full.ts';
import { Cache } from '../transfer/file-transfer.ts';
import { Part } from './campaign-membership.ts';
import { choose, type Standing } from './campaign-selection.ts';
import { Outbox } from './result-batcher.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Milliseconds between looks for campaigns, and between words on how this machine is. */
const LOOK_EVERY = 500;
const SIGN_EVERY = 3000;

/** Milliseconds that a shard is a machine's before it must say that it still works on it. */
const LEASE = 6000;

/** Milliseconds between words on a full Redis. */
const TELL_EVERY = 30_000;

/** Milliseconds that the end of a worker is waited for: at once, and with the shards that it works on. */
const CLOSING = 5000;
const LONGEST_SHARD = 120_000;

/** Milliseconds that a machine leaves a campaign to others whose shard it could not carry out: at first, and at most. */
const FIRST_REST = 10_000;
const LONGEST_REST = 30_000;

/** Shards at a time: one that is worked on, and one whose first tasks fill its gaps. */
const SHARDS = 2;

/** How a machine takes part. */
export interface MachineOptions {
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
export interface MachineFigures {
  readonly shards: number;
  readonly tasks: number;
  readonly execs: number;
  readonly busy: number;
  readonly campaigns: number;
  readonly memoryMB: number;
}

/** Who watches a machine. */
export interface MachineObserver {
  /** Given what tells the figures of the moment, once it works. */
  started?(figures: () => MachineFigures): void;
  info(text: string): void;
  warn(text: string): void;
}

/** A machine's figures for Prometheus. */
export function machineMetrics({
  shards,
  tasks,
  execs,
  busy,
  campaigns,
  memoryMB,
}: MachineFigures): Metric[] {
  return [
    metric('worker_shards_total', 'shards that were carried out', shards),
    metric('worker_tasks_total', 'tasks that were carried out', tasks),
    metric('worker_execs_total', 'mutants that ran', execs),
    metric('worker_shards_busy', 'shards that are worked on', busy),
    metric('worker_campaigns', 'campaigns that this machine takes part in', campaigns),
    metric('worker_memory_megabytes', 'of all worker processes', memoryMB),
  ];
}

interface Joined {
  readonly part: Part;
  readonly outbox: Outbox;
  /** When it joined, in milliseconds. */
  readonly since: number;
  readonly worker: Worker;
}

/**
 * Takes shards of all campaigns on a queue until it is told to end.
 *
 * @throws UserError, MachineError where the queue cannot be used
 */
export async function serveQueue(
  options: MachineOptions,
  observer: MachineObserver,
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
    if (!isLost) observer.warn(`${explained(error, options.address).message}; trying again`);
    isLost = true;
  });
  redis.on('ready', () => {
    if (isLost) observer.info('the queue is there again');
    isLost = false;
  });
  const machine = new QueueMachine(options, observer, redis);
  observer.started?.(() => machine.figures);
  try {
    await machine.work(AbortSignal.any([signal, ended.signal]));
  } finally {
    await machine.leave();
    redis.disconnect();
  }
  if (failure !== undefined) throw failure;
}

/** Closes a worker; one that does not get its connection back is not waited for any longer. */
async function closed(worker: Worker, isForced: boolean): Promise<void> {
  const closing = worker.close(isForced).catch(() => {});
  await Promise.race([closing, pause(isForced ? CLOSING : LONGEST_SHARD, undefined, { ref: false })]);
}

class QueueMachine {
  readonly #options: MachineOptions;
  readonly #observer: MachineObserver;
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #cache: Cache;
  readonly #id = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;
  readonly #joined = new Map<string, Joined>();
  /** When it left campaigns for others. */
  readonly #left = new Map<string, number>();
  /** Sessions whose shards it could not carry out, until when it leaves them to others, and how often it was so. */
  readonly #resting = new Map<string, { readonly until: number; readonly times: number }>();
  /** Sessions that it does not take part in, and why. */
  readonly #refused = new Map<string, string>();
  readonly #figures = { shards: 0, tasks: 0, execs: 0 };
  #busy = 0;
  #isLeaving = false;
  #signed = 0;
  /** When it was told last that Redis is full. */
  #told = 0;
  #marks: { readonly time: number; readonly execs: number }[] = [];

  constructor(options: MachineOptions, observer: MachineObserver, redis: Redis) {
    this.#options = options;
    this.#observer = observer;
    this.#redis = redis;
    this.#keys = new Keys(options.prefix);
    this.#cache = new Cache(options.cache.folder, options.cache.bytes);
  }

  get figures(): MachineFigures {
    const parts = [...this.#joined.values()].map(({ part }) => part);
    const memoryMB = parts.reduce((sum, own) => sum + own.memoryMB, 0);
    return { ...this.#figures, busy: this.#busy, campaigns: parts.length, memoryMB };
  }

  async work(signal: AbortSignal): Promise<void> {
    await this.#cache.sweep();
    while (!signal.aborted) {
      try {
        if (this.#redis.status === 'ready') {
          await this.#look();
          await this.#sign();
        }
      } catch (error) {
        this.#observer.warn(explained(error, this.#options.address).message);
      }
      await pause(LOOK_EVERY, undefined, { signal }).catch(() => {});
    }
  }

  async leave(): Promise<void> {
    for (const session of [...this.#joined.keys()]) await this.#part(session);
    if (this.#redis.status === 'ready') await signOut(this.#redis, this.#keys, this.#id).catch(() => {});
  }

  /** Leaves campaigns that are over, and chooses among the others. */
  async #look(): Promise<void> {
    const { living: all, over } = await sessionsOn(this.#redis, this.#keys);
    const living = new Set(all);
    for (const session of over) await this.#clean(session);
    for (const [session, { part }] of [...this.#joined]) {
      if (living.has(session)) continue;
      this.#observer.info(`${part.name} is over`);
      await this.#part(session);
      // What was still under way may have left keys behind the coordinator's back. Where Redis has lost its memory, it comes again.
      if (await hasEnded(this.#placeOf(session))) await this.#clean(session);
    }
    for (const known of [this.#refused, this.#left, this.#resting])
      for (const session of known.keys()) if (!living.has(session)) known.delete(session);
    await this.#choose(all.filter((session) => !this.#refused.has(session) && !this.#isResting(session)));
  }

  /** Joins the campaign that fewest work on, or leaves one for it. */
  async #choose(sessions: readonly string[]): Promise<void> {
    if (this.#isLeaving || sessions.every((session) => this.#joined.has(session))) return;
    const others = (await machinesOn(this.#redis, this.#keys)).filter(({ id }) => id !== this.#id);
    const now = Date.now();
    const standings = sessions.map((session): Standing => {
      const own = this.#joined.get(session);
      const machines = others.filter((other) => other.sessions.includes(session)).length;
      const left = this.#left.get(session);
      return own === undefined
        ? { session, machines, ...(left === undefined ? {} : { left: now - left }) }
        : { session, machines: machines + 1, joined: now - own.since };
    });
    const { leave, join } = choose(standings, this.#options.campaigns, this.#id);
    if (leave !== undefined) {
      this.#observer.info(`leaves ${this.#joined.get(leave)?.part.name} for another that fewer work on`);
      this.#isLeaving = true;
      // What it works on there comes to its end while it goes on elsewhere.
      void this.#part(leave, true).finally(() => {
        this.#isLeaving = false;
        this.#left.set(leave, Date.now());
        this.#signed = 0;
      });
    }
    if (join === undefined) return;
    await this.#join(join);
    // Others choose by it.
    this.#signed = 0;
  }

  /** Takes away what a coordinator left that did not come back. */
  async #clean(session: string): Promise<void> {
    const { prefix } = this.#options;
    const queue = new Queue(this.#keys.queue(session), {
      connection: this.#redis,
      prefix,
      skipVersionCheck: true,
    });
    queue.on('error', () => {});
    await withdraw(this.#placeOf(session), queue);
    await queue.close();
  }

  #placeOf(session: string): SessionPlace {
    return { redis: this.#redis, keys: this.#keys, session };
  }

  /**
   * Leaves a campaign.
   *
   * @param inOrder whether shards that it works on are brought to their end first; else they are given to others
   */
  async #part(session: string, inOrder = false): Promise<void> {
    const joined = this.#joined.get(session);
    if (joined === undefined) return;
    if (inOrder) await closed(joined.worker, false);
    // Before its processes end: whoever waits for them need not be told.
    this.#joined.delete(session);
    await joined.part.leave();
    if (!inOrder) await closed(joined.worker, true);
  }

  async #join(session: string): Promise<void> {
    let name = session;
    try {
      const bytes = await this.#redis.getBuffer(this.#keys.descriptor(session));
      if (bytes === null) return;
      const descriptor = this.#checked(unpacked(bytes));
      name = descriptor.name;
      const { jobs } = this.#options;
      const part = await Part.join(descriptor, this.#options, this.#cache, this.#redis, this.#keys);
      const outbox = new Outbox((all) => this.#push(session, all));
      this.#joined.set(session, { part, outbox, worker: this.#workerFor(part), since: Date.now() });
      this.#observer.info(`takes part in ${name} with ${jobs} processes`);
    } catch (error) {
      const why = reason(error);
      // What did not come over may come later.
      if (error instanceof NotThere) return;
      this.#refused.set(session, `${name}: ${why}`);
      this.#observer.warn(`does not take part in ${name}: ${why}`);
    }
  }

  #checked(message: unknown): Descriptor {
    const { version: theirs } = (message ?? {}) as Partial<Descriptor>;
    if (typeof theirs === 'string' && theirs !== version)
      throw new Error(`it is of neurofuzz ${theirs.slice(0, 64)}, and this machine has ${version}`);
    return checkDescriptor(message);
  }

  #workerFor(part: Part): Worker {
    const worker = new Worker(this.#keys.queue(part.session), (job) => this.#carryOut(part, job), {
      connection: connectionOptions(this.#options.address),
      prefix: this.#options.prefix,
      concurrency: SHARDS,
      lockDuration: LEASE,
      stalledInterval: LEASE / 2,
      maxStalledCount: 1000,
      skipVersionCheck: true,
      removeOnComplete: { count: 0 },
    });
    worker.on('error', () => {
      // The connection comes back; the machine's own says what is wrong.
    });
    return worker;
  }

  async #carryOut(part: Part, job: Job): Promise<void> {
    this.#busy++;
    try {
      const shard = checkShard(job.data);
      await part.run(shard, (result) => this.#send(part, shard.id, result));
      this.#figures.shards++;
    } catch (error) {
      if (!(error instanceof NotThere)) this.#rest(part, reason(error));
      throw new UnrecoverableError(reason(error));
    } finally {
      this.#busy--;
    }
  }

  /**
   * Leaves a campaign for a while where a shard cannot be carried out, so that others get it, and joins anew with all that it takes: what
   * is wrong here may be mended by that.
   */
  #rest({ session, name }: Part, why: string): void {
    const { until = 0, times = 0 } = this.#resting.get(session) ?? {};
    if (!this.#joined.has(session) || until > Date.now()) return;
    const pause = Math.min(LONGEST_REST, FIRST_REST * 2 ** times);
    this.#observer.warn(`${name}: ${why}; leaves it for ${pause / 1000} s`);
    this.#resting.set(session, { until: Date.now() + pause, times: times + 1 });
    // In order: the coordinator is told that the shard has failed.
    void this.#part(session, true);
  }

  #isResting(session: string): boolean {
    return (this.#resting.get(session)?.until ?? 0) > Date.now();
  }

  /** Sends a result. */
  async #send(part: Part, shard: string, result: TaskResult): Promise<void> {
    const message: ResultMessage = { v: MESSAGE_VERSION, shard, machine: this.#id, result };
    const bytes = packed(message);
    if (bytes.length > MOST_BYTES)
      throw new MachineError(
        `what task ${result.task} brought takes ${bytes.length} bytes, more than a queue carries: make --batch or --keep smaller`,
      );
    await this.#joined.get(part.session)?.outbox.put(bytes);
    this.#figures.tasks++;
    this.#figures.execs += result.mutants;
  }

  /** Sends results; a full Redis is waited for. */
  async #push(session: string, results: Buffer[]): Promise<void> {
    await insist(
      () => pushResults(this.#placeOf(session), results),
      (error, milliseconds) => {
        this.#tellFull(error);
        return milliseconds < PATIENCE && this.#joined.has(session);
      },
    );
  }

  #tellFull(error: unknown): void {
    if (Date.now() - this.#told < TELL_EVERY) return;
    this.#told = Date.now();
    this.#observer.warn(`${explained(error, this.#options.address).message}; trying again`);
  }

  async #sign(): Promise<void> {
    const now = Date.now();
    if (now - this.#signed < SIGN_EVERY) return;
    this.#signed = now;
    const { shards, tasks, execs, busy, memoryMB } = this.figures;
    this.#marks = [...this.#marks.slice(-4), { time: now, execs }];
    const [first] = this.#marks;
    const own: Machine = {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      version,
      jobs: this.#options.jobs,
      busy: busy > 0,
      sessions: [...this.#joined.keys()],
      refused: [...this.#refused.values()].slice(0, 64).map((text) => text.slice(0, 1024)),
      shards,
      tasks,
      execs,
      execsPerSecond: Math.round((1000 * (execs - first.execs)) / Math.max(1, now - first.time)),
      replaced: [...this.#joined.values()].reduce((sum, { part }) => sum + part.replaced, 0),
      memoryMB: Math.round(memoryMB),
    };
    await signIn(this.#redis, this.#keys, own);
  }
}
