import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Redis } from 'ioredis';
import { UNFINISHED_PREFIX } from '../../core/atomic-file.ts';
import { MachineError } from '../../core/errors.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import { isProcessAlive } from '../../core/is-process-alive.ts';
import { listModelFiles, type ModelFileList, readModelFile } from '../../model/formats/model-files.ts';
import { NotYetAvailableError } from '../errors.ts';
import type { FileManifest } from '../protocol/messages.ts';
import type { RedisKeys } from '../protocol/redis-keys.ts';

/** Size of one chunk of a file in bytes. */
const PART_BYTES = 1 << 20;

/** Time to live of chunks in Redis, renewed by every upload. */
const RETENTION_SECONDS = 3600;

/** Files that are uploaded together: those of a model, or of a list that an objective reads. */
export class UploadBundle {
  readonly manifest: FileManifest;
  readonly #bytes: readonly Buffer[];

  private constructor(manifest: FileManifest, bytes: readonly Buffer[]) {
    this.manifest = manifest;
    this.#bytes = bytes;
  }

  /** Reads all files of a model. @throws UserError if a file is missing or lies outside the model's folder */
  static async ofModel(path: string): Promise<UploadBundle> {
    return UploadBundle.#read(await listModelFiles(path));
  }

  /** @param companions names of files in the same folder that are uploaded along with it */
  static ofFile(path: string, companions: readonly string[]): Promise<UploadBundle> {
    const main = basename(path);
    return UploadBundle.#read({ folder: dirname(path), main, files: [main, ...companions] });
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

  /** Uploads the chunks that are not in Redis, and renews the expiry of the others. */
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

/** Key of a bundle in the cache, derived from its contents, so that no campaign can replace the files of another. */
function manifestDigest({ files }: FileManifest): string {
  return sha256Hex(Buffer.from(JSON.stringify(files.map(({ name, sha256 }) => [name, sha256]))));
}

/** The SHA-256 digest in hexadecimal. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Cache of downloaded files on disk, limited in size: one folder per bundle, named after its digest. */
export class FileCache {
  readonly #folder: string;
  readonly #maxBytes: number;

  /** @param maxBytes size of the cache in bytes; the least recently used bundles are evicted */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
  }

  /**
   * Local path of the main file of a bundle, which is downloaded if it is not cached.
   *
   * @throws NotYetAvailableError if a chunk is missing, MachineError if a digest does not match
   */
  async fetchPath(manifest: FileManifest, redis: Redis, keys: RedisKeys): Promise<string> {
    const folder = join(this.#folder, manifestDigest(manifest));
    if (!(await isFolder(folder))) await this.#download(manifest, folder, redis, keys);
    const now = new Date();
    await utimes(folder, now, now);
    return join(folder, manifest.main);
  }

  /** Creates a temporary folder that belongs to this process. */
  async createScratchFolder(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return mkdtemp(join(this.#folder, `${UNFINISHED_PREFIX}${hostname()}-${process.pid}-`));
  }

  /** Removes temporary folders of processes on this host that no longer exist. */
  async removeStaleFolders(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const prefix = `${UNFINISHED_PREFIX}${hostname()}-`;
      const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
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
      // Another process on this host may have downloaded it first.
      await rename(unfinished, folder).catch(async (error: unknown) => {
        if (!(await isFolder(folder))) throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  /** Evicts the least recently used bundles until `bytes` more fit. */
  async #evict(bytes: number): Promise<void> {
    if (bytes > this.#maxBytes)
      throw new MachineError(`${bytes} bytes of a model do not fit into the cache: raise --cache-size`);
    const bundles: { readonly path: string; readonly used: number; readonly bytes: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const path = join(this.#folder, name);
      bundles.push({ path, used: (await stat(path)).mtimeMs, bytes: await folderBytes(path) });
    }
    let cachedBytes = bundles.reduce((sum, bundle) => sum + bundle.bytes, 0);
    for (const bundle of bundles.sort((a, b) => a.used - b.used)) {
      if (cachedBytes + bytes <= this.#maxBytes) return;
      await rm(bundle.path, { recursive: true, force: true });
      cachedBytes -= bundle.bytes;
    }
  }
}

/** Downloads files into a folder. @throws as `FileCache.fetchPath` */
async function downloadFiles(
  folder: string,
  files: FileManifest['files'],
  redis: Redis,
  keys: RedisKeys,
): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const chunks: Buffer[] = [];
    for (let part = 0; part * PART_BYTES < bytes; part++) {
      const chunk = await redis.getBuffer(keys.filePart(sha256, part));
      if (chunk === null) throw new NotYetAvailableError(`a part of ${name}`);
      chunks.push(chunk);
    }
    const content = Buffer.concat(chunks);
    if (sha256Hex(content) !== sha256) throw new MachineError(`${name} was damaged in transfer`);
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
