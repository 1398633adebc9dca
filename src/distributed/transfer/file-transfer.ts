import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import { UNFINISHED } from '../../core/atomic-file.ts';
import { MachineError } from '../../core/errors.ts';
import { filesOfModel, type ModelFileList, readModelFile } from '../../model/formats/model-files.ts';
import { NotThere } from '../errors.ts';
import type { Travelling } from '../protocol/messages.ts';
import type { Keys } from '../protocol/redis-keys.ts';

/** Bytes of a part of a file. */
const PART = 1 << 20;

/** Seconds that parts stay in Redis after they were put there or asked for. */
const KEPT = 3600;

/** Files that belong together and can be put on a queue: a model's, or a list that an objective reads. */
export class Departing {
  readonly travelling: Travelling;
  readonly #bytes: readonly Buffer[];

  private constructor(travelling: Travelling, bytes: readonly Buffer[]) {
    this.travelling = travelling;
    this.#bytes = bytes;
  }

  /** @throws UserError where a file is missing or lies outside the model's folder */
  static async model(path: string): Promise<Departing> {
    return Departing.#read(await filesOfModel(path));
  }

  /** @param beside names of files in the same folder that come along */
  static file(path: string, beside: readonly string[]): Promise<Departing> {
    const main = basename(path);
    return Departing.#read({ folder: dirname(path), main, files: [main, ...beside] });
  }

  static async #read(list: ModelFileList): Promise<Departing> {
    const bytes = await Promise.all(list.files.map((name) => readModelFile(list, name)));
    const files = list.files.map((name, i) => ({ name, bytes: bytes[i].length, sha256: digest(bytes[i]) }));
    return new Departing({ main: list.main, files }, bytes);
  }

  /** Puts those parts into Redis that it lacks. */
  async depart(redis: Redis, keys: Keys): Promise<void> {
    for (const [file, { bytes, sha256 }] of this.travelling.files.entries()) {
      for (let part = 0; part * PART < bytes; part++) {
        const key = keys.part(sha256, part);
        if ((await redis.expire(key, KEPT)) === 1) continue;
        await redis.set(key, this.#bytes[file].subarray(part * PART, (part + 1) * PART), 'EX', KEPT);
      }
    }
  }
}

/** What files that belong together are kept by: nobody can give them another's. */
function digestOf({ files }: Travelling): string {
  return digest(Buffer.from(JSON.stringify(files.map(({ name, sha256 }) => [name, sha256]))));
}

/** A file's SHA-256. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What came over a queue: a folder for files that belong together, by their digests, no more than a bound. */
export class Cache {
  readonly #folder: string;
  readonly #most: number;

  /** @param most bytes; what was used longest ago goes first */
  constructor(folder: string, most: number) {
    this.#folder = folder;
    this.#most = most;
  }

  /**
   * The path of a model or another main file, fetched where it is not there yet.
   *
   * @throws MachineError where a part is missing or is not what it should be
   */
  async path(travelling: Travelling, redis: Redis, keys: Keys): Promise<string> {
    const folder = join(this.#folder, digestOf(travelling));
    if (!(await isFolder(folder))) await this.#fetch(travelling, folder, redis, keys);
    const now = new Date();
    await utimes(folder, now, now);
    return join(folder, travelling.main);
  }

  /** A folder of this process's own, for what is written in passing. */
  async scratch(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return mkdtemp(join(this.#folder, `${UNFINISHED}${hostname()}-${process.pid}-`));
  }

  /** Takes away what processes of this machine left that are gone. */
  async sweep(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const own = `${UNFINISHED}${hostname()}-`;
      const pid = name.startsWith(own) ? Number.parseInt(name.slice(own.length), 10) : Number.NaN;
      if (pid > 0 && !isAlive(pid)) await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  async #fetch({ files }: Travelling, folder: string, redis: Redis, keys: Keys): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await this.#makeRoom(files.reduce((sum, { bytes }) => sum + bytes, 0));
    const unfinished = await this.scratch();
    try {
      await fetchInto(unfinished, files, redis, keys);
      // Another process of this machine may have been faster.
      await rename(unfinished, folder).catch(async (error: unknown) => {
        if (!(await isFolder(folder))) throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  /** Lets go of what is kept until so many bytes fit. */
  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > this.#most)
      throw new MachineError(`${bytes} bytes of a model do not fit into the cache: see --cache-size`);
    const kept: { readonly path: string; readonly used: number; readonly bytes: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const path = join(this.#folder, name);
      kept.push({ path, used: (await stat(path)).mtimeMs, bytes: await bytesIn(path) });
    }
    let held = kept.reduce((sum, own) => sum + own.bytes, 0);
    for (const { path, bytes: own } of kept.sort((a, b) => a.used - b.used)) {
      if (held + bytes <= this.#most) return;
      await rm(path, { recursive: true, force: true });
      held -= own;
    }
  }
}

/** Writes files that come over the queue into a folder. @throws MachineError, NotThere as `Cache.path` */
async function fetchInto(
  folder: string,
  files: Travelling['files'],
  redis: Redis,
  keys: Keys,
): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const parts: Buffer[] = [];
    for (let part = 0; part * PART < bytes; part++) {
      const own = await redis.getBuffer(keys.part(sha256, part));
      if (own === null) throw new NotThere(`a part of ${name}`);
      parts.push(own);
    }
    const whole = Buffer.concat(parts);
    if (digest(whole) !== sha256) throw new MachineError(`${name} came over damaged`);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, whole);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
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
