import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Elsewhere, ExecutorParts } from '../../campaign/run-campaign.ts';
import { MachineError, reason, UserError } from '../../core/errors.ts';
import type { Executor, QueueFigures, WorkerFigures } from '../../fuzzer/executor.ts';
import type { PhaseSeconds, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { unpacked } from '../protocol/codec.ts';
import { checkResult, MESSAGE_VERSION, type ResultMessage, type Shard } from '../protocol/messages.ts';
import { machinesOn } from '../protocol/node-registry.ts';
import { Keys } from '../protocol/redis-keys.ts';
import { type SessionPlace, withdraw } from '../protocol/session.ts';
import { connectionOptions, explained, type QueueAddress } from '../redis/connection.ts';
import { insist, isFull, PATIENCE } from '../redis/retry-when-full.ts';
import { Fleet } from './node-statistics.ts';
import { Publication } from './publisher.ts';
import { type Departure, departureFor, luggageFor } from './upload-manifest.ts';

/** Tasks in an epoch of a campaign on a queue, unless told. */
export const EPOCH = 256;

/** Results that are taken at a time, and milliseconds that they are gathered for. */
const RESULTS_AT_ONCE = 64;
const GATHER = 10;

/** What the latest task counts for in what tasks take. */
const LATEST = 0.1;

/** Milliseconds between looks at what is out. */
const LOOK_EVERY = 1000;

/** Milliseconds that a shard is out before anyone asks for it, and without a job or a result before it is published again. */
const LATE = 5000;

/** Seconds that a shard may take in the best case: machines come and go between shards. */
const SHARD_SECONDS = 10;

/** Shards that each machine may find waiting, so that none waits for the slowest. */
const SHARDS_PER_MACHINE = 2;

/** Times that a shard may fail on machines before that is hopeless. */
const MOST_FAILURES = 10;

/** Milliseconds between words on there being no machine, and before the first. */
const LONELY_EVERY = 30_000;
const JOINING = 5000;

/** How a campaign is put on a queue. */
export interface QueueOptions {
  readonly address: QueueAddress;
  readonly prefix: string;
  /** What people call the campaign. */
  readonly name: string;
  /** Whether machines may take part that compute otherwise in the last digits. */
  readonly mixed: boolean;
}

interface Pending {
  readonly task: Task;
  readonly done: (result: TaskResult) => void;
  readonly failed: (error: unknown) => void;
}

interface Out {
  readonly shard: Shard;
  /** Tasks whose results are not there, by their numbers. */
  readonly missing: Map<number, Pending>;
  /** When it was published last. */
  since: number;
  /** Since when its job is gone; its result may be on the way then. */
  gone: number | undefined;
  /** Times that it was published, for names of jobs: one that is gone may come back late. */
  tries: number;
  failures: number;
}

/** Makes an executor whose tasks are carried out by machines on a queue. */
export function onQueue(options: QueueOptions): Elsewhere {
  return {
    mixed: options.mixed,
    check: async (setup, loading) => {
      await luggageFor(setup, loading).catch((error: unknown) => {
        throw error instanceof UserError ? new UserError(`--queue: ${error.message}`) : error;
      });
    },
    make: async (parts) => {
      const departure = await departureFor(parts);
      const { shown } = options.address;
      parts.observer.info(`on the queue ${shown}: neurofuzz worker --queue … on any machine takes part`);
      return new Coordinator(options, parts, departure);
    },
  };
}

/** Seconds that a process worked on a task. */
function secondsIn({ mutate, model, objectives, coverage }: PhaseSeconds): number {
  return mutate + model + objectives + coverage;
}

/** Publishes tasks as shards and takes results; Redis only carries, and what it loses is published again. */
class Coordinator implements Executor {
  readonly ended: Promise<void>;
  readonly #options: QueueOptions;
  readonly #own: ExecutorParts;
  readonly #place: SessionPlace;
  readonly #publication: Publication;
  readonly #fleet = new Fleet(LOOK_EVERY / 1000);
  readonly #keys: Keys;
  readonly #session = randomBytes(16).toString('hex');
  readonly #redis: Redis;
  readonly #blocking: Redis;
  readonly #queue: Queue;
  readonly #out = new Map<string, Out>();
  #waiting: Pending[] = [];
  #isFlushing = false;
  #publishing: Promise<void> = Promise.resolve();
  #shards = 0;
  #secondsPerTask: number | undefined;
  #again = 0;
  #repeated = 0;
  #done = 0;
  #closed = false;
  #failure: unknown;
  /** When it was told that there is no machine; at first they are given some seconds to join. */
  #told = Date.now() - LONELY_EVERY + JOINING;
  /** Since when Redis has been full. */
  #fullSince: number | undefined;

  constructor(options: QueueOptions, parts: ExecutorParts, departure: Departure) {
    this.#options = options;
    this.#own = parts;
    this.#keys = new Keys(options.prefix);
    const connect = (): Redis => {
      const redis = new Redis(connectionOptions(options.address, (error) => this.#fail(error)));
      redis.on('error', () => {
        // It goes on trying, and says so when that is hopeless.
      });
      return redis;
    };
    this.#redis = connect();
    this.#blocking = connect();
    this.#place = { redis: this.#redis, keys: this.#keys, session: this.#session };
    this.#publication = new Publication(this.#place, parts, departure, options);
    this.#queue = new Queue(this.#keys.queue(this.#session), {
      connection: this.#redis,
      prefix: options.prefix,
      skipVersionCheck: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: false, attempts: 1 },
    });
    this.#queue.on('error', () => {});
    this.ended = Promise.all([this.#take(), this.#look()]).then(() => this.#leave());
    this.ended.catch(() => {});
  }

  get workers(): readonly WorkerFigures[] {
    return this.#fleet.figures;
  }

  get queue(): QueueFigures {
    return {
      machines: this.#fleet.size,
      shards: this.#done,
      again: this.#again,
      repeated: this.#repeated,
      out: this.#out.size,
    };
  }

  submit(task: Task): Promise<TaskResult> {
    return new Promise((done, failed) => {
      if (this.#failure !== undefined) return failed(this.#failure);
      this.#waiting.push({ task, done, failed });
      if (this.#isFlushing) return;
      this.#isFlushing = true;
      // Tasks of an epoch are handed in one after the other: they are published together.
      setImmediate(() => {
        this.#isFlushing = false;
        this.#inTurn(() => this.#publish()).catch((error: unknown) => this.#fail(error));
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#blocking.disconnect();
  }

  #fail(error: unknown): void {
    this.#failure ??= explained(error, this.#options.address);
    for (const { missing } of this.#out.values())
      for (const { failed } of missing.values()) failed(this.#failure);
    for (const { failed } of this.#waiting) failed(this.#failure);
    this.#waiting = [];
  }

  /** Publishes one thing after the other: parts of the corpus have an order. */
  #inTurn(publish: () => Promise<void>): Promise<void> {
    const turn = this.#publishing.then(publish);
    this.#publishing = turn.catch(() => {});
    return turn;
  }

  async #publish(): Promise<void> {
    const tasks = this.#waiting;
    this.#waiting = [];
    if (tasks.length === 0) return;
    const entries = this.#own.supply.corpus.size.count;
    const size = this.#shardSize(tasks.length);
    const shards: Out[] = [];
    for (let from = 0; from < tasks.length; from += size) {
      const some = tasks.slice(from, from + size);
      const id = `${some[0].task.number}-${some[some.length - 1].task.number}-${this.#shards++}`;
      const shard = { v: MESSAGE_VERSION, id, entries, tasks: some.map(({ task }) => task) };
      const missing = new Map(some.map((pending) => [pending.task.number, pending]));
      const out = { shard, missing, since: Date.now(), gone: undefined, tries: 0, failures: 0 };
      this.#out.set(id, out);
      shards.push(out);
    }
    await this.#insist(() => this.#publication.publish(entries));
    await this.#insist(() => this.#add(shards));
  }

  /** Goes on trying where Redis is full: what takes results makes room meanwhile, and what looks after all says when that is hopeless. */
  #insist(publish: () => Promise<void>): Promise<void> {
    return insist(
      publish,
      (_, milliseconds) => milliseconds < PATIENCE && !this.#closed && this.#failure === undefined,
    );
  }

  /** Tasks of a shard: some seconds of work, and enough shards for all machines. */
  #shardSize(tasks: number): number {
    const fair = Math.ceil(tasks / (Math.max(1, this.#fleet.size) * SHARDS_PER_MACHINE));
    const { jobs } = this.#fleet;
    const short = this.#secondsPerTask === undefined ? fair : (SHARD_SECONDS * jobs) / this.#secondsPerTask;
    return Math.max(1, Math.min(fair, Math.floor(short)));
  }

  async #add(shards: readonly Out[]): Promise<void> {
    for (const out of shards) {
      out.since = Date.now();
      out.gone = undefined;
    }
    await this.#queue.addBulk(
      shards.map((out) => ({
        name: 'shard',
        data: { ...out.shard, tasks: [...out.missing.values()].map(({ task }) => task) },
        opts: { jobId: `${out.shard.id}-${out.tries++}` },
      })),
    );
  }

  /** Takes results as they come, until it is closed. */
  async #take(): Promise<void> {
    while (!this.#closed) {
      try {
        const results = this.#keys.results(this.#session);
        const popped = await this.#blocking.blpopBuffer(results, 5);
        if (popped === null) continue;
        this.#takeOne(popped[1]);
        // Others come soon: asking costs more than what is asked for.
        await pause(GATHER);
        for (const bytes of (await this.#blocking.lpopBuffer(results, RESULTS_AT_ONCE)) ?? [])
          this.#takeOne(bytes);
      } catch {
        // The connection was lost or closed; what was on the way is published again.
        if (!this.#closed) await pause(LOOK_EVERY);
      }
    }
  }

  /** Takes a result; one that came before, or is of a session before, is passed over, and one that is damaged is made again. */
  #takeOne(bytes: Uint8Array): void {
    let message: ResultMessage;
    try {
      message = checkResult(unpacked(bytes));
    } catch (error) {
      this.#own.observer.warn(`${reason(error)}: its shard is published again`);
      return;
    }
    const { machine, shard, result } = message;
    const out = this.#out.get(shard);
    const pending = out?.missing.get(result.task);
    if (out === undefined || pending === undefined) {
      this.#repeated++;
      return;
    }
    if (pending.task.mutants !== result.mutants) return;
    out.missing.delete(result.task);
    if (out.missing.size === 0) {
      this.#out.delete(shard);
      this.#done++;
    }
    const own = secondsIn(result.seconds);
    this.#secondsPerTask = (this.#secondsPerTask ?? own) * (1 - LATEST) + own * LATEST;
    this.#fleet.credit(machine, result.mutants);
    pending.done(result);
  }

  /** Looks after what is out, until it is closed. */
  async #look(): Promise<void> {
    while (!this.#closed && this.#failure === undefined) {
      await pause(LOOK_EVERY);
      if (this.#closed) return;
      try {
        await this.#lookOnce();
        this.#fullSince = undefined;
      } catch (error) {
        // A connection that was lost comes back; what Redis refuses, and what no machine can do, is a failure.
        const isFinal =
          error instanceof MachineError || (error instanceof Error && error.name === 'ReplyError');
        if (!this.#closed && isFinal && !this.#mayWait(error)) this.#fail(error);
      }
    }
  }

  /** Whether an error may pass: a Redis that is full is waited for a while. */
  #mayWait(error: unknown): boolean {
    if (!isFull(error)) return false;
    if (this.#fullSince === undefined)
      this.#own.observer.warn(`${explained(error, this.#options.address).message}; trying again`);
    this.#fullSince ??= Date.now();
    return Date.now() - this.#fullSince < PATIENCE;
  }

  async #lookOnce(): Promise<void> {
    const machines = await machinesOn(this.#redis, this.#keys);
    this.#fleet.look(machines.filter(({ sessions }) => sessions.includes(this.#session)));
    this.#tellLonely();
    // Redis may have come back without its memory.
    if (!(await this.#publication.keep())) {
      await this.#inTurn(() => this.#publication.publishAgain());
      // Whoever was taking it away just then had paused it first.
      await this.#queue.resume();
      for (const out of this.#out.values()) [out.since, out.gone] = [0, 0];
      this.#own.observer.warn('the queue had lost what was on it: all of it was published again');
    }
    const late: Out[] = [];
    for (const out of this.#out.values()) {
      if (Date.now() - out.since < LATE) continue;
      const job = await this.#queue.getJob(`${out.shard.id}-${out.tries - 1}`);
      const state = job === undefined ? 'gone' : await job.getState();
      if (state === 'waiting' || state === 'active' || state === 'delayed' || state === 'prioritized')
        continue;
      if (state === 'failed' && ++out.failures >= MOST_FAILURES)
        throw new MachineError(`no machine can carry out tasks ${out.shard.id}: ${job?.failedReason}`);
      // Where it was carried out, the result comes before long.
      out.gone ??= Date.now();
      if (state !== 'failed' && Date.now() - out.gone < LATE) continue;
      await job?.remove();
      late.push(out);
    }
    if (late.length === 0) return;
    this.#again += late.length;
    await this.#add(late);
  }

  #tellLonely(): void {
    if (this.#fleet.size > 0 || this.#out.size === 0 || Date.now() - this.#told < LONELY_EVERY) return;
    this.#told = Date.now();
    this.#own.observer.warn(
      'no machine takes part yet: start neurofuzz worker with the same --queue and version',
    );
  }

  /** Takes away all that is this session's. */
  async #leave(): Promise<void> {
    try {
      if (this.#redis.status === 'ready') {
        await withdraw(this.#place, this.#queue);
      }
    } catch {
      // What stays there is passed over by everyone, since the session is over.
    } finally {
      await this.#queue.close().catch(() => {});
      this.#redis.disconnect();
    }
  }
}
