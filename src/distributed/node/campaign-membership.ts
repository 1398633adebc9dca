import { rm } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { CODEPOINTS } from '../../config/values.ts';
import { MachineError, UserError } from '../../core/errors.ts';
import type { Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import type { LoadOptions } from '../../model/model.ts';
import { RestartingProcess } from '../../workers/lifetime/restarting-process.ts';
import { LOAD_TIMEOUT_MS, memoryShare } from '../../workers/resource-limits.ts';
import type { RpcProcess } from '../../workers/rpc-client.ts';
import type { FuzzApi } from '../../workers/services/fuzz-service.ts';
import { spawnWorker } from '../../workers/spawn-worker.ts';
import { WorkerPool } from '../../workers/worker-pool.ts';
import { WorkerSupervisor, type WorkerSupervisorOptions } from '../../workers/worker-supervisor.ts';
import type { Descriptor, Shard } from '../protocol/messages.ts';
import type { RedisKeys } from '../protocol/redis-keys.ts';
import type { FileCache } from '../transfer/file-transfer.ts';
import { findInstalledPlugin } from '../transfer/packaged-plugins.ts';
import { RemoteCorpus } from './remote-corpus.ts';

/** Tasks per worker process whose entries are prefetched: more than it processes at once, so that it never waits for data. */
const HELD_TASKS_PER_WORKER = 3;

/** Maximum size in bytes of cached corpus values, beside those in use. */
const MAX_HELD_BYTES = 2 ** 30;

function maxHeldBytes(): number {
  return Math.min(MAX_HELD_BYTES, memoryShare(1) / 8);
}

/** A node's membership in one campaign: the downloaded model, the worker processes, and a partial copy of the corpus. */
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
    supervisors: readonly WorkerSupervisor[],
    folder: string,
  ) {
    this.session = session;
    this.name = name;
    this.#folder = folder;
    this.#corpus = corpus;
    this.#limit = pLimit(HELD_TASKS_PER_WORKER * supervisors.length);
    for (const supervisor of supervisors) supervisor.setSource(this.#corpus);
    this.#pool = new WorkerPool(supervisors, () => {
      this.#replaced++;
    });
  }

  /**
   * Joins a campaign: downloads its files and starts the worker processes.
   *
   * @param published the campaign's descriptor as read from Redis
   * @param allowed packages whose plug-ins campaigns may run on this node
   * @throws UserError if this node cannot take part, MachineError if a file could not be downloaded
   */
  static async join(
    published: Descriptor,
    { jobs, allowed }: { readonly jobs: number; readonly allowed: readonly string[] },
    cache: FileCache,
    redis: Redis,
    keys: RedisKeys,
  ): Promise<CampaignMembership> {
    const { model, pathRemap } = await downloadFiles(published, allowed, cache, redis, keys);
    // Paths in specs resolve to the downloaded files only, whatever the message says.
    const descriptor = { ...published, setup: { ...published.setup, pathRemap } };
    const folder = await cache.createScratchFolder();
    const options: WorkerSupervisorOptions = {
      child: { timeout: descriptor.timeout, memory: memoryShare(jobs), tempFolder: folder },
      model,
    };
    const supervise = (worker?: RpcProcess<FuzzApi>): WorkerSupervisor =>
      new WorkerSupervisor(options, descriptor.setup, descriptor.sha256, folder, worker);
    // The other processes start while the first one is being verified.
    const others = Array.from({ length: jobs - 1 }, () => supervise());
    try {
      const first = supervise(await startVerifiedWorker(descriptor, options));
      const { session, width, setup } = descriptor;
      const corpus = new RemoteCorpus({ redis, keys, session }, width, setup, maxHeldBytes());
      return new CampaignMembership(descriptor, corpus, [first, ...others], folder);
    } catch (error) {
      for (const supervisor of others) supervisor.close();
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
   * Runs all tasks of a shard.
   *
   * @param send called with each result as soon as it is available
   */
  async runShard({ tasks, entries }: Shard, send: (result: TaskResult) => Promise<void>): Promise<void> {
    await this.#corpus.ensureEntries(entries);
    await Promise.all(tasks.map(async (task) => send(await this.#limit(() => this.#runTask(task)))));
  }

  async #runTask(task: Task): Promise<TaskResult> {
    // Submissions are serialized: worker processes need tasks by ascending number.
    const submission = this.#lastSubmission.then(async () => {
      const releaseValues = await this.#corpus.holdValues(task);
      return { releaseValues, result: this.#pool.submit(task) };
    });
    this.#lastSubmission = submission.catch(() => {});
    const { releaseValues, result } = await submission;
    try {
      return await result;
    } finally {
      releaseValues();
    }
  }

  async leave(): Promise<void> {
    this.#pool.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Downloads the files of a campaign and locates its plug-ins.
 *
 * @returns how to load the model from the local files, and the local path of each path used in specs
 */
async function downloadFiles(
  { load, model, secondModel, plugins, files }: Descriptor,
  allowed: readonly string[],
  cache: FileCache,
  redis: Redis,
  keys: RedisKeys,
): Promise<{
  readonly model: WorkerSupervisorOptions['model'];
  readonly pathRemap: Readonly<Record<string, string>>;
}> {
  if ((load.secondModel === undefined) !== (secondModel === undefined))
    throw new UserError('its second model was not transferred');
  const pathRemap: Record<string, string> = {};
  for (const plugin of plugins) pathRemap[plugin.path] = await findInstalledPlugin(plugin, allowed);
  for (const { path, ...manifest } of files) pathRemap[path] = await cache.fetchPath(manifest, redis, keys);
  const options = { ...load };
  const path = await cache.fetchPath(model, redis, keys);
  if (load.secondModel !== undefined && secondModel !== undefined)
    options.secondModel = {
      ...load.secondModel,
      path: await cache.fetchPath(secondModel, redis, keys),
    };
  if (load.generate !== undefined) options.generate = withLocalVocabulary(load.generate, pathRemap);
  return { model: { path, options }, pathRemap };
}

/** Replaces the path of a vocabulary by its local copy. @throws UserError if it was not downloaded */
function withLocalVocabulary(
  generate: NonNullable<LoadOptions['generate']>,
  pathRemap: Readonly<Record<string, string>>,
): LoadOptions['generate'] {
  const { vocabulary } = generate;
  if (vocabulary === CODEPOINTS) return generate;
  if (!Object.hasOwn(pathRemap, vocabulary)) throw new UserError('its vocabulary was not transferred');
  return { ...generate, vocabulary: pathRemap[vocabulary] };
}

/**
 * Starts a worker process, loads the model, and verifies that it computes the same activations as the coordinator.
 *
 * @throws UserError if the activations of the reference runs differ
 */
async function startVerifiedWorker(
  { setup, sha256, referenceRuns }: Descriptor,
  { child: limits, model: loading }: WorkerSupervisorOptions,
): Promise<RpcProcess<FuzzApi> | undefined> {
  const child = new RestartingProcess<FuzzApi>({
    spawn: () => spawnWorker(limits),
    state: { resets: ['load'], adds: ['prepare'] },
  });
  try {
    const { model: info } = await child.call('load', loading, LOAD_TIMEOUT_MS);
    if (info.sha256 !== sha256) throw new MachineError('the transferred model has another SHA-256');
    await child.call('prepare', setup, LOAD_TIMEOUT_MS);
    if (referenceRuns.length === 0) return child.current;
    const results = await child.call('runSeeds', {
      testcases: referenceRuns.map(({ data }) => data),
      labels: setup.labels.length === 0 ? undefined : referenceRuns.map(() => -1),
    });
    const isSame = results.every(({ activations }, i) => {
      const { activations: expected } = referenceRuns[i];
      return (
        expected.length === activations.length &&
        expected.every((value, k) => Object.is(value, activations[k]))
      );
    });
    if (!isSame)
      throw new UserError(
        `this machine's ${info.runtime.version} gives other results for the seeds in the last digits: fuzz --mixed lets it take part anyway`,
      );
    return child.current;
  } catch (error) {
    child.kill();
    throw error;
  }
}
