import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import { UNFINISHED_PREFIX } from '../../core/atomic-file.ts';
import { MachineError } from '../../core/errors.ts';
import { listModelFiles, type ModelFileList, readModelFile } from '../../model/formats/model-files.ts';
import { NotYetAvailableError } from '../errors.ts';
import type { FileManifest } from '../protocol/messages.ts';
import type { RedisKeys } from '../protocol/redis-keys.ts';

/** Bytes of a part of a file. */
const PART_BYTES = 1 << 20;

/** Seconds that parts stay in Redis after they were put there or asked for. */
const RETENTION_SECONDS = 3600;

/** Files that belong together and can be put on a queue: a model's, or a list that an objective reads. */
export class UploadBundle {
  readonly manifest: FileManifest;
  readonly #bytes: readonly Buffer[];

  private constructor(travelling: FileManifest, bytes: readonly Buffer[]) {
    this.manifest = travelling;
    this.#bytes = bytes;
  }

  /** @throws UserError where a file is missing or lies outside the model's folder */
  static async ofModel(path: string): Promise<UploadBundle> {
    return UploadBundle.#read(await listModelFiles(path));
  }

  /** @param beside names of files in the same folder that come along */
  static ofFile(path: string, beside: readonly string[]): Promise<UploadBundle> {
    const main = basename(path);
    return UploadBundle.#read({ folder: dirname(path), main, files: [main, ...beside] });
  }

  static async #read(list: ModelFileList): Promise<UploadBundle> {
    const bytes = await Promise.all(list.files.map((name) => readModelFile(list, name)));
    const files = list.files.map((name, i) => ({
      name,
      bytes: bytes[i].length,
      sha256: sha256Hex(bytes[i]),
    }));
    return new UploadBundle({ main: list.main, files }, bytes);
  }

  /** Puts those parts into Redis that it lacks. */
  async upload(redis: Redis, keys: RedisKeys): Promise<void> {
    for (const [file, { bytes, sha256 }] of this.manifest.files.entries()) {
      for (let part = 0; part * PART_BYTES < bytes; part++) {
        const key = keys.filePart(sha256, part);
        if ((await redis.expire(key, RETENTION_SECONDS)) === 1) continue;
        await redis.set(
          key,
          this.#bytes[file].subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
          'EX',
          RETENTION_SECONDS,
        );
      }
    }
  }
}

/** What files that belong together are kept by: nobody can give them another's. */
function manifestDigest({ files }: FileManifest): string {
  return sha256Hex(Buffer.from(JSON.stringify(files.map(({ name, sha256 }) => [name, sha256]))));
}

/** A file's SHA-256. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What came over a queue: a folder for files that belong together, by their digests, no more than a bound. */
export class FileCache {
  readonly #folder: string;
  readonly #maxBytes: number;

  /** @param most bytes; what was used longest ago goes first */
  constructor(folder: string, most: number) {
    this.#folder = folder;
    this.#maxBytes = most;
  }

  /**
   * The path of a model or another main file, fetched where it is not there yet.
   *
   * @throws MachineError where a part is missing or is not what it should be
   */
  async fetchPath(travelling: FileManifest, redis: Redis, keys: RedisKeys): Promise<string> {
    const folder = join(this.#folder, manifestDigest(travelling));
    if (!(await isFolder(folder))) await this.#download(travelling, folder, redis, keys);
    const now = new Date();
    await utimes(folder, now, now);
    return join(folder, travelling.main);
  }

  /** A folder of this process's own, for what is written in passing. */
  async createScratchFolder(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return mkdtemp(join(this.#folder, `${UNFINISHED_PREFIX}${hostname()}-${process.pid}-`));
  }

  /** Takes away what processes of this machine left that are gone. */
  async removeStaleFolders(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const own = `${UNFINISHED_PREFIX}${hostname()}-`;
      const pid = name.startsWith(own) ? Number.parseInt(name.slice(own.length), 10) : Number.NaN;
      if (pid > 0 && !isProcessAlive(pid))
        await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  async #download({ files }: FileManifest, folder: string, redis: Redis, keys: RedisKeys): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await this.#evict(files.reduce((sum, { bytes }) => sum + bytes, 0));
    const unfinished = await this.createScratchFolder();
    try {
      await downloadFiles(unfinished, files, redis, keys);
      // Another process of this machine may have been faster.
      await rename(unfinished, folder).catch(async (error: unknown) => {
        if (!(await isFolder(folder))) throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  /** Lets go of what is kept until so many bytes fit. */
  async #evict(bytes: number): Promise<void> {
    if (bytes > this.#maxBytes)
      throw new MachineError(`${bytes} bytes of a model do not fit into the cache: see --cache-size`);
    const kept: { readonly path: string; readonly used: number; readonly bytes: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const path = join(this.#folder, name);
      kept.push({ path, used: (await stat(path)).mtimeMs, bytes: await folderBytes(path) });
    }
    let held = kept.reduce((sum, own) => sum + own.bytes, 0);
    for (const { path, bytes: own } of kept.sort((a, b) => a.used - b.used)) {
      if (held + bytes <= this.#maxBytes) return;
      await rm(path, { recursive: true, force: true });
      held -= own;
    }
  }
}

/** Writes files that come over the queue into a folder. @throws MachineError, NotThere as `Cache.path` */
async function downloadFiles(
  folder: string,
  files: FileManifest['files'],
  redis: Redis,
  keys: RedisKeys,
): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const parts: Buffer[] = [];
    for (let part = 0; part * PART_BYTES < bytes; part++) {
      const own = await redis.getBuffer(keys.filePart(sha256, part));
      if (own === null) throw new NotYetAvailableError(`a part of ${name}`);
      parts.push(own);
    }
    const whole = Buffer.concat(parts);
    if (sha256Hex(whole) !== sha256) throw new MachineError(`${name} came over damaged`);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, whole);
  }
}

function isProcessAlive(pid: number): boolean {
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

async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
