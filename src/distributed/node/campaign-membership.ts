import { rm } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { MachineError, UserError } from '../../core/errors.ts';
import type { Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { CODEPOINTS } from '../../model/language/vocabulary.ts';
import type { LoadOptions } from '../../model/model.ts';
import { LOAD_TIMEOUT_MS, memoryShare } from '../../workers/resource-limits.ts';
import type { RpcClient } from '../../workers/rpc-client.ts';
import type { FuzzApi } from '../../workers/services/fuzz-service.ts';
import { spawnWorker } from '../../workers/spawn-worker.ts';
import { WorkerPool } from '../../workers/worker-pool.ts';
import { WorkerSupervisor, type WorkerSupervisorOptions } from '../../workers/worker-supervisor.ts';
import type { Descriptor, Shard } from '../protocol/messages.ts';
import type { RedisKeys } from '../protocol/redis-keys.ts';
import type { FileCache } from '../transfer/file-transfer.ts';
import { findInstalledPlugin } from '../transfer/packaged-plugins.ts';
import { RemoteCorpus } from './remote-corpus.ts';

/** Tasks of a worker process whose values are held: more than it has at once, so that it need not wait for any. */
const HELD_TASKS_PER_WORKER = 3;

/** Bytes of the corpus' values that a machine keeps at most, beside those that it works on. */
const MAX_HELD_BYTES = 2 ** 30;

function maxHeldBytes(): number {
  return Math.min(MAX_HELD_BYTES, memoryShare(1) / 8);
}

/** A machine's part in one campaign: the model, worker processes, and what it has of the corpus. */
export class CampaignMembership {
  readonly session: string;
  readonly name: string;
  readonly #pool: WorkerPool;
  readonly #corpus: RemoteCorpus;
  readonly #folder: string;
  readonly #limit: ReturnType<typeof pLimit>;
  #lastSubmission: Promise<unknown> = Promise.resolve();
  #replaced = 0;

  private constructor(
    { session, name }: Descriptor,
    corpus: RemoteCorpus,
    slots: readonly WorkerSupervisor[],
    folder: string,
  ) {
    this.session = session;
    this.name = name;
    this.#folder = folder;
    this.#corpus = corpus;
    this.#limit = pLimit(HELD_TASKS_PER_WORKER * slots.length);
    for (const slot of slots) slot.setSource(this.#corpus);
    this.#pool = new WorkerPool(slots, () => {
      this.#replaced++;
    });
  }

  /**
   * Takes part in a campaign.
   *
   * @param allowed packages whose plug-ins campaigns may run here
   * @throws UserError where this machine may not, MachineError where the model did not come over
   */
  static async join(
    told: Descriptor,
    { jobs, allowed }: { readonly jobs: number; readonly allowed: readonly string[] },
    cache: FileCache,
    redis: Redis,
    keys: RedisKeys,
  ): Promise<CampaignMembership> {
    const { load, model, secondModel, timeout } = told;
    if ((load.secondModel === undefined) !== (secondModel === undefined))
      throw new UserError('its second model does not come along');
    const places: Record<string, string> = {};
    for (const plugin of told.plugins) places[plugin.path] = await findInstalledPlugin(plugin, allowed);
    for (const { path, ...files } of told.files) places[path] = await cache.fetchPath(files, redis, keys);
    const path = await cache.fetchPath(model, redis, keys);
    const beside =
      load.secondModel === undefined || secondModel === undefined
        ? {}
        : { secondModel: { ...load.secondModel, path: await cache.fetchPath(secondModel, redis, keys) } };
    const texts = load.generate === undefined ? {} : { generate: withLocalVocabulary(load.generate, places) };
    // What specs name is read there alone, whatever the message says.
    const descriptor = { ...told, setup: { ...told.setup, pathRemap: places } };
    const folder = await cache.createScratchFolder();
    const options: WorkerSupervisorOptions = {
      child: { timeout, memory: memoryShare(jobs), tempFolder: folder },
      model: { path, options: { ...load, ...beside, ...texts } },
    };
    const slotWith = (tried?: RpcClient<FuzzApi>): WorkerSupervisor =>
      new WorkerSupervisor(options, descriptor.setup, descriptor.sha256, folder, tried);
    // The others start while the first one is tried out.
    const others = Array.from({ length: jobs - 1 }, () => slotWith());
    try {
      const first = slotWith(await startVerifiedWorker(descriptor, options));
      const place = { redis, keys, session: told.session };
      const corpus = new RemoteCorpus(place, told.width, told.setup, maxHeldBytes());
      return new CampaignMembership(descriptor, corpus, [first, ...others], folder);
    } catch (error) {
      for (const slot of others) slot.close();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get replaced(): number {
    return this.#replaced;
  }

  get memoryMB(): number {
    return this.#pool.workers.reduce((sum, { memoryMB }) => sum + memoryMB, 0);
  }

  /**
   * Carries out a shard.
   *
   * @param send given the results as they come; those that it does not take are for naught
   */
  async runShard({ tasks, entries }: Shard, send: (result: TaskResult) => Promise<void>): Promise<void> {
    await this.#corpus.ensureEntries(entries);
    await Promise.all(tasks.map(async (task) => send(await this.#limit(() => this.#runTask(task)))));
  }

  async #runTask(task: Task): Promise<TaskResult> {
    // One after the other: worker processes want tasks by ascending number.
    const handed = this.#lastSubmission.then(async () => {
      const letGo = await this.#corpus.holdValues(task);
      return { letGo, result: this.#pool.submit(task) };
    });
    this.#lastSubmission = handed.catch(() => {});
    const { letGo, result } = await handed;
    try {
      return await result;
    } finally {
      letGo();
    }
  }

  async leave(): Promise<void> {
    this.#pool.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Settings of a model that goes on with texts, whose vocabulary lies elsewhere. @throws UserError where it did not come along */
function withLocalVocabulary(
  generate: NonNullable<LoadOptions['generate']>,
  places: Readonly<Record<string, string>>,
): LoadOptions['generate'] {
  const { vocabulary } = generate;
  if (vocabulary === CODEPOINTS) return generate;
  if (!Object.hasOwn(places, vocabulary)) throw new UserError('its vocabulary does not come along');
  return { ...generate, vocabulary: places[vocabulary] };
}

/**
 * A worker process, loaded and prepared.
 *
 * @throws UserError where this machine makes something else of the model's own seeds than the one that published them
 */
async function startVerifiedWorker(
  { setup, sha256, referenceRuns }: Descriptor,
  { child: limits, model: loading }: WorkerSupervisorOptions,
): Promise<RpcClient<FuzzApi>> {
  const child = spawnWorker(limits);
  try {
    const info = await child.call('load', loading, LOAD_TIMEOUT_MS);
    if (info.sha256 !== sha256) throw new MachineError('the model came over as another one');
    await child.call('prepare', setup, LOAD_TIMEOUT_MS);
    if (referenceRuns.length === 0) return child;
    const run = await child.call('runSeeds', {
      testcases: referenceRuns.map(({ data }) => data),
      labels: setup.labels.length === 0 ? undefined : referenceRuns.map(() => -1),
    });
    const isSame = run.every(({ activations }, i) => {
      const { activations: there } = referenceRuns[i];
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
