import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { MachineError, UserError } from '../errors.ts';
import { Pool } from '../fuzzer/pool.ts';
import { Slot, type SlotOptions, spawnWorker } from '../fuzzer/slot.ts';
import type { TaskResult } from '../fuzzer/task.ts';
import type { WorkerApi } from '../fuzzer/worker-process.ts';
import type { Child } from '../isolation/child.ts';
import { memoryShare } from '../isolation/limits.ts';
import { LOAD_TIMEOUT } from '../isolation/reproducer.ts';
import { uncarriable } from './carriable.ts';
import { RemoteCorpus } from './corpus.ts';
import type { Keys } from './keys.ts';
import type { Descriptor, Shard } from './messages.ts';
import type { ModelCache } from './travel.ts';

/** A machine's part in one campaign: the model, worker processes, and what it has of the corpus. */
export class Part {
  readonly session: string;
  readonly name: string;
  readonly #pool: Pool;
  readonly #corpus: RemoteCorpus;
  readonly #folder: string;
  #replaced = 0;

  private constructor(
    { session, name, setup, width, model }: Descriptor,
    options: SlotOptions,
    jobs: number,
    folder: string,
    tried: Child<WorkerApi>,
  ) {
    this.session = session;
    this.name = name;
    this.#folder = folder;
    this.#corpus = new RemoteCorpus(width, setup);
    const slots = Array.from(
      { length: jobs },
      (_, i) => new Slot(options, setup, model.sha256, folder, i === 0 ? tried : undefined),
    );
    for (const slot of slots) slot.supplyFrom(this.#corpus);
    this.#pool = new Pool(slots, () => {
      this.#replaced++;
    });
  }

  /**
   * Takes part in a campaign.
   *
   * @throws UserError where this machine may not, MachineError where the model did not come over
   */
  static async join(
    descriptor: Descriptor,
    jobs: number,
    cache: ModelCache,
    redis: Redis,
    keys: Keys,
  ): Promise<Part> {
    const { setup, load, model, copy, timeout } = descriptor;
    const why = uncarriable(setup, load);
    if (why !== undefined) throw new UserError(why);
    if ((load.copy === undefined) !== (copy === undefined))
      throw new UserError('its second model does not come along');
    const path = await cache.path(model, redis, keys);
    const beside =
      load.copy === undefined || copy === undefined
        ? {}
        : { copy: { ...load.copy, path: await cache.path(copy, redis, keys) } };
    const options: SlotOptions = {
      child: { timeout, memory: memoryShare(jobs) },
      model: { path, options: { ...load, ...beside } },
    };
    const tried = await triedOut(descriptor, options);
    const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-machine-'));
    return new Part(descriptor, options, jobs, folder, tried);
  }

  get replaced(): number {
    return this.#replaced;
  }

  get memoryMB(): number {
    return this.#pool.workers.reduce((sum, { memoryMB }) => sum + memoryMB, 0);
  }

  /** Carries out a shard. */
  async run({ tasks, entries }: Shard, redis: Redis, keys: Keys): Promise<TaskResult[]> {
    await this.#corpus.have(entries, redis, keys, this.session);
    return Promise.all(tasks.map((task) => this.#pool.submit(task)));
  }

  async leave(): Promise<void> {
    this.#pool.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * A worker process, loaded and prepared.
 *
 * @throws UserError where this machine makes something else of the model's own seeds than the one that published them
 */
async function triedOut(
  { setup, model, trials }: Descriptor,
  { child: limits, model: loading }: SlotOptions,
): Promise<Child<WorkerApi>> {
  const child = spawnWorker(limits);
  try {
    const info = await child.call('load', loading, LOAD_TIMEOUT);
    if (info.sha256 !== model.sha256) throw new MachineError('the model came over as another one');
    await child.call('prepare', setup, LOAD_TIMEOUT);
    if (trials.length === 0) return child;
    const run = await child.call('seeds', {
      testcases: trials.map(({ data }) => data),
      labels: setup.labels.length === 0 ? undefined : trials.map(() => -1),
    });
    const isSame = run.every(({ activations }, i) => {
      const { activations: there } = trials[i];
      return (
        there.length === activations.length && there.every((value, k) => Object.is(value, activations[k]))
      );
    });
    if (!isSame)
      throw new UserError(
        `this machine's ${info.runtime.version} computes the seeds otherwise in the last digits: fuzz --mixed lets it take part all the same`,
      );
    return child;
  } catch (error) {
    child.kill();
    throw error;
  }
}
