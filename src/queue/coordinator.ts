import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { MachineError, reason, UserError } from '../errors.ts';
import type { Elsewhere, ExecutorParts } from '../fuzzer/campaign.ts';
import type { Executor, QueueFigures, WorkerFigures } from '../fuzzer/executor.ts';
import { bundledParcels } from '../fuzzer/parcels.ts';
import type { PhaseSeconds, Task, TaskResult } from '../fuzzer/task.ts';
import { uncarriable } from './carriable.ts';
import { packed, unpacked } from './codec.ts';
import { connectionOptions, explained, type QueueAddress } from './connection.ts';
import { Keys } from './keys.ts';
import { checkResult, type Descriptor, type Entries, MESSAGE_VERSION, type Shard } from './messages.ts';
import { type Machine, machinesOn } from './roster.ts';
import { announce, withdraw } from './session.ts';
import { DepartingModel } from './travel.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Tasks in an epoch of a campaign on a queue, unless told. */
export const EPOCH = 256;

/** Entries in one part of the corpus. */
const ENTRIES_AT_ONCE = 512;

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

/** Milliseconds between words on there being no machine. */
const LONELY_EVERY = 30_000;

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
  readonly tasks: readonly Pending[];
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
    check: (setup, loading) => {
      const why = uncarriable(setup, loading);
      if (why !== undefined) throw new UserError(`--queue: ${why}`);
    },
    make: async (parts) => {
      const { loading, observer, model } = parts;
      const models = [await DepartingModel.read(loading.path, model.sha256)];
      if (model.copy !== undefined)
        models.push(await DepartingModel.read(model.copy.path, model.copy.sha256));
      const { shown } = options.address;
      observer.info(`on the queue ${shown}: neurofuzz worker --queue … on any machine takes part`);
      return new Coordinator(options, parts, models);
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
  readonly #parts: ExecutorParts;
  readonly #models: readonly DepartingModel[];
  readonly #keys: Keys;
  readonly #session = randomBytes(16).toString('hex');
  readonly #redis: Redis;
  readonly #blocking: Redis;
  readonly #queue: Queue;
  readonly #out = new Map<string, Out>();
  #waiting: Pending[] = [];
  #isFlushing = false;
  #publishing: Promise<void> = Promise.resolve();
  #published = 0;
  #shards = 0;
  #secondsPerTask: number | undefined;
  #machines: readonly Machine[] = [];
  #counts = new Map<string, { tasks: number; execs: number }>();
  #again = 0;
  #done = 0;
  #closed = false;
  #failure: unknown;
  #told = 0;

  constructor(options: QueueOptions, parts: ExecutorParts, models: readonly DepartingModel[]) {
    this.#options = options;
    this.#parts = parts;
    this.#models = models;
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
    return this.#machines.map(({ id, host, pid, busy, memoryMB, replaced }) => {
      const { tasks, execs } = this.#counts.get(id) ?? { tasks: 0, execs: 0 };
      return {
        pid,
        host,
        state: busy ? 'busy' : 'idle',
        tasks,
        execs,
        replaced,
        memoryMB,
        peakMemoryMB: memoryMB,
      };
    });
  }

  get queue(): QueueFigures {
    return { machines: this.#machines.length, shards: this.#done, again: this.#again, out: this.#out.size };
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
    for (const { tasks } of this.#out.values()) for (const { failed } of tasks) failed(this.#failure);
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
    const entries = this.#parts.supply.corpus.size.count;
    const size = this.#shardSize(tasks.length);
    const shards: Out[] = [];
    for (let from = 0; from < tasks.length; from += size) {
      const some = tasks.slice(from, from + size);
      const id = `${some[0].task.number}-${some[some.length - 1].task.number}-${this.#shards++}`;
      const shard = { v: MESSAGE_VERSION, id, entries, tasks: some.map(({ task }) => task) };
      const out = { shard, tasks: some, since: Date.now(), gone: undefined, tries: 0, failures: 0 };
      this.#out.set(id, out);
      shards.push(out);
    }
    await this.#publishEntries(entries);
    await this.#add(shards);
  }

  /** Tasks of a shard: some seconds of work, and enough shards for all machines. */
  #shardSize(tasks: number): number {
    const machines = Math.max(1, this.#machines.length);
    const fair = Math.ceil(tasks / (machines * SHARDS_PER_MACHINE));
    const cores = this.#machines.reduce((sum, { jobs }) => sum + jobs, 0) / machines || 1;
    const short = this.#secondsPerTask === undefined ? fair : (SHARD_SECONDS * cores) / this.#secondsPerTask;
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
        data: out.shard,
        opts: { jobId: `${out.shard.id}-${out.tries++}` },
      })),
    );
  }

  /** Publishes what of the first `count` entries is not yet. */
  async #publishEntries(count: number): Promise<void> {
    const { supply } = this.#parts;
    if (this.#published === 0) await this.#describe();
    for (let from = this.#published; from < count; from += ENTRIES_AT_ONCE) {
      const to = Math.min(count, from + ENTRIES_AT_ONCE);
      const parcels = Array.from({ length: to - from }, (_, i) => supply.parcel(from + i));
      const entries: Entries = {
        v: MESSAGE_VERSION,
        from,
        parcels: bundledParcels(parcels),
      };
      await this.#redis.rpush(this.#keys.entries(this.#session), packed(entries));
    }
    this.#published = Math.max(this.#published, count);
  }

  /** Says what the campaign is, and puts its models where machines find them. */
  async #describe(): Promise<void> {
    const { setup, loading, timeout, trials, supply } = this.#parts;
    const [model, copy] = this.#models.map(({ travelling }) => travelling);
    const descriptor: Descriptor = {
      v: MESSAGE_VERSION,
      version,
      session: this.#session,
      name: this.#options.name,
      setup,
      load: loading.options,
      timeout,
      model,
      copy,
      width: supply.width,
      trials: this.#options.mixed ? [] : trials,
    };
    for (const departing of this.#models) await departing.depart(this.#redis, this.#keys);
    await this.#redis.set(this.#keys.descriptor(this.#session), packed(descriptor));
    await announce(this.#redis, this.#keys, this.#session);
  }

  /** Takes results as they come, until it is closed. */
  async #take(): Promise<void> {
    while (!this.#closed) {
      try {
        const popped = await this.#blocking.blpopBuffer(this.#keys.results(this.#session), 5);
        if (popped !== null) this.#takeOne(popped[1]);
      } catch {
        // The connection was lost or closed; what was on the way is published again.
        if (!this.#closed) await pause(LOOK_EVERY);
      }
    }
  }

  /** Takes a result; one that came before, or is of a session before, is passed over, and one that is damaged is made again. */
  #takeOne(bytes: Uint8Array): void {
    let result: ReturnType<typeof checkResult>;
    try {
      result = checkResult(unpacked(bytes));
    } catch (error) {
      this.#parts.observer.warn(`${reason(error)}: its shard is published again`);
      return;
    }
    const out = this.#out.get(result.shard);
    if (out === undefined) return;
    const fits =
      result.results.length === out.tasks.length &&
      result.results.every(({ task, mutants }, i) => {
        const own = out.tasks[i].task;
        return task === own.number && mutants === own.mutants;
      });
    if (!fits) return;
    this.#out.delete(result.shard);
    this.#done++;
    const seconds = result.results.reduce((sum, { seconds: own }) => sum + secondsIn(own), 0);
    this.#secondsPerTask = seconds / out.tasks.length;
    const counts = this.#counts.get(result.machine) ?? { tasks: 0, execs: 0 };
    this.#counts.set(result.machine, counts);
    out.tasks.forEach(({ done }, i) => {
      counts.tasks++;
      counts.execs += result.results[i].mutants;
      done(result.results[i]);
    });
  }

  /** Looks after what is out, until it is closed. */
  async #look(): Promise<void> {
    while (!this.#closed && this.#failure === undefined) {
      await pause(LOOK_EVERY);
      if (this.#closed) return;
      try {
        await this.#lookOnce();
      } catch (error) {
        // A connection that was lost comes back; what Redis refuses, and what no machine can do, is a failure.
        const isFinal =
          error instanceof MachineError || (error instanceof Error && error.name === 'ReplyError');
        if (!this.#closed && isFinal) this.#fail(error);
      }
    }
  }

  async #lookOnce(): Promise<void> {
    this.#machines = (await machinesOn(this.#redis, this.#keys)).filter(({ sessions }) =>
      sessions.includes(this.#session),
    );
    this.#tellLonely();
    if (this.#published > 0) {
      // Redis may have come back without its memory.
      const isThere = await this.#redis.exists(this.#keys.descriptor(this.#session));
      const held = await this.#redis.llen(this.#keys.entries(this.#session));
      await announce(this.#redis, this.#keys, this.#session);
      if (isThere === 0 || held * ENTRIES_AT_ONCE < this.#published)
        await this.#inTurn(() => this.#publishAll());
      else for (const model of this.#models) await model.depart(this.#redis, this.#keys);
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

  async #publishAll(): Promise<void> {
    const count = this.#published;
    this.#published = 0;
    await this.#redis.del(this.#keys.entries(this.#session));
    await this.#publishEntries(count);
    this.#parts.observer.warn('the queue had lost what was on it: all of it was published again');
  }

  #tellLonely(): void {
    if (this.#machines.length > 0 || this.#out.size === 0 || Date.now() - this.#told < LONELY_EVERY) return;
    this.#told = Date.now();
    this.#parts.observer.warn(
      'no machine takes part yet: start neurofuzz worker with the same --queue and version',
    );
  }

  /** Takes away all that is this session's. */
  async #leave(): Promise<void> {
    try {
      if (this.#redis.status === 'ready') {
        await withdraw(this.#redis, this.#keys, this.#session, this.#queue);
      }
    } catch {
      // What stays there is passed over by everyone, since the session is over.
    } finally {
      await this.#queue.close().catch(() => {});
      this.#redis.disconnect();
    }
  }
}
