import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import { UNFINISHED } from '../campaign/atomic.ts';
import { MachineError } from '../errors.ts';
import { filesOfModel, readModelFile } from '../models/files.ts';
import type { Keys } from './keys.ts';
import type { TravellingModel } from './messages.ts';
import { NotThere } from './not-there.ts';

/** Bytes of a part of a file. */
const PART = 1 << 20;

/** Seconds that parts stay in Redis after they were put there or asked for. */
const KEPT = 3600;

/** A model whose files can be put on a queue. */
export class DepartingModel {
  readonly travelling: TravellingModel;
  readonly #bytes: readonly Buffer[];

  private constructor(travelling: TravellingModel, bytes: readonly Buffer[]) {
    this.travelling = travelling;
    this.#bytes = bytes;
  }

  /** @throws UserError where a file is missing or lies outside the model's folder */
  static async read(path: string, sha256: string): Promise<DepartingModel> {
    const list = await filesOfModel(path);
    const bytes = await Promise.all(list.files.map((name) => readModelFile(list, name)));
    const files = list.files.map((name, i) => ({ name, bytes: bytes[i].length, sha256: digest(bytes[i]) }));
    return new DepartingModel({ sha256, main: list.main, files }, bytes);
  }

  /** Puts those parts into Redis that it lacks. */
  async depart(redis: Redis, keys: Keys): Promise<void> {
    const { sha256, files } = this.travelling;
    for (const [file, { bytes }] of files.entries()) {
      for (let part = 0; part * PART < bytes; part++) {
        const key = keys.part(sha256, file, part);
        if ((await redis.expire(key, KEPT)) === 1) continue;
        await redis.set(key, this.#bytes[file].subarray(part * PART, (part + 1) * PART), 'EX', KEPT);
      }
    }
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Models that came over a queue: a folder each, by their digest, no more than a bound. */
export class ModelCache {
  readonly #folder: string;
  readonly #most: number;

  /** @param most bytes; the models that were used longest ago go first */
  constructor(folder: string, most: number) {
    this.#folder = folder;
    this.#most = most;
  }

  /**
   * The path of a model, fetched where it is not there yet.
   *
   * @throws MachineError where a part is missing or is not what it should be
   */
  async path(model: TravellingModel, redis: Redis, keys: Keys): Promise<string> {
    const folder = join(this.#folder, model.sha256);
    if (!(await isFolder(folder))) await this.#fetch(model, folder, redis, keys);
    const now = new Date();
    await utimes(folder, now, now);
    return join(folder, model.main);
  }

  async #fetch(model: TravellingModel, folder: string, redis: Redis, keys: Keys): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await this.#makeRoom(model.files.reduce((sum, { bytes }) => sum + bytes, 0));
    const unfinished = join(this.#folder, `${UNFINISHED}${model.sha256}-${process.pid}`);
    await rm(unfinished, { recursive: true, force: true });
    for (const [file, { name, bytes, sha256 }] of model.files.entries()) {
      const parts: Buffer[] = [];
      for (let part = 0; part * PART < bytes; part++) {
        const own = await redis.getBuffer(keys.part(model.sha256, file, part));
        if (own === null) throw new NotThere(`a part of the model's ${name}`);
        parts.push(own);
      }
      const whole = Buffer.concat(parts);
      if (digest(whole) !== sha256) throw new MachineError(`the model's ${name} came over damaged`);
      const path = join(unfinished, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, whole);
    }
    // Another process of this machine may have been faster.
    await rename(unfinished, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await isFolder(folder))) throw error;
      await rm(unfinished, { recursive: true, force: true });
    });
  }

  /** Lets go of models until one of so many bytes fits. */
  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > this.#most)
      throw new MachineError(`a model of ${bytes} bytes does not fit into the cache: see --cache-size`);
    const models: { readonly path: string; readonly used: number; readonly bytes: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const path = join(this.#folder, name);
      models.push({ path, used: (await stat(path)).mtimeMs, bytes: await bytesIn(path) });
    }
    let held = models.reduce((sum, own) => sum + own.bytes, 0);
    for (const { path, bytes: own } of models.sort((a, b) => a.used - b.used)) {
      if (held + bytes <= this.#most) return;
      await rm(path, { recursive: true, force: true });
      held -= own;
    }
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
